"""Control groups of version 2: a grader to whom one is delegated makes room below it.

The tests need a mount of version 2 with some controller that no hierarchy of version 1 has taken;
which one it is makes no difference to the rules of the tree.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

STRANGER = 65534
INSIDE = """
import json, os, subprocess, sys
from pathlib import Path
from grader.sandbox.tiers import cgroups
group, controller, user = sys.argv[1], sys.argv[2], int(sys.argv[3])
(Path(group) / "cgroup.procs").write_text("0")
os.setresuid(user, user, user)
child = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL)
for _ in range(2):
    cgroups.settle([controller])
own = Path("/proc/self/cgroup").read_text().split("0::")[1].split()[0]
told = {"own": own, "left": Path(group, "cgroup.procs").read_text().split()}
told["given"] = Path(group, "cgroup.subtree_control").read_text().split()
below = Path(group, "grader-1-job")
try:
    below.mkdir()
    (below / "cgroup.procs").write_text(str(child.pid))
    told["job"] = (below / "cgroup.procs").read_text().split() == [str(child.pid)]
except OSError as error:
    told["job"] = error.strerror
print(json.dumps(told))
child.kill()
child.wait()
"""


@dataclass
class Tree:
    """A group below the root of a mount of version 2, and the controller that it is given."""

    group: Path
    controller: str

    def settle(self, user: int = 0) -> dict[str, object]:
        """What becomes of a process in the group that settles, twice."""
        done = subprocess.run(
            [sys.executable, "-c", INSIDE, self.group, self.controller, str(user)],
            stdout=subprocess.PIPE, check=True, timeout=60,
        )  # fmt: skip
        told: dict[str, object] = json.loads(done.stdout)
        return told


@pytest.fixture
def tree() -> Iterator[Tree]:
    """A new group, removed afterwards with all that is below it."""
    if sys.platform != "linux" or os.getuid():
        pytest.skip("only root may mount a tree of control groups")
    place = Path(tempfile.mkdtemp())  # where others may pass, unlike `tmp_path`
    mounted = subprocess.run(["mount", "-t", "cgroup2", "none", place], capture_output=True)
    if mounted.returncode:
        place.rmdir()
        pytest.skip("this system has no control groups of version 2")
    control = place / "cgroup.subtree_control"
    free = (place / "cgroup.controllers").read_text("utf-8").split()
    before = control.read_text("utf-8").split()
    group = place / f"test-{os.getpid()}"
    try:
        if not free:
            pytest.skip("every controller is taken by a hierarchy of version 1")
        control.write_text(f"+{free[0]}", "utf-8")
        group.mkdir()
        yield Tree(group, free[0])
    finally:
        for folder in [*group.glob("*/"), group]:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                folder.rmdir()
        if free and free[0] not in before:
            control.write_text(f"-{free[0]}", "utf-8")
        subprocess.run(["umount", place], check=True)
        place.rmdir()


def test_root_divides_a_group_that_is_marked_as_delegated(tree: Tree) -> None:
    os.setxattr(tree.group, "trusted.delegate", b"1")
    told = tree.settle()
    assert told == {
        "own": f"/{tree.group.name}/grader-home", "left": [], "given": [tree.controller],
        "job": True,
    }  # fmt: skip


def test_root_leaves_a_group_alone_that_is_not(tree: Tree) -> None:
    told = tree.settle()
    assert (told["own"], told["given"]) == (f"/{tree.group.name}", [])


def test_a_user_divides_a_group_that_is_theirs(tree: Tree) -> None:
    for path in (tree.group, *tree.group.glob("cgroup.*")):
        os.chown(path, STRANGER, STRANGER)
    told = tree.settle(STRANGER)
    assert told["own"] == f"/{tree.group.name}/grader-home"
    assert (told["left"], told["given"], told["job"]) == ([], [tree.controller], True)


def test_a_user_in_a_group_of_others_changes_nothing(tree: Tree) -> None:
    told = tree.settle(STRANGER)
    assert (told["own"], told["given"]) == (f"/{tree.group.name}", [])
    assert told["job"] == "Permission denied"
