"""Notebook files: any nbformat from 3 on, made into nbformat 4 without its own instructions.

What could steer the runner is taken out: tags that skip a cell or allow its error, and the
kernel that the file asks for.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4.nbbase import random_cell_id

from grader.errors import SubmissionError
from grader.submission.files import printable

_CELL_LIMIT = 2000
_OUTPUT_LIMIT = 10_000
_CODE_LIMIT = 1 << 20  # characters in all code cells: a syntax tree takes 600 times as much
_VALUE_LIMIT = 2_000_000  # an empty list is two bytes in JSON, and sixty in memory
_SHORT = 200
_FIRST_SEEN = re.compile(r"[^ \t\n]|\Z")


def read_notebook(data: bytes, name: str) -> NotebookNode:
    """Parse a notebook. Raises SubmissionError with one sentence that says what is wrong."""
    text = _decode(data, name)
    if not text.strip():
        raise SubmissionError(f"{name} is empty: save the notebook again and hand that in.")
    _check_values(data, name)
    try:
        content = json.loads(text)
    except RecursionError as error:
        raise SubmissionError(f"{name} is no notebook: it is nested too deeply.") from error
    except ValueError as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise SubmissionError(
            f"{name} is not a notebook: its JSON is broken{where}. Download the .ipynb again."
        ) from error
    if not isinstance(content, dict) or not ("cells" in content or "worksheets" in content):
        raise SubmissionError(f"{name} is JSON but not a notebook: it has no cells.")
    _check_amount(content, name)
    notebook = _upgrade(content, name)
    check_code((c.source for c in notebook.cells if c.cell_type == "code"), name)
    if not any(c.cell_type == "code" and c.source.strip() for c in notebook.cells):
        raise SubmissionError(f"{name} has no code cell with anything in it.")
    return notebook


def _decode(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SubmissionError(
            f"{name} is not UTF-8 text (byte {error.start}): save it again as UTF-8."
        ) from error


def check_code(sources: Iterable[str], name: str) -> None:
    """Refuse more code than anybody writes. Raises SubmissionError."""
    length = sum(map(len, sources))
    if length > _CODE_LIMIT:
        raise SubmissionError(
            f"{name} has {length} characters of code; {_CODE_LIMIT} are allowed: "
            "read data from files."
        )


def _check_values(data: bytes, name: str) -> None:
    """Refuse JSON of more values than memory is there for, without making any of them."""
    marks = [data.count(mark) for mark in (b",", b"[", b"{", b'"')]
    if sum(marks) <= _VALUE_LIMIT:
        return
    bare = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    values = bare.count(b'"') // 2
    if values <= _VALUE_LIMIT:
        outside = bare.split(b'"')[::2]
        values += sum(piece.count(mark) for piece in outside for mark in (b",", b"[", b"{"))
    if values > _VALUE_LIMIT:
        raise SubmissionError(
            f"{name} holds more than {_VALUE_LIMIT} values: clear its outputs and save it again."
        )


def _check_amount(content: dict[str, Any], name: str) -> None:
    cells = list(_cells(content))
    if len(cells) > _CELL_LIMIT:
        raise SubmissionError(f"{name} has {len(cells)} cells; {_CELL_LIMIT} are allowed.")
    outputs = sum(len(c["outputs"]) for c in cells if isinstance(c.get("outputs"), list))
    if outputs > _OUTPUT_LIMIT:
        raise SubmissionError(
            f"{name} has {outputs} outputs; {_OUTPUT_LIMIT} are allowed: clear those of loops."
        )


def _cells(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The cells of a notebook of any version, before it is known to be one."""
    sheets = content.get("worksheets") if "cells" not in content else None
    for holder in sheets if isinstance(sheets, list) else [content]:
        cells = holder.get("cells") if isinstance(holder, dict) else None
        yield from (c for c in (cells if isinstance(cells, list) else []) if isinstance(c, dict))


