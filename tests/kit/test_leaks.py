"""No reference, hidden check, hidden input or variant is in what students get, in any form."""

from __future__ import annotations

import builtins
import io
import json
import keyword
import re
import tokenize
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.assignment import Assignment
from grader.variants import Accepted, Mistake, read_recorded
from tests.kits import rubric_of

# So many tokens in a row, and so many different names among them, are no accident.
_LENGTH, _NAMES = 12, 3
_SILENT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
           tokenize.ENCODING, tokenize.ENDMARKER, tokenize.STRING}  # fmt: skip

# In what is no text, so many characters of it in a row are some.
_READABLE = re.compile(rb"[\t\n -~]{40,}")

Runs = set[tuple[str, ...]]


def tokens(code: str) -> list[str]:
    """The tokens of Python code that mean something, as far as they can be read."""
    found: list[str] = []
    # What is imported is no secret, and looks alike everywhere.
    lines = [line for line in code.split("\n") if not line.startswith(("import ", "from "))]
    try:
        for token in tokenize.generate_tokens(io.StringIO("\n".join(lines)).readline):
            if token.type not in _SILENT:
                found.append(token.string)
    except (tokenize.TokenError, IndentationError, SyntaxError):
        pass
    return found


def runs(code: str) -> Runs:
    told = tokens(code)
    found = {tuple(told[i : i + _LENGTH]) for i in range(len(told) - _LENGTH + 1)}
    return {run for run in found if len(set(filter(_is_name, run))) >= _NAMES}


def _is_name(token: str) -> bool:
    """Whether it is a name that somebody has chosen."""
    usual = keyword.iskeyword(token) or hasattr(builtins, token) or token in ("self", "np", "torch")
    return token.isidentifier() and not usual and not token.startswith("__")


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """All texts in a folder: of archives what they hold, of notebooks their code."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield from _texts(path.name, path.read_bytes())


def _texts(name: str, data: bytes) -> Iterator[tuple[str, str]]:
    if zipfile.is_zipfile(io.BytesIO(data)) and not name.endswith(".pth"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for inner in archive.namelist():
                yield from _texts(f"{name}/{inner}", archive.read(inner))
    elif name.endswith(".ipynb"):
        cells = json.loads(data)["cells"]
        yield name, "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    elif name.endswith(".json"):
        yield name, "\n".join(text for text in _strings(json.loads(data)) if " " in text)
    elif b"\0" in data:  # numbers: what can be read among them
        yield name, "\n".join(text.decode() for text in _READABLE.findall(data))
    elif not name.endswith((".csv", ".png", ".jpg", ".pth", ".bin")):
        yield name, data.decode("utf-8", "replace")


def _strings(value: object) -> Iterator[str]:
    """All words of a JSON value: numbers hold no code."""
    if isinstance(value, dict):
        yield from value
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)
    elif isinstance(value, str):
        yield value


@pytest.fixture(scope="module")
def shipped(kit: Path) -> list[tuple[str, str]]:
    """Name and text of everything in the kit."""
    return list(texts(kit))


@pytest.fixture(scope="module")
def known(hw5: Assignment) -> Runs:
    """What students are given openly: the template, and the grader's own code."""
    assert hw5.template is not None
    given = [text for name, text in texts(hw5.template.parent) if name.endswith((".py", ".ipynb"))]
    # The checks themselves are public where they are; they may say what a variant says, too.
    return set().union(*map(runs, given))


def private(hw5: Assignment) -> dict[str, str]:
    """The code that students are not to get, by where it stands."""
    told = {p.name: p.read_text(encoding="utf-8") for p in hw5.reference_folder.glob("*.py")}
    variants = hw5.folder / "variants"
    told |= {p.name: p.read_text(encoding="utf-8") for p in variants.glob("*.py")}
    told["stand_ins.py"] = hw5.scaffold("stand_ins")
    for variant in hw5.variants:
        told[variant.id] = variant.edit.new
        if isinstance(variant, Mistake):
            told |= {f"{variant.id} {i}": text for i, text in enumerate(variant.oracles)}
    return told


