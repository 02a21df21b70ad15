"""Write sample submissions of hw5 into a folder: what `make demo` grades.

python -m tests.submissions.samples FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat

from tests.submissions.build import as_module, perfect, template, with_mistakes

# One mistake in each part that a machine decides; part 1a's would change what 1b to 1d are.
ONE_MISTAKE_A_PART = (
    "1a-row-vectors",
    "1b-matrix-product",
    "1c-wrong-order",
    "1d-not-squared",
    "1e-no-backward",
    "2d-swapped",
    "3a-nine-classes",
    "3b-double",
    "3c-average-pool",
    "3d-no-zero-grad",
    "4c-own-transform",
    "4e-argmin",
    "5a-not-scaled",
    "5b-i-sign",
    "5b-ii-over-samples",
    "5b-iii-no-softmax",
    "5c-i-sigmoid-again",
    "5c-ii-uphill",
    "5d-no-mean",
    "6-flipped-kernel",
)


def main(folder: Path) -> None:
    """Write the samples."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, notebook in (
        ("perfect", perfect()),
        ("one-mistake-a-part", with_mistakes(ONE_MISTAKE_A_PART)),
        ("template", template()),
    ):
        nbformat.write(notebook, folder / f"{name}.ipynb")  # type: ignore[no-untyped-call]
    (folder / "module.py").write_text(as_module(perfect()), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
