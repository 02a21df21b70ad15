"""Lines of a text cell as a reader sees them, with what is bold and what is red in them.

Markdown becomes HTML, formulas are kept aside and read as LaTeX, and an HTML parser keeps the
style of each tag that is open. No regular expression decides what lies inside of what.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from html.parser import HTMLParser

from markdown_it import MarkdownIt

from grader.submission.policies.colors import is_red
from grader.submission.policies.latex import Style, styled

_LONGEST_CELL = 20_000
_LONGEST_LINE = 2_000
_BOLD_TAGS = {"b", "strong", "th", "h1", "h2", "h3", "h4", "h5", "h6"}
_BLOCK_TAGS = {
    "p", "div", "li", "ul", "ol", "br", "hr", "table", "tr", "td", "blockquote", "pre", "center",
    "section", "h1", "h2", "h3", "h4", "h5", "h6", "th", "dt", "dd",
}  # fmt: skip
_VOID_TAGS = {"br", "hr", "img", "input", "meta", "link", "wbr", "col", "source"}
_UNSEEN_TAGS = {"script", "style", "title", "template"}
# What Jupyter's own style sheet prints in red.
_RED_CLASSES = {"alert-danger", "text-danger", "ansi-red-fg", "ansi-red-intense-fg"}
_FORMULA = re.compile(
    r"(?<!\\)(?:\$\$(.+?)\$\$|\$([^$\n]+?)\$)|\\begin\{(?:equation|align)\*?\}(.+?)\\end\{",
    re.DOTALL,
)
_PLACE = re.compile("\ue000(\\d+)\ue001")
_STARS = re.compile(r"^\s*(\*\*|__)(?=\S)(.+?)(?<=\S)\1", re.DOTALL)


@dataclass(frozen=True)
class Line:
    """One line as it is read: its words, and the part of it that starts in bold red.

    `bold` and `red` say whether all of that start is; `lead` is the longest start that looks
    alike in both, `whole` the line. `starred` is what asterisks may make bold: within a block of
    HTML most viewers show them as they are.
    """

    whole: str
    lead: str
    bold: bool
    red: bool
    number: int
    starred: bool = False

    @property
    def is_all_lead(self) -> bool:
        """Whether the line has nothing but its lead, save for punctuation."""
        return not re.sub(r"\W+", "", self.whole[len(self.lead) :])


@lru_cache(256)  # two policies read each cell, and students leave most of a template's as they are
def read_markdown(source: str) -> tuple[Line, ...]:
    """The lines of a Markdown text."""
    formulas: list[str] = []

    def keep(match: re.Match[str]) -> str:
        formulas.append(next(g for g in match.groups() if g is not None))
        return f"\ue000{len(formulas) - 1}\ue001"

    # A picture that was pasted in is one long line: what stands behind it is read all the same.
    lines = "\n".join(line[:_LONGEST_LINE] for line in source.split("\n"))
    text = lines[:_LONGEST_CELL].replace("\ue000", "").replace("\ue001", "")
    return tuple(read_html(_markdown().render(_FORMULA.sub(keep, text)), formulas))


def read_html(source: str, formulas: Iterable[str] = ()) -> list[Line]:
    """The lines of an HTML text; `formulas` stand where their numbers are."""
    reader = _Reader(tuple(formulas))
    reader.feed(source)
    reader.close()
    reader.end_line()
    return reader.lines


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": True}).enable("table")


@dataclass
class _Open:
    tag: str
    style: Style
    seen: bool = True


@dataclass
class _Reader(HTMLParser):
    """Collects lines; `_open` holds the tags around the present place, the outermost first."""

    formulas: tuple[str, ...] = ()
    lines: list[Line] = field(default_factory=list)
    _open: list[_Open] = field(default_factory=lambda: [_Open("", Style())])
    _pieces: list[tuple[str, Style]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a tag: its style is that of the tag around it, with its own changes."""
        if tag in _BLOCK_TAGS:
            self.end_line()
        if tag in _VOID_TAGS:
            return
        around = self._open[-1]
        style = _with_attributes(around.style, tag, {k: v or "" for k, v in attrs})
        self._open.append(_Open(tag, style, around.seen and tag not in _UNSEEN_TAGS))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take `<font/>` for what browsers take it: an opening tag, unless it is a void one."""
        self.handle_starttag(tag, attrs)

    def parse_html_declaration(self, i: int) -> int:
        """Pass over `<!…>`: some of what people type there makes the parser of Python raise."""
        return self.parse_bogus_comment(i)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost tag of that name, and what was left open in it."""
        if tag in _BLOCK_TAGS:
            self.end_line()
        for place in range(len(self._open) - 1, 0, -1):
            if self._open[place].tag == tag:
                del self._open[place:]
                return

    def handle_data(self, data: str) -> None:
        """Add text to the present line, formulas in their places."""
        if not self._open[-1].seen:
            return
        style = self._open[-1].style
        for number, text in enumerate(_PLACE.split(data)):
            if number % 2:
                self._pieces += styled(self.formulas[int(text)], style)
                continue
            first, *rest = text.split("\n")
            self._pieces.append((first, style))
            for line in rest:
                self.end_line()
                self._pieces.append((line, style))

    def end_line(self) -> None:
        """Finish the present line."""
        written, self._pieces = self._pieces, []
        pieces = _starred(written)
        whole = " ".join("".join(text for text, _ in pieces).split())
        if not whole:
            return
        seen = [(text, style) for text, style in pieces if re.search(r"\w", text)]
        if not seen:
            return
        # A line's start may come in several tags: it goes on while it looks the same.
        first = seen[0][1]
        lead = []
        for text, style in pieces:
            if re.search(r"\w", text) and style != first:
                break
            lead.append(text)
        told = " ".join("".join(lead).split())
        number, starred = len(self.lines) + 1, pieces != written
        self.lines.append(Line(whole, told, first.bold, first.red, number, starred))


def _starred(pieces: list[tuple[str, Style]]) -> list[tuple[str, Style]]:
    """Read `**…**` that Markdown left alone, as it does inside of an HTML block."""
    result: list[tuple[str, Style]] = []
    for text, style in pieces:
        match = _STARS.match(text)
        if match is None:
            result.append((text, style))
        else:
            result.append((match[2], replace(style, bold=True)))
            result.append((text[match.end() :], style))
    return result


def _with_attributes(style: Style, tag: str, attributes: dict[str, str]) -> Style:
    if tag in _BOLD_TAGS:
        style = replace(style, bold=True)
    if tag == "font":
        style = _colored(style, attributes.get("color", ""))
    if _RED_CLASSES & set(attributes.get("class", "").split()):
        style = replace(style, red=True)
    for declaration in attributes.get("style", "").split(";"):
        name, _, value = declaration.partition(":")
        name, value = name.strip().lower(), value.strip().lower()
        if name == "color":
            style = _colored(style, value)
        elif name in ("font-weight", "font"):
            style = _weighed(style, value)
    return style


def _colored(style: Style, value: str) -> Style:
    red = is_red(value)
    return style if red is None else replace(style, red=red)


def _weighed(style: Style, value: str) -> Style:
    words = value.replace("!important", "").split()
    if any(w in ("bold", "bolder") or re.fullmatch(r"[6-9]00|1000", w) for w in words):
        return replace(style, bold=True)
    if any(w in ("normal", "lighter") or re.fullmatch(r"[1-5]00", w) for w in words):
        return replace(style, bold=False)
    return style
