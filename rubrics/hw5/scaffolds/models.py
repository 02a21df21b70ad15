"""Small models whose answer depends on the mode they are in, and loaders over images."""

import contextlib
import copy
import inspect

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader

# How much the scores of two classes differ: more than single precision rounds, and less than half.
NEARLY = 4e-5

# How far parameters are moved for a difference: few activations pass zero on the way.
STEP = 1e-5

# Half a side of the homework's images.
HALF = 112


def model(seed, features, classes, restless):
    """A model in training mode; without dropout it has nearly equal scores for pairs of classes."""
    drawn = torch.Generator().manual_seed(seed)
    layers = [_Corners()]
    if restless:
        layers += [nn.BatchNorm1d(features), nn.Dropout(0.8)]
    layers.append(nn.Linear(features, classes))
    net = nn.Sequential(*layers).double()
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.randn(p.shape, generator=drawn))
        if restless:
            net[1].running_mean.copy_(torch.randn(features, generator=drawn))
            net[1].running_var.copy_(torch.rand(features, generator=drawn) + 0.5)
        else:
            _pair_up(net[-1], drawn)
            # The first class and the last, which a loop may leave out, are often the likeliest.
            net[-1].weight[[0, -1]] *= 2
    return net.train()


def _pair_up(layer, drawn):
    """Let the second half of the classes have nearly the scores of the first half."""
    half = layer.out_features // 2
    larger = 1 + NEARLY * (torch.randint(2, (half,), generator=drawn) * 2 - 1)
    layer.weight[half : 2 * half] = layer.weight[:half] * larger[:, None]
    layer.bias[half : 2 * half] = layer.bias[:half] * larger


class _Corners(nn.Flatten):
    """Flattens images of 2 by 2, and of whole ones what they were made of."""

    def forward(self, x):
        return super().forward(x[..., ::HALF, ::HALF] if x.shape[-1] == 2 * HALF else x)


def loader(images, size):
    return DataLoader([image for image in images], batch_size=size, shuffle=False)


def whole_loader(images, size, net):
    """A loader of images as the homework makes them, each made of one of 2 by 2.

    They are 224 by 224, in single precision, as the network is then.
    """
    net.float()
    whole = [i.repeat_interleave(HALF, 1).repeat_interleave(HALF, 2).float() for i in images]
    return loader(whole, size)


def state(net):
    return {name: value for name, value in net.state_dict().items()}


def load(net, tensors):
    """Copy tensors into a network's own of the same shapes, whatever names these have.

    Where a network keeps its tensors to itself it stays as it is: whoever calls this reads back
    what there is then.
    """
    own = [value for value in net.state_dict().values() if torch.is_tensor(value)]
    for given in tensors:
        into = next((value for value in own if value.shape == given.shape), None)
        if into is not None:
            # Tensors made in inference mode, or that share their entries, take no new ones.
            with torch.no_grad(), contextlib.suppress(RuntimeError):
                into.copy_(given)


def without_gradient(net, images):
    """Names of a network's matrices and kernels to which its output hands back no gradient."""
    out = net.train()(images)
    if not torch.is_tensor(out):
        return []
    if out.requires_grad:
        out.sum().backward()
    matrices = [(name, value) for name, value in net.named_parameters() if value.dim() > 1]
    return [name for name, value in matrices if value.grad is None]


def slopes(net):
    """How a sum of a network's scores grows along a direction of each matrix and kernel.

    Of each what autograd says, and the central differences (L(p + hd) - L(p - hd)) / 2h for two h.
    Nothing where the scores are not in double precision, or not the same each time.
    """
    net, drawn = copy.deepcopy(net).double().eval(), torch.Generator().manual_seed(0)
    parameters = [p for p in net.parameters() if p.requires_grad]
    images, shares = _normal((2, 1, 8, 8), drawn), _normal((2, 10), drawn)
    device, told = parameters[0].device, []

    def total():
        return (net(images.to(device)) * shares.to(device)).sum()

    def difference(p, way, step):
        ends, own = [], p.detach().clone()
        for signed in (step, -step):
            with torch.no_grad():
                p.copy_(own + signed * way)
                ends.append(total().item())
                p.copy_(own)
        return (ends[0] - ends[1]) / (2 * step)

    with torch.no_grad():
        for p in parameters:  # away from where an activation has no derivative, as where all are 0
            p.add_(0.1 * _normal(p.shape, drawn).to(device))
    if net(images.to(device)).dtype != torch.float64 or not torch.equal(total(), total()):
        return []
    gradients = torch.autograd.grad(total(), parameters, allow_unused=True)
    for p, gradient in zip(parameters, gradients, strict=True):
        if p.dim() < 2:  # a bias learns with its kernel
            continue
        way = 0.1 * _normal(p.shape, drawn).to(device)
        said = 0.0 if gradient is None else (gradient * way).sum().item()
        told.append((said, difference(p, way, STEP), difference(p, way, STEP / 2)))
    return told


def _normal(shape, drawn):
    return torch.randn(shape, generator=drawn, dtype=torch.float64)


def shapes(net):
    """Shapes of a network's parameters and buffers, by their names."""
    return {name: list(value.shape) for name, value in net.state_dict().items()}


def is_maker(value):
    """Whether it is a function, or a class, that makes networks, and is none itself."""
    made_by = getattr(value, "__module__", None)
    return inspect.isroutine(value) or (
        isinstance(value, type) and str(made_by).startswith("torchvision.models"))  # fmt: skip


def some_entries(net):
    """Eight entries of each parameter, evenly spaced; none where it has no memory."""
    told = {}
    for name, value in net.named_parameters():
        if value.dim() and not value.is_meta:
            places = torch.linspace(0, value.numel() - 1, 8, dtype=torch.float64).long()
            told[name] = value.detach().cpu()[torch.unravel_index(places, value.shape)].double()
    return told


class _Called(TorchDispatchMode):
    """Notes which of torch's operations run, whatever they were called by, and what adds up to 1.

    `rows`: whether one of them gave a matrix of which each row does, or the logarithms of one;
    `whole`: whether one gave a matrix of which all entries together do.
    """

    def __init__(self):
        super().__init__()
        self.names, self.rows, self.whole = set(), False, False

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.add(str(function).split(".")[1])
        told = function(*args, **(kwargs or {}))
        if torch.is_tensor(told) and told.is_floating_point() and told.dim() == 2 and len(told) > 1:
            given = told.detach().double()
            self.rows |= any(_are_shares(row) for row in (given, given.exp()))
            self.whole |= _are_shares(given.reshape(1, -1))
        return told


def _are_shares(rows):
    """Whether each row is of numbers that are not negative and add up to 1."""
    sums = rows.sum(dim=1)
    return bool((rows >= 0).all()) and torch.allclose(sums, torch.ones_like(sums), atol=1e-2)


def operations_of(predict, net, images):
    """Names of torch's operations that predict() runs; whether rows, or all rows, add up to 1."""
    with _Called() as called:
        predict(net, images)
    return sorted(called.names), called.rows, called.whole


def nothing(*args, **kwargs):
    """Stands in for what draws."""


def are_numbers(labels, names):
    """Whether all labels are numbers, or digits alone, where names are words; None of no labels."""
    listed = list(labels) if isinstance(labels, list | tuple) else []
    words = list(names.values() if isinstance(names, dict) else names)
    if not listed or any(str(word).strip().isdigit() for word in words):
        return None
    return all(str(label).strip().isdigit() for label in listed)