def hits(sources: dict[str, str], shipped: list[tuple[str, str]], known: Runs) -> list[str]:
    """Where a run of tokens of a private source stands among what is shipped."""
    secret: dict[tuple[str, ...], str] = {}
    for where, text in sources.items():
        secret |= dict.fromkeys(runs(text) - known, where)
    return [
        f"{name} has of {secret[run]}: {' '.join(run)}"
        for name, text in shipped
        for run in runs(text) & secret.keys()
    ]


def test_no_private_code_is_shipped(
    hw5: Assignment, shipped: list[tuple[str, str]], known: Runs
) -> None:
    assert hits(private(hw5), shipped, known) == []


def test_a_planted_leak_would_be_found(hw5: Assignment, known: Runs) -> None:
    solution = (hw5.reference_folder / "p6_convolution.py").read_text(encoding="utf-8")
    planted = "\n".join(solution.splitlines()[-8:])
    text = planted.encode()
    ways = {"a.py": text, "a.json": json.dumps([{"a": planted}]).encode(), "a": b"\0%b\0" % text}
    for name, data in ways.items():
        assert hits(private(hw5), list(_texts(name, data)), known), name
    assert any(isinstance(variant, Accepted) for variant in hw5.variants)


def test_no_hidden_check_is_shipped(hw5: Assignment, shipped: list[tuple[str, str]]) -> None:
    hidden = [name for name, (_, entry) in hw5.checks.items() if not entry.public]
    assert hidden
    for name in hidden:
        assert [where for where, text in shipped if name in text] == []
        assert [where for where, text in shipped if name.removeprefix("test_") in text] == []


def test_nothing_is_said_of_mistakes_that_only_the_course_looks_for(
    hw5: Assignment, kit: Path
) -> None:
    hidden = {p.id for p in hw5.rubric.parts if p.checks and not any(c.public for c in p.checks)}
    assert hidden and any(mistake.part in hidden for mistake in hw5.known_mistakes)
    told = read_recorded(rubric_of(kit) / "mistakes.yaml")
    assert told and not any(mistake.part in hidden for mistake in told)
    with zipfile.ZipFile(rubric_of(kit) / "answers.zip") as book:
        recorded = {name.split("/")[1] for name in book.namelist() if name.startswith("mistakes/")}
    assert recorded <= {mistake.id for mistake in told}


def test_private_files_are_not_there(kit: Path) -> None:
    names = {path.name for path in (kit.parent / "wheel").rglob("*")}
    assert not names & {"light.py", "stand_ins.py", "p6_convolution.py", "p6.yaml", "variants"}
    assert {path.name for path in rubric_of(kit).iterdir()} >= {
        "rubric.yaml", "answers.zip", "mistakes.yaml", "scaffolds",
    }  # fmt: skip


def test_nothing_names_the_folder_that_it_was_made_in(
    hw5: Assignment, shipped: list[tuple[str, str]]
) -> None:
    home = str(hw5.folder.parents[1])
    assert [name for name, text in shipped if home in text] == []


def test_kit_holds_what_a_student_needs(kit: Path) -> None:
    names = {path.relative_to(kit).as_posix() for path in kit.rglob("*") if path.is_file()}
    assert names >= {"homework5.ipynb", "homework5.py", "README.md", "CHECKS.md", "make_data.py",
                     "requirements.txt", "test_homework.py", "sample_data/mnist_test.csv",
                     "label_dict.pth", ".github/workflows/grade.yml"}  # fmt: skip
    assert sum(name.endswith(".whl") for name in names) == 1
    page = (kit / "CHECKS.md").read_text(encoding="utf-8")
    assert "| 5b-i | Sigmoid | 3 checks |" in page and "| 2c |" in page
