"""Values in a file: their nodes as the wire has them, and their bytes, small ones together.

A file has sections, and nothing of one is read before it is asked for. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from grader.sandbox.frames import Bounds
from grader.sandbox.wire import Decoder, Encoder

_LARGE = 1 << 14
_INDEX, _SMALL, _SHARED = "index.json", "small.bin", "large"
# What stands for a large array of few different numbers: these, and which of them is where.
_PALETTE, _MOST_COLOURS = "palette", 256
_STAMP = (2020, 1, 1, 0, 0, 0)  # the same content makes the same file
# Ours, and not a student's: as large as they come.
_BOUNDS = Bounds(header_bytes=1 << 30, body_bytes=1 << 32, nodes=1 << 24, depth=64)


class Packer:
    """Collects the values of one section. `index` is its own: any JSON, with packed values."""

    def __init__(self) -> None:
        self.index: dict[str, Any] = {}
        self.small = bytearray()
        self.large: dict[str, bytes] = {}

    def pack(self, value: Any) -> Any:
        """What stands for a value in the index. Raises TypeError for what has no encoding."""
        encoder = Encoder()
        node = encoder.encode(_folded(value))
        return [node, [self._put(buffer) for buffer in encoder.buffers]]

    def _put(self, buffer: memoryview) -> Any:
        """Where the bytes are: start and size among the small ones, or the name of a large one."""
        if len(buffer) < _LARGE:
            self.small += buffer
            return [len(self.small) - len(buffer), len(buffer)]
        name = hashlib.sha256(buffer).hexdigest()[:16]
        self.large[name] = bytes(buffer)
        return name


def write_packed(path: Path, sections: dict[str, Packer]) -> None:
    """Write sections by their names."""
    with zipfile.ZipFile(path, "w") as archive:
        for section, packer in sections.items():
            text = json.dumps(packer.index, separators=(",", ":"))
            _put(archive, f"{section}/{_INDEX}", text.encode())
            _put(archive, f"{section}/{_SMALL}", bytes(packer.small))
        for name, data in {n: d for p in sections.values() for n, d in p.large.items()}.items():
            _put(archive, f"{_SHARED}/{name}", data)


def _put(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _STAMP), data, zipfile.ZIP_LZMA)


class Packed:
    """One section of a file that `write_packed` wrote. Raises KeyError where there is none."""

    def __init__(self, path: Path, section: str) -> None:
        self._path, self._section = path, section
        self.index: Any = json.loads(self._read(f"{section}/{_INDEX}"))

    @cached_property
    def _small(self) -> memoryview:
        return memoryview(self._read(f"{self._section}/{_SMALL}"))

    def unpack(self, packed: Any) -> Any:
        """The value behind what stands for it in the index; each time a new one."""
        node, places = packed
        buffers = tuple(self._bytes(place) for place in places)
        return _unfolded(Decoder(buffers, bounds=_BOUNDS).decode(node))

    def _bytes(self, place: Any) -> memoryview:
        if isinstance(place, str):
            return memoryview(self._read(f"{_SHARED}/{place}"))
        start, size = place
        return self._small[start : start + size]

    def _read(self, name: str) -> bytes:
        with zipfile.ZipFile(self._path) as archive:
            return archive.read(name)


def _folded(value: Any) -> Any:
    """The value with a palette for each large array that holds few different numbers.

    Numbers are listed as they come up first: what is done to each pixel alike leaves the places
    as they are, and these are kept once.
    """
    if isinstance(value, list | tuple):
        return type(value)(_folded(item) for item in value)
    if isinstance(value, dict):
        return {key: _folded(item) for key, item in value.items()}
    if not isinstance(value, np.ndarray) or value.nbytes < _LARGE or value.dtype.kind != "f":
        return value
    numbers, first, places = np.unique(value, return_index=True, return_inverse=True)
    if len(numbers) > _MOST_COLOURS:
        return value
    order = np.argsort(first)
    ranks = np.empty(len(order), dtype=np.uint8)
    ranks[order] = np.arange(len(order))
    return {_PALETTE: [numbers[order], ranks[places].reshape(value.shape)]}


def _unfolded(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_unfolded(item) for item in value)
    if isinstance(value, dict) and list(value) == [_PALETTE]:
        numbers, places = value[_PALETTE]
        return numbers[places]
    if isinstance(value, dict):
        return {key: _unfolded(item) for key, item in value.items()}
    return value
