"""A submission's code, read: symbols, lines and fingerprints of each part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader.similarity.results import Settings, SubmittedCode
from grader.similarity.tokens import read_symbols
from grader.similarity.winnowing import (
    Codes,
    Fingerprints,
    Hashes,
    encode,
    hash_runs,
    pass_over,
    passed_over,
    winnow,
)

LineNumbers = NDArray[np.int32]

MOST_CHARACTERS = 1 << 19  # of one submission's code; homework has a tenth of it at most


@dataclass(frozen=True)
class Part:
    """A part's code: its symbols, the line of each, which are not the template's, fingerprints."""

    name: str
    codes: Codes
    lines: LineNumbers
    own: NDArray[np.bool_]
    fingerprints: Fingerprints


@dataclass(frozen=True)
class Document:
    """A submission's parts; `is_cut` says that it has more code than was read."""

    parts: tuple[Part, ...]
    is_cut: bool


def template_hashes(template: Mapping[str, str], k: int) -> Hashes:
    """The hashes of all runs of k symbols that a template has, sorted."""
    runs = [hash_runs(encode(read_symbols(code)), k) for code in template.values()]
    return np.unique(np.concatenate([*runs, np.zeros(0, np.uint64)]))


def read_document(code: SubmittedCode, known: Hashes, settings: Settings) -> Document:
    """Read a submission's code, without fingerprints that are in `known`."""
    whole = sum(map(len, dict.fromkeys(code.parts.values())))
    parts = tuple(_part(name, text, known, settings) for name, text in _texts(code.parts))
    return Document(parts, whole > MOST_CHARACTERS)


def _texts(parts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Parts with their code, each code once, in order, up to as much as is read."""
    seen: set[str] = set()
    left = MOST_CHARACTERS
    for name, text in parts.items():
        if text not in seen and left > 0:
            seen.add(text)
            yield name, text[:left]
            left -= len(text)


def _part(name: str, text: str, known: Hashes, settings: Settings) -> Part:
    symbols = read_symbols(text)
    codes = encode(symbols)
    hashes = pass_over(hash_runs(codes, settings.k), known)
    lines = np.array(symbols.lines, np.int32)
    own = ~passed_over(hashes, settings.k)[: len(codes)]
    return Part(name, codes, lines, own, winnow(hashes, settings.w))


def fingerprints_of(documents: Iterable[Document]) -> list[list[Hashes]]:
    """The hashes of each part of each document."""
    return [[part.fingerprints.hashes for part in document.parts] for document in documents]
