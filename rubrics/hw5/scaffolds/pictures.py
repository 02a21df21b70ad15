"""Watches what a cell shows of images of one colour each, and what it writes beside them.

It says what was shown and judges nothing. The folder of images gets a copy with the same names, in
which the first files of each kind are gray, transparent, or have a palette.
"""

import contextlib
import inspect
import io
import itertools
import os
import re
import shutil
import tempfile

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.image import BboxImage, FigureImage
from matplotlib.text import Text
from PIL import Image

FOLDER, SIZE = "my_images", (24, 18)
# Modes of the first files of each kind, as far as such files have them; all others are in RGB.
MODES = {".png": ("L", "RGBA", "P"), ".jpg": ("L",), ".jpeg": ("L",), ".bmp": ("L", "P"),
         ".gif": ("P",), ".webp": ("RGBA",), ".tif": ("L", "RGBA"), ".tiff": ("L",)}  # fmt: skip
LEVELS = range(20, 256, 36)
# Colours that are further apart than files and scaling move them.
COLOURS = [colour for colour in itertools.product(LEVELS, repeat=3) if len(set(colour)) > 1]
GRAYS = [(level,) * 3 for level in LEVELS]
_CLOSE = 6
WORDS = ("heron", "maple", "kayak", "tulip", "zebra", "piano", "comet", "llama", "brick", "fjord",
         "squid", "wagon")  # fmt: skip

# What imshow was given: a colour, its axes, whether it has a place of its own there, and how often
# something was shown before.
_given = []
_state = {"shows": 0, "otherwise": False}


def watch():
    """From here on nothing is drawn: what imshow is given is kept, as is that others were used."""
    real = Axes.imshow

    def imshow(self, X, *args, **kwargs):
        placed = any(kwargs.get(name) is not None for name in ("extent", "alpha"))
        _given.append((_colour(X), self, placed, _state["shows"]))
        return real(self, X, *args, **kwargs)

    def show(*args, **kwargs):
        _state["shows"] += 1
        plt.close("all")

    Axes.imshow, plt.show = imshow, show
    for owner, name in ((BboxImage, "__init__"), (FigureImage, "__init__"), (plt, "pause"),
                        (FigureCanvasBase, "print_figure"), (FigureCanvasBase, "draw"),
                        (Image.Image, "show"), (Image.Image, "save")):  # fmt: skip
        setattr(owner, name, _noting(getattr(owner, name)))
    with contextlib.suppress(Exception):  # there may be no IPython, or another one
        publisher = get_ipython().display_pub  # noqa: F821  IPython's own
        publisher.publish = _noting(lambda *args, **kwargs: None)


def _noting(real):
    def noted(*args, **kwargs):
        _state["otherwise"] = True
        return real(*args, **kwargs)

    return noted


def enter_copy():
    """Go to a folder that has the images of one colour in place of the student's own."""
    home, away = os.getcwd(), tempfile.mkdtemp()
    for name in os.listdir(home):
        if name != FOLDER:
            os.symlink(os.path.join(home, name), os.path.join(away, name))
    os.mkdir(os.path.join(away, FOLDER))
    seen, made_of, grays = {}, [], itertools.cycle(GRAYS)
    colours = itertools.cycle(COLOURS[5 * at % len(COLOURS)] for at in range(len(COLOURS)))
    for name in sorted(os.listdir(os.path.join(home, FOLDER))):
        kind = os.path.splitext(name)[1].lower()
        if kind not in MODES:
            continue
        of_kind = seen[kind] = seen.get(kind, 0) + 1
        mode = MODES[kind][of_kind - 1] if of_kind <= len(MODES[kind]) else "RGB"
        made_of.append(next(grays if mode == "L" else colours))
        image = Image.new("RGB", SIZE, made_of[-1])
        # The usual palette would make a pattern of the colour.
        made = image.quantize(2) if mode == "P" else image.convert(mode)
        made.save(os.path.join(away, FOLDER, name))
    os.chdir(away)
    _state.update(home=home, away=away, otherwise=False, files=made_of)


def leave_copy():
    os.chdir(_state["home"])
    shutil.rmtree(_state["away"], ignore_errors=True)


