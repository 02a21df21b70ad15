"""Warm launchers that one test hands on to the next: each costs seconds to start."""

from __future__ import annotations

from grader.assignment import Assignment
from grader.judge import make_launcher
from grader.sandbox.launcher import Launcher, WarmLauncher


class Stock:
    """Keeps a warm launcher for each list of libraries, in the place of `make_launcher`.

    Who closes one only gives it back, and the next who asks for one gets it, unless its warm
    process has ended or a test has called it `spoiled`: that is closed in earnest.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], Launcher] = {}
        self._spoiled: set[Launcher] = set()

    def make_launcher(self, assignment: Assignment, *, warm: bool | None = None) -> Launcher:
        """A launcher as the function of that name makes it, perhaps one that was used before."""
        if warm is False or not WarmLauncher.available():
            return make_launcher(assignment, warm=warm)
        libraries = tuple(assignment.rubric.preload)
        found = self._kept.get(libraries)
        if found is None or not self._is_whole(found):
            found = self._kept[libraries] = self._lasting(make_launcher(assignment))
        found.tested = {}
        return found

    def spoil(self, launcher: Launcher) -> None:
        """Have a launcher closed in earnest, when it is closed."""
        self._spoiled.add(launcher)

    def close(self) -> None:
        """Close all launchers in earnest."""
        for launcher in self._kept.values():
            self.spoil(launcher)
            launcher.close()
        self._kept.clear()
        self._spoiled.clear()

    def _is_whole(self, launcher: Launcher) -> bool:
        ended = isinstance(launcher, WarmLauncher) and launcher._process.poll() is not None
        return not ended and launcher not in self._spoiled

    def _lasting(self, made: Launcher) -> Launcher:
        in_earnest = made.close

        def close() -> None:
            if not self._is_whole(made):
                in_earnest()

        made.close = close  # type: ignore[method-assign]
        return made
