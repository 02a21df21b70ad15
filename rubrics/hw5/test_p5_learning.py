"""Problem 5 (a) and (d): the data, and what the class learns from it."""

import itertools
import re
from functools import lru_cache

import numpy as np
import pytest

from grader.checks import (
    CheckFailed,
    NeedsReview,
    Stage,
    first_unprinted,
    match_or_remark,
    numbers,
)


@lru_cache(maxsize=4)
def mnist(folder, name):
    """Pixels (N, 784) and labels (N,) of the data that every submission is given."""
    file = {"train": "mnist_train_small.csv", "test": "mnist_test.csv"}[name]
    rows = np.loadtxt(folder / "sample_data" / file, delimiter=",", dtype=np.float32)
    return rows[:, 1:], rows[:, 0]


@pytest.mark.part("5a")
def test_pixels_are_scaled(student, reference, data_folder):
    """The pixels of X_train and X_test lie between 0 and 1."""
    for name in ("train", "test"):
        pixels, _ = mnist(data_folder, name)
        match_or_remark(getattr(student, f"X_{name}"), reference.scale(pixels),
                        remarks=[in_another_range], what=f"X_{name}")  # fmt: skip


def in_another_range(told, right):
    """Where the pixels lie, if not between 0 and 1."""
    pixels = numbers(told)
    low, high = pixels.min(), pixels.max()
    return "" if low >= 0 and high <= 1 else f"yours go from {low:.3g} to {high:.3g}"


@pytest.mark.part("5a")
def test_training_labels_are_one_hot(student, reference, data_folder):
    """y_train holds the training labels one-hot: a row of ten for each sample."""
    assert_one_hot(student, reference, data_folder, "train")


@pytest.mark.part("5a")
def test_test_labels_are_one_hot(student, reference, data_folder):
    """y_test holds the test labels one-hot: a row of ten for each sample."""
    assert_one_hot(student, reference, data_folder, "test")


def assert_one_hot(student, reference, data_folder, name):
    """Fail where the codes of a set are others than its labels', or the labels are gone."""
    _, labels = mnist(data_folder, name)
    match_or_remark(student[f"y_{name}"], reference.one_hot(labels), remarks=[left_at_zero],
                    what=f"y_{name}")  # fmt: skip
    assert_kept(student, f"Y_{name}", labels)


def assert_kept(student, name, labels):
    """Fail where a name holds other numbers than the labels, in whatever shape and dtype."""
    told = labels_under(student, name)
    if told is not None and not np.array_equal(told.ravel(), labels):
        text = f"{name} no longer holds the labels: its shape is {told.shape}"
        raise CheckFailed(Stage.MEANS, text, hint="The codes belong under a name of their own.")


def labels_under(student, name):
    """The numbers under a name; None where there are none that can be read."""
    try:
        return numbers(student[name])
    except CheckFailed:
        return None


def left_at_zero(told, right):
    """How many rows have no code, where all others have theirs."""
    codes, rows = numbers(told), np.asarray(right)
    empty = ~codes.any(axis=1)
    count = int(empty.sum())
    if not 0 < count < len(rows) or not np.array_equal(codes[~empty], rows[~empty]):
        return ""
    where = "the first " if empty[:count].all() else "the last " if empty[-count:].all() else ""
    return f"{where}{count} rows are still all zeros"


# How `test_class_learns` trains, and its margins: measured, see docs/training.md.
TRAINING = {"batch_size": 16, "epochs": 20, "lr": 3.0}
HIDDEN, LOSS_SHARE, TOLD_APART = 24, 0.83, 0.7


def clusters():
    """160 points around the corners of ten axes, and which axis each belongs to."""
    rng = np.random.default_rng(5)
    Y = np.repeat(np.arange(10), 16).astype(float)
    return 2 * np.eye(10)[Y.astype(int)] + 0.1 * rng.standard_normal((160, 10)), Y


def learned(losses, predicted, Y):
    """The last epoch's loss in units of the first's, and the share that is predicted rightly."""
    with np.errstate(divide="ignore", invalid="ignore"):  # a loss of 0 has not fallen
        share = float(losses[-1] / losses[0])
    return share, float((predicted.argmax(axis=1) == Y).mean())


@pytest.mark.part("5d")
def test_class_learns(student):
    """Trained on data with clear classes, the class learns to recognise them."""
    X, Y = clusters()
    student.seed(1)
    model = student.MLP.keep(X, Y[:, None], X, Y[:, None], 1, HIDDEN)
    model.train(**TRAINING)
    losses = numbers(model.train_loss, what="self.train_loss")
    if losses.shape != (TRAINING["epochs"],) or not np.isfinite(losses).all():
        found = (f"the shape {losses.shape}, but should have one entry for each epoch"
                 if losses.shape != (TRAINING["epochs"],) else
                 f"{(~np.isfinite(losses)).sum()} entries that are NaN or infinite")  # fmt: skip
        raise CheckFailed(Stage.SHAPE, f"self.train_loss has {found}")
    predicted = numbers(model.predict(X), what="predict(X)")
    if predicted.shape != (160, 10):
        text = f"predict(X).shape={predicted.shape}, but should be (160, 10)"
        raise CheckFailed(Stage.SHAPE, text)
    share, accuracy = learned(losses, predicted, Y)
    if not share < LOSS_SHARE:
        went = f"from {losses[0]:.3f} to {losses[-1]:.3f} in {len(losses)} epochs"
        text = f"the training loss went {went}, but should fall below {LOSS_SHARE * losses[0]:.3f}"
        raise CheckFailed(Stage.VALUES, text, hint="Does each batch go through backpropagation?")
    if not accuracy >= TOLD_APART:
        raise CheckFailed(
            Stage.VALUES,
            f"after training, {accuracy:.0%} of the training samples get the right class, but at "
            f"least {TOLD_APART:.0%} should",
        )


