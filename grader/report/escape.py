"""Make text that a student controls harmless to look at: no hidden, moving or reversing characters.

Escaping of HTML is Jinja's business; this module deals with what survives it.
"""

from __future__ import annotations

import re

# C0 and C1 controls but tab and newline; bidirectional controls; invisible formatting; tags;
# line separators; surrogates without a partner, which no file could encode. The joiners U+200C
# and U+200D stay: Persian names and emoji need them.
_HIDDEN = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e"
    r"\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f"
)
_HIDDEN_ONE = re.compile(f"[{_HIDDEN}]")
_TERMINAL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor moves
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)"  # window titles, links
    r"|\x1b[PX^_][^\x1b\n]*\x1b\\"  # strings for the terminal itself
    r"|\x1b[ -/]*[0-~]?"  # what else starts with ESC
)


def visible(text: str) -> str:
    r"""Return `text` with every hidden character written out, as in `\x1b` or `\u202e`."""
    return _HIDDEN_ONE.sub(_written_out, text.replace("\r\n", "\n"))


def stripped(text: str) -> str:
    """Return `text` without terminal sequences and hidden characters, for a terminal."""
    return _HIDDEN_ONE.sub("", _TERMINAL.sub("", text.replace("\r\n", "\n")))


def _written_out(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
