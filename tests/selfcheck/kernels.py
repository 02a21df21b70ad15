"""A real Jupyter kernel, with checks run in it as a student would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from nbformat import NotebookNode

from grader.model import PartResult

_SETUP = """
import json, os
os.environ.setdefault("OMP_NUM_THREADS", "1")
from grader.compat import import_torchvision
import_torchvision()
import matplotlib
matplotlib.use("agg")
"""
_JUDGE = """
from grader import selfcheck as _checks
from grader.selfcheck.checking import judge_parts as _judge, pick as _pick
import json as _json
_told = _judge(_checks._HISTORY, _pick({rubric!r}), {parts!r})
print("\\nTOLD " + _json.dumps([_part.model_dump(mode="json") for _part in _told]))
"""
_PASTE = """
import ast as _ast, json as _json
from grader.checks.show import show as _show
_tree = _ast.parse({code!r})
_last = _ast.Expression(_tree.body.pop().value)
exec(compile(_tree, "pasted", "exec"), globals())
_value = eval(compile(_last, "pasted", "eval"), globals())
_is, _should = _value if "expected" in {code!r} else (_value, None)
def _form(value):
    return [type(value).__name__, *(str(getattr(value, name, "")) for name in ("dtype", "shape"))]
def _numbers(value):
    return repr(getattr(value, "tolist", lambda: value)())
def _within(value):
    other = [_numbers(value) != _numbers(_should), _form(value) != _form(_should)]
    yield _show(value).text, other
    for item in value if isinstance(value, (list, tuple)) else ():
        yield from _within(item)
print("\\nTOLD " + _json.dumps(list(_within(_is))))
"""


class Kernel:
    """A kernel that runs cells, and judges parts."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client

    def run(self, source: str, *, silent: bool = False, timeout_s: float = 120) -> tuple[str, str]:
        """What a cell printed, and the name of the exception that it raised, if any."""
        asked = self._client.execute(source, silent=silent, store_history=not silent)
        printed, raised = [], ""
        while True:
            try:
                message = self._client.get_iopub_msg(timeout=timeout_s)
            except Empty:
                raise AssertionError(f"no answer to {source[:80]!r}") from None
            content = message["content"]
            if message["parent_header"].get("msg_id") != asked:
                continue
            if message["msg_type"] == "stream":
                printed.append(content["text"])
            elif message["msg_type"] == "error":
                raised = f"{content['ename']}: {content['evalue']}"
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                return "".join(printed), raised

    def start_again(self, cells: NotebookNode) -> None:
        """Forget everything, and run the cells of a notebook; one that raises stops nothing."""
        self.run("get_ipython().reset(new_session=True)", silent=True)
        for cell in cells.cells:
            if cell.cell_type == "code":
                self.run(cell.source)

    def judge(self, rubric: Path, *parts: str) -> list[PartResult]:
        """What the self-check finds."""
        told = self._told(_JUDGE.format(rubric=str(rubric), parts=parts))
        return [PartResult.model_validate(part) for part in told]

    def paste(self, code: str) -> dict[str, list[bool]]:
        """Texts of what the last line of a pasted cell gives, and of the items in it.

        Beside each whether its numbers, and whether its form are other ones than they should be.
        Raises AssertionError with the exception that the cell raised.
        """
        return dict(self._told(_PASTE.format(code=code)))

    def _told(self, source: str) -> Any:
        printed, raised = self.run(source, silent=True)
        assert not raised, raised
        # What a student's code left behind may still print.
        (line,) = (one for one in printed.splitlines() if one.startswith("TOLD "))
        return json.loads(line.removeprefix("TOLD "))


@contextmanager
def kernel(folder: Path) -> Iterator[Kernel]:
    """A kernel with a working folder."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(folder))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        started = Kernel(client)
        started.run(_SETUP, silent=True)
        yield started
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
