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

from grader.sandbox.frames import Bounds
from grader.sandbox.wire import Decoder, Encoder

_LARGE = 1 << 14
_INDEX, _SMALL = "index.json", "small.bin"
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
        node = encoder.encode(value)
        if not encoder.buffers:
            return [node]
        sizes = [len(buffer) for buffer in encoder.buffers]
        data = b"".join(encoder.buffers)
        if len(data) < _LARGE:
            self.small += data
            return [node, sizes, len(self.small) - len(data)]
        name = hashlib.sha256(data).hexdigest()[:16]
        self.large[name] = data
        return [node, sizes, name]


def write_packed(path: Path, sections: dict[str, Packer]) -> None:
    """Write sections by their names."""
    with zipfile.ZipFile(path, "w") as archive:
        for section, packer in sections.items():
            text = json.dumps(packer.index, separators=(",", ":"))
            _put(archive, f"{section}/{_INDEX}", text.encode())
            _put(archive, f"{section}/{_SMALL}", bytes(packer.small))
            for name, data in packer.large.items():
                _put(archive, f"{section}/{name}", data)


def _put(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _STAMP), data, zipfile.ZIP_LZMA)


class Packed:
    """One section of a file that `write_packed` wrote. Raises KeyError where there is none."""

    def __init__(self, path: Path, section: str) -> None:
        self._path, self._section = path, section
        self.index: Any = json.loads(self._read(_INDEX))

    @cached_property
    def _small(self) -> memoryview:
        return memoryview(self._read(_SMALL))

    def unpack(self, packed: Any) -> Any:
        """The value behind what stands for it in the index; each time a new one."""
        node, sizes, where = packed if len(packed) == 3 else (packed[0], [], 0)
        whole = isinstance(where, str)
        data = memoryview(self._read(where)) if whole else self._small
        start, buffers = 0 if whole else where, []
        for size in sizes:
            buffers.append(data[start : start + size])
            start += size
        return Decoder(tuple(buffers), bounds=_BOUNDS).decode(node)

    def _read(self, name: str) -> bytes:
        with zipfile.ZipFile(self._path) as archive:
            return archive.read(f"{self._section}/{name}")
