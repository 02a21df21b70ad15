"""Symbols: what changes them, what does not, and that they are Python's own tokens."""

from __future__ import annotations

import io
import keyword
import tokenize
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from grader.similarity.tokens import _TOKEN, alphabet, known_attributes, read_symbols
from tests.similarity.classes import hw5_class
from tests.similarity.copying import disguised

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "grader").rglob("*.py"))
LAYOUT = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENDMARKER, tokenize.ENCODING,
}  # fmt: skip


def _python_tokens(source: str) -> Iterator[str]:
    """Python's tokens, an f-string as one, as it is before Python 3.12."""
    lines = source.split("\n")
    depth, start = 0, (0, 0)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        name = tokenize.tok_name[token.type]
        if name == "FSTRING_START":
            start = start if depth else token.start
            depth += 1
        elif name == "FSTRING_END":
            depth -= 1
            if not depth:
                inner = [*lines[start[0] - 1 : token.end[0]]]
                inner[-1] = inner[-1][: token.end[1]]
                inner[0] = inner[0][start[1] :]
                yield "\n".join(inner)
        elif not depth and token.type not in LAYOUT:
            yield token.string


def _our_tokens(source: str) -> Iterator[str]:
    for token in _TOKEN.findall(source):
        if token[:1] == "." and token[1:].strip().isidentifier():
            yield from (".", token[1:].strip())
        elif token not in ("", "\n", "\\\n"):
            yield token


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_tokens_are_those_of_python(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert list(_our_tokens(source)) == list(_python_tokens(source))


NUMBERS = "1 1.5 1. .5 1e3 1E-3 1.5e+3 1_000 0xFF 0b1 0o7 1j 1.5J x.y 1.0.real a.b.c ... x[1:2]"


def test_odd_tokens_are_those_of_python() -> None:
    source = f"{NUMBERS}\nx @= y ; z **= 2 ; w //= 3 ; a >>= b\nr'\\' + rb\"\\\"\" + '\\\n'\n"
    assert list(_our_tokens(source)) == list(_python_tokens(source))


SAME = {
    "names": ("total = first + second", "s = a + b"),
    "own attributes": ("self.my_hidden = 1", "this.other = 2"),
    "numbers": ("x = 0.001", "x = 1e-3"),
    "strings": ("x = 'a' 'b'", 'x = r"""something else"""'),
    "f-strings": ("x = f'{a}'", "x = 'a'"),
    "comments": ("x = 1  # one\n# two", "x = 1"),
    "docstrings": ("def f():\n    '''What.'''\n    return 1", "def f():\n    return 1"),
    "spaces": ("x=f( a,b )", "x = f(a, b)"),
    "lines": ("x = f(\n    a,\n    b,\n)", "x = f(a, b)"),
    "continuation": ("x = a \\\n    + b", "x = a + b"),
    "semicolons": ("a = 1; b = 2", "a = 1\nb = 2"),
    "grouping": ("return (a + b)", "return a + b"),
    "magics": ("!pip install x\n%matplotlib inline\n%%time it's\nx = 1", "x = 1"),
    "line ends": ("x = 1\r\ny = 2\r\n", "x = 1\ny = 2\n"),
}


@pytest.mark.parametrize("name", SAME)
def test_what_a_copier_changes_does_not_count(name: str) -> None:
    code, other = SAME[name]
    assert read_symbols(code).names == read_symbols(other).names


DIFFERENT = {
    "functions": ("np.exp(x)", "np.log(x)"),
    "methods": ("x.sum()", "x.mean()"),
    "builtins": ("len(x)", "sum(x)"),
    "keywords": ("x and y", "x or y"),
    "signs": ("x + y", "x - y"),
    "order": ("x = 1\ny = f(x)", "y = f(x)\nx = 1"),
    "calls": ("f(x)", "f[x]"),
    "modulo": ("x % y", "x * y"),
    "modulo at the start of a line": ("f(a\n  % b)", "f(a)"),
    "constants": ("x = None", "x = True"),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_is_done_counts(name: str) -> None:
    code, other = DIFFERENT[name]
    assert read_symbols(code).names != read_symbols(other).names


def test_sigmoid_is_read_as_expected() -> None:
    code = "def sigmoid(z):\n    '''Sigmoid.'''\n    return 1 / (1 + np.exp(-z))\n"
    symbols = read_symbols(code)
    assert " ".join(symbols.names) == ("def name ( name ) : return 1 / 1 + name .exp ( - name )")
    assert symbols.lines == [1] * 6 + [3] * 11


def test_disguised_answers_of_hw5_have_the_same_symbols() -> None:
    cells = hw5_class()[3].parts
    for name in ("5b-iii", "5c-ii", "6"):
        assert read_symbols(disguised(cells[name], 5)).names == read_symbols(cells[name]).names


def test_lines_are_those_of_the_code() -> None:
    code = "a = '''x\n\ny'''\n\nb = f(\n    c)\n%magic\nd"
    symbols = read_symbols(code)
    told = list(zip(symbols.names, symbols.lines, strict=True))
    assert [line for name, line in told if name == "name"] == [1, 5, 5, 6, 8]


BROKEN = {
    "open bracket": ("f(x\ny = 1", "name ( name name = 1"),
    "closed too often": ("x)) + 1", "name + 1"),
    "open string": ("x = 'abc\ny = 1", "name = '' name = 1"),
    "open long string": ("x = '''abc\ny = 1", "name = ''"),
    "wrong indentation": ("   x = 1\n y = 2", "name = 1 name = 1"),
    "null": ("x \0 y", "name ? name"),
    "other alphabets": ("größe = β + 変数", "name = name + name"),
    "help": ("x?", "name ?"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("name", BROKEN)
def test_code_that_is_no_python_is_read(name: str) -> None:
    code, told = BROKEN[name]
    assert " ".join(read_symbols(code).names) == told


HUGE = [
    "(" * 10**6, ")" * 10**6, "\0" * 10**6, " " * 10**6, "x" * 10**6, "'" * 10**6, '"""' * 333_333,
    "\\\n" * 500_000, "'\\" * 500_000, '"""\\' * 250_000, "x = 1; " * 10**5, "'''\n" * 250_000,
]  # fmt: skip


@pytest.mark.parametrize("code", HUGE, ids=lambda code: repr(code[:4]))
def test_a_megabyte_of_anything_is_read(code: str) -> None:
    symbols = read_symbols(code)
    assert len(symbols.names) == len(symbols.lines) <= len(code)
    assert set(symbols.names) <= set(alphabet())


def test_list_of_names_holds_what_students_call() -> None:
    known = known_attributes()
    assert {"exp", "einsum", "reshape", "backward", "zero_grad", "Linear", "relu", "T"} <= known
    assert not known & {*keyword.kwlist, "my_hidden", "img_list", "w1"}
    assert len(known & set(dir(torch.Tensor))) > 300 and len(known & set(dir(np))) > 300
