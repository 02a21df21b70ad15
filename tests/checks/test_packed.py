"""Values in a file, small ones together and large ones apart."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from grader.checks.packed import Packed, Packer, write_packed

PIXELS = np.random.default_rng(0).integers(0, 256, (300, 100)).astype(float)


def kept(path: Path, *values: Any) -> list[Any]:
    packer = Packer()
    packer.index = {"values": [packer.pack(value) for value in values]}
    write_packed(path / "x.zip", {"a/b": packer})
    section = Packed(path / "x.zip", "a/b")
    return [section.unpack(packed) for packed in section.index["values"]]


@pytest.mark.parametrize(
    "value",
    [3, "text", None, [1.5, None], np.arange(6.0).reshape(2, 3), np.float32([1, 2]), PIXELS,
     PIXELS / 255, np.random.default_rng(1).random(9000), np.arange(9000),
     (PIXELS, [PIXELS - 3]), {"images": PIXELS}],
    ids=["int", "text", "none", "list", "array", "single", "pixels", "scaled", "many", "whole",
         "nested", "dict"],
)  # fmt: skip
def test_values_come_back_as_they_were(tmp_path: Path, value: Any) -> None:
    (told,) = kept(tmp_path, value)
    np.testing.assert_equal(told, value)
    assert type(told) is type(value)
    assert getattr(told, "dtype", None) == getattr(value, "dtype", None)


def test_tensors_come_back(tmp_path: Path) -> None:
    (told,) = kept(tmp_path, torch.arange(4))
    assert torch.equal(told, torch.arange(4))


def test_values_do_not_run_into_each_other(tmp_path: Path) -> None:
    values = [np.full(n, float(n)) for n in (1, 5, 9000, 3)]
    np.testing.assert_equal(kept(tmp_path, *values), values)


def test_what_is_done_to_all_pixels_alike_is_kept_once(tmp_path: Path) -> None:
    values = [PIXELS, PIXELS / 255, 1 - PIXELS, np.exp(PIXELS / 99)]
    np.testing.assert_equal(kept(tmp_path, *values), values)
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        sizes = [e.file_size for e in archive.infolist() if e.filename.startswith("large/")]
    # The places are the same; each of the four has its 256 numbers with it.
    assert sum(sizes) < 4 * (PIXELS.size + 256 * 8) and max(sizes) < PIXELS.nbytes / 4


def test_a_section_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    write_packed(tmp_path / "x.zip", {"a": Packer()})
    with pytest.raises(KeyError):
        Packed(tmp_path / "x.zip", "b")