# The epochs of `test_metrics_are_printed`, and the most that it can read of what they print.
EPOCHS, READABLE = 2, 4000
# No divisor of the samples: some batches that `train` makes are larger by one.
UNEVEN = 9


@pytest.mark.part("5d")
def test_metrics_are_printed(student, data_folder):
    """train prints epoch, loss, acc, val_loss, val_acc, train_time and tot_time, each epoch."""
    X, Y = clusters()
    student.seed(5)
    # Half of the labels are wrong for validation: its loss and accuracy are others than training's.
    Y_val = np.where(np.arange(len(Y)) % 2, Y, (Y + 1) % 10)
    model = student.MLP.keep(X, Y[:, None], X, Y_val[:, None], 1, HIDDEN)
    model.train(batch_size=UNEVEN, epochs=EPOCHS, lr=3.0)
    text, seconds = student.output, student.seconds
    kept = {}
    for name in ("train_loss", "train_acc", "val_loss", "val_acc"):
        kept[name] = numbers(getattr(model, name), what=f"self.{name}")
        if kept[name].shape != (EPOCHS,):
            said = f"self.{name} has the shape {kept[name].shape} after {EPOCHS} epochs"
            raise CheckFailed(Stage.SHAPE, said, hint="It should have one entry for each epoch.")
    rows = [printed_row(epoch, kept, text, seconds) for epoch in range(EPOCHS)]
    unprinted = first_unprinted(text, rows)
    if unprinted is not None:
        first = {name: np.repeat(values[:1], EPOCHS) for name, values in kept.items()}
        stale = [printed_row(epoch, first, text, seconds) for epoch in range(EPOCHS)]
        raise not_printed(text, rows, stale, *unprinted, mixed_up(text, kept, unprinted[1]))
    pair = exchanged(text, kept)
    if pair is not None:
        said = f"{pair[0]} and {pair[1]} are printed under each other's name"
        raise CheckFailed(Stage.VALUES, said)
    assert_right_data(student, data_folder)


# A number under one of these names, as `val_acc = 0.91` or `Val acc: 91.2%`.
LABELLED = re.compile(r"(?<![\w])((?:val|validation|test)[ _])?(?:train(?:ing)?[ _])?(loss|acc)\w*"
                      r"\s*[=:]\s*(\d*\.?\d+(?:e[-+]?\d+)?)", re.IGNORECASE)  # fmt: skip


# Names as they are printed, which may have been exchanged with each other.
PAIRS = tuple(itertools.combinations(("loss", "acc", "val_loss", "val_acc"), 2))


def exchanged(text, kept):
    """Two names under which the other's numbers stand for certain; None where there are none.

    Where a name does not stand exactly once an epoch it is not clear what it means.
    """
    told, right = labelled(text), by_label(kept)
    for pair in PAIRS:
        if all(len(told[name]) == EPOCHS for name in pair) and all(
            _are(told[name], right[other]) and not _are(told[name], right[name])
            for name, other in (pair, pair[::-1])
        ):
            return pair
    return None


METRICS = {
    "loss": "training loss",
    "acc": "training accuracy",
    "val_loss": "validation loss",
    "val_acc": "validation accuracy",
}


def mixed_up(text, kept, lacking):
    """Of a name that is lacking, whose numbers stand under it for certain: words, or none."""
    told, right = labelled(text), by_label(kept)
    for name in lacking:
        if len(told.get(name, ())) != EPOCHS or _are(told[name], right[name]):
            continue
        for other, values in right.items():
            if _are(told[name], values):
                first = f"{told[name][0]:g} in the first line"
                return f"the number printed as {name} is the {METRICS[other]}: {first}"
    return ""


def labelled(text):
    """The numbers under each name, in their order."""
    told = {name: [] for name in ("loss", "acc", "val_loss", "val_acc")}
    for prefix, label, number in LABELLED.findall(text):
        told[f"{'val_' if prefix else ''}{label.lower()}"].append(float(number))
    return told


def by_label(kept):
    """The metrics of all epochs under the names that they are printed by."""
    return {name.removeprefix("train_"): values for name, values in kept.items()}


def _are(printed, values):
    """Whether numbers are these to about two digits, as they are or in percent."""
    return any(np.allclose(np.divide(printed, unit), values, rtol=0.01, atol=0.006)
               for unit in (1, 100))  # fmt: skip


