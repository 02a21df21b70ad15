"""The checks of hw5's training loop both ways, on what a watched loop may have shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from grader.checks import CheckFailed, NeedsReview
from rubrics.hw5 import test_p3_training as p3
from tests.checks.hw5_answers import REFERENCE

KNOWN = p3.all_images(REFERENCE)
IMAGES, LABELS = (REFERENCE.load_split().value[at] for at in (0, 2))
SCORES = np.random.default_rng(0).standard_normal((40, 10))


def seen(**told: Any) -> dict[str, Any]:
    """What a loop of ten right steps shows, with changes."""
    right = {"losses": [2.3] * 10, "dirty": [False] * 10, "moved": [False] + [True] * 10,
             "steps": 10, "empty": 0, "foreign": 0, "rates": [1e-3] * 10, "parameters": 6,
             "still": [], "batches": [], "before": None, "after": None, "given": 1000,
             "different": 500, "networks": 1, "ended": True,
             "repeated": 0, "loaded": 1000, "forwarded": 1000, "reached": 1000,
             "complete": [900, 900], "passes": [[5, 5, 5, 500]] * 2, "maximize": False}  # fmt: skip
    return right | told


def batches(loss: Any) -> list[tuple[Any, ...]]:
    rows = [slice(0, 20), slice(20, 40)]
    return [(IMAGES[r], SCORES[r], loss(SCORES[r], LABELS[r])) for r in rows]


def noisy(rows: Any) -> Any:
    return rows + np.random.default_rng(1).normal(0, 0.5, rows.shape)


def test_images_that_are_changed_resemble_those_that_they_were() -> None:
    told = p3.nearest(noisy(IMAGES[:200]), KNOWN)
    assert np.mean([a == b for a, b in zip(told, p3.keys(IMAGES[:200]), strict=True)]) > 0.95


def test_changed_images_of_the_test_set_are_for_a_person() -> None:
    _, test, _, _ = REFERENCE.load_split().value
    of_test = set(p3.keys(test)) - set(p3.keys(IMAGES))
    p3.assert_unlike(of_test, [noisy(IMAGES[:100]), noisy(IMAGES[100:300])], KNOWN)
    with pytest.raises(NeedsReview, match=r"9\d%|100% of them resemble one of the test set"):
        p3.assert_unlike(of_test, [noisy(test[:100]), noisy(test[100:200])], KNOWN)


@pytest.mark.parametrize(
    ("loss", "is_far"),
    [
        (p3.cross_entropy, False),
        (lambda scores, labels: 50 * p3.cross_entropy(scores, labels), True),
        (lambda scores, labels: len(labels) * p3.cross_entropy(scores, labels), False),
        (lambda scores, labels: -p3.cross_entropy(scores, labels), True),
        (lambda scores, labels: 1.4 * p3.cross_entropy(scores, labels) + 0.1, False),
    ],
)
def test_loss_of_changed_images_is_compared_roughly(loss: Any, is_far: bool) -> None:
    changed = [(noisy(rows), scores, told) for rows, scores, told in batches(loss)]
    assert not p3.readable(changed, KNOWN)
    assert p3.far_from_cross_entropy(changed, KNOWN) is is_far


def test_a_cross_entropy_of_exactly_zero_is_no_fault() -> None:
    parts = ((slice(0, 20), 0.0), (slice(20, 40), 1.0))
    sure = [(IMAGES[at], 1e6 * np.eye(10)[LABELS[at]], loss) for at, loss in parts]
    assert p3.cross_entropy(sure[0][1], LABELS[:20]) == 0
    assert p3.too_small(seen(batches=sure), KNOWN) is None
    assert not p3.far_from_cross_entropy(sure, KNOWN)


def test_steps_of_a_right_loop_are_right() -> None:
    assert p3.wrong_steps(seen()) is None
    assert p3.uncleared(seen()) is None


def test_parameters_that_move_need_no_gradient_that_was_seen() -> None:
    # A hook may move them within the backward pass and clear the gradient at once.
    assert p3.wrong_steps(seen(parameters=0, steps=0, rates=[])) is None


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"steps": 0, "moved": [False] * 11}, "took no step"),
        ({"parameters": 0, "moved": [False] * 11}, "gave no parameter"),
        ({"foreign": 10, "moved": [False] * 11}, "holds no parameter"),
        ({"empty": 10}, "found no gradients"),
        ({"moved": [False] * 11, "rates": [0]}, "learning rate is 0"),
        ({"still": ["conv1.weight"]}, "never changed conv1.weight"),
        ({"steps": 20, "repeated": 10}, "took 20 steps with the gradients of 10 backward passes"),
    ],
)
def test_wrong_steps_are_told_apart(told: dict[str, Any], message: str) -> None:
    assert message in p3.wrong_steps(seen(**told)).message


def test_batches_that_are_used_in_part_are_told_apart() -> None:
    p3.assert_whole_batches(seen())
    p3.assert_whole_batches(seen(forwarded=950))  # in the middle of a batch
    # Batches that come without a DataLoader, or a network that is called in another way.
    p3.assert_whole_batches(seen(complete=[0, 0], loaded=0))
    p3.assert_whole_batches(seen(complete=[0, 900]))
    p3.assert_whole_batches(seen(complete=[0, 0], forwarded=900))  # from a list of batches
    with pytest.raises(CheckFailed, match="of 900 images in its batches the loop gives 864"):
        p3.assert_whole_batches(seen(complete=[864, 900]))
    with pytest.raises(CheckFailed, match="of 1000 images in its batches the loop gives 10"):
        p3.assert_whole_batches(seen(complete=[0, 0], forwarded=10))


SHORT = [[1, 5, 1, 100]] * 3


def test_epochs_that_end_early_are_told_apart() -> None:
    p3.assert_whole_epochs(seen(), Cells("for x, y in trainloader: break"))
    p3.assert_whole_epochs(seen(passes=[[5, 5, 5, 500], *SHORT[1:]]), Cells("..."))
    p3.assert_whole_epochs(seen(passes=SHORT), Cells("x, y = next(iter(trainloader))"))
    p3.assert_whole_epochs(seen(passes=[[1, 0, 1, 100]] * 3), Cells("a stream without a length"))
    with pytest.raises(CheckFailed, match="each epoch ends after 1 of 5 batches"):
        p3.assert_whole_epochs(seen(passes=SHORT), Cells("for x, y in trainloader: break"))


ONE_STEP = {"losses": [2.3] * 4, "passes": [[5, 5, 1, 500]] * 4, "loaded": 400}


def test_batches_that_only_go_forward_are_told_apart() -> None:
    p3.assert_learns_from_each_batch(seen())
    p3.assert_learns_from_each_batch(seen(reached=0))  # outputs that could not be watched
    p3.assert_learns_from_each_batch(seen(**ONE_STEP, reached=2000))  # losses that are summed
    with pytest.raises(CheckFailed, match="only 3 of 15 batches went backward"):
        p3.assert_learns_from_each_batch(seen(**ONE_STEP, reached=400))
    with pytest.raises(NeedsReview):
        p3.assert_learns_from_each_batch(seen(**ONE_STEP, reached=0, forwarded=0))


@dataclass(frozen=True)
class Cells:
    """The code of a part."""

    source: str

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda s, y: p3.cross_entropy(s[y != 3], y[y != 3]), "without the digit 3"),
        (lambda s, y: p3.cross_entropy(s[:1], y[:1]), "of the first 1 images"),
        (lambda s, y: p3.cross_entropy(s[-7:], y[-7:]) * 7, "of the last 7 images"),
        (lambda s, y: p3.cross_entropy(s, y) + 0.1, None),
        (lambda s, y: 20 * p3.cross_entropy(s, y), None),
    ],
)
def test_images_that_the_loss_leaves_out_are_named(loss: Any, message: str | None) -> None:
    told = p3.wrong_loss(batches(loss), KNOWN)
    assert told is None if message is None else message in told


def test_gradients_left_after_steps_are_found() -> None:
    left = p3.uncleared(seen(dirty=[False] + [True] * 9))
    assert left.message.startswith("after each step")
    assert "after 5 of 9 steps" in p3.uncleared(seen(dirty=[False, True] * 5)).message


def test_gradients_that_add_up_before_a_step_are_right() -> None:
    assert p3.uncleared(seen(dirty=[False, True] * 5, moved=[False, False, True] * 3)) is None


@pytest.mark.parametrize("factor", [1, 0.5, 20])
def test_cross_entropy_is_no_wrong_loss(factor: float) -> None:
    right = batches(lambda scores, labels: factor * p3.cross_entropy(scores, labels))
    assert p3.wrong_loss(right, KNOWN) is None


@pytest.mark.parametrize("name", p3.WRONG_LOSSES)
def test_wrong_loss_is_recognised(name: str) -> None:
    assert p3.wrong_loss(batches(p3.WRONG_LOSSES[name]), KNOWN) == name


def test_progress_is_measured_with_the_right_labels() -> None:
    told = batches(p3.cross_entropy)
    good = SCORES + 3 * np.eye(10)[LABELS[:40]]
    assert p3.no_progress(seen(batches=told, before=SCORES, after=good), KNOWN) is None
    failure = p3.no_progress(seen(batches=told, before=SCORES, after=SCORES), KNOWN)
    assert failure.message.startswith("the loss went from")
    bad = SCORES + 9 * np.eye(10)[(LABELS[:40] + 1) % 10]
    failure = p3.no_progress(seen(batches=told, before=SCORES, after=bad), KNOWN)
    assert failure.message.startswith("the loss rose from")


def test_pixels_are_recognised_in_another_scale() -> None:
    factor, offset = p3.scale_of([((IMAGES[:9] - 4.9) / 6, None, 0)], KNOWN)
    assert (factor, offset) == pytest.approx((1 / 6, -4.9 / 6))
    assert p3.scale_of([(IMAGES[:9], None, 0)], KNOWN) is None


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"given": 100, "different": 100},
        {"given": 600, "different": 348},  # with replacement: about 1 - 1/e of 500
        {"given": 400, "different": 200},
        {"given": 0, "different": 0},
    ],
)
def test_a_loop_through_the_training_set_sees_most_of_it(told: dict[str, Any]) -> None:
    p3.assert_sees_most(seen(**told), 500)


def test_a_loop_over_one_batch_sees_little() -> None:
    with pytest.raises(CheckFailed, match=r"on 100 different images, 3000 in all, .* are 500"):
        p3.assert_sees_most(seen(given=3000, different=100), 500)


def test_a_loop_that_was_left_early_may_have_seen_more_later() -> None:
    with pytest.raises(NeedsReview, match="a person looks whether others follow"):
        p3.assert_sees_most(seen(given=60000, different=100, ended=False), 500)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({}, ""),
        ({"networks": 3}, "; the loop trained 3 networks, one after another"),
        ({"maximize": True}, "; the optimizer maximizes"),
        ({"rates": [1e-3, 1e-5, 1e-8]}, "; the learning rate fell from 0.001 to 1e-08 in 3 steps"),
        ({"rates": [1e-3, 1e-5]}, ""),
        ({"rates": [0.0, 0.0]}, ""),
        ({"rates": []}, ""),
    ],
)
def test_why_a_network_has_not_learned(told: dict[str, Any], message: str) -> None:
    assert p3.why_not(seen(**told)) == message


def printing(text: str, **told: Any) -> dict[str, Any]:
    """What a right loop shows that prints this in four epochs."""
    return {**seen(passes=[[5, 5, 5, 500]] * 4), "printed": text, **told}


def lines(losses: Iterable[object], line: str = "Epoch : {} | Training Loss : {}") -> str:
    return "\n".join(line.format(epoch, loss) for epoch, loss in enumerate(losses))


@pytest.mark.parametrize(
    "text",
    [
        lines(["2.3023", "1.1042", "1.2034", "0.5023", "0.6011", "0.1001"]),
        lines(["0.0012"] * 8),  # it was over before the first line
        lines(["0.0002", "0.0001", "0.0001", "0.0001", "0.0005"], "{} loss={}, and noise"),
        lines(["2.3", "4.6"]),
        lines(["1.02e+00", "5.10e-01", "7.01e-02"]),
        lines(["2.30"] * 4, "{} took 0.123 s, loss {}"),
        lines(["2.30"] * 3),
        lines(["0.91", "1.02", "1.80"]),
        lines(range(9), "{} loss: {}"),  # numbers of steps, say
        lines(["0.11", "0.52", "0.81", "0.92", "0.95", "0.97"], "{} accuracy: {}"),
        lines(["0.11", "0.52", "0.81", "0.92", "0.95", "0.97"], "{} loss of epoch 3.0: acc {}"),
        "",
    ],
)
def test_losses_that_may_be_printed(text: str) -> None:
    assert p3.printed_wrong(printing(text)) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (lines(["2.3023", "4.5012", "6.1143", "7.0001", "7.5212"]), "only grows, from 2.3023"),
        (lines(["2.3", "4.5", "4.5", "9.0", "9.0"], "{} loss {}"), "only grows"),
        (lines(["2.3023"] * 5), "is 2.3023 each time"),
    ],
)
def test_losses_that_no_learning_network_has(text: str, message: str) -> None:
    assert message in p3.printed_wrong(printing(text)).message


def test_a_total_may_begin_anew_in_each_epoch_or_be_meant() -> None:
    text = lines(["2.3023", "4.5012", "6.1143", "7.0001", "7.5212"])
    assert p3.printed_wrong(printing(text, passes=[[5, 5, 5, 500]] * 2)) is None
    assert p3.printed_wrong(printing(text, passes=[])) is None  # its own way through the images
    meant = p3.printed_wrong(printing(text.replace("Training", "Total")))
    assert isinstance(meant, NeedsReview)