def _upgrade(content: dict[str, Any], name: str) -> NotebookNode:
    try:
        with warnings.catch_warnings():
            # A missing cell id is normal in older files and is filled in here.
            warnings.simplefilter("ignore")
            _forgive(content)
            # Escapes can spell half of a character, which no file can hold.
            text = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace").decode()
            loaded = nbformat.reads(text, as_version=4)
    except Exception as error:
        # nbformat raises half a dozen unrelated types on files that only look like notebooks.
        first = str(error).strip().partition("\n")[0][:_SHORT] or type(error).__name__
        raise SubmissionError(f"{name} is not a valid notebook: {printable(first)}") from error
    cells = [_clean(cell) for cell in loaded.cells if isinstance(cell, dict)]
    notebook = nbformat.v4.new_notebook()
    notebook.cells = cells
    try:
        nbformat.validate(notebook)  # of one output at a time it takes a hundred times as long
    except nbformat.ValidationError:
        for cell in cells:
            if cell.cell_type == "code":
                cell.outputs = [output for output in cell.outputs if _valid(output)]
        nbformat.validate(notebook)
    return notebook


def _forgive(content: dict[str, Any]) -> None:
    """Mend what other tools leave out or set to null, so that nbformat can upgrade it."""
    content["metadata"] = {}
    content.setdefault("nbformat", 4)
    content.setdefault("nbformat_minor", 0)
    for cell in _cells(content):
        _forgive_cell(cell)


def _forgive_cell(cell: dict[str, Any]) -> None:
    code = "input" if "input" in cell else "source"  # nbformat 3 and 4
    cell[code] = _text(cell.get(code))
    cell["metadata"] = kept_metadata(cell.get("metadata"))
    if "outputs" in cell:
        outputs = cell["outputs"] if isinstance(cell["outputs"], list) else []
        cell["outputs"] = [_flat(o) for o in outputs if isinstance(o, dict)]


def kept_metadata(metadata: Any) -> dict[str, Any]:
    """What a template wrote into a cell's metadata: words and lists of words, nothing deeper."""
    told = metadata.get("grader") if isinstance(metadata, dict) else None
    if not isinstance(told, dict):
        return {}
    return {"grader": {key: value for key, value in told.items() if _is_text(value)}}


def _flat(output: dict[str, Any]) -> dict[str, Any]:
    """An output with its texts and pictures; what widgets keep there may be nested deeply."""
    flat = {
        key: value
        for key, value in output.items()
        if _is_text(value) or value is None or isinstance(value, int | float)
    }
    for key in ("data", "metadata"):
        if isinstance(output.get(key), dict):
            flat[key] = {kind: v for kind, v in output[key].items() if _is_text(v)}
    return flat


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(piece, str) for piece in value)
    )


def _clean(cell: NotebookNode) -> NotebookNode:
    kind = cell.get("cell_type")
    clean = NotebookNode(
        id=random_cell_id(),
        cell_type=kind if kind in ("code", "raw") else "markdown",
        metadata=nbformat.from_dict(kept_metadata(cell.get("metadata"))),
        source=_text(cell.get("source")),
    )
    if kind == "code":
        count, outputs = cell.get("execution_count"), cell.get("outputs")
        clean.execution_count = count if type(count) is int and count >= 0 else None
        clean.outputs = outputs if isinstance(outputs, list) else []
    elif kind != "raw":
        clean.update(_attached(cell))
    return clean


def _attached(cell: NotebookNode) -> dict[str, Any]:
    """Pictures that a text cell carries: a graph drawn by hand, for the one who marks it."""
    told = cell.get("attachments")
    if not isinstance(told, dict):
        return {}
    return {"attachments": {
        str(name)[:200]: {kind: data for kind, data in bundle.items() if isinstance(data, str)}
        for name, bundle in told.items() if isinstance(bundle, dict)
    }}  # fmt: skip


def _text(source: Any) -> str:
    """A cell's source; IPython drops blank lines at its start and counts lines without them."""
    text = _joined(source)
    seen = _FIRST_SEEN.search(text)
    return text[text.rfind("\n", 0, seen.start() if seen else None) + 1 :]


def _joined(source: Any) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source or "")


def _valid(output: Any) -> bool:
    try:
        nbformat.validate(output, ref="output", version=4, version_minor=5)
    except nbformat.ValidationError:
        return False
    return True
