"""How far a long run has come: a bar in a terminal, a plain line now and then without one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import Progress

_EVERY_S = 30.0


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Shows on stderr what the function that it gives is told: how many are done, of how many."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(what).show
        return
    with Progress(console=console, transient=True) as bar:
        line = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(line, completed=done, total=total)


class _Lines:
    def __init__(self, what: str) -> None:
        self._what = what
        self._started = self._last = time.monotonic()

    def show(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done == total or now - self._last < _EVERY_S:
            return
        self._last = now
        left = (now - self._started) / done * (total - done)
        click.echo(f"{self._what}: {done} of {total}, about {left / 60:.0f} min left", err=True)
