"""Problem 4 (a) and (b): images of one's own, and how they are shown."""

import contextlib
import itertools
import re

import pytest

from grader.checks import CheckFailed, NeedsReview, Stage, at_work

# What files of these formats begin with.
STARTS = re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8|BM|RIFF....WEBP|II\*\0|MM\0\*|....ftyp", re.DOTALL)
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".heic")


# What may have been done to an image, as the scaffold tells it.
CHANGED = {
    "mirrored": "is mirrored or upside down, but should be as in its file",
    "turned": "lies on its side, but should be as in its file",
    "reversed": "has red and blue exchanged (BGR), but should be in RGB",
    "permuted": "has its colour channels in another order than RGB",
    "grey": "has lost its colours: its three channels are the same, but should be RGB",
    "negative": "has the colours of a negative, but should have those of its file",
}

# So many images the homework asks for, and so many are here.
FEWEST = 12


@pytest.mark.part("4a")
def test_images_are_there(submission):
    """The folder my_images holds at least 12 images of your own."""
    named = [name for name in submission.files
             if "my_images" in name and name.lower().endswith(SUFFIXES)]  # fmt: skip
    images = [name for name in named if STARTS.match(submission.starts_of(name))]
    if len(images) >= 12:
        return
    if len(named) >= 12:
        raise NeedsReview(f"Of {len(named)} files in my_images {len(images)} begin as images do: "
                          "a person looks at them.")  # fmt: skip
    if images:
        text = f"my_images holds {len(images)} images, but should hold at least 12"
        raise CheckFailed(Stage.VALUES, text)
    raise NeedsReview("No images were handed in with the notebook: a person looks at part (b).")


@pytest.mark.part("4b")
def test_images_are_shown(student, submission):
    """All images of the folder are read into image_list, in RGB, and shown."""
    student.require("image_list")
    count, here, strange = student.scaffold("images").count(student.image_list), 0, False
    if count:
        here = assert_all_in_rgb(student, count)
        strange = compare_with_files(student)
        seen, labelled = pictures_of(student, submission)
        assert_converts(seen)
        assert_of_all_files(seen)
        assert_all_visible(seen, submission.sources)
        assert_own_labels(labelled)
    if not submission.shown:
        if count and submission.showed() is False and not SHOWS.search(at_work(submission.sources)):
            text = "the images are read, but never shown: the cell's output has no picture"
            raise CheckFailed(Stage.PRESENT, text, hint="Which line shows them?")
        raise NeedsReview("The notebook holds no picture of this cell: a person looks at it.")
    if not count:
        raise NeedsReview("Here image_list holds no images: a person looks at the picture.")
    if submission.showed() is False:
        raise NeedsReview("The notebook holds a picture of this cell, which shows none when it is "
                          "run here: a person looks at it.")  # fmt: skip
    if strange:
        raise NeedsReview("The images of image_list are as large as those of the files, and have "
                          "the pixels of none: a person looks at the picture.")  # fmt: skip
    if count < min(FEWEST, here):
        raise NeedsReview(f"Of the {here} images here, which are files of several formats, "
                          f"image_list has the {count} of some formats: a person looks whether "
                          "the student's own are of these.")  # fmt: skip


# Words of what shows images, in whatever way, or of a magic that has them shown elsewhere.
SHOWS = re.compile(r"show|display|view|vis|plot|draw|paint|fig|html|widget|%|matplotlib|canvas",
                   re.IGNORECASE)  # fmt: skip


def compare_with_files(student):
    """Fail where an image has the pixels of a file, recoloured, mirrored or turned.

    Gives whether all images are as large as files and have the pixels of none.
    """
    try:
        told = student.scaffold("images").changed(student.image_list)
    except (CheckFailed, TypeError, ValueError):  # there is no such folder here
        return False
    if told in CHANGED:
        text = f"an image of image_list {CHANGED[told]}"
        raise CheckFailed(Stage.VALUES, text, hint="Show it beside the file that it comes from.")
    return told == "other"


def assert_all_in_rgb(student, count):
    """Fail where images are in another mode, or where some of each kind of file are left out.

    A list with all files of one kind, JPEG say, may have been meant. Returns how many images the
    folder holds, 0 where that is not known.
    """
    try:
        modes, kinds = student.scaffold("images").modes(student.image_list)
        known = all(isinstance(mode, str) for mode in modes)
        known = known and all(type(n) is int and n > 0 for n in kinds)
    except (CheckFailed, TypeError, ValueError):  # there is no such folder here
        return 0
    if not known or len(kinds) > len(SUFFIXES):  # it comes from the student's process
        raise NeedsReview("What image_list holds cannot be read: a person looks at it.")
    others = [mode for mode in modes if mode != "RGB"]
    if others:
        text = f"image_list has images of mode {others[0]!r}, but should have RGB images"
        raise CheckFailed(Stage.VALUES, text, hint="The networks take three colour channels.")
    whole = {sum(chosen) for n in range(len(kinds) + 1)
             for chosen in itertools.combinations(kinds, n)}  # fmt: skip
    # The folder may hold the student's own images beside those that are here.
    if count < min(FEWEST, sum(kinds)) and count not in whole:
        many = f"{count} image{'s' if count != 1 else ''}"
        text = f"image_list has {many}, but should have all {sum(kinds)} of my_images"
        raise CheckFailed(Stage.VALUES, text, hint="Which files are read, and which are kept?")
    return sum(kinds)


