"""Watches the first steps of a training loop, and ends it when it has seen enough.

It says what was done and judges nothing. A network or an optimizer that an earlier cell made and
that has been trained already starts anew, so that its first steps are the first.
"""

import functools
import inspect
import math

import torch
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils.data.dataloader import _BaseDataLoaderIter


class EnoughSteps(BaseException):
    pass


# A loop is left where its loss has fallen to this share of what guessing gives, or of its first;
# else after so many steps and images, or so many small steps.
_FALLEN, _GUESSING = 0.6, math.log(10)
_LEAST, _STEPS, _IMAGES, _MOST = 8, 24, 4000, 150
# A loop that sees few different images is watched longer: a batch that is used many times over,
# as LBFGS does, may be followed by others.
_TRAINING, _PATIENCE = 500, 600
# Gradients in single precision that are equal but for the order of operations.
_CLOSE = 1e-4
# Rows of the first batches that are kept to be looked at with their scores, and how many images
# it takes to see more than the training set.
_ROWS, _EPOCH = 600, 1750

# One entry a backward pass: the loss, whether gradients were there before, whether parameters
# have changed since the pass before. One entry a batch that is kept: images, scores, loss; the
# images of more batches. One entry a pass through a loader: batches that it gave, and has, and
# after how many of them something went backwards; images that it gave. `complete`: how many images
# had been forwarded and loaded when the latest batch came. `reached`: images whose scores a
# gradient has reached.
seen = {"losses": [], "dirty": [], "moved": [], "steps": 0, "empty": 0, "foreign": 0, "rates": [],
        "batches": [], "images": [], "still": [], "parameters": 0, "before": None,
        "after": None, "given": 0, "different": 0, "networks": 0, "ended": False,
        "repeated": 0, "loaded": 0, "forwarded": 0, "complete": [0, 0], "reached": 0,
        "passes": [], "maximize": False}  # fmt: skip
_leaves, _names, _kept = {}, {}, {}
# What autograd.grad has handed over, where gradients were there: parameters, those, and these.
_handed = []
_with_gradient, _changed, _held, _old = set(), set(), set(), {}
_different, _networks, _stepped = set(), set(), set()
# Networks whose forward pass the hooks see, and classes whose own is seen where they do not.
_inside, _forwards = set(), set()
_state = {"network": None, "start": None, "pending": None, "images": 0, "quiet": False,
          "busy": False, "stopped": False, "fetched": None}  # fmt: skip


def start():
    """Watch what runs from now on in this process."""
    for value in list(student.values()):  # noqa: F821  the notebook's names
        if isinstance(value, torch.nn.Module):
            _watch_forward(type(value))
            _old.update((id(parameter), value) for parameter in value.parameters())
        elif isinstance(value, torch.optim.Optimizer):
            _start_anew(value)
    _watch_backward()
    _watch_loaders()
    _watch_new_networks()
    register_optimizer_step_pre_hook(_before_step)
    register_optimizer_step_post_hook(_after_step)
    register_module_forward_pre_hook(_before_forward)
    register_module_forward_hook(_after_forward)


def _start_anew(optimizer):
    optimizer.state.clear()
    for group in optimizer.param_groups:
        group["lr"] = group.get("initial_lr", group["lr"])


def _watch_backward():
    real_tensor, real_function = torch.Tensor.backward, torch.autograd.backward
    real_grad = torch.autograd.grad

    def tensor_backward(self, *args, **kwargs):
        return _noted(self, lambda: real_tensor(self, *args, **kwargs))

    def function_backward(tensors, *args, **kwargs):
        return _noted(tensors, lambda: real_function(tensors, *args, **kwargs))

    def function_grad(outputs, inputs, *args, **kwargs):
        listed = [inputs] if torch.is_tensor(inputs) else list(inputs)
        before = len(seen["dirty"])
        told = _noted(outputs, lambda: real_grad(outputs, listed, *args, **kwargs))
        # These gradients are handed over, and not left at the parameters.
        pairs = [(p, g) for p, g in zip(listed, told, strict=True) if id(p) in _leaves and _any(g)]
        _with_gradient.update(id(p) for p, _ in pairs)
        if len(seen["dirty"]) > before and seen["dirty"][-1]:
            _handed.clear()
            _handed.extend((p, p.grad.detach().clone(), g.detach().clone())
                           for p, g in pairs if _any(p.grad))  # fmt: skip
            seen["dirty"][-1] = False  # as long as nothing adds them up
        return told

    torch.Tensor.backward = tensor_backward
    torch.autograd.backward = function_backward
    torch.autograd.grad = function_grad
    for real, watched in ((real_grad, function_grad), (real_function, function_backward)):
        for name in [n for n, value in student.items() if value is real]:  # noqa: F821
            student[name] = watched  # noqa: F821


