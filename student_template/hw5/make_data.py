"""Write small stand-ins for the files that homework 5 reads, for working without downloads.

The digits are those of scikit-learn, scaled up; the images are drawn; the networks have random
weights, so their predictions mean nothing. Everything is seeded. A file that exists is kept.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

TRAIN_ROWS = 1400
IMAGES = 12
SEED = 4803

# Under these names torchvision looks for its weights in $TORCH_HOME/hub/checkpoints.
CHECKPOINTS = {
    "alexnet": "alexnet-owt-7be5be79.pth",
    "vgg16": "vgg16-397923af.pth",
    "resnet18": "resnet18-f37072fd.pth",
}


def build(work: Path, torch_home: Path) -> None:
    """Write data, images and class names into `work`, and weights into `torch_home`."""
    write_digits(work / "sample_data")
    write_images(work / "my_images")
    torchvision = import_torchvision()
    write_class_names(work / "label_dict.pth", torchvision)
    write_checkpoints(torch_home / "hub" / "checkpoints", torchvision)


# ---- MNIST ------------------------------------------------------------------------------------


def write_digits(folder: Path) -> None:
    """Write mnist_train_small.csv and mnist_test.csv: a label, then 784 pixels from 0 to 255."""
    digits = load_digits()
    pixels = _enlarge(digits.images)
    order = np.random.default_rng(SEED).permutation(len(pixels))
    rows = np.column_stack((digits.target, pixels.reshape(len(pixels), -1)))[order]
    folder.mkdir(parents=True, exist_ok=True)
    _write_csv(folder / "mnist_train_small.csv", rows[:TRAIN_ROWS])
    _write_csv(folder / "mnist_test.csv", rows[TRAIN_ROWS:])


def _enlarge(images: NDArray[np.float64]) -> NDArray[np.int64]:
    """Scale 8x8 images up to 24x24 linearly, with MNIST's dark margin and full range.

    One image in three is written more faintly, as with some pens.
    """
    places = np.clip((np.arange(24) + 0.5) / 3 - 0.5, 0, 7)
    weights = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(8)))
    large = np.pad(weights @ images @ weights.T, ((0, 0), (2, 2), (2, 2)))
    bright: NDArray[np.float64] = 255 * large / large.max(axis=(1, 2), keepdims=True)
    bright[::3] *= 0.8
    return np.rint(bright).astype(np.int64)


def _write_csv(path: Path, rows: NDArray[np.int64]) -> None:
    if not path.exists():
        lines = (",".join(map(str, row)) for row in rows.tolist())
        path.write_text("\n".join(lines) + "\n", encoding="ascii")


# ---- Images -----------------------------------------------------------------------------------


def write_images(folder: Path) -> None:
    """Draw 12 images of different sizes, colours and patterns, half JPEG and half PNG."""
    if folder.exists() and any(folder.iterdir()):
        return
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    for number in range(IMAGES):
        height, width = (int(side) for side in rng.integers(160, 480, size=2))
        name = f"image_{number:02d}.{'jpg' if number % 2 else 'png'}"
        Image.fromarray(_picture(number, height, width, rng)).save(folder / name)


def _picture(number: int, height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Mix two colours by a pattern: each pattern comes in three scales and other colours."""
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    scale = (1.5, 4.0, 11.0)[number // len(PATTERNS)]
    share = PATTERNS[number % len(PATTERNS)](scale * x, scale * y)[..., None]
    back, front = rng.integers(0, 256, size=(2, 3))
    mixed: NDArray[np.float64] = back * (1 - share) + front * share
    return mixed.astype(np.uint8)


Pattern = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]

PATTERNS: tuple[Pattern, ...] = (
    lambda x, y: 0.5 + 0.5 * np.sin(3 * x + y),  # stripes
    lambda x, y: ((np.floor(x) + np.floor(y)) % 2).astype(np.float64),  # a chessboard
    lambda x, y: (np.hypot(x, y) % 1.0 < 0.5).astype(np.float64),  # rings
    lambda x, y: np.exp(-3 * (np.sin(x) ** 2 + np.sin(2 * y) ** 2)),  # blobs
)


# ---- Networks ---------------------------------------------------------------------------------


def import_torchvision() -> ModuleType:
    """Import torchvision, also where its build for CUDA lies beside a torch for the CPU."""
    try:
        from grader.compat import import_torchvision as imported
    except ImportError:
        return _import_torchvision_alone()
    module: ModuleType = imported()
    return module


def _import_torchvision_alone() -> ModuleType:
    """Retry without the operators that such a pair of builds lacks; models need none of them."""
    try:
        import torchvision
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        sys.modules["torchvision._meta_registrations"] = ModuleType("_meta_registrations")
        import torchvision
    import torchvision.models

    module: ModuleType = torchvision
    return module


def write_class_names(path: Path, torchvision: ModuleType) -> None:
    """Write label_dict.pth: the number of each ImageNet class and its name."""
    if not path.exists():
        names = torchvision.models.AlexNet_Weights.DEFAULT.meta["categories"]
        torch.save(dict(enumerate(names)), path)


def write_checkpoints(folder: Path, torchvision: ModuleType) -> None:
    """Write seeded random weights under the names that `pretrained=True` loads."""
    folder.mkdir(parents=True, exist_ok=True)
    for architecture, name in CHECKPOINTS.items():
        if not (folder / name).exists():
            with torch.device("meta"):  # shapes only: VGG16 alone has 138 million weights
                shapes = getattr(torchvision.models, architecture)(weights=None).state_dict()
            torch.save(_random_weights(shapes), folder / name)


def _random_weights(shapes: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(SEED)
    return {name: _parameter(name, like, generator) for name, like in shapes.items()}


def _parameter(name: str, like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Fill one entry of a state dict: matrices and kernels at random, the rest neutrally."""
    if name.endswith("num_batches_tracked"):
        return torch.tensor(0)
    if like.dim() > 1:
        return _small_on_disk(like.shape, generator)
    return torch.ones(like.shape) if _is_scale(name) else torch.zeros(like.shape)


def _is_scale(name: str) -> bool:
    """Tell whether a vector multiplies (a batch norm's weight and variance) or adds."""
    return name.endswith(("weight", "running_var"))


def _small_on_disk(shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
    """Draw weights whose rows overlap in memory, since torch.save stores the memory only once.

    Each row is the one before it, moved by a few places. The scale keeps the size of the
    activations through a ReLU (He et al. 2015); differences of neighbours leave out most of the
    mean of the inputs, without which a random network calls every image the same.
    """
    rows, fan_in, step = shape[0], math.prod(shape[1:]), 7
    noise = torch.randn(fan_in + (rows - 1) * step + 1, generator=generator)
    memory = noise.diff() / math.sqrt(fan_in)
    strides = (step, *(math.prod(shape[axis + 1 :]) for axis in range(1, len(shape))))
    return memory.as_strided(shape, strides)


def main() -> None:
    """Write the stand-ins into a folder, the weights into its subfolder torch_home."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--work", type=Path, default=Path(), help="folder of the notebook")
    parser.add_argument("--torch-home", type=Path, help="default: torch_home in that folder")
    options = parser.parse_args()
    torch_home = options.torch_home or options.work / "torch_home"
    build(options.work, torch_home)
    print(f"The networks use these weights if TORCH_HOME={torch_home.resolve()} is set.")


if __name__ == "__main__":
    main()
