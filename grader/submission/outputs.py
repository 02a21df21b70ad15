"""What the outputs of a cell hold: text that was printed, pictures that were shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_LENGTH = 20_000

# What a cell's outputs say where the sandbox has not kept all of them.
_DROPPED = "MiB was dropped."


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


def may_show(outputs: Iterable[Any]) -> bool:
    """Whether a cell's outputs hold more than text, or are too long to be kept whole."""
    return any(
        bool(set(output.get("data", {})) - {"text/plain"})
        or (output.get("output_type") == "stream" and _DROPPED in str(output.get("text", "")))
        for output in outputs
    )
