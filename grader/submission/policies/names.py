"""Policies on the files that were handed in: their names, and the PDF among them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from nbformat import NotebookNode

from grader.policy_entries import Names, Pdf
from grader.submission.ingest import Submission
from grader.submission.policies.finding import Finding, broken, met, quoted, undecided

# What Canvas puts before a name (student, LATE, two numbers) and after it (a resubmission), and
# what a browser appends to a file that it has already.
_SENT_BY_LMS = re.compile(r"(?:[^\W_]+_)?(?:LATE_)?\d{2,}_\d{3,}_(?P<name>.+)", re.DOTALL)
_NUMBERED = re.compile(r"(?P<name>.+?)(?:-\d{1,2}|\s?\(\d{1,2}\))", re.DOTALL)
_PDF_START_WITHIN = 1024


def judge_names(submission: Submission, template: NotebookNode | None, options: Names) -> Finding:
    """Match the names of the ZIP, the notebook and the PDF."""
    if submission.container == "file" and not options.alone:
        return undecided(
            f"{quoted(submission.source)} came alone, so its name may not be the one "
            "that was handed in."
        )
    pattern = re.compile(options.pattern, re.IGNORECASE)
    files = list(_named(submission, options.endings))
    wrong = [name for name in files if not any(pattern.fullmatch(s) for s in _stems(name))]
    like = f", but should be named like {quoted(options.example)}" if options.example else ""
    if wrong:
        return broken(f"name={quoted(name)}{like or ' does not fit'}" for name in wrong)
    unfilled = [n for n in files if options.example and options.example in _stems(n)]
    if unfilled:
        return undecided(f"{quoted(unfilled[0])} is the example itself: is it anybody's name?")
    return met(f"Named as asked: {', '.join(quoted(name) for name in files)}.")


def _named(submission: Submission, endings: tuple[str, ...]) -> Iterator[str]:
    """Names that the policy is about: of the notebook, the PDFs and the ZIP."""
    names = [submission.container_name] if submission.container == "zip" else []
    names += [PurePosixPath(submission.source).name]
    # Of several PDFs one may be a paper that came along: the one nearest to the name counts.
    pdfs = [PurePosixPath(n).name for n in submission.extra if n.lower().endswith(".pdf")]
    stem = PurePosixPath(submission.source).stem
    names += sorted(pdfs, key=lambda n: (PurePosixPath(n).stem != stem, n))[:1]
    yield from (n for n in names if PurePosixPath(n).suffix.lower() in endings)


def _stems(name: str) -> Iterator[str]:
    """The name without its ending, and without what an LMS or a browser adds.

    macOS takes letters and their marks apart: they are put together again.
    """
    stem = unicodedata.normalize("NFC", PurePosixPath(name).stem)
    sent = _SENT_BY_LMS.fullmatch(stem)
    for text in (stem, sent["name"] if sent else stem):
        yield text
        while numbered := _NUMBERED.fullmatch(text):  # resubmitted, then downloaded twice
            text = numbered["name"]
            yield text


def judge_pdf(submission: Submission, template: NotebookNode | None, options: Pdf) -> Finding:
    """Look for a PDF among the files."""
    if submission.container == "file":
        return undecided(f"{quoted(submission.source)} came alone: a person looks for a PDF.")
    pdfs = {n: path for n, path in submission.extra.items() if n.lower().endswith(".pdf")}
    good = [name for name, path in pdfs.items() if _is_pdf(path)]
    if good:
        return met(f"{quoted(good[0])} was handed in.")
    if pdfs:
        return broken(f"{quoted(name)} is no PDF that can be read." for name in pdfs)
    return broken([f"No PDF among the files: {', '.join(map(quoted, submission.files[:5]))}."])


def _is_pdf(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b"%PDF-" in file.read(_PDF_START_WITHIN)
    except OSError:
        return False  # the finding says that it cannot be read
