"""Policy: each solution starts with a bold red line that says so and names its part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from grader.policy_entries import Headings
from grader.submission.ingest import Submission
from grader.submission.policies.finding import Finding, broken, met, quoted, undecided
from grader.submission.policies.labels import Label, read_label
from grader.submission.policies.markup import Line, read_html, read_markdown

# Text beyond so many characters is not read: a notebook with more is none that people write.
_MOST_CHARACTERS = 500_000


@dataclass(frozen=True)
class _Heading:
    """A line that speaks of a solution, where it stands, and the part that it names."""

    line: Line
    cell: int
    label: Label | None
    before_code: bool = False

    @property
    def is_good(self) -> bool:
        """Whether it is bold and red."""
        return self.line.bold and self.line.red

    @property
    def look(self) -> tuple[str, bool]:
        """Its words, and whether they are bold and red."""
        return self.line.whole, self.is_good

    @property
    def fault(self) -> str:
        """What a bold red heading has and this one lacks."""
        lacking = [w for w, has in (("bold", self.line.bold), ("red", self.line.red)) if not has]
        return " and ".join(lacking)

    @property
    def place(self) -> str:
        """Where the student finds it."""
        return f"cell {self.cell}: {quoted(self.line.whole)}"


def judge_headings(
    submission: Submission, template: NotebookNode | None, options: Headings
) -> Finding:
    """Compare the bold red headings with those that the template has."""
    given = list(_headings(template, options)) if template is not None else []
    wanted = [h for h in given if h.is_good and h.line.is_all_lead and h.label]
    # The template's other lines of this kind: an example in its text, titles in black.
    known = {h.look for h in given} - {h.look for h in wanted}
    there = [h for h in _headings(submission.notebook, options) if not _is_example(h, wanted)]
    found = [h for h in there if h.look not in known]
    titles = [h for h in there if h.look in known]
    finding = _judge(wanted, found, titles, options) if wanted else _without_template(found)
    if submission.form == "module" and finding.state != "met":
        return undecided("A module shows no headings: look at the notebook or the PDF.")
    return finding


def _judge(
    wanted: list[_Heading], found: list[_Heading], titles: list[_Heading], options: Headings
) -> Finding:
    problems, doubts = _compare(wanted, found, titles)
    if problems:
        times = len(problems) / len(wanted) if options.proportional else 1.0
        return broken([_share(len(wanted) - len(problems), len(wanted)), *problems], times)
    if doubts:
        return undecided(*doubts[:6])
    return met(f"All {len(wanted)} solutions start with a bold red heading.")


def _share(right: int, whole: int) -> str:
    return f"{right} of {whole} headings of solutions are bold and red."


def _without_template(found: list[_Heading]) -> Finding:
    good = [h for h in found if h.is_good]
    if good:
        return met(f"{len(good)} bold red headings were found.")
    return broken(["No solution starts with a bold red heading."])


def _compare(
    wanted: list[_Heading], found: list[_Heading], titles: list[_Heading]
) -> tuple[list[str], list[str]]:
    """What is wrong, and what a person has to look at."""
    good = [h for h in found if h.is_good]
    plain = [h for h in found if not h.is_good]
    problems, doubts = [], []
    taken = [(w, _take(good, w)) for w in wanted]
    for shown in (headings[0] for _, headings in taken if headings):
        if shown.line.starred:
            doubts.append(f"The asterisks may be shown as they are: {shown.place}")
    for heading in [w for w, headings in taken if not headings]:
        near = next((h for h in plain if _fits(h, heading)), None)
        # What is bold and red under another name may be a slip: a person looks at it.
        slip = next((h for h in good if _may_be(h, heading)), None)
        title = next((f" below {h.place}" for h in titles if _fits(h, heading)), "")
        if near is not None:
            problems.append(f"Not {near.fault}: {near.place}")
        elif slip is not None:
            good.remove(slip)
            doubts.append(f"{quoted(heading.line.whole)} may be meant in {slip.place}")
        else:
            problems.append(f"No bold red {quoted(heading.line.whole)} was found{title}.")
    return problems, doubts


def _fits(heading: _Heading, wanted: _Heading) -> bool:
    return bool(heading.label and wanted.label and heading.label.covers(wanted.label))


def _may_be(heading: _Heading, wanted: _Heading) -> bool:
    """Whether the heading names no part, or another one of the same problem."""
    if heading.label is None or wanted.label is None:
        return True
    return heading.label.number == wanted.label.number


def _is_example(heading: _Heading, wanted: list[_Heading]) -> bool:
    """Whether it stands in the instructions, above all code, and goes on as a sentence."""
    if not heading.before_code or heading.line.is_all_lead or not wanted:
        return False
    return not _fits(heading, wanted[0])


def _take(good: list[_Heading], wanted: _Heading) -> list[_Heading]:
    """Use up the headings that name the wanted part, those first that are surely bold."""
    fitting = [h for h in good if _fits(h, wanted)]
    exact = [h for h in fitting if h.label == wanted.label]
    taken = sorted(exact, key=lambda h: h.line.starred)[:1] or fitting
    for heading in taken:
        good.remove(heading)
    return taken


def _headings(notebook: NotebookNode, options: Headings) -> Iterator[_Heading]:
    """Lines that start with words for a solution, or hold them in a heading of their own."""
    words = [word.casefold() for word in options.words]
    before_code, left = True, _MOST_CHARACTERS
    for number, cell in enumerate(notebook.cells, start=1):
        before_code = before_code and cell.cell_type != "code"
        for line in _lines(cell, words):
            left -= len(line.whole)
            if left < 0:
                return
            if any(word in line.lead.casefold() for word in words):
                label = read_label(line.lead) or read_label(line.whole)
                yield _Heading(line, number, label, before_code)


def _lines(cell: NotebookNode, words: list[str]) -> Iterator[Line]:
    """Lines of a text cell, and of what a code cell shows as Markdown or HTML."""
    if cell.cell_type == "markdown":
        if any(word in cell.source.casefold() for word in words):
            yield from read_markdown(cell.source)
        return
    bundles: list[Any] = [output.get("data", {}) for output in cell.get("outputs", ())]
    for bundle in bundles:
        for kind, read in (("text/markdown", read_markdown), ("text/html", read_html)):
            text = str(bundle.get(kind, ""))[:20_000]
            if any(word in text.casefold() for word in words):
                yield from read(text)
