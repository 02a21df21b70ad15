"""Archives, folders and notebook files as a test wants them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def put_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below a folder, by their paths in it."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def pack_files(path: Path, files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a ZIP with these members."""
    with zipfile.ZipFile(path, "w", method) as made:
        for name, data in files.items():
            made.writestr(zipfile.ZipInfo(name), data, method)
    return path


def code_cell(source: Any = "x = 1", **fields: Any) -> dict[str, Any]:
    """A code cell as it stands in a file, with other fields where they are given."""
    whole = {"cell_type": "code", "source": source, "metadata": {}, "outputs": []}
    return {**whole, "execution_count": None, **fields}


def notebook_file(*cells: Any, **fields: Any) -> bytes:
    """A notebook's file with these cells, whatever they are."""
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}
    return json.dumps({**whole, **fields}).encode()
