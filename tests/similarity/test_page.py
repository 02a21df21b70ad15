"""The page: what it says, that nothing hostile gets through, and that it is bounded."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.similarity import Settings, SubmittedCode, compare, render_similarity
from tests.report.test_html import HIDDEN, Page
from tests.similarity.classes import synthetic_class, synthetic_template
from tests.similarity.copying import copied

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
TEMPLATE = synthetic_template()
CLASS = synthetic_class(6, 9000)
COPY = copied(CLASS[2], "disguised", TEMPLATE, 1)
POINTER = "A pair is a pointer for a person, and not evidence of misconduct."
EVIL = "<script>document.title='owned'</script><img src=x onerror=alert(1)>\u202e\x1b[31m"


def page_of(submissions: list[SubmittedCode], settings: Settings | None = None) -> Page:
    return Page(render_similarity(compare(submissions, TEMPLATE, settings), submissions, "HW"))


def evil_class() -> list[SubmittedCode]:
    parts = {name: f"# {EVIL}\n" + code.replace("'text'", f"'{EVIL[:60]}'")
             for name, code in CLASS[2].parts.items()}  # fmt: skip
    return [
        *CLASS,
        SubmittedCode(f"evil {EVIL}", EVIL, {f"{n} {EVIL}": c for n, c in parts.items()}),
    ]


def test_page_says_first_that_a_pair_is_a_pointer() -> None:
    for submissions in (CLASS, [*CLASS, COPY]):
        lines = page_of(submissions).lines
        assert POINTER in lines[:8]


def test_page_without_pairs_says_so() -> None:
    page = page_of(CLASS)
    assert "No pair to look at" in page.lines and "6 submissions compared" in page.lines
    assert page.unbalanced == []


def test_page_shows_the_pair_and_its_code() -> None:
    page = page_of([*CLASS, COPY])
    assert page.unbalanced == []
    assert "1 pair to look at" in page.lines
    assert page.lines.count("Student 2 and Student 2, copied") == 2
    assert any(line.startswith("100 % of the smaller submission,") for line in page.lines)
    marks = sum(tag == "mark" for tag, _ in page.tags)
    assert marks > 100
    assert set(page.values("href")) == {"#pairs", "#pair-1"} and "pair-1" in page.values("id")


def test_page_marks_shared_lines_only() -> None:
    left = SubmittedCode("a", "Ada", {"1": f"{CLASS[0].parts['1']}\nassert mine\n"})
    right = SubmittedCode("b", "Bob", {"1": f"{CLASS[0].parts['1']}\nyours[2:].sum()\n"})
    text = render_similarity(compare([left, right], TEMPLATE), [left, right], "HW")
    marked = re.findall(r"<mark>(.*?)</mark>", text)
    assert marked and not any("mine" in line or "yours" in line for line in marked)


def test_nothing_that_students_wrote_acts_or_hides() -> None:
    text = render_similarity(compare(evil_class(), TEMPLATE), evil_class(), "HW")
    page = Page(text)
    assert page.unbalanced == [] and not HIDDEN.search(text)
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "img", "iframe", "form", "link", "object", "button"}
    assert not [a for _, attributes in page.tags for a in attributes if a.startswith("on")]
    assert not page.values("src") and all(link.startswith("#") for link in page.values("href"))
    assert "\\u202e" in text and "\\x1b" in text and "&lt;script&gt;" in text


def test_policy_allows_styles_and_embedded_pictures_only() -> None:
    page = page_of([*CLASS, COPY])
    assert page.values("content")[0] == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed here")
def test_browser_runs_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(render_similarity(compare(evil_class(), TEMPLATE), evil_class(), "HW"), "utf-8")
    run = subprocess.run(
        [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
         path.as_uri()],
        capture_output=True, timeout=90, check=True,
    )  # fmt: skip
    document = run.stdout.decode()
    assert "<title>Shared code, HW</title>" in document and POINTER in document


def test_page_is_bounded_however_many_pairs_there_are() -> None:
    code = synthetic_class(1, 40_000)[0].parts["0"]
    long = code.replace("\n", f"  # {'x' * 500}\n")
    submissions = [SubmittedCode(f"s{n}", f"S {n}", {"1": long}) for n in range(20)]
    found = compare(submissions, TEMPLATE, Settings(common_least=20))
    assert len(found.pairs) == 190
    text = render_similarity(found, submissions, "HW")
    assert text.count('<section class="block pair"') == 50
    assert "The code of the first 50 pairs follows." in Page(text).lines
    assert len(text) < 6_000_000 and "more characters" in text and "more lines" in text


def test_one_line_of_a_megabyte_is_shortened() -> None:
    line = "; ".join(CLASS[0].parts["0"].replace("\n", " ").split(" = ")) * 60
    submissions = [SubmittedCode(f"s{n}", f"S {n}", {"1": line}) for n in range(2)]
    found = compare(submissions, TEMPLATE)
    assert len(found.pairs) == 1
    assert len(render_similarity(found, submissions, "HW")) < 60_000


def test_line_ends_of_windows_are_not_shown() -> None:
    parts = {name: code.replace("\n", "\r\n") for name, code in CLASS[2].parts.items()}
    submissions = [*CLASS, SubmittedCode("w", "W", parts)]
    text = render_similarity(compare(submissions, TEMPLATE), submissions, "HW")
    assert "\\x0d" not in text and "1 pair to look at" in text


def test_notes_and_pairs_left_out_are_on_the_page() -> None:
    empty = SubmittedCode("empty", "Nobody", TEMPLATE)
    twins = [*CLASS, COPY, copied(CLASS[4], "disguised", TEMPLATE, 2), empty]
    lines = page_of(twins, Settings(most_pairs=1)).lines
    assert "1 more pair shares less than these." in lines
    assert "1 submission with too little code beside the template's to be compared: empty." in lines


def test_comparison_of_other_submissions_is_refused() -> None:
    found = compare([*CLASS, COPY], TEMPLATE)
    with pytest.raises(UsageError, match="s2-copy is not among these"):
        render_similarity(found, CLASS, "HW")
