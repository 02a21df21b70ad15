"""What the tests ask about processes, by /proc."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def below(root: int) -> set[int]:
    """Processes that `root` has started, and theirs, which have not ended."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            continue
        if text[0] != b"Z":
            children.setdefault(int(text[1]), []).append(int(folder.name))
    found, queue = set(), [root]
    while queue:
        more = children.get(queue.pop(), [])
        found.update(more)
        queue += more
    return found


def running(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def soon(condition: Callable[[], bool], patience_s: float = 20.0) -> bool:
    """Whether something comes to be."""
    deadline = time.monotonic() + patience_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()
