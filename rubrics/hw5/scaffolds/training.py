"""Watches a training loop: losses, gradients left over from the pass before, steps."""

import torch
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.optim.optimizer import register_optimizer_step_post_hook


class EnoughSteps(BaseException):
    pass


seen = {"losses": [], "dirty": [], "steps": 0, "moved": [], "images": []}
_MOST_IMAGES = 400
_leaves, _limit = [], [0]


def start(limit):
    _limit[0] = limit
    real_tensor, real_function = torch.Tensor.backward, torch.autograd.backward
    inside = [False]

    def note(tensor):
        if inside[0]:
            return False
        if len(seen["losses"]) >= _limit[0]:
            raise EnoughSteps()
        _compare()
        dirty = any(p.grad is not None and bool((p.grad != 0).any()) for p in _leaves)
        seen["dirty"].append(dirty)
        seen["losses"].append(float(tensor.detach().sum()))
        return True

    def tensor_backward(self, *args, **kwargs):
        outer = note(self)
        inside[0] = True
        try:
            return real_tensor(self, *args, **kwargs)
        finally:
            inside[0] = not outer

    def function_backward(tensors, *args, **kwargs):
        first = tensors if torch.is_tensor(tensors) else tensors[0]
        outer = note(first)
        inside[0] = True
        try:
            return real_function(tensors, *args, **kwargs)
        finally:
            inside[0] = not outer

    real_grad = torch.autograd.grad

    def function_grad(outputs, *args, **kwargs):
        note(outputs if torch.is_tensor(outputs) else outputs[0])
        return real_grad(outputs, *args, **kwargs)

    torch.Tensor.backward = tensor_backward
    torch.autograd.backward = function_backward
    torch.autograd.grad = function_grad
    for name in [n for n, value in student.items() if value is real_grad]:  # noqa: F821
        student[name] = function_grad  # noqa: F821  the notebook's names
    register_optimizer_step_post_hook(_after)
    register_module_forward_pre_hook(_forward)


def _forward(module, inputs):
    if torch.is_grad_enabled() and inputs and torch.is_tensor(inputs[0]):
        rows = inputs[0].detach()
        room = _MOST_IMAGES - sum(len(batch) for batch in seen["images"])
        if room > 0 and rows.dim() > 1 and rows[0].numel() == 64:
            seen["images"].append(rows[:room].reshape(-1, 64).float().cpu().clone())
    known = {id(p) for p in _leaves}
    _leaves.extend(p for p in module.parameters() if id(p) not in known)


_kept = {}


def _compare():
    """Whether a parameter has changed since the backward pass before this one."""
    if _kept:
        seen["moved"].append(any(not torch.equal(p.detach(), _kept[id(p)]) for p in _leaves
                                 if id(p) in _kept))  # fmt: skip
    _kept.clear()
    _kept.update((id(p), p.detach().clone()) for p in _leaves)


def _after(optimizer, args, kwargs):
    seen["steps"] += 1


def report():
    return seen
