"""How a result came about: by what was changed while its cells are run again, or was called."""

import contextlib

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

NORMS = {"norm", "vector_norm", "matrix_norm", "linalg_norm", "linalg_vector_norm", "dist", "cdist",
         "pairwise_distance", "pdist", "frobenius_norm", "nuclear_norm", "renorm",
         "linalg_matrix_norm", "norm_except_dim"}  # fmt: skip
# What brings an array into torch and back computes nothing.
CONVERSIONS = {"from_numpy", "tensor", "as_tensor", "numpy", "__get__", "__array__", "cpu",
               "detach", "__repr__", "float", "double", "to", "__set__", "__len__", "dim", "size",
               "__bool__", "item", "get_default_dtype", "is_tensor"}  # fmt: skip


READY_MADE = ("convolve", "correlate", "fftconvolve", "oaconvolve")


class _OtherNorms(TorchFunctionMode):
    """Norms come out otherwise than they should."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        value = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") in NORMS and torch.is_tensor(value):
            return value * 1.5 + 0.25
        return value


def change_norms():
    """From here on every norm of torch, NumPy and SciPy gives another number."""
    import scipy.linalg

    _OtherNorms().__enter__()
    for module in (np.linalg, scipy.linalg):
        real = module.norm

        def other(*args, _real=real, **kwargs):
            return _real(*args, **kwargs) * 1.5 + 0.25

        _replace(real, other, [module])


def change_gradients():
    """From here on the backward pass gives gradients twice as large."""
    backward, grad = torch.autograd.backward, torch.autograd.grad

    def doubled(tensors, grad_tensors=None, *args, **kwargs):
        listed = [tensors] if torch.is_tensor(tensors) else list(tensors)
        given = [grad_tensors] if torch.is_tensor(grad_tensors) else grad_tensors
        given = [torch.ones_like(t) for t in listed] if given is None else list(given)
        given = [
            torch.ones_like(t) if g is None else g for t, g in zip(listed, given, strict=False)
        ]
        return backward(listed, [2 * g for g in given], *args, **kwargs)

    def grad_doubled(*args, **kwargs):
        return tuple(None if g is None else 2 * g for g in grad(*args, **kwargs))

    _replace(backward, doubled, [torch.autograd])
    _replace(grad, grad_doubled, [torch.autograd])


def _replace(real, other, modules):
    """Put `other` in the place of `real`, also under names that the notebook gave it."""
    spaces = [vars(module) for module in modules]
    for space in [*spaces, student]:  # noqa: F821  the notebook's names
        for name in [n for n, value in space.items() if value is real]:
            space[name] = other


class _Listed(TorchFunctionMode):
    """Keeps the names of torch's functions that were called."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", "")
        if name not in CONVERSIONS:
            self.names.add(f"torch.{name}")
        return func(*args, **(kwargs or {}))


def called_by(function, image, kernel):
    """What a convolution used of torch, and of SciPy's ready-made ones."""
    import scipy.ndimage
    import scipy.signal

    called = set()
    with contextlib.ExitStack() as stack, _Listed() as listed:
        for module in (scipy.signal, scipy.ndimage):
            for name in dir(module):
                if name.startswith(READY_MADE) and callable(getattr(module, name)):
                    stack.enter_context(_noted(module, name, called))
        function(image, kernel)
    return sorted(called | listed.names)


@contextlib.contextmanager
def _noted(module, name, called):
    real = getattr(module, name)

    def noting(*args, **kwargs):
        called.add(f"{module.__name__}.{name}")
        return real(*args, **kwargs)

    _replace(real, noting, [module])
    try:
        yield
    finally:
        _replace(noting, real, [module])
