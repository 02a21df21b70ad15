"""Compare the code of a class with itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from grader.errors import UsageError
from grader.similarity.documents import (
    MOST_CHARACTERS,
    Document,
    fingerprints_of,
    read_document,
    template_hashes,
)
from grader.similarity.index import (
    Index,
    build_index,
    count_shared,
    find_part_shares,
    find_shares,
)
from grader.similarity.passages import find_passages
from grader.similarity.results import (
    Comparison,
    Pair,
    PartShare,
    Settings,
    Side,
    SubmittedCode,
)
from grader.submission.files import printable

_MOST_NAMED = 10


def compare(
    submissions: Sequence[SubmittedCode],
    template: Mapping[str, str],
    settings: Settings | None = None,
) -> Comparison:
    """Find pairs of submissions with more code in common than the homework explains.

    `template` is the code by part that every student was given: it is nobody's. Nothing is run,
    and code that is not Python is compared too. The same input gives the same result. Raises
    UsageError where two submissions have one id.
    """
    settings = settings or Settings()
    _check_ids(submissions)
    known = template_hashes(template, settings.k)
    documents = [read_document(code, known, settings) for code in submissions]
    limit = settings.common_limit(len(submissions))
    index = build_index(fingerprints_of(documents), limit)
    ranked = _rank(index, documents, settings)
    pairs = []
    for left, right, pair in ranked[: settings.most_pairs]:
        passages = find_passages(documents[left], documents[right], index.rare, known, settings)
        named = replace(pair, left=submissions[left].id, right=submissions[right].id)
        pairs.append(replace(named, passages=passages))
    return Comparison(
        submissions=len(submissions),
        pairs=tuple(pairs),
        left_out=len(ranked) - len(pairs),
        common_limit=limit,
        settings=settings,
        notes=tuple(_notes(submissions, template, documents, index, settings)),
    )


def _check_ids(submissions: Sequence[SubmittedCode]) -> None:
    twice = [name for name, n in Counter(code.id for code in submissions).items() if n > 1]
    if twice:
        raise UsageError(
            f"{len(twice)} ids stand for more than one submission ({printable(twice[0])}): "
            "give each submission an id of its own."
        )


def _rank(
    index: Index, documents: Sequence[Document], settings: Settings
) -> list[tuple[int, int, Pair]]:
    """Pairs of rows that are worth a person's time, those that share most first."""
    counted: dict[tuple[int, int], int] = {}
    parts: dict[tuple[int, int], list[PartShare]] = {}
    names = [part.name for document in documents for part in document.parts]
    for share in find_shares(index, settings):
        counted[share.row, share.other] = share.shared
    for share in find_part_shares(index, settings):
        owner = int(index.owners[share.row])
        rows = min(owner, share.other), max(owner, share.other)
        size = int(index.part_sizes[share.row])
        side: Side = "left" if owner == rows[0] else "right"
        told = PartShare(side, names[share.row], share.shared, share.shared / size)
        parts.setdefault(rows, []).append(told)
        if rows not in counted:
            counted[rows] = count_shared(index, *rows)
    found = [
        (left, right, _pair(index, left, right, shared, parts.get((left, right), [])))
        for (left, right), shared in counted.items()
    ]
    return sorted(found, key=lambda f: (-f[2].shared, -f[2].containment, f[0], f[1]))


def _pair(index: Index, left: int, right: int, shared: int, parts: Sequence[PartShare]) -> Pair:
    sizes = int(index.sizes[left]), int(index.sizes[right])
    return Pair(
        left="",
        right="",
        shared=shared,
        containment=shared / min(sizes),
        jaccard=shared / (sum(sizes) - shared),
        parts=tuple(parts),
    )


def _notes(
    submissions: Sequence[SubmittedCode],
    template: Mapping[str, str],
    documents: Sequence[Document],
    index: Index,
    settings: Settings,
) -> Iterator[str]:
    """What could not be compared, and why."""
    if not template:
        yield "No template was given: what every student was given counts as shared."
    few = index.sizes < settings.least_shared
    hidden = few & (index.sizes + index.common >= settings.least_shared)
    limit = settings.common_limit(len(submissions))
    for chosen, told in (
        ([d.is_cut for d in documents],
         f"more than {MOST_CHARACTERS >> 10} KiB of code: what lies beyond was not compared"),
        ((few & ~hidden).tolist(), "too little code beside the template's to be compared"),
        (hidden.tolist(),
         f"hardly any code that is not in more than {limit} submissions: it is what the homework "
         "leads to, or many have it from one source"),
    ):  # fmt: skip
        if names := [code.id for code, is_so in zip(submissions, chosen, strict=True) if is_so]:
            yield f"{_counted(names)} with {told}: {_listed(names)}."


def _counted(names: Sequence[str]) -> str:
    return f"{len(names)} submission{'s' if len(names) != 1 else ''}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    listed = ", ".join(map(printable, names[:_MOST_NAMED]))
    return f"{listed} and {more} more" if more > 0 else listed
