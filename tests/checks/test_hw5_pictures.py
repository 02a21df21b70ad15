"""What hw5's check of shown images reads off pictures and labels, both ways."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.image import BboxImage, FigureImage
from PIL import Image

from grader.assignment import Assignment
from grader.checks import CheckFailed, NeedsReview, Stage
from rubrics.hw5 import test_p4_shown as p4

PATCHED = ((Axes, "imshow"), (plt, "show"), (plt, "pause"), (BboxImage, "__init__"),
           (FigureImage, "__init__"), (FigureCanvasBase, "print_figure"),
           (FigureCanvasBase, "draw"), (Image.Image, "show"), (Image.Image, "save"))  # fmt: skip


@pytest.fixture
def pictures(
    hw5: Assignment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModuleType]:
    """The scaffold that watches, in a folder with twelve images; what it changes is put back."""
    for owner, name in PATCHED:
        monkeypatch.setattr(owner, name, getattr(owner, name))
    (tmp_path / "my_images").mkdir()
    for number in range(12):
        name = f"{number:02d}.{('png', 'jpg')[number % 2]}"
        Image.new("RGB", (40, 30), (9 * number, 90, 60)).save(tmp_path / "my_images" / name)
    (tmp_path / "my_images" / "notes.txt").write_text("no image")
    (tmp_path / "labels.txt").write_text("beside the folder")
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("p", hw5.folder / "scaffolds" / "pictures.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.watch()
    yield module
    plt.close("all")


def read(mode: str | None) -> list[Any]:
    """The folder's images in a mode, or as they are."""
    opened = [Image.open(p) for p in sorted(Path("my_images").glob("*.*g"))]
    return [one.convert(mode) if mode else one for one in opened]


def in_a_grid(images: list[Any], labels: list[str] | None = None) -> None:
    """Show images and labels as the homework does."""
    fig = plt.figure()
    for place, image in enumerate(images):
        ax = fig.add_subplot(4, 3, place + 1)
        ax.imshow(np.asarray(image))
        ax.set_title((labels or [""] * 12)[place])
    plt.show()


def in_one_axes(images: list[Any], labels: list[str] | None = None) -> None:
    """Show each image on top of those before."""
    for image in images:
        plt.imshow(image)


def one_by_one(images: list[Any], labels: list[str] | None = None) -> None:
    """Show each image in a figure of its own, smaller, between 0 and 1."""
    for place, image in enumerate(images):
        plt.imshow(np.asarray(image.resize((7, 5))) / 255)
        plt.suptitle(f"{place}: {(labels or [''] * 12)[place].title()}")
        plt.show()


def as_montage(images: list[Any], labels: list[str] | None = None) -> None:
    """Show one picture of all images."""
    plt.imshow(np.concatenate([np.asarray(image) for image in images]))


def saved(images: list[Any], labels: list[str] | None = None) -> None:
    """Show the first image, and all in files."""
    plt.imshow(images[0])
    for place, image in enumerate(images):
        image.save(f"{place}.png")


Show = Callable[..., None]


def seen(pictures: ModuleType, mode: str | None, show: Show, upto: int = 12) -> Any:
    """What the scaffold tells of a cell that reads the images so and shows some of them."""
    pictures.enter_copy()
    assert Path("labels.txt").read_text() == "beside the folder"
    images = read(mode)
    show(images[:upto])
    told = pictures.report({"image_list": images})
    pictures.leave_copy()
    assert os.path.exists("my_images/notes.txt")
    return told


def test_a_copy_of_the_folder_has_gray_and_transparent_images(pictures: ModuleType) -> None:
    told = seen(pictures, None, in_a_grid)
    assert told["read"]
    assert sorted(set(told["modes"])) == ["L", "P", "RGB", "RGBA"]
    text = "^a file that is gray or transparent becomes an image of mode 'L' in image_list"
    with pytest.raises(CheckFailed, match=text):
        p4.assert_converts(told)
    p4.assert_converts(None)
    p4.assert_converts(seen(pictures, "RGB", in_a_grid))