def _watch_loaders():
    """Note which batches are fetched, and of how many in a pass through their loader."""
    real_next = _BaseDataLoaderIter.__next__

    def fetching(self):
        batch = real_next(self)
        seen["complete"] = [seen["forwarded"], seen["loaded"]]
        if not hasattr(self, "_batches_seen"):
            try:
                self._batches_seen = [0, len(self._index_sampler), 0, 0]
            except TypeError:  # a stream without a length
                self._batches_seen = [0, 0, 0, 0]
        first = batch[0] if isinstance(batch, list | tuple) and batch else batch
        rows = len(first) if torch.is_tensor(first) and first.dim() else 0
        self._batches_seen[0] += 1
        self._batches_seen[3] += rows
        _state["fetched"] = (rows, self._batches_seen)
        return batch

    _BaseDataLoaderIter.__next__ = fetching


def _note_fetched():
    """Count the batch that was fetched last, the first time that something goes backwards."""
    if _state["fetched"] is None:
        return
    rows, batches = _state["fetched"]
    _state["fetched"] = None
    seen["loaded"] += rows
    batches[2] += 1
    if not any(batches is known for known in seen["passes"]):
        seen["passes"].append(batches)


def _noted(of, backward):
    """One backward pass; what it calls itself is no pass of its own."""
    first = of if torch.is_tensor(of) else of[0]
    if _state["busy"] or _is_wrapped(first):
        return backward()
    _state["busy"] = True
    try:
        _note(first)
        told = backward()
    finally:
        _state["busy"] = False
    _with_gradient.update(key for key, p in _leaves.items() if _any(p.grad))
    return told


def _is_wrapped(tensor):
    """Whether the tensor is one of torch.func's, which holds nothing while a function is traced."""
    return torch.is_tensor(tensor) and torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def _note_added_up():
    """Whether gradients that were handed over have been added to those of the pass before."""
    used = [(p.grad, old, new) for p, old, new in _handed if p.grad is not None]
    _handed.clear()
    if not used:
        return
    now, old, new = (torch.cat([g.detach().flatten().double() for g in side])
                     for side in zip(*used, strict=True))  # fmt: skip
    total = old + new
    # They may have been clipped or scaled since.
    seen["dirty"][-1] = _is_multiple(now, total) and not _is_multiple(now, new)


def _is_multiple(vector, other):
    """Whether one vector is the other, but for a positive factor."""
    share = vector.norm() / other.norm()
    return bool((vector - share * other).norm() < _CLOSE * vector.norm())


def _any(gradient):
    return gradient is not None and bool((gradient != 0).any())


def _note(tensor):
    if _enough():
        _state["stopped"] = True
        raise EnoughSteps()
    _compare()
    _note_added_up()
    _note_fetched()
    _stepped.clear()
    loss = float(tensor.detach().sum())
    # Parameters that no optimizer holds are another mistake: nobody clears their gradients.
    held = _held & _leaves.keys() if _held else _leaves.keys()
    seen["dirty"].append(any(_any(_leaves[key].grad) for key in held))
    seen["losses"].append(loss)
    if _state["pending"] is not None:
        images, scores = _state["pending"]
        _state["pending"] = None
        if _state["images"] < _EPOCH:
            seen["images"].append(images)
        _state["images"] += len(images)
        _different.update(row.tobytes() for row in images.numpy())
        if sum(len(batch[0]) for batch in seen["batches"]) < _ROWS:
            seen["batches"].append((images[:_ROWS], scores[:_ROWS], loss))


def _enough():
    losses, steps = seen["losses"], len(seen["losses"])
    if steps < _LEAST:
        return False
    fallen = sum(losses[-3:]) / 3 < _FALLEN * min(losses[0], _GUESSING)
    whole = not seen["batches"] or _state["images"] >= _EPOCH
    if len(_different) < min(_state["images"], _TRAINING) / 2:
        return steps >= _PATIENCE
    return (fallen and whole) or steps >= _MOST or (steps >= _STEPS and _state["images"] >= _IMAGES)


def _compare():
    """Whether a parameter has changed since the backward pass before this one."""
    changed = {k for k, old in _kept.items() if not torch.equal(_leaves[k].detach(), old)}
    seen["moved"].append(bool(changed))
    _changed.update(changed)
    _kept.clear()
    _kept.update((key, p.detach().clone()) for key, p in _leaves.items())


def _is_no_training():
    """Whether a forward pass is certainly no part of a step; what is traced must not differ."""
    return _state["quiet"] or not torch.is_grad_enabled() or torch.jit.is_tracing()


def _watch_new_networks():
    """See to it that each network that is made from now on is watched."""
    real = torch.nn.Module.__init__

    def made(self, *args, **kwargs):
        _watch_forward(type(self))
        real(self, *args, **kwargs)

    torch.nn.Module.__init__ = made


