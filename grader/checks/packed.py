"""Values in a file: their nodes as the wire has them, and their bytes, small ones together.

Nothing is unpickled, and nothing large is read before it is asked for.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from grader.sandbox.frames import Bounds
from grader.sandbox.wire import Decoder, Encoder

_LARGE = 1 << 14
_INDEX, _SMALL = "index.json", "small.bin"
_STAMP = (2020, 1, 1, 0, 0, 0)  # the same content makes the same file
#: Ours, and not a student's: as large as they come.
_BOUNDS = Bounds(header_bytes=1 << 30, body_bytes=1 << 32, nodes=1 << 24, depth=64)


class Packer:
    """Collects values, and writes them into one file with an index."""

    def __init__(self) -> None:
        self._small = bytearray()
        self._large: list[bytes] = []

    def pack(self, value: Any) -> Any:
        """What stands for a value in the index. Raises TypeError for what has no encoding."""
        encoder = Encoder()
        node = encoder.encode(value)
        if not encoder.buffers:
            return [node]
        sizes = [len(buffer) for buffer in encoder.buffers]
        data = b"".join(encoder.buffers)
        if len(data) >= _LARGE:
            self._large.append(data)
            return [node, sizes, -len(self._large)]
        self._small += data
        return [node, sizes, len(self._small) - len(data)]

    def write(self, path: Path, index: Any) -> None:
        """Write index and values."""
        with zipfile.ZipFile(path, "w") as archive:
            _put(archive, _INDEX, json.dumps(index, separators=(",", ":")).encode())
            _put(archive, _SMALL, bytes(self._small))
            for number, data in enumerate(self._large, start=1):
                _put(archive, _large_name(number), data)


def _put(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, _STAMP)
    archive.writestr(entry, data, zipfile.ZIP_DEFLATED, 9)


def _large_name(number: int) -> str:
    return f"large-{number}.bin"


class Packed:
    """A file that a `Packer` wrote: `index` as it was given, and values as they are asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with zipfile.ZipFile(path) as archive:
            self.index: Any = json.loads(archive.read(_INDEX))
            self._small = memoryview(archive.read(_SMALL))

    def unpack(self, packed: Any) -> Any:
        """The value behind what stands for it in the index; each time a new one."""
        node, sizes, start = packed if len(packed) == 3 else (packed[0], [], 0)
        data = self._small if start >= 0 else self._read(-start)
        start, buffers = max(start, 0), []
        for size in sizes:
            buffers.append(data[start : start + size])
            start += size
        return Decoder(tuple(buffers), bounds=_BOUNDS).decode(node)

    def _read(self, number: int) -> memoryview:
        with zipfile.ZipFile(self._path) as archive:
            return memoryview(archive.read(_large_name(number)))