def test_images_of_one_file_in_place_of_all_are_told(pictures: ModuleType) -> None:
    def of(files: int, times: int = 1, mode: str | None = "RGB") -> Any:
        pictures.enter_copy()
        images = read(mode)
        for image in images:
            image.load()  # and close its file
        told = pictures.report({"image_list": images[:files] * times})
        pictures.leave_copy()
        return told

    text = "^the 12 images of image_list are those of 1 different files, but my_images has 12"
    with pytest.raises(CheckFailed, match=text):
        p4.assert_of_all_files(of(1, 12))
    with pytest.raises(CheckFailed, match="those of 6 different files"):
        p4.assert_of_all_files(of(6, 2, None))
    for right in (of(12), of(12, 2), of(12, 1, None), None):
        p4.assert_of_all_files(right)
    # Other images than the folder's say nothing of its files.
    blank = pictures.report({"image_list": [Image.new("RGB", (8, 8))] * 12})
    p4.assert_of_all_files(blank)


def in_gray(images: list[Any], labels: list[str] | None = None) -> None:
    """Show the brightness alone."""
    in_a_grid([image.convert("L").convert("RGB") for image in images])


def above_one(images: list[Any], labels: list[str] | None = None) -> None:
    """Show colours as numbers of which imshow cuts off all but the least."""
    in_a_grid([np.asarray(image).astype(float) for image in images])


@pytest.mark.parametrize("show", [in_gray, above_one])
def test_images_in_other_colours_are_for_a_person(pictures: ModuleType, show: Show) -> None:
    told = seen(pictures, "RGB", show)
    with pytest.raises(NeedsReview, match="has another one"):
        p4.assert_all_visible(told, [""])


@pytest.mark.parametrize(
    ("show", "upto", "visible"),
    [
        (in_a_grid, 12, None),
        (in_a_grid, 4, 4),
        (in_a_grid, 11, 11),
        (in_one_axes, 12, 1),
        (one_by_one, 12, None),
        (one_by_one, 7, 7),
        (as_montage, 3, None),
        (saved, 12, None),
    ],
)
def test_images_that_are_not_visible_are_told(
    pictures: ModuleType, show: Show, upto: int, visible: int | None
) -> None:
    told = seen(pictures, "RGB", show, upto)
    some = {11: "all but the last", 1: "1"}.get(visible or 0, visible)
    text = f"^{some} of the 12 images of image_list (is|are) shown, but all should be"
    judged = pytest.raises(CheckFailed, match=text) if visible else contextlib.nullcontext()
    with judged:
        p4.assert_all_visible(told, ["vis_img_label(image_list)"])
    p4.assert_all_visible(told, ["from cv2 import x\ncv2_imshow(image_list)"])


def shifted(images: list[Any], labels: list[str]) -> None:
    """Show each image with the next one's label."""
    in_a_grid(images, labels[1:] + labels[:1])


def alike(images: list[Any], labels: list[str]) -> None:
    """Show one label with all images."""
    in_a_grid(images, [labels[4]] * 12)


def without(images: list[Any], labels: list[str]) -> None:
    """Show a title that says nothing."""
    in_a_grid(images, ["Prediction"] * 12)


def printed(images: list[Any], labels: list[str]) -> None:
    """Show the labels as text."""
    in_a_grid(images)
    print(labels)


def cut(images: list[Any], labels: list[str]) -> None:
    """Show the first letters of the labels."""
    in_a_grid(images, [label[:3].upper() for label in labels])


def squared(images: list[Any], axis_off: bool) -> None:
    """Show images and no labels, for which there is no parameter."""
    in_a_grid(images)


