"""What can be read off a student's code without running it."""

from __future__ import annotations

from collections.abc import Sequence

from grader.submission.source import as_python, bound_names, parse_python


def until_bound(sources: Sequence[str], names: Sequence[str]) -> str | None:
    """The code up to the statement after which each of `names` has been bound once.

    Homework rebinds names: this is the code that made the first of them. None where the code
    does not parse or does not bind one of the names at its top level.
    """
    code = "\n".join(as_python(source) for source in sources)
    tree = parse_python(code)
    wanted = set(names)
    for statement in tree.body if tree else ():
        wanted -= set(bound_names([statement]))
        if not wanted:
            return "\n".join(code.split("\n")[: statement.end_lineno])
    return None
