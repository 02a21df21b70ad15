"""The page: what it says, that it is sound HTML, and that nothing hostile gets through it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from grader.model import GradeReport, PartResult, Stage, Status
from grader.report import render_html
from grader.report.words import STAGE_SENTENCES, STATUS_WORDS

VOID = {"meta", "br", "hr", "img", "input", "link"}
INLINE = {"b", "bdi", "code", "span", "a", "mark", "svg", "path", "use", "symbol", "circle", "rect"}
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
HEADINGS = [f"h{rank}" for rank in range(1, 7)]


class Page(HTMLParser):
    """A page taken apart: its tags with their attributes, its lines of text, what is unbalanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self._text: list[str] = []
        self.feed(text)
        self.close()
        self.unbalanced += self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag not in INLINE:
            self._text.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)
        if tag not in INLINE:
            self._text.append("\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self._text.append(data)

    @property
    def lines(self) -> list[str]:
        """The text as a reader meets it, one line a block, without empty lines."""
        lines = (" ".join(line.split()) for line in "".join(self._text).split("\n"))
        return [line for line in lines if line]

    def values(self, attribute: str) -> list[str]:
        return [
            attributes[attribute] or "" for _, attributes in self.tags if attribute in attributes
        ]

    def following(self, line: str, count: int) -> list[str]:
        start = self.lines.index(line)
        return self.lines[start : start + count]


def only(report: GradeReport, part_id: str) -> Page:
    """The page of the same report with but one part."""
    parts = tuple(part for part in report.parts if part.id == part_id)
    return Page(render_html(report.model_copy(update={"parts": parts})))


@pytest.fixture(scope="module")
def page(report: GradeReport) -> Page:
    return Page(render_html(report))


@pytest.fixture(scope="module")
def hostile_page(hostile_report: GradeReport) -> Page:
    return Page(render_html(hostile_report))


@pytest.mark.parametrize("name", ["page", "hostile_page"])
def test_html_is_balanced_and_its_names_are_unique(
    name: str, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(name)
    assert page.unbalanced == []
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in page.values("href")} <= set(ids)
    assert set(page.values("aria-labelledby")) <= set(ids)


@pytest.mark.parametrize("name", ["page", "hostile_page"])
def test_page_asks_nothing_of_the_network_and_runs_nothing(
    name: str, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(name)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "iframe", "object", "embed", "link", "base", "img", "form"}
    assert all(link.startswith("#") for link in page.values("href"))
    attributes = {key for _, found in page.tags for key in found}
    assert not attributes & {"src", "srcset", "srcdoc", "action", "formaction", "xlink:href"}
    assert not [key for key in attributes if key.startswith("on")]


def test_policy_forbids_what_the_page_does_not_need(page: Page, report: GradeReport) -> None:
    metas = [found for tag, found in page.tags if tag == "meta"]
    policy = next(found["content"] for found in metas if "http-equiv" in found)
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    style = render_html(report).split("<style>")[1].split("</style>")[0]
    assert not re.search(r"url\(|@import|https?:|expression", style)


def test_hostile_text_adds_no_element(page: Page, hostile_page: Page) -> None:
    benign, hostile = ([tag for tag, _ in found.tags] for found in (page, hostile_page))
    # Code spans are the one thing that text may turn into; their content stays text.
    assert [tag for tag in hostile if tag != "code"] == [tag for tag in benign if tag != "code"]


def test_hostile_text_is_shown_and_not_obeyed(
    hostile_report: GradeReport, hostile_page: Page, page: Page
) -> None:
    text = render_html(hostile_report)
    assert not HIDDEN.search(text)
    assert "<script" not in text
    assert "<img" not in text
    text.encode()
    shown = "\n".join(hostile_page.lines)
    for piece in (
        r"\x1b[31mred\x1b[0m",
        r"\x9b2J",
        r"\u202egnp.exe\u2066",
        r"\ud800 \x00",
        "{{ 7*7 }}",
    ):
        assert shown.count(piece) > 100
    assert hostile_page.values("style") == page.values("style")


def test_hostile_text_stays_whole_in_every_field(
    hostile_page: Page, hostile_report: GradeReport
) -> None:
    shown = "\n".join(hostile_page.lines)
    ending = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    submission = hostile_report.submission
    names = [
        "Ada Lovelace",
        "hw5_lovelace.ipynb",
        "digits.py",
        "lovelace-17",
        submission.sha256[:64],
    ]
    texts = ["name 'wieghts' is not defined", "cell 34 in back_prop", "return a @ b", "torch"]
    fields = [*names, *texts, "slowly.", "print(wieghts[0])", "...]]]])", "filesystem", "kernel"]
    assert [field for field in fields if f"{field}{ending}" not in shown] == []


def test_header_says_score_standing_and_what_to_gain(page: Page) -> None:
    assert page.following("hw5, score report", 8) == [
        "hw5, score report",
        "Homework 5: from tensors to networks",
        "Ada Lovelace",
        "35 / 69 points",
        "37 of 63 automatic points, 6 points await marking",
        "35 points so far",
        "6 points to be marked by a person",
        "\N{MINUS SIGN}2 points taken for rules",
    ]
    gain = page.lines.index("Most to gain:")
    assert " ".join(page.lines[gain : gain + 6]).startswith(
        "Most to gain: 3c Network MySimpleCNN (6 points), 5c-ii Backward pass back_prop (6 points)"
    )


def test_bar_shows_earned_and_pending_shares(page: Page) -> None:
    widths = [found["style"] for tag, found in page.tags if tag == "span" and "style" in found]
    assert widths == ["width:50.72%", "width:8.7%"]


def test_contents_link_every_part(page: Page, report: GradeReport) -> None:
    links = [link for link in page.values("href") if link.startswith("#part-")]
    assert set(links) == {f"#part-{part.id}" for part in report.parts}
    entry = ["3e", "What did you observe?", "3 points to be marked,", "\N{EN DASH} / 3"]
    assert page.following("3e", 4) == entry


def test_passed_parts_are_closed_and_failed_ones_open(report: GradeReport) -> None:
    for part in report.parts:
        found = only(report, part.id).tags
        details = next(attributes for tag, attributes in found if tag == "details")
        closed = part.status in (Status.PASSED, Status.NEEDS_REVIEW)
        assert ("open" in details) is not closed, part.id


@pytest.mark.parametrize("status", Status)
def test_every_status_has_word_and_symbol(report: GradeReport, status: Status) -> None:
    part = PartResult(id="1", title="One", score=0, max_score=2, status=status)
    page = Page(render_html(report.model_copy(update={"parts": (part,)})))
    assert page.following("1 One", 2)[1].startswith(STATUS_WORDS[status])
    symbols = [found["href"] for tag, found in page.tags if tag == "use"]
    assert set(symbols) == {f"#i-{status.value}"}


@pytest.mark.parametrize("stage", Stage)
def test_every_stage_is_told_in_words_and_as_a_step(report: GradeReport, stage: Stage) -> None:
    part = next(part for part in report.parts if part.id == "5b-i")
    check = part.checks[0].model_copy(update={"stage": stage})
    changed = part.model_copy(update={"checks": (check,)})
    page = Page(render_html(report.model_copy(update={"parts": (changed,)})))
    assert STAGE_SENTENCES[stage] in page.lines
    endings = [line.split(": ")[1] for line in page.lines if re.match(r"\w+: (right|not )", line)]
    assert endings == ["right"] * stage.rank + ["not right yet"] + ["not looked at"] * (
        len(Stage) - 1 - stage.rank
    )


def test_a_failed_check_is_explained_in_order(report: GradeReport) -> None:
    page = only(report, "5b-ii")
    assert page.following("The form of the answer is right; some of its values are not.", 9) == [
        "The form of the answer is right; some of its values are not.",
        "softmax(z)[0, 0]=0.2689, but should be 0.09003 [softmax(z)]",
        "4 of 6 values are off.",
        "Likely cause",
        (
            "The sum runs over axis 0. Softmax here runs over the last axis, "
            "so each row should add up to 1."
        ),
        "Hint",
        "e.sum(-1, keepdim=True) keeps the shape that broadcasting needs.",
        "The smallest input that shows it",
        "softmax(z)",
    ]
    assert "runs only when your work is graded" in page.lines
    assert "tried on 100 inputs" in page.lines
    assert "Your code (cell 31)" in page.lines


def test_expected_and_actual_stand_side_by_side(report: GradeReport) -> None:
    page = only(report, "5b-ii")
    assert page.following("Expected", 16) == [
        "Expected", "shape (2, 3)",
        "0.09003", "0.2447", "0.6652", "0.3333", "0.3333", "0.3333",
        "Your answer", "Tensor, float32, shape (2, 3)",
        "0.2689", "0.2689", "0.6652", "0.7311", "0.7311", "0.3333",
    ]  # fmt: skip
    sentence = "Furthest off at [0, 0]: 0.2689 instead of 0.09003, 41,300 times the tolerance."
    assert sentence in page.lines
    assert [tag for tag, _ in page.tags].count("mark") == 8 + 2


def test_facts_that_differ_are_marked(report: GradeReport) -> None:
    text = render_html(report)
    wanted = '<p class="kind"><mark>shape (2, 1)</mark></p>'
    given = '<p class="kind">ndarray, float64, <mark>shape (2,)</mark></p>'
    assert text.index(wanted) < text.index(given)


def test_example_without_a_call_has_no_empty_box(report: GradeReport) -> None:
    assert "The smallest input" in render_html(report)
    bare = [
        part.model_copy(update={"checks": tuple(
            check.model_copy(update={"counterexample": check.counterexample and
                check.counterexample.model_copy(update={"call": "", "inputs": {}})})
            for check in part.checks)})
        for part in report.parts
    ]  # fmt: skip
    text = render_html(report.model_copy(update={"parts": tuple(bare)}))
    assert "The smallest input" not in text and "Expected" in text
    assert 'aria-label="Call"' not in text


def test_map_of_four_dimensions_has_a_slice_a_channel(report: GradeReport) -> None:
    page = only(report, "6")
    assert (
        "Where it is off. 209 of 336 values are off. 5 of 8 slices, the others are right."
        in page.lines
    )
    labels = [line for line in page.lines if line.endswith(":, :]")]
    assert labels == [f"[{place}, :, :]" for place in ("0, 2", "1, 0", "1, 1", "1, 2", "1, 3")]
    legend = page.lines[page.lines.index("within tolerance") :][:5]
    assert legend[1:] == [
        "up to 10 times the tolerance",
        "up to 1000 times",
        "further off",
        "furthest off",
    ]
    assert len(page.values("d")) < 100


def test_exceptions_show_the_students_own_lines(report: GradeReport) -> None:
    page = only(report, "5c-ii")
    assert page.following("Cell 35 did not run to its end (exception)", 6) == [
        "Cell 35 did not run to its end (exception)",
        "NameError: name 'wieghts' is not defined",
        "cell 35, line 3",
        "print(wieghts[0])",
        "Cell 36 did not run to its end (time limit)",
        "Cell 36 ran longer than 60 seconds.",
    ]
    error = "RuntimeError: mat1 and mat2 shapes cannot be multiplied (10x4 and 3x10)"
    assert page.following(error, 3)[1:] == [
        "cell 34 in back_prop, line 7",
        "delta = delta @ weights[i].T",
    ]


def test_what_awaits_marking_is_no_loss(report: GradeReport) -> None:
    page = only(report, "3e")
    assert "A person marks 3 points of this part. Nothing is lost here yet." in page.lines
    heading = ["3e What did you observe?", "3 points to be marked", "\N{EN DASH} / 3"]
    assert page.following(heading[0], 3) == heading
    assert "Most to gain:" not in page.lines


def test_penalties_notes_and_footer(page: Page) -> None:
    assert page.following("Points taken", 13)[4:] == [
        "Headings", "2 of 5 headings are not bold.", "\N{MINUS SIGN}2",
        "Rules",
        "✓ Cells in order (kept) All 36 code cells were run in order.",
        "… PDF (for a person to see) hw5_lovelace.ipynb came alone.",
        "Notes", "input() in cell 9 was answered with an empty line.", "How this was graded",
    ]  # fmt: skip
    assert page.following("Time", 6) == ["Time", "9.4 s", "Device", "cpu (8 threads)", "Seed", "5"]
    assert "9f2c" * 16 + " SHA-256" in page.lines
    assert "Tier full, kernel Linux 6.8" in page.lines
    assert page.following("io_uring", 3)[1:] == ["absent", "No cgroup v2."]


def test_report_without_extras_leaves_no_empty_sections(report: GradeReport) -> None:
    bare = {"penalties": (), "notes": (), "pending_points": 0.0, "parts": report.parts[:1]}
    page = Page(render_html(report.model_copy(update={**bare, "policies": ()})))
    assert not {"Points taken", "Rules", "Notes", "Most to gain:"} & set(page.lines)
    assert "37 of 63 automatic points" in page.lines
    assert page.unbalanced == []


def test_headings_are_in_order_and_landmarks_are_there(page: Page) -> None:
    ranks = [HEADINGS.index(tag) for tag, _ in page.tags if tag in HEADINGS]
    assert ranks[0] == 0
    assert all(later <= earlier + 1 for earlier, later in pairwise(ranks))
    tags = [tag for tag, _ in page.tags]
    assert [tags.count(name) for name in ("header", "nav", "main", "footer", "h1")] == [1] * 5
    assert ("html", {"lang": "en"}) in page.tags


def test_parts_whose_ids_look_alike_get_links_of_their_own(report: GradeReport) -> None:
    parts = [report.parts[0].model_copy(update={"id": name}) for name in ("5.a", "5 a", "5-a")]
    page = Page(render_html(report.model_copy(update={"parts": tuple(parts)})))
    anchors = [name for name in page.values("id") if re.fullmatch(r"part-5-a(-\d)?", name)]
    assert anchors == ["part-5-a", "part-5-a-1", "part-5-a-2"]


def test_the_same_report_gives_the_same_page(report: GradeReport) -> None:
    assert render_html(report) == render_html(report.model_copy(deep=True))


def test_an_assignment_without_points_has_an_empty_bar(report: GradeReport) -> None:
    nothing = {"score": 0.0, "max_score": 0.0, "pending_points": 0.0, "parts": ()}
    page = Page(render_html(report.model_copy(update=nothing)))
    assert "0 / 0 points" in page.lines
    assert not page.values("style")