def in_places(images: list[Any], labels: list[str]) -> None:
    """Show images beside each other in one axes."""
    for place, image in enumerate(images):
        plt.imshow(image, extent=(place, place + 1, 0, 1))


@pytest.mark.parametrize(
    ("show", "text"),
    [
        (in_a_grid, None),
        (one_by_one, None),
        (as_montage, None),
        (in_one_axes, None),
        (printed, None),
        (cut, None),
        (squared, None),
        (saved, None),
        (in_places, None),
        (shifted, "^vis_img_label shows image 0 with label 1, but should with its own"),
        (alike, "^vis_img_label shows the same label with each image"),
        (without, "^vis_img_label shows none of the labels"),
    ],
)
def test_labels_of_other_images_are_told(
    pictures: ModuleType, show: Show, text: str | None
) -> None:
    pictures.student = {"vis_img_label": show}  # type: ignore[attr-defined]  # the notebook's names
    told = p4.read_or_none(pictures.labelled, p4.LABELLED)
    assert told is not None
    judged = pytest.raises(CheckFailed, match=text) if text else contextlib.nullcontext()
    with judged:
        p4.assert_own_labels(told)


def stopped() -> None:
    """Ask a process that raises."""
    raise CheckFailed(Stage.RETURNS, "raised KeyError")


@pytest.mark.parametrize(
    "ask",
    [
        stopped,
        lambda: None,
        lambda: {"images": [], "anywhere": []},
        lambda: {"images": [[0]], "anywhere": [], "parameter": "x", "placed": False,
                 "otherwise": False},
        lambda: {"images": [[0, ["a"]]], "anywhere": [], "parameter": "x", "placed": False,
                 "otherwise": False},
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_nothing(ask: Callable[[], Any]) -> None:
    assert p4.read_or_none(ask, p4.LABELLED) is None
    p4.assert_own_labels(None)
    p4.assert_all_visible(None, [])


@dataclass(frozen=True)
class Shown:
    """What of a part's evidence tells whether its images were shown."""

    shown: int
    here: bool | None
    sources: tuple[str, ...] = ("image_list = imread(img_dir)\nprint(len(image_list))",)

    def showed(self) -> bool | None:
        return self.here


class Listed:
    """A student whose image_list holds some images, and no folder."""

    image_list = None

    def __init__(self, count: int) -> None:
        self.count = count

        self.memo: dict[str, Any] = {}

    def renew(self) -> None:
        """There is no process."""

    def require(self, name: str) -> None:
        assert name == "image_list"

    def scaffold(self, name: str, *, patches: bool = False) -> Any:
        if patches:
            raise NeedsReview("no copy of the process can be made here")

        def absent(_: Any) -> None:
            raise CheckFailed(Stage.RETURNS, "no such folder")

        return SimpleNamespace(count=lambda _: self.count, modes=absent, changed=absent)


CALLED = "def look(x):\n    plt.imshow(x)\n"


@pytest.mark.parametrize(
    ("evidence", "count", "verdict"),
    [
        (Shown(1, True), 12, None),
        (Shown(1, None), 12, None),
        (Shown(0, False), 12, CheckFailed),
        (Shown(0, False, (CALLED,)), 12, CheckFailed),
        (Shown(0, False, (CALLED + "look(image_list)",)), 12, NeedsReview),
        (Shown(0, False, ("%matplotlib widget",)), 12, NeedsReview),
        (Shown(0, None), 12, NeedsReview),
        (Shown(0, True), 12, NeedsReview),
        (Shown(1, False), 12, NeedsReview),
        (Shown(0, False), 0, NeedsReview),
        (Shown(1, False), 0, NeedsReview),
    ],
    ids=str,
)
def test_images_that_nothing_shows_are_told(
    evidence: Shown, count: int, verdict: type[Exception] | None
) -> None:
    expected = pytest.raises(verdict) if verdict else contextlib.nullcontext()
    with expected:
        p4.test_images_are_shown(Listed(count), evidence)
