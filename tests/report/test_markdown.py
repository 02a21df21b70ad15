"""Texts in markdown: an independent parser sees texts and code, and nothing else."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from grader.report.escape import visible
from grader.report.markdown import code_span, fenced, inline
from tests.report.texts import for_all_texts

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
# What GitHub's own filters look for in the text of a page, once markdown is done.
FILTERED = re.compile(r"@\w|#\d|www\.|://|gh-\d|:\w+:", re.IGNORECASE)
CODE_TAGS = ("<code>", "</code>")


def one_line(text: str) -> str:
    return " ".join(visible(text).split())


def inlines(markdown: str) -> list[Token]:
    return [child for token in PARSER.parse(markdown) for child in token.children or ()]


def prose(tokens: list[Token]) -> str:
    """The text outside of code."""
    depth, shown = 0, ""
    for token in tokens:
        depth += {"<code>": 1, "</code>": -1}.get(token.content, 0)
        shown += token.content if token.type == "text" and not depth else ""
    return shown


@for_all_texts
def test_inline_is_text_with_code_at_most(text: str) -> None:
    tokens = inlines(f"a {inline(text)}")
    assert {token.type for token in tokens} <= {"text", "html_inline"}
    assert {t.content for t in tokens if t.type == "html_inline"} <= set(CODE_TAGS)
    shown = "".join(token.content for token in tokens if token.type == "text")
    wanted = one_line(f"a {text}").replace("`", "")
    assert " ".join(shown.replace("\u200b", "").replace("`", "").split()) == " ".join(
        wanted.split()
    )
    assert not FILTERED.search(prose(tokens))


@for_all_texts
def test_inline_stays_in_its_cell(text: str) -> None:
    table = f"| a | b |\n|---|---|\n| {inline(text)} | last |\n"
    tokens = PARSER.parse(table)
    assert sum(token.type == "td_open" for token in tokens) == 2
    assert tokens[-5].content == "last"


@for_all_texts
def test_a_code_span_is_one_piece_of_code(text: str) -> None:
    before, code, after = inlines(f"By {code_span(text)}: end")
    assert (before.content, code.type, after.content) == ("By ", "code_inline", ": end")
    assert code.content.strip() == (one_line(text) or "…")


@for_all_texts
def test_a_block_is_one_block(text: str) -> None:
    tokens = PARSER.parse(f"a\n\n{fenced(text)}\n\nb\n")
    assert [token.type for token in tokens if token.level == 0] == [
        "paragraph_open", "paragraph_close", "fence", "paragraph_open", "paragraph_close",
    ]  # fmt: skip
    # Markdown's own line ends and NUL are the only things that it changes.
    assert tokens[3].content == visible(text) + "\n"


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("Dataset `Digits`", "Dataset <code>Digits</code>"),
        ("a|b", "a&#124;b"),
        ("@octocat", "&#64;&#8203;octocat"),
        ("see www.x.org", "see www&#8203;.x.org"),
        ("3.5 points (of 4)", "3.5 points (of 4)"),
        ("<b>", "&#60;b&#62;"),
        ("\u202ea", "&#92;u202ea"),
    ],
)
def test_inline_by_example(text: str, markdown: str) -> None:
    assert inline(text) == markdown


def test_long_texts_are_cut() -> None:
    assert code_span("a" * 400) == f"` {'a' * 300}… `"
    assert fenced("a" * 5000).split("\n")[1:-1] == ["a" * 4000, "…"]
