"""Which submissions share fingerprints: an inverted index, not a comparison of all pairs.

The index is a sparse matrix, a row for each submission and a column for each fingerprint. Its
product with itself counts what pairs share; its cost is the sum over the fingerprints of the
square of the number of submissions that have it, which the limit on common ones bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from grader.similarity.results import Settings
from grader.similarity.winnowing import Hashes

Counts = NDArray[np.int64]
_ROWS = 256  # of a product that are held at a time


@dataclass(frozen=True)
class Share:
    """How many fingerprints row `row` of one matrix and row `other` of another have in common."""

    row: int
    other: int
    shared: int


@dataclass(frozen=True)
class Index:
    """Fingerprints of a class by submission and by part, without those that are common.

    `owners` says which submission each row of `by_part` is from; `sizes` and `part_sizes` count
    the fingerprints of each row, and `common` those that were left out of each submission.
    """

    by_submission: Any
    by_part: Any
    owners: Counts
    sizes: Counts
    part_sizes: Counts
    common: Counts
    rare: Hashes


def build_index(hashes: Sequence[Sequence[Hashes]], limit: int) -> Index:
    """Index the fingerprints of each part of each submission; in more than `limit` is common."""
    owners = np.array([i for i, parts in enumerate(hashes) for _ in parts], np.int64)
    parts = [part for submission in hashes for part in submission]
    lengths = [len(part) for part in parts]
    together = np.concatenate([*parts, np.zeros(0, np.uint64)])
    values, columns = np.unique(together, return_inverse=True)
    rows = np.repeat(np.arange(len(parts)), lengths)
    by_part = _ones(rows, columns, (len(parts), len(values)))
    by_submission = _ones(owners[rows], columns, (len(hashes), len(values)))
    rare = np.bincount(by_submission.indices, minlength=len(values)) <= limit
    before = _sizes(by_submission)
    by_part, by_submission = by_part[:, rare], by_submission[:, rare]
    sizes = _sizes(by_submission)
    return Index(
        by_submission, by_part, owners, sizes, _sizes(by_part), before - sizes, values[rare]
    )


def _ones(rows: Counts, columns: Counts, shape: tuple[int, int]) -> Any:
    """A matrix with a one wherever a row has a column, however often it does."""
    matrix = scipy.sparse.csr_matrix((np.ones(len(rows), np.int32), (rows, columns)), shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def _sizes(matrix: Any) -> Counts:
    sizes: Counts = np.diff(matrix.indptr).astype(np.int64)
    return sizes


def find_shares(index: Index, settings: Settings) -> Iterator[Share]:
    """Pairs of submissions, each once, that share enough of the smaller one."""
    for rows, others, shared in _products(index.by_submission, index.by_submission, settings):
        smaller = np.minimum(index.sizes[rows], index.sizes[others])
        kept = (rows < others) & (shared >= settings.containment * smaller)
        yield from _shares(rows[kept], others[kept], shared[kept])


def find_part_shares(index: Index, settings: Settings) -> Iterator[Share]:
    """Parts, as rows of `by_part`, of which another submission has enough."""
    for rows, others, shared in _products(index.by_part, index.by_submission, settings):
        kept = index.owners[rows] != others
        kept &= shared >= settings.part_containment * index.part_sizes[rows]
        yield from _shares(rows[kept], others[kept], shared[kept])


def count_shared(index: Index, left: int, right: int) -> int:
    """How many fingerprints two submissions have in common."""
    product = index.by_submission[left] @ index.by_submission[right].T
    return int(product.sum())


def _products(left: Any, right: Any, settings: Settings) -> Iterator[tuple[Counts, Counts, Counts]]:
    """Rows of the one and of the other with what they share, where it is enough, in blocks."""
    turned = right.T.tocsr()
    for start in range(0, left.shape[0], _ROWS):
        block = (left[start : start + _ROWS] @ turned).tocoo()
        enough = block.data >= settings.least_shared
        rows = block.row[enough].astype(np.int64) + start
        yield rows, block.col[enough].astype(np.int64), block.data[enough].astype(np.int64)


def _shares(rows: Counts, others: Counts, shared: Counts) -> Iterator[Share]:
    for row, other, count in zip(rows.tolist(), others.tolist(), shared.tolist(), strict=True):
        yield Share(row, other, count)
