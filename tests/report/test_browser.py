"""A real browser loads reports full of attacks: nothing runs, and nothing is fetched."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from grader.model import GradeReport
from grader.report import parse_json, render_html, render_json, render_text
from tests.report.attacks import MARK, MARKUP, MOVES, aimed, hostile_report, text_fields

_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)
browser_only = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed here")

ALLOWED = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
HIDDEN = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
# Names for tools: a title is shown in their place.
UNSHOWN = {"@CheckResult.id@", "@PolicyResult.policy@"}


@dataclass
class Site:
    """A server on this machine: the page that it gives out, and what else was asked for."""

    url: str
    page: str = ""
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/report.html"
            if not known and self.path != "/favicon.ico":
                served.asked.append(self.path)
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(served.page.encode() if known else b"")

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Site(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


def _load(url: str, folder: Path) -> str:
    """The document as the browser has it after some seconds of its own time."""
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--disable-background-networking", "--disable-dev-shm-usage",
        f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=3000", "--dump-dom", url,
    ]  # fmt: skip
    run = subprocess.run(command, capture_output=True, timeout=90, check=True)
    return run.stdout.decode()


class Tags(HTMLParser):
    """Every element and attribute of a document, and its title."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}


@pytest.fixture(scope="module")
def anywhere() -> GradeReport:
    """A hostile report that aims at nobody."""
    return hostile_report("http://127.0.0.1:9")


@browser_only
@pytest.mark.parametrize("over", ["http", "file"])
def test_hostile_report_runs_and_fetches_nothing(site: Site, tmp_path: Path, over: str) -> None:
    site.page = render_html(hostile_report(site.url))
    page = tmp_path / "report.html"
    page.write_text(site.page, encoding="utf-8")
    address = f"{site.url}/report.html" if over == "http" else page.as_uri()
    document = _load(address, tmp_path)
    assert "@GradeReport.title@" in document
    assert MARK not in document and "<title>owned" not in document
    assert site.asked == []
    _check_elements(document)


def _check_elements(document: str) -> None:
    """Nothing that the browser made of the page could act, or leads elsewhere."""
    found = Tags(document)
    assert not found.names & {
        "script", "iframe", "object", "embed", "link", "base", "img", "image", "form", "video",
        "audio", "button", "input", "math",
    }  # fmt: skip
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert not {"src", "srcset", "srcdoc", "data", "action", "ping"} & dict(found.attributes).keys()
    assert all(value.startswith("#") for name, value in found.attributes if name == "href")
    styles = [value for name, value in found.attributes if name == "style"]
    assert all(re.fullmatch(r"width: ?[\d.]+%;?", style) for style in styles)


@browser_only
def test_bare_page_with_the_same_attacks_runs_and_fetches(site: Site, tmp_path: Path) -> None:
    """The control: the tests above fail where attacks come through."""
    site.page = f"<!doctype html><title>bare</title>{''.join(aimed(MARKUP, site.url))}"
    document = _load(f"{site.url}/report.html", tmp_path)
    assert MARK in document and "<title>owned" in document
    kinds = {"/image.png", "/link.css", "/frame", "/style.png", "/inline.png", "/script.js"}
    assert kinds <= set(site.asked)


@browser_only
@pytest.mark.parametrize(
    ("move", "asked"),
    list(zip(MOVES, ("/base/relative.png", "/form?", "/refresh"), strict=True)),
    ids=["base", "form", "refresh"],
)
def test_bare_page_is_led_away(site: Site, tmp_path: Path, move: str, asked: str) -> None:
    """The control of those that do not run."""
    site.page = f"<!doctype html>{aimed((move,), site.url)[0]}<img src=relative.png>"
    _load(f"{site.url}/report.html", tmp_path)
    assert asked in site.asked


@browser_only
def test_policy_holds_where_escaping_were_forgotten(
    site: Site, tmp_path: Path, report: GradeReport
) -> None:
    policy = re.search(r"<meta http-equiv=.*", render_html(report))
    assert policy is not None
    attacks = "".join(aimed((*MARKUP, *MOVES[:2]), site.url))
    site.page = f"<!doctype html>{policy[0]}<title>bare</title>{attacks}<img src=relative.png>"
    document = _load(f"{site.url}/report.html", tmp_path)
    assert MARK not in document and "<title>bare" in document
    assert site.asked == []


def test_policy_allows_no_more_than_styles_and_embedded_pictures(report: GradeReport) -> None:
    policy = re.search(r'Security-Policy" content="([^"]*)"', render_html(report))
    assert policy is not None
    assert policy[1] == f"{ALLOWED}; base-uri 'none'; form-action 'none'"


def test_every_text_of_the_model_is_on_the_page_or_known_to_be_left_out(
    anywhere: GradeReport,
) -> None:
    page = render_html(anywhere)
    assert {mark for mark in text_fields() if mark not in page} == UNSHOWN


def test_hostile_report_moves_no_terminal(anywhere: GradeReport) -> None:
    text = render_text(anywhere)
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", text
    )


def test_hostile_report_survives_its_json(anywhere: GradeReport) -> None:
    text = render_json(anywhere)
    assert text.isascii()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f]", text)
    assert render_json(parse_json(text)) == text
