"""A class: copies are listed, independent answers are not, and nothing is unbounded."""

from __future__ import annotations

import itertools

import pytest

from grader.errors import UsageError
from grader.similarity import Comparison, Pair, Settings, SubmittedCode, compare
from grader.similarity.documents import MOST_CHARACTERS, read_document, template_hashes
from tests.similarity.classes import hw5_class, hw5_template, synthetic_class, synthetic_template
from tests.similarity.copying import WAYS, copied

TEMPLATE = synthetic_template()
CLASS = synthetic_class(12, 9000)
HW5, GIVEN = hw5_class(), hw5_template()


def pair_of(found: Comparison, *names: str) -> Pair:
    (pair,) = (p for p in found.pairs if {p.left, p.right} == set(names))
    return pair


def with_copies(way: str, *places: int) -> tuple[list[SubmittedCode], set[frozenset[str]]]:
    copies = [copied(HW5[place], way, GIVEN, place) for place in places]
    return [*HW5, *copies], {frozenset((HW5[p].id, f"{HW5[p].id}-copy")) for p in places}


def test_independent_right_answers_of_one_homework_are_not_listed() -> None:
    assert compare(HW5, GIVEN).pairs == ()


@pytest.mark.parametrize("way", ["verbatim", "disguised", "reordered", "a fifth rewritten"])
def test_copies_are_listed_and_nothing_else_is(way: str) -> None:
    submissions, wanted = with_copies(way, 3, 7, 12)
    found = compare(submissions, GIVEN)
    assert {frozenset((pair.left, pair.right)) for pair in found.pairs} == wanted


def test_disguise_hides_nothing() -> None:
    submissions, _ = with_copies("disguised", 5)
    pair = pair_of(compare(submissions, GIVEN), "hw5-5", "hw5-5-copy")
    assert pair.containment == 1 and pair.jaccard > 0.95


def test_reordering_and_rewriting_lower_the_score_and_do_not_erase_it() -> None:
    scores = []
    for way in ("disguised", "reordered", "reordered much", "two fifths rewritten"):
        found = compare([*CLASS, copied(CLASS[4], way, TEMPLATE, 1)], TEMPLATE)
        scores.append(pair_of(found, "s4", "s4-copy").containment)
    assert 1 == scores[0] > scores[1] > scores[2] > 0.3 and 1 > scores[3] > 0.3


def test_independent_made_up_answers_are_not_listed() -> None:
    assert compare(CLASS, TEMPLATE).pairs == ()


def test_scores_are_those_of_the_definition() -> None:
    """All pairs by sets, against the index."""
    copies = [copied(CLASS[n], way, TEMPLATE, n) for n, way in enumerate(WAYS)]
    submissions = [*CLASS, *copies, copied(copies[0], "disguised", TEMPLATE, 9)]
    settings = Settings(containment=0.01, least_shared=1, common_least=3, most_pairs=10**6)
    known = template_hashes(TEMPLATE, settings.k)
    prints = {}
    for code in submissions:
        parts = read_document(code, known, settings).parts
        prints[code.id] = {h for p in parts for h in p.fingerprints.hashes.tolist()}
    owners: dict[int, int] = {}
    for value in itertools.chain.from_iterable(prints.values()):
        owners[value] = owners.get(value, 0) + 1
    rare = {name: {h for h in values if owners[h] <= 3} for name, values in prints.items()}
    wanted = {}
    for (one, a), (other, b) in itertools.combinations(rare.items(), 2):
        shared = len(a & b)
        if shared and shared / min(len(a), len(b)) >= 0.01:
            wanted[one, other] = (shared, shared / min(len(a), len(b)), shared / len(a | b))
    found = compare(submissions, TEMPLATE, settings)
    assert {(p.left, p.right): (p.shared, p.containment, p.jaccard) for p in found.pairs
            if not p.parts or (p.left, p.right) in wanted} == wanted  # fmt: skip
    assert [p.shared for p in found.pairs] == sorted((p.shared for p in found.pairs), reverse=True)


def test_copy_of_one_large_part_is_listed_with_the_part() -> None:
    thief = SubmittedCode("thief", "", {**CLASS[2].parts, "1": WAYS["disguised"](
        CLASS[7].parts["1"], 3)})  # fmt: skip
    pair = pair_of(compare([*CLASS[:2], *CLASS[3:], thief], TEMPLATE), "s7", "thief")
    assert {(share.side, share.part) for share in pair.parts} == {("left", "1"), ("right", "1")}
    assert all(share.containment > 0.9 and share.shared >= 20 for share in pair.parts)
    assert {passage.left.part for passage in pair.passages} == {"1"}


SHORT = {
    "sigmoid": "def sigmoid(z):\n    return 1 / (1 + np.exp(-z))\n",
    "softmax": "def softmax(z):\n    e = np.exp(z)\n    return e / e.sum(axis=1, keepdims=True)\n",
    "steps": "optimizer.zero_grad()\nloss = criterion(net(x), y)\nloss.backward()\n",
}


