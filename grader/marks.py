"""What a check says of itself in pytest: its part, by its marker, and its name in the rubric."""

from __future__ import annotations

import pytest


def part_of(item: pytest.Item) -> str:
    """The part that a check is of. Raises pytest.UsageError where it has no marker."""
    marker = item.get_closest_marker("part")
    if marker is None or not marker.args:
        raise pytest.UsageError(f"{item.nodeid} has no @pytest.mark.part(...)")
    return str(marker.args[0])


def function_name(item: pytest.Item) -> str:
    """The test function's name, without the parameters of one of its cases."""
    return str(getattr(item, "originalname", item.name))
