"""Write the list of names that stay as they are: `python -m tests.similarity.known_names`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import nn
from torch.nn import functional, init
from torch.optim import lr_scheduler
from torch.utils import data

from grader.similarity import tokens

SPACES = (
    np, np.linalg, np.random, np.fft, np.random.Generator, np.ndarray,
    torch, torch.Tensor, torch.linalg, torch.fft, torch.autograd, torch.cuda,
    nn, nn.Module, functional, init, torch.optim, torch.optim.Optimizer, lr_scheduler,
    data, data.DataLoader,
)  # fmt: skip
# What an object has and its class does not tell.
BY_HAND = frozenset({"weight", "bias", "in_features", "out_features"})


def public_names() -> Iterator[str]:
    """Names that numpy and torch offer, without the modules of others that they import."""
    yield from BY_HAND
    for space in SPACES:
        for name in dir(space):
            found = inspect.getattr_static(space, name, None)
            ours = not isinstance(found, ModuleType) or found.__name__.startswith(
                ("numpy", "torch")
            )
            if ours and not name.startswith("_"):
                yield name


def main() -> None:
    """Write the list beside the module that reads it."""
    path = Path(tokens.__file__).with_name("names.txt")
    path.write_text(
        f"# Public names of numpy {np.__version__} and torch {torch.__version__.split('+')[0]}.\n"
        "# Made by: python -m tests.similarity.known_names\n"
        + "".join(f"{name}\n" for name in sorted(set(public_names()))),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
