"""A batch as it goes: a few lines that change in a terminal, plain lines without one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import click
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from grader.desk import Outcome
from grader.gradebook import State

_EVERY_S = 30.0
# Of fewer submissions the line of each tells enough.
_MANY = 10


class LiveView:
    """What is done, running and failing, at which rate, and how long it will take."""

    def __init__(
        self,
        total: int,
        clock: Callable[[], float] = time.monotonic,
        console: Console | None = None,
    ) -> None:
        self.total = total
        self._clock = clock
        self._started = self._last = clock()
        self._running: dict[str, float] = {}
        self._counts = dict.fromkeys(State, 0)
        self._console = console or Console(stderr=True)
        self._live: Live | None = None
        self._step = ""

    def __enter__(self) -> LiveView:
        if self._console.is_terminal:
            self._live = Live(self, console=self._console, transient=True, refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    @property
    def done(self) -> int:
        """How many submissions have been looked at."""
        return sum(self._counts.values())

    def say(self, line: str, err: bool = False) -> None:
        """Print a line above those that change."""
        if self._live is not None and (err or sys.stdout.isatty()):
            self._live.console.print(Text(line))
        else:
            click.echo(line, err=err)

    def progress(self, step: str) -> None:
        """What is being done at the moment, where one process does all."""
        self._step = step

    def begins(self, name: str) -> None:
        """A submission is being graded from now on."""
        self._running[name] = self._clock()

    def ended(self, name: str, outcome: Outcome) -> None:
        """What became of a submission."""
        self._running.pop(name, None)
        self._counts[outcome.state] += 1
        if self._live is None and self.total >= _MANY and self._is_time():
            click.echo(f"grader: {self.line()}", err=True)

    def _is_time(self) -> bool:
        now = self._clock()
        if now - self._last < _EVERY_S or self.done == self.total:
            return False
        self._last = now
        return True

    def line(self) -> str:
        """All of it in a line."""
        told = [f"{self.done} of {self.total} done"]
        for state, word in ((State.UNREADABLE, "unreadable"), (State.UNGRADED, "ungraded")):
            if self._counts[state]:
                told.append(f"{self._counts[state]} {word}")
        passed = self._clock() - self._started
        if self.done and passed > 0:
            rate = self.done / passed
            told.append(f"{60 * rate:.1f} a minute")
            told.append(f"{_duration((self.total - self.done) / rate)} left")
        return ", ".join(told)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines for a terminal, made anew for each picture."""
        if self.total > 1:
            yield Text(self.line(), style="bold", overflow="ellipsis", no_wrap=True)
        now = self._clock()
        for name, since in list(self._running.items()):
            told = f"  {name}  {_duration(now - since)}"
            yield Text(told, overflow="ellipsis", no_wrap=True)
        if self._step:
            yield Text(f"  {self._step}", style="dim", overflow="ellipsis", no_wrap=True)


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
