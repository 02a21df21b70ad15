"""GitHub Actions, as a step of a job meets it: where it runs, and what of its output is obeyed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from grader.errors import UsageError


@dataclass(frozen=True)
class Job:
    """The job that this process is a step of. What is not known of it is None."""

    workspace: Path | None = None
    summary: Path | None = None

    def name_of(self, path: Path) -> str:
        """A path as annotations name it: from the workspace, where it lies there."""
        if self.workspace is not None:
            inside, root = path.resolve(), self.workspace.resolve()
            if inside.is_relative_to(root):
                return inside.relative_to(root).as_posix()
        return path.as_posix()

    def add_to_summary(self, markdown: str) -> None:
        """Add to what the job's page shows, if there is one.

        Raises UsageError where its file cannot be written.
        """
        if self.summary is None:
            return
        try:
            with self.summary.open("a", encoding="utf-8") as file:
                file.write(markdown)
        except OSError as error:
            raise UsageError(f"{self.summary} cannot be written: {error.strerror}") from error


def this_job(environment: Mapping[str, str] = os.environ) -> Job:
    """The job that the environment tells of."""
    told = {name: environment.get(f"GITHUB_{name}") for name in ("WORKSPACE", "STEP_SUMMARY")}
    workspace, summary = (Path(path) if path else None for path in told.values())
    return Job(workspace, summary)


@contextmanager
def commands_stopped() -> Iterator[None]:
    """Have the runner obey nothing that is printed meanwhile; nobody can guess what ends it.

    The runner reads both streams, in no certain order: what a student has a say in belongs on
    standard output, with the words that stop and resume it.
    """
    token = secrets.token_hex(32)
    click.echo(f"::stop-commands::{token}")
    try:
        yield
    finally:
        click.echo(f"::{token}::")