def report(space):
    """Modes of the copied images in `space`, and which of them are visible, by their places.

    A place is -1 where what is visible is none of them, and -2 where it has one colour, which is
    that of none. Beside it how many files there are, and of how many of them the images are; None
    where one is of none.
    """
    images = [one for one in space["image_list"] if isinstance(one, Image.Image)]
    colours = [_colour(one) for one in images]
    visible = [_place(colour, colours) for colour, _ in _visible()]
    return {"modes": [str(one.mode) for one in images], "read": _are_apart(colours),
            "visible": visible, "otherwise": _state["otherwise"],
            "files": len(_state["files"]), "different": _different(colours)}  # fmt: skip


def labelled():
    """What the notebook's vis_img_label shows of images and labels of our own.

    Of each visible image its place, and those of the labels beside it; labels whose first letters
    stand anywhere; whether images lie beside each other in axes; the second parameter's name.
    """
    function = student["vis_img_label"]  # noqa: F821  the notebook's names
    parameters = list(inspect.signature(function).parameters)
    plt.close("all")
    _given.clear()
    _state.update(otherwise=False)
    colours = COLOURS[:: len(COLOURS) // len(WORDS)][: len(WORDS)]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        images = [Image.new("RGB", SIZE, colour) for colour in colours]
        function(images, list(WORDS))
    beside = [(colour, _texts(axes)) for colour, axes in _visible()]
    figures = {id(axes.figure): axes.figure for _, axes, _, _ in _given if axes.figure is not None}
    said = [printed.getvalue(), *(text for figure in figures.values() for text in _texts(figure))]
    return {
        "images": [[_place(colour, colours), _words(texts)] for colour, texts in beside],
        "anywhere": _words([*said, *(text for _, texts in beside for text in texts)], cut=3),
        "placed": any(placed for _, _, placed, _ in _given),
        "parameter": str(parameters[1]),
        "otherwise": _state["otherwise"],
    }


def _visible():
    """What is left of what imshow was given: in each axes the last image hides those before."""
    left = {}
    for number, (colour, axes, placed, shows) in enumerate(_given):
        left[(id(axes), shows, number if placed else None)] = (colour, axes)
    return list(left.values())


def _texts(artist):
    """All that stands in axes or a figure; of axes that are alone, what stands beside them too."""
    figure = getattr(artist, "figure", None)
    alone = [figure] if figure not in (None, artist) and len(figure.axes) == 1 else []
    return [text.get_text() for one in (artist, *alone) for text in one.findobj(Text)]


def _words(texts, cut=None):
    """Places of the words that stand in texts, be it their first letters only."""
    return [place for place, word in enumerate(WORDS)
            if any(re.search(word[:cut], text, re.IGNORECASE) for text in texts)]  # fmt: skip


def _colour(shown):
    """The colour of an image that has only one; None of any other."""
    try:
        pixels = np.asarray(shown.convert("RGB") if isinstance(shown, Image.Image) else shown)
        if pixels.dtype.kind == "f":
            # Of colours imshow cuts off what is above 1; grays it spreads between their extremes.
            pixels = np.clip(pixels, 0, 1) * 255 if pixels.ndim > 2 or pixels.max() <= 1 else pixels
        pixels = pixels.astype(np.float64)
        if pixels.ndim == 2:
            pixels = np.repeat(pixels[..., None], 3, axis=2)
        flat = pixels.reshape(-1, pixels.shape[2])[:, :3]
    except (TypeError, ValueError, IndexError, AttributeError):
        return None
    if flat.shape[1:] != (3,) or not len(flat) or np.ptp(flat, axis=0).max() > _CLOSE:
        return None
    return tuple(map(float, flat.mean(axis=0)))


def _place(colour, colours):
    """Where a colour stands among others; -1 where that is not known, -2 where it does not."""
    if colour is None or None in colours or not colours:
        return -1
    near = np.abs(np.subtract(colours, colour)).max(axis=1) <= _CLOSE
    return int(near.argmax()) if near.sum() == 1 else -1 if near.any() else -2


def _different(colours):
    """Of how many files the colours are; None where one is of no file."""
    places = [_place(colour, _state["files"]) for colour in colours]
    return None if min(places, default=0) < 0 else len(set(places))


def _are_apart(colours):
    """Whether all are images of one colour, each of its own."""
    return bool(colours) and all(_place(colour, colours) == at for at, colour in enumerate(colours))
