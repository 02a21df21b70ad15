"""Fingerprints of a sequence of symbols, by winnowing.

S. Schleimer, D. S. Wilkerson, A. Aiken: Winnowing: Local Algorithms for Document Fingerprinting,
SIGMOD 2003. Each run of `k` symbols has a hash; of each window of `w` hashes in a row the
smallest is kept, the rightmost where several are. This guarantees that

- two codes with `k + w - 1` symbols in a row in common share a fingerprint, and
- what is shorter than `k` symbols never makes one.

Runs that the template holds are passed over before the windows are looked at, so that they push
nothing else out: the guarantee is one for runs without the template's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from grader.similarity.tokens import Symbols, alphabet

Codes = NDArray[np.uint16]
Hashes = NDArray[np.uint64]
Places = NDArray[np.int32]

PASSED_OVER = np.uint64(2**64 - 1)
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no symbol is multiplied away
_MIXER = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)


@dataclass(frozen=True)
class Fingerprints:
    """Hashes that were kept, and the place of the first symbol of each, in order; shapes (n,)."""

    hashes: Hashes
    places: Places


@cache
def _codes() -> dict[str, int]:
    return {name: code for code, name in enumerate(alphabet())}


@cache
def _numbers() -> Hashes:
    """A number of 64 bits for each symbol, the same in every run."""
    digests = (hashlib.blake2b(name.encode(), digest_size=8).digest() for name in alphabet())
    return np.array([int.from_bytes(digest, "little") for digest in digests], np.uint64)


def encode(symbols: Symbols) -> Codes:
    """Each symbol's number in the alphabet, shape (n,)."""
    codes = map(_codes().__getitem__, symbols.names)
    return np.fromiter(codes, np.uint16, len(symbols.names))


def hash_runs(codes: Codes, k: int) -> Hashes:
    """The hash of each run of k symbols, shape (max(0, n - k + 1),): a polynomial modulo 2**64."""
    values = _numbers()[codes]
    count = max(0, len(values) - k + 1)
    total = np.zeros(count, np.uint64)
    for place in range(k):
        total = total * _BASE + values[place : place + count]
    # Spread the bits: which hash is the smallest should say nothing of the last symbol.
    total = (total ^ (total >> _HALF)) * _MIXER
    return np.minimum(total ^ (total >> _HALF), PASSED_OVER - np.uint64(1))


def pass_over(hashes: Hashes, known: Hashes) -> Hashes:
    """The hashes, with PASSED_OVER for those in `known`, which is sorted."""
    if not len(known):
        return hashes
    at = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    return np.where(known[at] == hashes, PASSED_OVER, hashes)


def passed_over(hashes: Hashes, k: int) -> NDArray[np.bool_]:
    """Which symbols lie in a run of k that was passed over, shape (len(hashes) + k - 1,)."""
    edges = np.zeros(len(hashes) + k, np.int32)
    given = np.flatnonzero(hashes == PASSED_OVER)
    edges[given] += 1
    edges[given + k] -= 1
    covered: NDArray[np.bool_] = np.cumsum(edges)[:-1] > 0
    return covered


def winnow(hashes: Hashes, w: int) -> Fingerprints:
    """Keep the smallest of each window of w hashes, or of all where there are fewer."""
    if not len(hashes):
        return Fingerprints(hashes, np.zeros(0, np.int32))
    width = min(w, len(hashes))
    windows = np.lib.stride_tricks.sliding_window_view(hashes, width)
    last = np.argmin(windows[:, ::-1], axis=1)  # backwards, so that the rightmost is the first
    places = np.unique(np.arange(len(windows)) + width - 1 - last)
    places = places[hashes[places] != PASSED_OVER].astype(np.int32)
    return Fingerprints(hashes[places], places)
