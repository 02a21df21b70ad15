"""What hw5's check of an image dataset reads off the mark on an image, both ways."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from grader.assignment import Assignment
from grader.checks import CheckFailed, NeedsReview, Stage
from grader.checks.said import Said
from grader.model import Raised
from rubrics.hw5 import test_p4_images as p4
from tests.checks.hw5_answers import REFERENCE

TURNS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "mirrored, left for right": lambda x: x.flip(2),
    "mirrored, top for bottom": lambda x: x.flip(1),
    "turned upside down": lambda x: x.flip(1, 2),
    "turned on its side, with rows for columns": lambda x: x.transpose(1, 2),
    "turned on its side, clockwise": lambda x: torch.rot90(x, -1, (1, 2)),
    "turned on its side, anticlockwise": lambda x: torch.rot90(x, 1, (1, 2)),
    "turned on its side, mirrored": lambda x: x.transpose(1, 2).flip(1, 2),
}
COLOUR, MARK = np.float32([0.2, 0.4, 0.9]), np.float32([0.7, 0.9, 0.4])


@pytest.fixture(scope="module")
def images(hw5: Assignment) -> ModuleType:
    """The scaffold that makes the images and reads them."""
    spec = importlib.util.spec_from_file_location("images", hw5.folder / "scaffolds" / "images.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def judged(images: ModuleType, item: Any) -> None:
    """What the check says of an item of the dataset."""
    told = images.seen(item)
    scaffold = SimpleNamespace(seen=lambda _: told)
    dataset: Any = SimpleNamespace(_node={}, _student=None, _said=Said("dataset", "dataset"))
    right, mark = (REFERENCE.image_item(of[None], 0) for of in (COLOUR, MARK))
    p4.assert_item(scaffold, dataset, 0, right, mark, set)


def test_the_image_as_it_is_is_right(images: ModuleType) -> None:
    (image,) = images.solid([COLOUR], [MARK])
    judged(images, image)
    small = torch.nn.functional.interpolate(image[None], size=112, mode="bilinear")
    judged(images, torch.nn.functional.interpolate(small, size=224, mode="bilinear")[0])


@pytest.mark.parametrize("turned", TURNS)
def test_a_turned_image_is_told(images: ModuleType, turned: str) -> None:
    (image,) = images.solid([COLOUR], [MARK])
    with pytest.raises(CheckFailed, match=f"^the image comes back {turned}, but should be as it"):
        judged(images, TURNS[turned](image))


@pytest.mark.parametrize("turned", TURNS)
@pytest.mark.parametrize("shape", [(4, 8, 3), (8, 4, 3), (5, 5, 3), (7, 4, 3)])
def test_the_transform_shows_how_its_image_was_turned(
    images: ModuleType, turned: str, shape: tuple[int, int, int]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 240, shape, dtype=np.uint8)
    pixels[0, 1] = 255
    changed = TURNS[turned](torch.from_numpy(pixels).permute(2, 0, 1)).permute(1, 2, 0).numpy()
    _, corner, marks = images.seen(images.transform(Image.fromarray(changed.copy())))
    with pytest.raises(CheckFailed, match=f"^the image comes back {turned}, but"):
        p4.assert_upright(marks, corner, np.full(3, p4.MARK))
    _, corner, marks = images.seen(images.transform(Image.fromarray(pixels)))
    p4.assert_upright(marks, corner, np.full(3, p4.MARK))


@pytest.mark.parametrize(
    "marks",
    [
        np.repeat(COLOUR[:, None], 8, axis=1),
        np.repeat(MARK[:, None], 8, axis=1),
        np.full((3, 8), np.nan),
        np.zeros((8, 3)),
        "0.7",
        None,
    ],
    ids=["none", "all", "nan", "shape", "text", "nothing"],
)
def test_a_mark_that_cannot_be_read_is_for_a_person(marks: Any) -> None:
    corner = np.broadcast_to(COLOUR[:, None, None], (3, 2, 2))
    with pytest.raises(NeedsReview, match="a part of it is gone or changed"):
        p4.assert_upright(marks, corner, MARK)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (torch.zeros(3, 224), "the image's shape"),
        (torch.zeros(224, 224, 3), "the image's shape"),
        (np.zeros((3, 224, 224)), "an item is a ndarray, but should be an image as a tensor"),
    ],
    ids=["two", "channels-last", "array"],
)
def test_what_is_no_image_is_told(images: ModuleType, item: Any, message: str) -> None:
    with pytest.raises(CheckFailed, match=message):
        judged(images, item)


def test_an_answer_of_another_form_is_for_a_person() -> None:
    scaffold = SimpleNamespace(seen=lambda _: 5)
    dataset: Any = SimpleNamespace(_node={}, _student=None, _said=Said("dataset", "dataset"))
    with pytest.raises(NeedsReview, match="cannot be read"):
        p4.assert_item(scaffold, dataset, 0, None, None, set)


PIXELS = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
CHANGED: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str | None]] = {
    "as-they-are": (lambda x: x, None),
    "rounded": (lambda x: np.minimum(x, 253) + 1, None),
    "reversed": (lambda x: x[..., ::-1], "reversed"),
    "reversed-and-rounded": (lambda x: np.minimum(x[..., ::-1], 253) + 1, "reversed"),
    "permuted": (lambda x: x[..., [1, 0, 2]], "permuted"),
    "gray": (lambda x: np.asarray(Image.fromarray(x).convert("L").convert("RGB")), "grey"),
    "negative": (lambda x: 255 - x, "negative"),
    "mirrored": (lambda x: x[::-1], "mirrored"),
    "upside-down": (lambda x: x[::-1, ::-1], "mirrored"),
    "rows-for-columns": (lambda x: x.transpose(1, 0, 2), "turned"),
    "clockwise": (lambda x: np.rot90(x, -1), "turned"),
    "resized": (lambda x: x[:5], None),
    "another": (lambda x: np.roll(x, 1, axis=0)[..., ::-1], "other"),
    "scrambled": (lambda x: x.reshape(7, 9, 3), "other"),
}


@pytest.mark.parametrize(("change", "told"), CHANGED.values(), ids=CHANGED)
def test_images_that_were_changed_are_told(
    images: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[np.ndarray], np.ndarray],
    told: str | None,
) -> None:
    (tmp_path / "my_images").mkdir()
    Image.fromarray(PIXELS).save(tmp_path / "my_images" / "one.png")
    (tmp_path / "my_images" / "notes.txt").write_text("no image")
    monkeypatch.chdir(tmp_path)
    changed = Image.fromarray(np.ascontiguousarray(change(PIXELS)))
    assert images.changed([None, changed, changed]) == told


def test_one_image_may_be_turned_and_a_camera_may_lie_on_its_side(
    images: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_images").mkdir()
    photograph = Image.fromarray(PIXELS)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    photograph.save(tmp_path / "my_images" / "one.png", exif=exif)
    monkeypatch.chdir(tmp_path)
    upright = photograph.transpose(Image.Transpose.ROTATE_270)
    assert images.changed([upright, upright]) is None
    assert images.changed([photograph, photograph.transpose(Image.Transpose.TRANSPOSE)]) is None
    assert images.changed([photograph.transpose(Image.Transpose.FLIP_LEFT_RIGHT)] * 2) == "mirrored"


def test_gray_images_have_no_channels_to_exchange(
    images: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_images").mkdir()
    gray = Image.fromarray(PIXELS[..., 0]).convert("RGB")
    gray.save(tmp_path / "my_images" / "one.png")
    monkeypatch.chdir(tmp_path)
    assert images.changed([gray]) is None


IMAGENET = np.float32([0.485, 0.456, 0.406])[:, None, None], np.float32([0.229, 0.224, 0.225])
MORE_DONE: dict[str, tuple[Callable[[torch.Tensor], torch.Tensor], str]] = {
    "normalised": (
        lambda x: (x - torch.tensor(IMAGENET[0])) / torch.tensor(IMAGENET[1])[:, None, None],
        "^the image is normalised once more",
    ),
    "doubled": (lambda x: 2 * x - 1, "^the image is normalised once more"),
    "shifted": (lambda x: x + 3, "^the image is scaled or shifted"),
    "flipped": (lambda x: x.flip(0), "^the image"),
    "always-the-same": (lambda x: 0 * x + 5, "^the image"),
}


@pytest.mark.parametrize(("change", "message"), MORE_DONE.values(), ids=MORE_DONE)
def test_what_is_done_to_all_images_alike_is_told(
    images: ModuleType, change: Callable[[torch.Tensor], torch.Tensor], message: str
) -> None:
    pairs: list[Any] = []
    for colour in (COLOUR, np.float32([0.8, 0.1, 0.3])):
        (image,) = images.solid([colour], [MARK])
        told = images.seen(change(image))
        scaffold = SimpleNamespace(seen=lambda _, told=told: told)
        dataset: Any = SimpleNamespace(_node={}, _student=None, _said=Said("dataset", "dataset"))
        right, mark = (REFERENCE.image_item(of[None], 0) for of in (colour, MARK))
        with pytest.raises(CheckFailed) as failed:
            p4.assert_item(scaffold, dataset, 0, right, mark, set, pairs)
    assert re.match(message, failed.value.message)
    assert ("once more" in message) == ("once more" in failed.value.message)


def test_another_image_of_the_list_is_told(images: ModuleType) -> None:
    colours = np.stack([COLOUR, MARK])

    def told(colour: torch.Tensor) -> str:
        with (
            pytest.raises(CheckFailed) as failed,
            p4.told_of_another_item(colour.reshape(3, 1, 1), 1, colours),
        ):
            raise CheckFailed(Stage.VALUES, "another")
        return failed.value.message

    assert told(torch.from_numpy(COLOUR)) == "another; item 1 is image 0 of the list"
    assert told(torch.zeros(3)) == "another"


def test_images_of_the_same_pixels_are_the_same(images: ModuleType) -> None:
    first, second = (np.full((2, 2, 3), level, np.uint8) for level in (1, 2))
    told = images.images([first, second, first.copy()])
    assert told[0] is told[2] and told[0] is not told[1]


@pytest.mark.parametrize(
    ("asked", "counts"), [("copy", True), ("convert", True), ("mode", True), ("nothing", False)]
)
def test_code_that_counts_on_images_is_known(asked: str, counts: bool) -> None:
    raised = Raised(type="AttributeError", message=f"'Tensor' object has no attribute '{asked}'")
    assert p4.counts_on_images(CheckFailed(Stage.RETURNS, "raised", raised=raised)) is counts
    assert not p4.counts_on_images(CheckFailed(Stage.VALUES, "other values"))
