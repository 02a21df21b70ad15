"""What the outputs of a cell hold."""

from __future__ import annotations

from typing import Any

import pytest
from nbformat.v4 import new_output

from grader.submission import may_show

OUTPUTS: dict[str, tuple[list[Any], bool]] = {
    "nothing": ([], False),
    "text": ([new_output("stream", text="12 images\n")], False),
    "value": ([new_output("execute_result", data={"text/plain": "12"})], False),
    "error": ([new_output("error", ename="ValueError", evalue="", traceback=[])], False),
    "picture": ([new_output("display_data", data={"image/png": "", "text/plain": ""})], True),
    "html": ([new_output("display_data", data={"text/html": "<img src=''>"})], True),
    "dropped": ([new_output("stream", text="The output beyond 32 MiB was dropped.\n")], True),
}


@pytest.mark.parametrize(("outputs", "shows"), OUTPUTS.values(), ids=OUTPUTS)
def test_more_than_text_may_be_shown(outputs: list[Any], shows: bool) -> None:
    assert may_show(outputs) is shows
