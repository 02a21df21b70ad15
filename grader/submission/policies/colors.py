"""Which colours of CSS, HTML and LaTeX anyone would call red."""

from __future__ import annotations

import colorsys
import re

# Names of CSS and of LaTeX's dvipsnames; all other names are of other colours.
_RED_NAMES = {
    "red": (255, 0, 0),
    "crimson": (220, 20, 60),
    "firebrick": (178, 34, 34),
    "darkred": (139, 0, 0),
    "maroon": (128, 0, 0),
    "indianred": (205, 92, 92),
    "tomato": (255, 99, 71),
    "brickred": (182, 50, 28),
}
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d{1,2})?%?")
_FUNCTION = re.compile(r"(rgb|hsl)a?\((.*)\)")


def is_red(text: str) -> bool | None:
    """Whether a colour is red. None for what names no colour of its own, such as `inherit`."""
    name = re.sub(r"\s*!\s*important", "", text.strip().lower())
    if name in ("inherit", "currentcolor", "unset", ""):
        return None
    if name in _RED_NAMES:
        return True
    rgba = _hexadecimal(name) or _function(name)
    return rgba is not None and _looks_red(*rgba)


def is_red_rgb(red: float, green: float, blue: float) -> bool:
    """Whether a colour is red; each share is between 0 and 1."""
    return _looks_red(red, green, blue, 1.0)


def _looks_red(red: float, green: float, blue: float, alpha: float) -> bool:
    """Near red in hue, neither pale nor nearly black, and not see-through."""
    hue, saturation, value = colorsys.rgb_to_hsv(
        *(min(1.0, max(0.0, c)) for c in (red, green, blue))
    )
    degrees = 360 * hue
    near = degrees <= 15 or degrees >= 340
    return near and saturation >= 0.55 and value >= 0.45 and alpha >= 0.5


def _hexadecimal(name: str) -> tuple[float, float, float, float] | None:
    match = re.fullmatch(r"#?([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})", name)
    if match is None:
        return None
    digits = match[1] if len(match[1]) > 4 else "".join(2 * d for d in match[1])
    red, green, blue, alpha = (int((digits + "ff")[i : i + 2], 16) / 255 for i in (0, 2, 4, 6))
    return red, green, blue, alpha


def _function(name: str) -> tuple[float, float, float, float] | None:
    match = _FUNCTION.fullmatch(name)
    numbers = _NUMBER.findall(match[2]) if match else []
    if match is None or len(numbers) not in (3, 4):
        return None
    alpha = _share(numbers[3], 1) if len(numbers) == 4 else 1.0
    if match[1] == "rgb":
        red, green, blue = (_share(n, 255) for n in numbers[:3])
        return red, green, blue, alpha
    hue = _share(numbers[0], 360) % 1
    saturation, lightness = (_share(n, 100) for n in numbers[1:3])
    return *colorsys.hls_to_rgb(hue, min(1.0, lightness), min(1.0, saturation)), alpha


def _share(number: str, whole: float) -> float:
    return float(number[:-1]) / 100 if number.endswith("%") else float(number) / whole
