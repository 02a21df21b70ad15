"""Notebooks and modules that mean harm: what they cost in time and memory is bounded."""

from __future__ import annotations

import base64
import copy
import json
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grader.errors import SubmissionError
from grader.submission import pictures, printed, read_submission
from grader.submission.module import read_module
from grader.submission.notebook import read_notebook
from grader.submission.source import as_python, parse_python
from tests.submission.making import code_cell, notebook_file

SOON_S = 30.0
MIB = 1 << 20
FEW_BYTES = 400 * MIB


def _shown(**data: Any) -> dict[str, Any]:
    return {"output_type": "display_data", "data": data, "metadata": {}}


STREAM = {"output_type": "stream", "name": "stdout", "text": "1"}
DEEP = b"[" * 100_000 + b"]" * 100_000


def _measured(read: Callable[[], object]) -> None:
    """Bound what reading takes; the input itself is there before."""
    tracemalloc.start()
    started = time.monotonic()
    try:
        read()
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert time.monotonic() - started < SOON_S
    assert peak < FEW_BYTES, f"{peak // MIB} MiB"


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "deep": (
        lambda: notebook_file(code_cell(), metadata="@").replace(b'"@"', DEEP),
        "nested too deeply.",
    ),
    "deep-cells": (lambda: b'{"cells": ' + DEEP + b"}", "nested too deeply."),
    "truncated": (lambda: notebook_file(code_cell())[:-20], "its JSON is broken"),
    "huge-number": (
        lambda: notebook_file(code_cell(), x="@").replace(b'"@"', b"9" * 10**5),
        "is broken.",
    ),
    "cells": (
        lambda: notebook_file(*[code_cell()] * 100_000),
        "has 100000 cells; 2000 are allowed.",
    ),
    "outputs": (
        lambda: notebook_file(code_cell(outputs=[STREAM] * 100_000)),
        "has 100000 outputs; 10000 are allowed: clear those of loops.",
    ),
    "lists": (lambda: b'{"cells":[' + b"[]," * 20 * 10**6 + b"[]]}", "more than 2000000 values"),
    "words": (lambda: b'{"cells":[' + b'"",' * 9 * 10**6 + b'""]}', "more than 2000000 values"),
    "quotes": (lambda: b'{"\\\\\\"' + b'","\\"' * 9 * 10**6, "more than 2000000 values"),
    "code": (lambda: notebook_file(code_cell("x=1\n" * 300_000)), "has 1200000 characters of code"),
    "blank": (
        lambda: notebook_file(code_cell("\n" * 20 * MIB)),
        "no code cell with anything in it.",
    ),
    "utf-16": (
        lambda: notebook_file(code_cell()).decode().encode("utf-16"),
        "save it again as UTF-8.",
    ),
    "latin-1": (
        lambda: notebook_file(code_cell("#@")).replace(b"@", b"\xfc"),
        "save it again as UTF-8.",
    ),
    "terminal": (lambda: notebook_file(code_cell(), nbformat="\x1b]0;x\x07"), "hw.ipynb "),
    "binary": (lambda: b"\x00" * 100, "is not a notebook: its JSON is broken"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_hostile_notebook_is_refused(kind: str) -> None:
    make, told = REFUSED[kind]
    data = make()

    def read() -> None:
        with pytest.raises(SubmissionError) as caught:
            read_notebook(data, "hw.ipynb")
        text = str(caught.value)
        assert text.startswith("hw.ipynb ") and told in text
        assert text.isprintable() and len(text) < 400

    _measured(read)


def _widget(depth: int) -> bytes:
    deep = b"[" * depth + b"]" * depth
    return notebook_file(
        code_cell(outputs=[_shown(**{"application/json": "@", "text/plain": "1"})])
    ).replace(b'"@"', deep)


READ: dict[str, Callable[[], bytes]] = {
    "deep-widget": lambda: _widget(400),
    "deep-metadata": lambda: notebook_file(code_cell(metadata={"grader": {"a": "@"}})).replace(
        b'"@"', b'{"a":' * 400 + b"1" + b"}" * 400
    ),
    "infinite": lambda: notebook_file(code_cell(execution_count=float("inf"))),
    "nan": lambda: notebook_file(
        code_cell(execution_count=float("nan"), metadata={"grader": {"a": 0.0}})
    ),
    "large-number": lambda: notebook_file(code_cell(), x="@").replace(b'"@"', b"9" * 4000),
    "exponent": lambda: notebook_file(code_cell(execution_count="@")).replace(b'"@"', b"1e999999"),
    "twice": lambda: notebook_file(code_cell()).replace(b'{"nbf', b'{"cells": 3, "nbf', 1),
    "halves": lambda: notebook_file(code_cell(metadata={"grader": {"\ud800": "\udfff"}})),
    "half-name": lambda: notebook_file(
        code_cell(), {"cell_type": "markdown", "source": "a", "metadata": {},
                  "attachments": {"\ud800": {"image/png": "x"}}},
    ),
    "outputs": lambda: notebook_file(code_cell(outputs=[STREAM] * 500)),
    "long-output": lambda: notebook_file(code_cell(outputs=[{**STREAM, "text": "1" * 60 * MIB}])),
    "commas": lambda: notebook_file(code_cell(outputs=[{**STREAM, "text": "1, [2]" * 10**6}])),
    "escapes": lambda: notebook_file(code_cell(outputs=[{**STREAM, "text": '\\"\n' * 10**6}])),
    "mark": lambda: b"\xef\xbb\xbf" + notebook_file(code_cell()),
    "html": lambda: notebook_file(
        code_cell(outputs=[_shown(**{"text/html": "<script>1</script>"})])
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", READ)
def test_odd_notebook_is_read_and_can_be_copied_and_saved(kind: str) -> None:
    data = READ[kind]()

    def read() -> None:
        notebook = read_notebook(data, "hw.ipynb")
        assert notebook.cells[0].source == "x = 1"
        nbformat.validate(notebook)
        copy.deepcopy(notebook)
        json.dumps(notebook, allow_nan=False).encode()
        assert len(printed(notebook.cells[0].outputs)) <= 20_000

    _measured(read)


def test_200_mib_of_output_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "hw.ipynb"
    with path.open("wb") as file:
        file.truncate(200 * MIB)

    def read() -> None:
        with pytest.raises(SubmissionError, match="larger than 64 MiB: clear its outputs"):
            read_submission(path)

    _measured(read)


def test_text_of_widgets_stays_and_the_rest_goes() -> None:
    output = read_notebook(_widget(3), "hw.ipynb").cells[0].outputs[0]
    assert output.data == {"text/plain": "1"}


# Pictures: they are counted and handed on, and never decoded.


def _png(width: int, height: int, body: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


PICTURES: dict[str, tuple[str, Callable[[], str]]] = {
    "huge": ("image/png", lambda: _encoded(_png(2**31 - 1, 2**31 - 1))),
    "bomb": ("image/png", lambda: _encoded(_png(30_000, 30_000, zlib.compress(bytes(90 << 20))))),
    "empty": ("image/png", lambda: ""),
    "no-base64": ("image/jpeg", lambda: "\x00<script>"),
    "wrong-kind": ("image/png", lambda: _encoded(b"<html><script>1</script>")),
    "script": ("image/svg+xml", lambda: "<svg onload='alert(1)'><script>1</script></svg>"),
    "entities": ("image/svg+xml", lambda: '<!DOCTYPE x [<!ENTITY a "aa">]><svg>&a;</svg>'),
    "odd-kind": ('image/\x1b[2J"><script>', lambda: "x"),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_picture_is_counted_and_not_looked_into(kind: str) -> None:
    mime, make = PICTURES[kind]
    picture = make()
    text = {"cell_type": "markdown", "source": "![a](attachment:a)", "metadata": {}}
    attached = {**text, "attachments": {"a": {mime: picture}}}
    data = notebook_file(code_cell(outputs=[_shown(**{mime: picture})]), attached)

    def read() -> None:
        notebook = read_notebook(data, "hw.ipynb")
        assert pictures(notebook.cells[0].outputs) == 1
        assert notebook.cells[1].attachments == {"a": {mime: picture}}

    _measured(read)


def test_reading_and_reporting_know_no_decoder_of_pictures() -> None:
    names = "[n for n in ('PIL', 'matplotlib', 'torch', 'cairosvg', 'cv2') if n in sys.modules]"
    code = f"import sys, grader.submission, grader.report; print({names})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


# Modules, and code that costs time before it is run.

MODULES: dict[str, tuple[bytes, str]] = {
    "long": (b"x=1\n" * 300_000, "has 1200000 characters of code"),
    "blocks": (b"def f(): pass\n" * 5000, "falls into 5000 cells; 2000 are allowed."),
    "percent": (b"# %%\nx = 1\n" * 5000, "falls into 5000 cells; 2000 are allowed."),
    "broken": (b"def f(:\n" * 5000, "falls into 5000 cells; 2000 are allowed."),
    "comment": (b"# \x00\n" * 5, "holds no code."),
    "utf-16": ("x = 1".encode("utf-16"), "save it again as UTF-8."),
}


@pytest.mark.parametrize("kind", MODULES)
def test_hostile_module_is_refused(kind: str) -> None:
    data, told = MODULES[kind]

    def read() -> None:
        with pytest.raises(SubmissionError) as caught:
            read_module(data, "hw.py")
        assert str(caught.value).startswith("hw.py ") and told in str(caught.value)

    _measured(read)


def test_broken_blocks_are_joined_while_the_tries_last() -> None:
    block = b"def f(:\n" + b"    x = 1  # long\n" * 25
    _measured(lambda: read_module(block * 1990, "hw.py"))


CODE = {
    "magics": "%magic x\n" * 450,
    "magics-in-a-long-cell": "%magic x\n" * 100 + "y = 1 +\n" * 2500,
    "help": "a.b?\n" * 400,
    "assigned": "x = !ls\n" * 400,
    "minus": "-" * 100_000 + "1",
    "dots": "a" + ".b" * 100_000,
    "sum": "1" + "+1" * 100_000,
    "open": "(" * 100_000,
    "not": "not " * 90_000 + "1",
    "elif": "if a:\n p\n" + "elif a:\n p\n" * 50_000,
    "null": "x = '\x00'",
}


@pytest.mark.parametrize("kind", CODE)
def test_code_that_is_costly_to_read_is_read_soon(kind: str) -> None:
    started = time.monotonic()
    parse_python(as_python(CODE[kind]))
    assert time.monotonic() - started < SOON_S


def test_few_magics_become_calls_and_too_many_are_passed_over() -> None:
    assert "get_ipython().run_line_magic('time', '')" in as_python("%time\nx = 1")
    many = parse_python(as_python("%magic x\n" * 2000 + "def f(): pass\n"))
    assert many is not None and len(many.body) == 2001
