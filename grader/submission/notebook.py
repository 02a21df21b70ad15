"""Notebook files: any nbformat from 3 on, made into nbformat 4 without its own instructions.

What could steer the runner is taken out: tags that skip a cell or allow its error, and the
kernel that the file asks for.
"""

from __future__ import annotations

import json
import re
import warnings
from typing import Any

import nbformat
from nbformat import NotebookNode

from grader.errors import SubmissionError

_CELL_LIMIT = 2000
_BLANK_START = re.compile(r"\A(?:[ \t]*\n)+")


def read_notebook(data: bytes, name: str) -> NotebookNode:
    """Parse a notebook. Raises SubmissionError with one sentence that says what is wrong."""
    text = _decode(data, name)
    if not text.strip():
        raise SubmissionError(f"{name} is empty: save the notebook again and hand that in.")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise SubmissionError(
            f"{name} is not a notebook: its JSON is broken{where}. Download the .ipynb again."
        ) from error
    if not isinstance(content, dict) or not ("cells" in content or "worksheets" in content):
        raise SubmissionError(f"{name} is JSON but not a notebook: it has no cells.")
    notebook = _upgrade(content, name)
    if len(notebook.cells) > _CELL_LIMIT:
        raise SubmissionError(f"{name} has {len(notebook.cells)} cells; {_CELL_LIMIT} are allowed.")
    if not any(c.cell_type == "code" and c.source.strip() for c in notebook.cells):
        raise SubmissionError(f"{name} has no code cell with anything in it.")
    return notebook


def _decode(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SubmissionError(f"{name} is not UTF-8 text (byte {error.start}).") from error


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
        first = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise SubmissionError(f"{name} is not a valid notebook: {first}") from error
    cells = [_clean(cell) for cell in loaded.cells if isinstance(cell, dict)]
    return nbformat.v4.new_notebook(cells=cells)


def _forgive(content: dict[str, Any]) -> None:
    """Mend what other tools leave out or set to null, so that nbformat can upgrade it."""
    content["metadata"] = content.get("metadata") or {}
    content.setdefault("nbformat", 4)
    content.setdefault("nbformat_minor", 0)
    sheets = content.get("worksheets") if "cells" not in content else None
    for holder in sheets if isinstance(sheets, list) else [content]:
        cells = holder.get("cells") if isinstance(holder, dict) else None
        for cell in cells if isinstance(cells, list) else []:
            if isinstance(cell, dict):
                _forgive_cell(cell)


def _forgive_cell(cell: dict[str, Any]) -> None:
    code = "input" if "input" in cell else "source"  # nbformat 3 and 4
    cell[code] = _text(cell.get(code))
    cell["metadata"] = cell.get("metadata") or {}
    if "outputs" in cell:
        outputs = cell["outputs"] if isinstance(cell["outputs"], list) else []
        cell["outputs"] = [o for o in outputs if isinstance(o, dict)]


def _clean(cell: NotebookNode) -> NotebookNode:
    text, metadata = _text(cell.get("source")), cell.get("metadata")
    told = metadata.get("grader") if isinstance(metadata, dict) else None
    kept = {"grader": told} if isinstance(told, dict) else {}
    if cell.get("cell_type") != "code":
        kind = cell.get("cell_type")
        if kind == "raw":
            return nbformat.v4.new_raw_cell(text, metadata=kept)
        return nbformat.v4.new_markdown_cell(text, metadata=kept, **_attached(cell))
    count, outputs = cell.get("execution_count"), cell.get("outputs")
    return nbformat.v4.new_code_cell(
        text,
        metadata=kept,
        outputs=[o for o in outputs if _valid(o)] if isinstance(outputs, list) else [],
        execution_count=count if type(count) is int and count >= 0 else None,
    )


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
    return _BLANK_START.sub("", _joined(source))


def _joined(source: Any) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source or "")


def _valid(output: Any) -> bool:
    try:
        nbformat.validate(output, ref="output", version=4, version_minor=5)
    except nbformat.ValidationError:
        return False
    return True
