"""What hw5's checks read off printed text, both ways: decimals, and numbers under their names."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from grader.checks import CheckFailed, NeedsReview
from grader.model import Stage
from rubrics.hw5 import test_p2_values as p2
from rubrics.hw5 import test_p4_shown as p4
from rubrics.hw5 import test_p5_learning as p5


def shown(printed: str, source: str = "print(...)", text: str = "", pictures: int = 0) -> Any:
    return SimpleNamespace(printed=printed, sources=(source,), text=text, pictures=pictures)


PNG = b"\x89PNG\r\n\x1a\n"


def handed_in(*starts: bytes) -> Any:
    """A submission with a file in my_images for each of these first bytes."""
    files = {f"hw/my_images/{n}.png": start for n, start in enumerate(starts)}
    return SimpleNamespace(files=("hw/a.pdf", *files), starts_of=files.get)


def test_images_are_counted_by_what_they_begin_with() -> None:
    p4.test_images_are_there(handed_in(*[PNG] * 12))
    p4.test_images_are_there(handed_in(*[PNG] * 6, *[b"\xff\xd8\xff\xe0"] * 6, b"no image"))
    with pytest.raises(CheckFailed, match="my_images holds 11 images, but should hold at least 12"):
        p4.test_images_are_there(handed_in(*[PNG] * 11))
    with pytest.raises(NeedsReview, match="Of 12 files in my_images 0 begin as images do"):
        p4.test_images_are_there(handed_in(*[b""] * 12))
    with pytest.raises(NeedsReview, match="No images were handed in"):
        p4.test_images_are_there(handed_in())


def with_folder(*kinds: Any, modes: Any = ("RGB",)) -> Any:
    """A student in whose process the folder is told to hold so many images of each format."""
    images = SimpleNamespace(modes=lambda listed: (modes, list(kinds)))
    return SimpleNamespace(scaffold=lambda name: images, image_list=[])


def test_images_of_the_folder_that_are_left_out_are_told() -> None:
    assert p4.assert_all_in_rgb(with_folder(6, 6), 12) == 12
    assert p4.assert_all_in_rgb(with_folder(6, 6), 6) == 12  # all of one format
    with pytest.raises(CheckFailed, match="has 5 images, but should have all 12"):
        p4.assert_all_in_rgb(with_folder(6, 6), 5)
    with pytest.raises(CheckFailed, match="images of mode 'L'"):
        p4.assert_all_in_rgb(with_folder(6, 6, modes=("L", "RGB")), 12)


@pytest.mark.parametrize("kinds", [range(1, 41), (-6, 6), (True, 6), (6.0, 6), ("6",)])
def test_a_folder_that_cannot_be_is_for_a_person(kinds: Any) -> None:
    with pytest.raises(NeedsReview, match="cannot be read"):
        p4.assert_all_in_rgb(with_folder(*kinds), 12)


@pytest.mark.parametrize("printed", ["f = 1.05, e = 0.05", "e: 0.05", "e=0.1", "e = 0.05."])
def test_a_value_with_too_few_decimals_is_told(printed: str) -> None:
    with pytest.raises(CheckFailed, match=r"e is shown as 0\.\d+, but should have at least three"):
        p2.assert_shown_to_three(shown(printed), "e", 0.0512711)


@pytest.mark.parametrize(
    "submission",
    [
        shown("e = 0.051"),
        shown("e = 0.0512710963760241"),
        shown("e = 5.13e-02"),
        shown("e = 0.05, to be exact 0.05127"),
        shown("exponent = 0.05"),  # not e itself
        shown("z4 = 0.05"),
        shown(""),
        shown("e = 0.05", source='labels["e"] = f"{e:.4f}"'),
        shown("e = 0.05", source="labels['e'] = round(e, 3)"),
        shown("e = 0.05", text="e = 0.0513"),
    ],
    ids=lambda one: f"{one.printed} {one.text}",
)
def test_what_may_have_three_decimals_is_right(submission: Any) -> None:
    p2.assert_shown_to_three(submission, "e", 0.0512711)


@pytest.mark.parametrize(
    "source",
    [
        "f = 1.0513",
        "f, e = 1.0513, 0.0513",
        "places = [10 * column for column in range(3)]\nf = float(1.051)",
    ],
)
def test_a_value_that_is_typed_in_is_told(source: str) -> None:
    with pytest.raises(CheckFailed, match="f is typed in as a number, but should be") as failed:
        p2.assert_computed(shown("f = 1.0513", source), "f")
    assert failed.value.stage is Stage.MEANS


@pytest.mark.parametrize(
    "submission",
    [
        shown("", "f = 1.0513", text="$f = e^{0.05} = 1.0513$"),
        shown("", "f = 1.0513", pictures=1),
        shown("", "print(math.exp(0.05))\nf = 1.0513"),
        shown("", "print(math.e ** 0.05)\nf = 1.0513"),
        shown("", "z = -(w1*x1 + w2*x2)\nf = 1.0513"),
        shown("", "z = w @ x\nf = 1.0513"),
        shown("", "z = -(0.1 * 0.3 - 0.2 * 0.4)\nf = 1.0513"),
        shown("", "f = 1 + 0.05 + 0.00125 + 0.00002"),
        shown("", "f = forward(w1, x1, w2, x2)"),
        shown("", "from numbers import f"),
        shown("", "G = build_graph(nodes)"),
    ],
    ids=[
        "text",
        "picture",
        "call",
        "power",
        "product",
        "vectors",
        "numbers",
        "series",
        "function",
        "import",
        "none",
    ],
)
def test_what_may_be_computed_is_not_called_typed(submission: Any) -> None:
    p2.assert_computed(submission, "f")


def test_an_error_of_a_typed_value_is_computed() -> None:
    p2.assert_computed(shown("", "f = 1.0513\ne = f - 1"), "e")
    p2.assert_computed(shown("", "f = 0.05\ne = f"), "e")


KEPT = {
    "train_loss": np.array([2.1, 1.9]),
    "val_loss": np.array([2.4, 2.2]),
    "train_acc": np.array([0.31, 0.52]),
    "val_acc": np.array([0.15, 0.24]),
}
RIGHT = "acc = 0.310 | val_acc = 0.150\nacc = 0.520 | val_acc = 0.240\n"
EXCHANGED = "acc = 0.150 | val_acc = 0.310\nacc = 0.240 | val_acc = 0.520\n"


@pytest.mark.parametrize(
    "text",
    [
        EXCHANGED,
        EXCHANGED.replace("val_acc", "Val acc"),
        EXCHANGED.replace("val_acc", "validation accuracy").replace(" = ", ": "),
        "train_acc=15.0% val_acc=31.0%\ntrain_acc=24.0% val_acc=52.0%",
    ],
)
def test_numbers_under_each_others_name_are_found(text: str) -> None:
    assert p5.exchanged(text, KEPT) == ("acc", "val_acc")


@pytest.mark.parametrize(
    "text",
    [
        RIGHT,
        "0.150 0.310\n0.240 0.520",
        "train: acc = 0.310, validation: acc = 0.150\n" * 2,
        EXCHANGED + EXCHANGED,  # more lines than epochs
        "acc = 0.150 | val_acc = 0.310\nacc = 0.520 | val_acc = 0.240\n",
        "",
    ],
)
def test_what_is_not_certainly_exchanged_is_right(text: str) -> None:
    assert p5.exchanged(text, KEPT) is None


def test_loss_and_accuracy_under_each_others_name_are_found() -> None:
    line = "loss = {} | acc = {} | val_loss = {} | val_acc = {}\n"
    own = ("train_loss", "train_acc", "val_loss", "val_acc")

    def exchanged(*order: str) -> Any:
        return p5.exchanged(
            "".join(line.format(*(KEPT[n][e] for n in order)) for e in (0, 1)), KEPT
        )

    assert exchanged(*own) is None
    assert exchanged("train_acc", "train_loss", "val_acc", "val_loss") == ("loss", "acc")
    assert exchanged("train_loss", "train_acc", "val_acc", "val_loss") == ("val_loss", "val_acc")


def lines(*epochs: int) -> str:
    """The lines that `train` prints, with the metrics of these epochs."""
    told = {n.removeprefix("train_"): v for n, v in KEPT.items()}
    return "".join(
        f"Epoch {line + 1}: " + " | ".join(f"{n} = {v[epoch]:.3f}" for n, v in told.items())
        + " | train_time = 0.010 | tot_time = 0.020\n"
        for line, epoch in enumerate(epochs)
    )  # fmt: skip


def test_metrics_of_the_first_epoch_in_each_line_are_told() -> None:
    rows, stale = (
        [p5.printed_row(epoch, kept, "", 1.0) for epoch in (0, 1)]
        for kept in (KEPT, {name: values[[0, 0]] for name, values in KEPT.items()})
    )
    assert p5.first_unprinted(lines(0, 1), rows) is None
    epoch, lacking = p5.first_unprinted(lines(0, 0), rows)
    failure = p5.not_printed(lines(0, 0), rows, stale, epoch, lacking)
    assert failure.message == "the line of epoch 2 shows the metrics of the first epoch again"
    text = lines(0, 1).replace("val_loss = 2.200", "")
    told = p5.not_printed(text, rows, stale, *p5.first_unprinted(text, rows))
    assert told.message.startswith("the line of epoch 2 lacks val_loss")


@pytest.mark.parametrize(
    ("name", "shown", "said"),
    [
        ("val_loss", "val_loss = {train_loss}", "val_loss is the training loss: 2.1 in"),
        ("val_acc", "val_acc = {val_loss}", "val_acc is the validation loss: 2.4 in"),
        ("val_acc", "validation accuracy: {train_acc}", "val_acc is the training accuracy: 0.31"),
    ],
)
def test_another_metric_under_a_name_is_told(name: str, shown: str, said: str) -> None:
    numbers = iter([{n: f"{values[epoch]}" for n, values in KEPT.items()} for epoch in (0, 1)])
    text = re.sub(rf"{name} = [\d.]+", lambda _: shown.format(**next(numbers)), lines(0, 1))
    rows = [p5.printed_row(epoch, KEPT, "", 1.0) for epoch in (0, 1)]
    _, lacking = p5.first_unprinted(text, rows)
    assert f"the number printed as {said}" in p5.mixed_up(text, KEPT, lacking)


@pytest.mark.parametrize("new", ["val_loss = 9.9", "val_loss =", "2.100", "loss = 2.100"])
def test_a_metric_that_is_not_there_is_not_mixed_up(new: str) -> None:
    text = re.sub(r"val_loss = [\d.]+", new, lines(0, 1))
    assert p5.mixed_up(text, KEPT, ["val_loss"]) == ""