@pytest.mark.parametrize("count", [2, 30])
def test_short_answers_make_no_pair(count: int) -> None:
    submissions = [SubmittedCode(f"s{n}", "", SHORT) for n in range(count)]
    found = compare(submissions, {"sigmoid": "def sigmoid(z):\n    pass\n"})
    assert found.pairs == ()
    assert found.notes[0].startswith(f"{count} submissions with too little code beside the")


def test_what_many_have_makes_no_pair_and_what_few_have_does() -> None:
    own = CLASS[0].parts["0"]
    for holders, pairs in ((6, 0), (5, 10)):
        submissions = [
            SubmittedCode(c.id, "", {**c.parts, "x": own} if n < holders else c.parts)
            for n, c in enumerate(CLASS[1:])
        ]
        found = compare(submissions, TEMPLATE)
        assert (len(found.pairs), found.common_limit) == (pairs, 5)
        assert all(pair.passages[0].left.part == "x" for pair in found.pairs)


def test_code_of_the_template_makes_no_pair_wherever_it_stands() -> None:
    moved = {"all": "\n".join(TEMPLATE.values())}
    submissions = [SubmittedCode(f"s{n}", "", moved) for n in range(2)]
    assert compare(submissions, TEMPLATE).pairs == ()
    without = compare(submissions, {})
    assert len(without.pairs) == 1
    assert without.notes == (
        "No template was given: what every student was given counts as shared.",
    )


def test_identical_submissions_of_a_whole_class_are_told_of_and_make_no_pairs() -> None:
    submissions = [SubmittedCode(f"s{n}", "", CLASS[0].parts) for n in range(120)]
    found = compare(submissions, TEMPLATE)
    assert found.pairs == () and found.common_limit == 12
    assert found.notes[0].startswith(
        "120 submissions with hardly any code that is not in more than 12 submissions: "
    )
    assert found.notes[0].endswith("s0, s1, s2, s3, s4, s5, s6, s7, s8, s9 and 110 more.")


def test_pairs_are_bounded_and_the_rest_is_counted() -> None:
    groups = [SubmittedCode(f"{c.id}-{n}", "", c.parts) for c in CLASS for n in range(5)]
    found = compare(groups, TEMPLATE, Settings(most_pairs=7))
    assert len(found.pairs) == 7 and found.left_out == 12 * 10 - 7


HOSTILE = ["(" * 10**6, "\0" * 10**6, "x = y + 1; " * 90_000, "'''\n" * 250_000, "# \x1b[31m\n"]


@pytest.mark.parametrize("code", HOSTILE, ids=lambda code: repr(code[:4]))
def test_hostile_code_is_compared_like_any_other(code: str) -> None:
    submissions = [SubmittedCode(f"s\x1b{n}", "", {"1": code + "\n" * n}) for n in range(2)]
    found = compare(submissions, TEMPLATE)
    assert found.pairs == ()
    assert "\x1b" not in "".join(found.notes)
    cut = [note for note in found.notes if "KiB" in note]
    assert cut == ([
        "2 submissions with more than 512 KiB of code: what lies beyond was not compared: "
        "s\\x1b0, s\\x1b1."
    ] if len(code) > MOST_CHARACTERS else [])  # fmt: skip


def test_cell_of_several_parts_counts_once() -> None:
    parts = {f"1{letter}": CLASS[0].parts["0"] for letter in "abcde"}
    copy = {"1a": WAYS["disguised"](CLASS[0].parts["0"], 1)}
    found = compare([SubmittedCode("a", "", parts), SubmittedCode("b", "", copy)], TEMPLATE)
    (pair,) = found.pairs
    assert {passage.left.part for passage in pair.passages} == {"1a"}
    assert pair.jaccard > 0.9
    read = read_document(SubmittedCode("a", "", parts), template_hashes(TEMPLATE, 12), Settings())
    assert [part.name for part in read.parts] == ["1a"]


def test_same_input_gives_the_same_result() -> None:
    submissions, _ = with_copies("reordered", 2, 4)
    assert compare(submissions, GIVEN) == compare(submissions, GIVEN)


@pytest.mark.parametrize("count", [0, 1])
def test_class_of_nobody_has_no_pairs(count: int) -> None:
    found = compare(CLASS[:count], TEMPLATE)
    assert (found.pairs, found.submissions) == ((), count)


def test_ids_have_to_differ() -> None:
    with pytest.raises(UsageError, match=r"1 ids stand for more than one submission \(s0\)"):
        compare([CLASS[0], CLASS[0]], TEMPLATE)


WRONG = {
    "k": 0,
    "w": 0,
    "containment": 0.0,
    "common_share": 1.5,
    "least_shared": 0,
    "most_pairs": -1,
}


@pytest.mark.parametrize("name", WRONG)
def test_settings_that_make_no_sense_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=rf"{name}=\S+, but should be"):
        Settings(**{name: WRONG[name]})  # type: ignore[arg-type]