def pictures_of(student, submission):
    """What the cells show of images of one colour, and their vis_img_label of such with labels.

    None in place of what cannot be followed: then nothing is known of it.
    """
    if "pictures" not in student.memo:
        told = None, None
        with contextlib.suppress(NeedsReview, CheckFailed):  # a copy, or the scaffold in it
            pictures = student.scaffold("pictures", patches=True)
            pictures.watch()
            told = (
                read_or_none(lambda: seen_in_copy(student, submission, pictures), SEEN),
                read_or_none(pictures.labelled, LABELLED),
            )
        student.renew()
        student.memo["pictures"] = told
    return student.memo["pictures"]


def seen_in_copy(student, submission, pictures):
    """What the cells make of a folder with a copy of the images, each of one colour."""
    pictures.enter_copy()
    try:
        return pictures.report(student.rerun(submission.sources, submission.cells, timeout_s=30))
    finally:
        with contextlib.suppress(CheckFailed):  # as where the process is gone
            pictures.leave_copy()


def _is_places(value):
    return isinstance(value, list) and all(type(place) is int for place in value)


def _is_labelled(value):
    pairs = isinstance(value, list) and all(isinstance(p, list) and len(p) == 2 for p in value)
    return pairs and all(type(image) is int and _is_places(labels) for image, labels in value)


# The form of what the scaffold tells.
SEEN = {"modes": lambda value: isinstance(value, list) and all(type(m) is str for m in value),
        "read": lambda value: type(value) is bool, "visible": _is_places,
        "otherwise": lambda value: type(value) is bool,
        "files": lambda value: type(value) is int,
        "different": lambda value: value is None or type(value) is int}  # fmt: skip
LABELLED = {"images": _is_labelled, "anywhere": _is_places,
            "parameter": lambda value: type(value) is str,
            "placed": lambda value: type(value) is bool,
            "otherwise": lambda value: type(value) is bool}  # fmt: skip


def read_or_none(ask, form):
    """What the scaffold tells; None where the cells stop, or where it has another form.

    It comes from the student's process.
    """
    try:
        told = ask()
    except (CheckFailed, NeedsReview):
        return None
    if not isinstance(told, dict) or not form.keys() <= told.keys():
        return None
    return told if all(is_right(told[field]) for field, is_right in form.items()) else None


def assert_converts(seen):
    """Fail where files that are gray, or have transparency or a palette, do not become RGB."""
    others = sorted({mode[:8] for mode in seen["modes"] if mode != "RGB"}) if seen else ()
    if others and seen["read"]:
        text = (f"a file that is gray or transparent becomes an image of mode {others[0]!r} in "
                "image_list, but should become RGB")  # fmt: skip
        raise CheckFailed(Stage.VALUES, text, hint="Images of your own need not have three "
                          "channels; the networks take three.")  # fmt: skip


def assert_of_all_files(seen):
    """Fail where the list holds the images of some files several times, and of others none."""
    if not seen or seen["different"] is None:
        return
    count, different = len(seen["modes"]), seen["different"]
    if different < count and different < min(FEWEST, seen["files"]):
        text = (f"the {count} images of image_list are those of {different} different files, but "
                f"my_images has {seen['files']}")  # fmt: skip
        raise CheckFailed(Stage.VALUES, text, hint="Which file does each turn of the loop open?")


# Ways to show images that the scaffold does not see.
UNSEEN = re.compile(r"cv2_imshow|html|plotly|\bpx\b|bokeh|altair|widget|pcolor", re.IGNORECASE)


def assert_all_visible(seen, sources):
    """Fail where the cells certainly show some of the images only."""
    if not seen or not seen["read"] or seen["otherwise"] or not seen["visible"]:
        return
    if UNSEEN.search(at_work(sources)):
        return
    if seen["visible"].count(-2) > len(seen["visible"]) / 2:
        raise NeedsReview("What is shown here of images that have one colour each has another "
                          "one: a person looks at the picture.")  # fmt: skip
    count, visible = len(seen["modes"]), set(seen["visible"])
    # Of more images than are asked for, some may be left out.
    if visible <= set(range(count)) and len(visible) < min(FEWEST, count):
        ends = {(0,): "all but the first", (count - 1,): "all but the last"}
        some = ends.get(tuple(set(range(count)) - visible), f"{len(visible)}")
        are = "is" if some == "1" else "are"
        text = f"{some} of the {count} images of image_list {are} shown, but all should be"
        raise CheckFailed(Stage.VALUES, text, hint="Which images does the line that shows them "
                          "get, and does each have a place of its own?")  # fmt: skip


# Names of a parameter that takes labels.
LABELS = re.compile(r"label|title|name|caption|class|pred|text", re.IGNORECASE)


def assert_own_labels(labelled):
    """Fail where vis_img_label certainly shows images with labels of others, or without theirs."""
    if not labelled or labelled["otherwise"]:
        return
    pairs = labelled["images"]
    images = [image for image, _ in pairs]
    each_once = min(images, default=0) >= 0 and len(set(images)) == len(images) and len(images) > 1
    if not each_once or any(len(labels) > 1 for _, labels in pairs):
        return
    beside = [labels[0] for _, labels in pairs if labels]
    wrong = [(image, label[0]) for image, label in pairs if label and label[0] != image]
    hint = "Follow one image and its label through the loop."
    if wrong and len(set(beside)) == 1 < len(beside):
        text = "vis_img_label shows the same label with each image, but should show its own"
        raise CheckFailed(Stage.VALUES, text, hint=hint)
    if wrong:
        image, label = wrong[0]
        text = f"vis_img_label shows image {image} with label {label}, but should with its own"
        raise CheckFailed(Stage.VALUES, text, hint=hint)
    if labelled["anywhere"] or labelled["placed"]:
        return
    if LABELS.search(labelled["parameter"]):
        text = "vis_img_label shows none of the labels that it is given, but should show each"
        raise CheckFailed(Stage.VALUES, text, hint=hint)
