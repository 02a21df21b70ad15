"""What the outputs of a cell hold: text that was printed, pictures that were shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_LENGTH = 20_000


def printed(outputs: Iterable[Any]) -> str:
    """The text among a cell's outputs: streams and the plain form of results."""
    pieces = []
    for output in outputs:
        if output.get("output_type") == "stream":
            pieces.append(str(output.get("text", "")))
        else:
            pieces.append(str(output.get("data", {}).get("text/plain", "")))
    return "\n".join(pieces)[:_LENGTH]


def pictures(outputs: Iterable[Any]) -> int:
    """How many pictures are among a cell's outputs."""
    kinds = [set(output.get("data", {})) for output in outputs]
    return sum(any(kind.startswith("image/") for kind in bundle) for bundle in kinds)
