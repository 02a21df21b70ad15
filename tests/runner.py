"""GitHub's runner as far as a step needs it: a shell, some variables, and rules for its output.

The rules are those of `ActionCommandManager` and `ActionCommand` of actions/runner.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: What the runner knows; any other line that looks like a command is printed.
COMMANDS = {
    "add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group",
    "internal-set-repo-path", "notice", "remove-matcher", "save-state", "set-env", "set-output",
    "stop-commands", "warning",
}  # fmt: skip
_OLD = re.compile(r"##\[([\w-]+)(?: ([^\]]*))?\](.*)")


@dataclass(frozen=True)
class Command:
    """A line that the runner obeys."""

    name: str
    properties: dict[str, str]
    message: str


def obeyed(output: str) -> list[Command]:
    """The commands in an output, but for those that stop and resume the others."""
    found: list[Command] = []
    token = ""
    for line in re.split(r"\r\n|\r|\n", output):
        command = _parsed(line, COMMANDS | {token} if token else COMMANDS)
        if command is None:
            continue
        if token:
            token = "" if command.name == token else token
        elif command.name == "stop-commands":
            token = command.message
        else:
            found.append(command)
    assert not token, "the commands were not resumed"
    return found


def _parsed(line: str, known: set[str]) -> Command | None:
    if line.lstrip().startswith("::") and "::" in line.lstrip()[2:]:
        head, _, message = line.lstrip()[2:].partition("::")
        name, _, rest = head.partition(" ")
        if name.lower() in known:
            return Command(name.lower(), _properties(rest, ","), _unescaped(message, "\r\n%"))
    old = _OLD.search(line)
    if old and old[1].lower() in known:
        return Command(old[1].lower(), _properties(old[2] or "", ";"), old[3])
    return None


def _properties(text: str, separator: str) -> dict[str, str]:
    pairs = [pair.split("=", 1) for pair in text.split(separator) if "=" in pair]
    return {key.strip(): _unescaped(value, "\r\n:,%") for key, value in pairs}


def _unescaped(text: str, characters: str) -> str:
    for character in characters:
        text = text.replace(f"%{ord(character):02X}", character)
    return text


@dataclass(frozen=True)
class Ran:
    """How a job's steps ended."""

    code: int
    output: str
    summary: str
    leftovers: dict[str, str] = field(default_factory=dict)

    @property
    def commands(self) -> list[Command]:
        """What the runner did because of the output."""
        return obeyed(self.output)


def run_steps(
    steps: Iterable[dict[str, Any]], checkout: Path, variables: dict[str, str], programs: Path
) -> Ran:
    """Run the `run:` steps of a job in a checkout, as `bash -eo pipefail`, until one fails.

    `programs` is a folder at the front of PATH. Both streams are read as one.
    """
    files = {name: checkout.parent / name.lower() for name in
             ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH")}  # fmt: skip
    for path in files.values():
        path.touch()
    told = {name: str(path) for name, path in files.items()}
    environment = {
        **os.environ, "CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(checkout),
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", **told, **variables,
    }  # fmt: skip
    output, code = "", 0
    for step in steps:
        script = checkout.parent / "step.sh"
        script.write_text(step["run"], encoding="utf-8")
        ended = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=checkout, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=300,
        )  # fmt: skip
        output, code = output + ended.stdout, ended.returncode
        if code:
            break
    read = {name: path.read_text(encoding="utf-8") for name, path in files.items()}
    return Ran(code, output, read.pop("GITHUB_STEP_SUMMARY"), read)
