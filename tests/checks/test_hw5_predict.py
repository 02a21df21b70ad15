"""What hw5's check of predict() reads off its code, both ways."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from grader.assignment import Assignment
from grader.checks import AnswerMissing, CheckFailed, LimitExceeded, Stage
from grader.model import Raised
from rubrics.hw5 import test_p4_predict as p4

LOOP = """
def predict(model, dataloader):
    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    model = model.to(device)
    total = []
    for number, images in enumerate(dataloader):
        images.to(device)
        total.append(model(images).softmax(1).argmax(1))
    return torch.cat(total).cpu().numpy()
"""
MOVED = {
    "as-it-is": ("", "", "images"),
    "in-place": ("model = model.to", "model.to", "images"),
    "non-blocking": ("images.to(device)", "images.to(device, non_blocking=True)", "images"),
    "bound-again": ("images.to(device)", "images = images.to(device)", None),
    "another-name": ("images.to(device)", "batch = images.to(device)", None),
    "in-the-call": ("model(images)", "model(images.to(device))", None),
    "by-another-function": ("model(images)", "model(moved(images))", None),
    "filled": ("images.to(device)", "images.to(device); images.data = moved(images)", None),
    "no-gpu": ('"cuda:0" if torch.cuda.is_available() else "cpu"', '"cpu"', None),
    "on-the-cpu": ("images.to(device)", "images.to('cpu')", None),
    "model-stays": ("model = model.to(device)", "pass", None),
    "another-place": ("model = model.to(device)", "model = model.to(torch.float64)", None),
    "in-parallel": ("model = model.to(device)", "model = DataParallel(model).to(device)", None),
    "other-loop": ("enumerate(dataloader)", "enumerate(batches)", None),
    "no-function": ("def predict", "def predicted", None),
    "unreadable": ("def predict", "def def", None),
}


@pytest.mark.parametrize(("old", "new", "lost"), MOVED.values(), ids=MOVED)
def test_images_whose_copy_is_thrown_away_are_told(old: str, new: str, lost: str | None) -> None:
    assert p4.thrown_away((LOOP.replace(old, new),)) == lost


@pytest.mark.parametrize(
    ("old", "new", "used"),
    [
        ("", "", []),
        ("model(images)", "alexnet(images)", ["alexnet"]),
        ("model(images)", "vgg16.to(device)(images)", ["vgg16"]),
        ("(dataloader)", "(my_dataloader)", ["my_dataloader"]),
        ("total = []", "total, alexnet = [], model", []),
        ("(model, dataloader)", "(alexnet, my_dataloader)", []),
    ],
)
def test_networks_and_loaders_from_outside_are_told(old: str, new: str, used: list[str]) -> None:
    code = LOOP.replace(old, new) if old else LOOP
    assert p4.globals_of((code,)) == used


NOT_WRITTEN = AnswerMissing(
    Stage.RETURNS,
    "This is not written yet.",
    raised=Raised(type="NotImplementedError", message="aten::x", frames=()),
)


def whose(code: str, failure: CheckFailed) -> CheckFailed:
    """What the check says of a failure of such code."""
    with pytest.raises(CheckFailed) as told, p4.told_whose(Sources(code)):
        raise failure
    return told.value


class Sources:
    """Evidence of one cell."""

    def __init__(self, code: str) -> None:
        self.sources = (code,)


def test_a_global_network_without_memory_is_not_an_empty_answer() -> None:
    of_another = LOOP.replace("model(images)", "alexnet(images)")
    told = whose(of_another, NOT_WRITTEN)
    assert told.message == (
        "predict() uses the global alexnet, whatever model it is given: "
        "it raised NotImplementedError"
    )
    assert not isinstance(told, AnswerMissing)
    assert whose(of_another + "    raise NotImplementedError", NOT_WRITTEN) is NOT_WRITTEN
    assert whose(LOOP, NOT_WRITTEN) is NOT_WRITTEN


FAILED = CheckFailed(Stage.RETURNS, "predict(...) raised TypeError: int is not iterable")


@pytest.mark.parametrize(
    ("n", "size", "failure", "others", "told"),
    [
        (3, 2, FAILED, True, True),
        (2, 1, FAILED, True, True),
        (1, 3, FAILED, True, True),
        (4, 2, FAILED, True, False),
        (3, 2, FAILED, False, False),
        (3, 2, NOT_WRITTEN, True, False),
        (3, 2, LimitExceeded(Stage.RETURNS, "too long"), True, False),
    ],
)
def test_a_batch_of_one_image_is_told(
    n: int, size: int, failure: CheckFailed, others: bool, told: bool
) -> None:
    with pytest.raises(CheckFailed) as raised, p4.told_of_single(n, size, lambda: others):
        raise failure
    text = f"predict() goes wrong where a batch has one image only: {failure.message}"
    assert raised.value.message == (text if told else failure.message)


@pytest.mark.parametrize(
    ("labels", "names", "told"),
    [
        (["1", "24"], {1: "tench", 24: "owl"}, True),
        ([np.int64(3), 4], ["tench", "owl"], True),
        (["tench", "24"], {1: "tench"}, False),
        (["24: owl"], {1: "tench"}, False),
        ([], {1: "tench"}, None),
        (["1"], {1: "24"}, None),
        (None, {1: "tench"}, None),
    ],
)
def test_labels_that_are_numbers_are_told(
    hw5: Assignment, labels: Any, names: Any, told: bool | None
) -> None:
    spec = importlib.util.spec_from_file_location("m", hw5.folder / "scaffolds" / "models.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.are_numbers(labels, names) is told


class Labelled:
    """A student whose labels are numbers in a copy of the cells, or cannot be asked."""

    label_list_alexnet = label_map = None

    def __init__(self, ask: Callable[[], Any]) -> None:
        self.memo: dict[str, Any] = {}
        self._ask = ask

    def renew(self) -> None:
        """There is no process."""

    def scaffold(self, name: str, *, patches: bool = False) -> Any:
        if patches:
            raise CheckFailed(Stage.RETURNS, "the cells stop")
        return type("Models", (), {"are_numbers": lambda *_: self._ask()})()


def missing() -> Any:
    """Ask for a name that is not there."""
    raise AnswerMissing(Stage.PRESENT, "`label_list_alexnet` is not defined.")


@pytest.mark.parametrize(
    ("code", "ask", "charged"),
    [
        ("label_list_alexnet = []", lambda: True, True),
        ("label_list_alexnet = []", lambda: False, False),
        ("label_list_alexnet = []", lambda: None, False),
        ("label_list_alexnet = []", missing, False),
        ("names = []", lambda: True, False),
    ],
)
def test_numbers_for_names_are_charged(code: str, ask: Callable[[], Any], charged: bool) -> None:
    text = "^label_list_alexnet holds numbers of classes, but should hold their names"
    judged = pytest.raises(CheckFailed, match=text) if charged else contextlib.nullcontext()
    with judged:
        p4.assert_right_means(Labelled(ask), Sources(code), np.zeros(2))
