"""Renderings of a report: pure functions from a `GradeReport` to text, without torch."""

from grader.report.html import render_html
from grader.report.json import parse_json, render_json
from grader.report.text import render_text
from grader.report.words import standing, summary

__all__ = ["parse_json", "render_html", "render_json", "render_text", "standing", "summary"]
