"""Plain values of the student's, told by the kernel itself: a copy of it would cost far more."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from grader.sandbox.agent import Agent
from grader.sandbox.frames import Message
from grader.sandbox.wire import may_be_looked_up

_PLAIN = {type(None), bool, int, float, complex, str, np.ndarray, *np.sctypeDict.values()}


class Reader(Agent):
    """Serves what only looks at plain values, which leaves no trace in the kernel itself.

    To anything else the answer is the wish for a copy.
    """

    _wants_copy = False

    def serve(self) -> None:
        """Answer requests until the other end closes."""
        self._answer_all()

    def answer(self, request: Message) -> Message:
        """The value, or the wish for a copy of the kernel."""
        if self._looks(request.head):
            reply = super().answer(request)
            if not self._wants_copy:
                return reply
        return Message({"id": request.head["id"], "copy": True})

    def _looks(self, head: dict[str, Any]) -> bool:
        if not may_be_looked_up(head):
            return False
        node = head["node"]
        if node["k"] == "name":
            return bool(head.get("hold")) or _runs_no_code(self.namespace.get(node["name"]))
        of = self.namespace.get(node["of"]["name"])
        exact = type(of) is torch.Tensor and node["name"] in ("grad", "requires_grad", "is_leaf")
        return exact and _runs_no_code(getattr(of, node["name"]))

    def _hold(self, value: Any) -> dict[str, Any]:
        self._wants_copy = True
        return {"k": "none"}


def _runs_no_code(value: Any, depth: int = 0) -> bool:
    """Whether sending a value runs no code of its class: it is built-in, of NumPy or of torch."""
    kind = type(value)
    if kind is torch.Tensor:
        return not value.is_leaf or value.grad is None or type(value.grad) is torch.Tensor
    if kind not in (list, tuple, dict):
        return kind in _PLAIN
    if depth > 4 or len(value) > 1000:
        return False
    items = [*value, *value.values()] if kind is dict else value
    return all(_runs_no_code(item, depth + 1) for item in items)