def _watch_forward(kind):
    """Note what hooks do not see: `net.forward(x)`, and images that have a keyword."""
    for owner in kind.__mro__[: kind.__mro__.index(torch.nn.Module)]:
        of_torch = str(owner.__module__).startswith("torch.") and owner is not torch.nn.Sequential
        own = inspect.isfunction(vars(owner).get("forward"))
        if own and not of_torch and owner not in _forwards:
            _forwards.add(owner)
            owner.forward = _watched(owner.forward)


def _watched(real):
    @functools.wraps(real)
    def forward(self, *args, **kwargs):
        if id(self) in _inside:
            return real(self, *args, **kwargs)
        inputs = args or tuple(kwargs.values())
        _before_forward(self, inputs)
        _inside.add(id(self))
        try:
            told = real(self, *args, **kwargs)
        finally:
            _inside.discard(id(self))
        _after_forward(self, inputs, told)
        return told

    return forward


def _before_forward(module, inputs):
    if inputs:
        _inside.add(id(module))
    if _is_no_training():
        return
    for name, parameter in module.named_parameters():
        if _is_wrapped(parameter):
            continue
        if id(parameter) in _old:
            _make_new(_old[id(parameter)])
        if id(parameter) not in _leaves:
            _leaves[id(parameter)], _names[id(parameter)] = parameter, name


def _make_new(network):
    """Give a network that an earlier cell made the parameters of one that was made just now."""
    for parameter in network.parameters():
        _old.pop(id(parameter), None)
        parameter.grad = None
    for module in network.modules():
        if callable(getattr(module, "reset_parameters", None)):
            module.reset_parameters()


def _after_forward(module, inputs, output):
    """Keep the batch of a network that gives ten scores for each image of 64 pixels."""
    _inside.discard(id(module))
    if _is_no_training() or not inputs:
        return
    images = inputs[0]
    if not (torch.is_tensor(images) and torch.is_tensor(output)) or _is_wrapped(output):
        return
    if images.dim() < 2 or images[0].numel() != 64 or output.shape != (len(images), 10):
        return
    rows = images.detach().reshape(len(images), 64).float().cpu().clone()
    seen["forwarded"] += len(rows)
    if output.requires_grad:
        output.register_hook(_counting(len(rows)))
    _state["pending"] = (rows, output.detach().float().cpu().clone())
    # Parameters are kept, so that no other object gets the same number.
    _networks.update(id(parameter) for parameter in list(module.parameters())[:1])
    if not seen["losses"]:
        _state["shape"] = images.shape[1:]
        _state["network"] = module
        _state["start"] = {n: v.detach().clone() for n, v in module.state_dict().items()}


def _counting(rows):
    """What counts images once their scores get a gradient, each time that they do."""

    def count(gradient):
        seen["reached"] += rows

    return count


def _before_step(optimizer, args, kwargs):
    _note_added_up()
    own = [p for group in optimizer.param_groups for p in group["params"]]
    _held.update(map(id, own))
    # A step that is taken within the backward pass may clear them before its end.
    _with_gradient.update(id(p) for p in own if id(p) in _leaves and _any(p.grad))
    seen["rates"].append(max(float(group["lr"]) for group in optimizer.param_groups))
    if _leaves and not any(id(p) in _leaves for p in own):
        seen["foreign"] += 1
    closure = any(callable(value) for value in (*args, *kwargs.values()))
    seen["maximize"] |= any(group.get("maximize") is True for group in optimizer.param_groups)
    if not closure and not any(_any(p.grad) for p in own):
        seen["empty"] += 1
    elif not closure and id(optimizer) in _stepped:
        seen["repeated"] += 1
    _stepped.add(id(optimizer))


def _after_step(optimizer, args, kwargs):
    seen["steps"] += 1
    if not seen["losses"] and seen["steps"] >= _STEPS:
        raise EnoughSteps()  # nothing will be computed backwards any more


def report():
    """What was seen; with it the scores of the images kept, before the first step and after."""
    _compare()
    _note_added_up()
    seen["parameters"] = len(_with_gradient)
    seen["given"], seen["different"] = _state["images"], len(_different)
    seen["networks"], seen["ended"] = len(_networks), not _state["stopped"]
    seen["still"] = [_names[key] for key in _leaves if key in _with_gradient - _changed]
    if _state["network"] is not None and seen["batches"]:
        network = _state["network"]
        device = next(network.parameters()).device
        # Batch by batch: a network may count on the size that the loop gives it.
        batches = [batch[0].reshape(-1, *_state["shape"]).to(device) for batch in seen["batches"]]
        _state["quiet"] = True
        with torch.no_grad():
            after = [network(images) for images in batches]
            before = [torch.func.functional_call(network, _state["start"], (images,))
                      for images in batches]  # fmt: skip
        seen["after"], seen["before"] = (torch.cat(s).float().cpu() for s in (after, before))
        _state["quiet"] = False
    return seen
