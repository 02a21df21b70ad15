"""Code that submissions of a class share, as pointers for a person: never points, never proof.

Fingerprints by winnowing, of symbols that renaming, reformatting and comments do not change.
"""

from grader.similarity.compare import compare
from grader.similarity.page import render_similarity
from grader.similarity.results import (
    Comparison,
    Lines,
    Pair,
    PartShare,
    Passage,
    Settings,
    SubmittedCode,
)

__all__ = [
    "Comparison",
    "Lines",
    "Pair",
    "PartShare",
    "Passage",
    "Settings",
    "SubmittedCode",
    "compare",
    "render_similarity",
]
