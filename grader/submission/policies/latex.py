r"""Which text of a LaTeX formula is bold and which is red: `\color{red}{\textbf{Solution}}`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from grader.submission.policies.colors import is_red, is_red_rgb

_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|[{}]|[^\\{}]+", re.DOTALL)
_BOLD = {"textbf", "mathbf", "boldsymbol", "bm", "pmb", "bold", "mathbfit", "bfseries", "bf"}
_SPACES = {"\\ ", "\\,", "\\;", "\\:", "\\!", "\\quad", "\\qquad", "\\space", "\\enspace", "~"}
_MODEL = re.compile(r"\s*(?:\[([A-Za-z]+)\])?\s*\{([^{}]*)\}")
_LONGEST = 2000


@dataclass(frozen=True)
class Style:
    """How a piece of text looks."""

    bold: bool = False
    red: bool = False


def styled(formula: str, outer: Style) -> Iterator[tuple[str, Style]]:
    """Pieces of the formula's text with their style, beginning with the style around it.

    A switch (`\\bf`, `\\color{red}` before no group) holds to the end of its group; a command
    with a group (`\\textbf{…}`) holds in it.
    """
    source = formula[:_LONGEST].replace("~", "\\ ")
    stack, current, pending = [outer], outer, None
    at = 0
    while match := _TOKEN.match(source, at):
        token, at = match[0], match.end()
        if token == "{":
            stack.append(current)
            current, pending = pending or current, None
        elif token == "}":
            current, pending = stack.pop() if len(stack) > 1 else outer, None
        elif token in _SPACES:
            yield " ", current
        elif token.startswith("\\"):
            name = token[1:].rstrip("*")
            base = pending or current
            if name in ("color", "textcolor"):
                base, at = _colored(source, at, base)
            elif name in _BOLD:
                base = replace(base, bold=True)
            group = source[at:].lstrip().startswith("{")
            pending, current = (base, current) if group else (None, base)
        elif token.strip():
            yield token, pending or current
            pending = None
        else:
            yield token, current


def _colored(source: str, at: int, style: Style) -> tuple[Style, int]:
    """The style after `\\color…{NAME}`, and where the source goes on."""
    match = _MODEL.match(source, at)
    if match is None:
        return style, at
    model, value = (match[1] or "").lower(), match[2]
    numbers = re.findall(r"\d+\.?\d*|\.\d+", value)
    if model == "rgb" and len(numbers) == 3:
        # [rgb] counts to 1, [RGB] to 255.
        top = 255 if (match[1] or "") == "RGB" else 1
        red, green, blue = (float(n) / top for n in numbers)
        return replace(style, red=is_red_rgb(red, green, blue)), match.end()
    return replace(style, red=bool(is_red(value.split("!")[0]))), match.end()