def assert_right_data(student, data_folder):
    """Fail where `model` of the training cell certainly has wrong data."""
    scaffold = student.scaffold("perceptron")
    try:
        told = scaffold.data_of(student["model"])
    except CheckFailed:
        return  # under another name, or not there: the class itself is judged above
    if not (isinstance(told, list | tuple) and [type(one) for one in told] == [int] * 4 + [bool]):
        return
    *counts, same = told
    for what, samples, labels in zip(("training", "validation"), counts[::2], counts[1::2],
                                     strict=True):  # fmt: skip
        if samples != labels and not are_codes(student, "Y_train", "Y_test"):
            text = f"model has {labels} {what} labels for {samples} samples"
            raise CheckFailed(Stage.SHAPE, text, hint="Which labels does MLP(...) take?")
    if same:
        text = "the data that model is validated on are those that it is trained on"
        raise CheckFailed(Stage.VALUES, text, hint="Which set did it never see while learning?")
    if are_exchanged(some_rows(scaffold, student["model"]),
                     *(mnist(data_folder, name)[0] for name in ("train", "test"))):  # fmt: skip
        text = "model is trained on the test data and validated on the training data"
        raise CheckFailed(Stage.VALUES, text, hint="Which samples does MLP(...) take first?")


def are_codes(student, *names):
    """Whether one of the names of the labels holds codes: that counts in part (a)."""
    told = [labels_under(student, name) for name in names]
    return any(one is not None and one.ndim > 1 and one.shape[-1] > 1 for one in told)


# So many samples of a model's data are looked at; so many must show which file they are from.
SOME, FEWEST = 40, 5
PIXELS = 28 * 28


def some_rows(scaffold, model):
    """Samples that a model is trained on and that it is validated on; none that cannot be read."""
    try:
        told = scaffold.rows_of(model, SOME)
        return [numbers(rows) for rows in told] if type(told) is list else []
    except (CheckFailed, NeedsReview):
        return []


def are_exchanged(rows, train, test):
    """Whether all samples for training are from the test file, and all others from the other.

    A sample is known by where it has ink, in whatever scale; one that is in both files tells
    nothing, and one that is in neither is the student's own: then nothing is certain.
    """
    files = [set(inked(pixels)) for pixels in (train, test)]
    return len(rows) == 2 and all(
        all_from(some, *order) for some, order in zip(rows, (files[::-1], files), strict=True)
    )


def all_from(rows, file, other):
    """Whether all of these samples, with a column of ones before or behind, are from a file."""
    if rows.ndim != 2 or rows.shape[1] < PIXELS:
        return False
    for columns in (rows[:, :PIXELS], rows[:, -PIXELS:]):
        told = [one for one in inked(columns) if not (one in file and one in other)]
        if len(told) >= FEWEST and all(one in file for one in told):
            return True
    return False


def inked(pixels):
    """Of each row of pixels, which differ from the corner: the same in any scale."""
    return [row.tobytes() for row in np.packbits(pixels != pixels[:, :1], axis=1)]


def printed_row(epoch, kept, text, seconds):
    """What is to be printed of an epoch, counted from 0: numbers by name, in any usual unit."""
    row = {"the number of the epoch": [(epoch, epoch), (epoch + 1, epoch + 1)]}
    for name, values in kept.items():
        shares = (1, 100) if name.endswith("acc") else (1,)
        row[name.removeprefix("train_")] = [(share * values[epoch],) * 2 for share in shares]
    times = [(0, seconds)]
    if re.search(r"\d\s*(ms|milli)", text):
        times.append((0, 1000 * seconds))
    return {**row, "train_time": times, "tot_time": times}


def not_printed(text, rows, stale, epoch, lacking, mixed=""):
    """The verdict on a text that does not show the epoch's numbers.

    `stale` are the rows of a text that shows the first epoch's metrics each time; `mixed` says
    which metric stands under the name of one that is lacking.
    """
    if len(text) >= READABLE:
        return NeedsReview("train prints very much: a person looks for its metrics.")
    if not text.strip():
        return CheckFailed(Stage.PRESENT, "train printed nothing in any epoch")
    if epoch == 0 and len(lacking) > 1 and first_unprinted(text, rows[-1:]) is None:
        said = f"train printed the metrics of the last of {EPOCHS} epochs only"
        return CheckFailed(Stage.PRESENT, said, hint="Is the print inside the loop?")
    if epoch > 0 and first_unprinted(text, stale) is None:
        said = f"the line of epoch {epoch + 1} shows the metrics of the first epoch again"
        return CheckFailed(Stage.PRESENT, said, hint="Which entry of the lists is the latest?")
    if mixed:
        hint = "Which variable stands behind each name?"
        return CheckFailed(Stage.PRESENT, mixed, hint=hint)
    shown = text.strip().splitlines()[0][:200]
    return CheckFailed(
        Stage.PRESENT,
        f"the line of epoch {epoch + 1} lacks {', '.join(lacking)}; train printed: {shown}",
        hint="Compare the line with the list in the comment above it.",
    )
