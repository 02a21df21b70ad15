"""Images of one colour with a mark that shows which way up they are, and a transform that keeps it.

The mark lies off both diagonals and off the middle: mirrored or turned in any way, an image has it
in another of eight places.
"""

import itertools
import os

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps

SIDE, HALF_MARK, MARK, GREY = 224, 10, 255.0, 128
# Rows and columns of the eight places, that of an image as it should be first, then by what has
# been done to the image: mirrored left to right, upside down, both; the same after its rows and
# columns were exchanged.
NEAR, MIDDLE = 26, 76
FAR, BELOW = SIDE - 1 - NEAR, SIDE - 1 - MIDDLE
PLACES = [(NEAR, MIDDLE), (NEAR, BELOW), (FAR, MIDDLE), (FAR, BELOW),
          (MIDDLE, NEAR), (MIDDLE, FAR), (BELOW, NEAR), (BELOW, FAR)]  # fmt: skip


SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")


def images(pixels):
    """Images of these pixels; of the same pixels it is the same image."""
    made = {}
    return [made.setdefault((p.shape, p.tobytes()), Image.fromarray(p))
            for p in map(np.asarray, pixels)]  # fmt: skip


def solid(colours, marks):
    return [_marked(torch.from_numpy(c), torch.from_numpy(m), 0)
            for c, m in zip(colours, marks, strict=True)]  # fmt: skip


class _Picture(torch.Tensor):
    """A tensor with the methods of an image that give an image."""

    def copy(self):
        return self.clone()

    def convert(self, *args, **kwargs):
        return self.clone()


def pictures(colours, marks):
    """Images such as `solid` makes, for code that counts on what images of files can do."""
    return [image.as_subclass(_Picture) for image in solid(colours, marks)]


def photographs(colours, marks):
    """Images such as `solid` makes, as those that come of files: colours from 0 to 255."""
    return [Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
            for image in solid(colours, marks)]  # fmt: skip


def _marked(colour, mark, place):
    image = colour.reshape(3, 1, 1).expand(3, SIDE, SIDE).clone()
    row, column = (slice(at - HALF_MARK, at + HALF_MARK + 1) for at in PLACES[place])
    image[:, row, column] = mark.reshape(3, 1, 1)
    return image


def transform(image):
    """The mean colour less grey, with a mark on the side where the image has its brightest pixel.

    Normalised images have negative values too.
    """
    pixels = np.asarray(image.convert("RGB"), dtype=np.float32)
    colour = torch.from_numpy(pixels.mean(axis=(0, 1)) - GREY)
    return _marked(colour, torch.full((3,), MARK), _brightest(pixels.sum(axis=2)))


def another_transform(image):
    return -transform(image)  # cut off at a range it is still another


def _brightest(brightness):
    """Which of the places is the nearest to the brightest pixel, seen from the middle."""
    row, column = np.unravel_index(brightness.argmax(), brightness.shape)
    down = (row + 0.5) / brightness.shape[0] - 0.5
    right = (column + 0.5) / brightness.shape[1] - 0.5
    return 4 * int(abs(right) > abs(down)) + 2 * int(down > 0) + int(right > 0)


def seen(tensor):
    """Shape, some entries beside the mark, and those of its places.

    Of what is no tensor the name of its class; of another shape nothing more.
    """
    if not torch.is_tensor(tensor):
        return type(tensor).__name__, None, None
    shape = tuple(tensor.shape)
    if shape != (3, SIDE, SIDE):
        return shape, None, None
    rows, columns = map(list, zip(*PLACES, strict=True))
    return shape, tensor[:, ::200, ::200].contiguous(), tensor[:, rows, columns].contiguous()


def other_than_images(listed):
    """The class of the first item of a list that is no image; empty where all are."""
    return next((type(one).__name__ for one in listed if not isinstance(one, Image.Image)), "")


def modes(listed):
    """Modes of the images in a list, and how many images of each kind of file the folder has."""
    kinds = [os.path.splitext(name)[1].lower() for name in os.listdir("my_images")]
    told = {one.mode for one in listed if isinstance(one, Image.Image)}
    return sorted(told), [kinds.count(kind) for kind in sorted(set(kinds)) if kind in SUFFIXES]


# Images of more pixels are not compared with their files: it takes too long.
_LARGEST = 1_000_000
# How far pixels may lie from those of their file, in the mean: another decoder rounds otherwise.
_CLOSE, _FAR = 2.0, 6.0


def changed(listed):
    """What has been done to images that are otherwise some of the folder's.

    None where nothing has, or where it cannot be told. One image may have been turned on purpose,
    but not all. They are `other` where all are as large as files and have the pixels of none.
    """
    files = {}
    for name in sorted(os.listdir("my_images")):
        if os.path.splitext(name)[1].lower() in SUFFIXES:
            with Image.open(os.path.join("my_images", name)) as image:
                if np.prod(image.size) <= _LARGEST:
                    for one in _as_read(image):
                        files.setdefault(one.size, []).append(np.asarray(one))
    told = [_change_of(np.asarray(image), files) for image in listed
            if isinstance(image, Image.Image) and image.mode == "RGB"]  # fmt: skip
    recoloured = [one for one in told if one not in (None, "as it is", *_OF_ALL)]
    found = {one for one in told if one is not None}
    if len(told) > 1 and len(found) == 1 and found <= set(_OF_ALL):
        return found.pop()
    return recoloured[0] if recoloured else None


def _as_read(image):
    """An image as its file holds it, and as its camera was held, where the file says that."""
    turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
    return [one.convert("RGB") for one in (image, *([ImageOps.exif_transpose(image)] * turned))]


_OF_ALL = ("mirrored", "turned", "other")

# Ways in which an image comes to lie on its side, or is mirrored.
_ON_ITS_SIDE = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270, Image.Transpose.TRANSPOSE,
                Image.Transpose.TRANSVERSE)  # fmt: skip
_MIRRORED = (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM,
             Image.Transpose.ROTATE_180)  # fmt: skip


def _change_of(pixels, by_size):
    """How an image differs from that of the files which has its pixels.

    None where no file is as large.
    """
    height, width = pixels.shape[:2]
    files = by_size.get((width, height), [])
    if any(_distance(pixels, file) < _FAR for file in files):
        return "as it is"
    turned = [("mirrored", file, way) for file in files for way in _MIRRORED]
    turned += [("turned", file, way) for file in by_size.get((height, width), ())
               for way in _ON_ITS_SIDE]  # fmt: skip
    for name, file, way in turned:
        if _distance(pixels, np.asarray(Image.fromarray(file).transpose(way))) < _CLOSE:
            return name
    for file in files:
        for order in itertools.permutations(range(3)):
            if _distance(pixels, file[..., order]) < _CLOSE:
                return "reversed" if order == (2, 1, 0) else "permuted"
        grey = np.asarray(Image.fromarray(file).convert("L"))[..., None]
        if _distance(pixels, grey) < _CLOSE:
            return "grey"
        if _distance(pixels, 255 - file) < _CLOSE:
            return "negative"
    return "other" if files or (height, width) in by_size else None


def _distance(pixels, others):
    return float(np.abs(pixels.astype(np.int16) - others).mean())


def count(listed):
    """How many images a list holds; 0 where it is no list."""
    return sum(isinstance(one, Image.Image) for one in listed) if type(listed) is list else 0
