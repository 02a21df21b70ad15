"""Markdown, HTML and LaTeX as plain text: one statement, or chain of them, a line.

`\\frac{\\partial e}{\\partial w_1} &\\approx -0.315 \\\\` becomes `d e/d w_1 = -0.315`.
"""

from __future__ import annotations

import html
import re
import unicodedata

_LONGEST = 20_000

_WORDS = {
    "partial": "d", "delta": "d", "cdot": "*", "times": "*", "approx": "=", "simeq": "=",
    "cong": "=", "equiv": "=", "doteq": "=", "to": "=", "rightarrow": "\n", "Rightarrow": "\n",
    "implies": "\n", "therefore": "\n", "newline": "\n", "par": "\n", "quad": " ", "qquad": " ",
    "left": "", "right": "", "displaystyle": "", "nonumber": "", "limits": "", "big": "",
    "star": "*", "ast": "*", "exp": "exp", "ln": "ln", "log": "log", "sqrt": "sqrt",
}  # fmt: skip
_SIGNS = str.maketrans({
    "∂": "d", "𝜕": "d", "δ": "d", "−": "-", "–": "-", "·": "*", "×": "*", "⋅": "*", "≈": "=",
    "≃": "=", "≅": "=", "≡": "=", "→": "=", "⇒": "\n", "∴": "\n", "₀": "0", "₁": "1", "₂": "2",
    "₃": "3", "₄": "4", "₅": "5", "₆": "6", "₇": "7", "₈": "8", "₉": "9", "&": " ", "~": " ",
    "\u00a0": " ", "\u2009": " ", "\u200d": "", "\ufe0f": "", "`": "", "$": " ",
})  # fmt: skip
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻·", "0123456789+-.")
_RAISED_RUN = re.compile("[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,20}(?:·[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,20})?")
_FRACTION = re.compile(r"\\[dtc]?frac\s*(?:\{([^{}]*)\}|(\w))\s*(?:\{([^{}]*)\}|(\w))")
_WRAPPER = re.compile(
    r"\\(?:mathrm|mathbf|mathit|mathsf|text|textbf|textit|boxed|underline|color|textcolor"
    r"|operatorname|bm|boldsymbol|hbox|mbox|fbox)\s*\{([^{}]*)\}"
)
_TAG = re.compile(r"\\tag\*?\s*\{\s*\(?([^{}()]*)\)?\s*\}")
# What is written below or above something else explains it.
_BRACES = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"
_BRACED = re.compile(rf"\\(?:under|over)(?:brace|bracket)\s*{_BRACES}\s*[_^]\s*(?:{_BRACES}|\w)")
# The lines of a formula: what ends one of them is a double backslash, perhaps with a distance.
_FORMULA = re.compile(
    r"\$\$(?:(?!\n\s*(?:\n|\(i)).)+?\$\$|(?<!\\)\\\[.+?\\\]|\\begin\{(align|gather|equation|split|eqnarray)(ed)?\*?\}.+?\\end\{\1",
    re.DOTALL,
)
_DISTANCE = re.compile(r"\\\\\s*\[\s*-?[\d.]{1,8}\s*(?:pt|ex|em|mm|cm|in)\s*\]")
# A decimal comma of LaTeX; in 1{,}000 it may part thousands.
_LATEX_COMMA = re.compile(r"(?<![\d.,])(0|\d+(?=\{,\}(?!\d{3}(?!\d))))\{,\}(\d+)")
_COMMA = re.compile(r"(?<![\d.])(0|\d+(?=,\d{4})),(\d{2,})")
# 3.15 * 10^-1 as one number.
_POWER_OF_TEN = re.compile(r"(\d)\s*\*\s*10\s*\^\s*\(?\s*([-+]?\d+)\)?")
# Two signs for a space that LaTeX does not break are no such marks.
_STRUCK_OUT = re.compile(
    r"(?:(?<=\s)|^)~~(?=\S)[^~\n]+~~(?=\s|[.,;]|$)|<!--.*?-->|<(s|del|strike)\b[^<>]*>.*?</\1\s*>",
    re.DOTALL | re.IGNORECASE | re.MULTILINE,
)
_CELL_TAG = re.compile(r"</?t[dh]\b[^<>]*>", re.IGNORECASE)
_BLOCK_TAG = re.compile(
    r"</?(?:p|br|hr|li|ul|ol|tr|div|h\d|table|summary|details|center|blockquote)\b[^<>]*>",
    re.IGNORECASE,
)
# A number in a comment behind code is what the code comes to.
_COMMENT = re.compile(r"(?<=\S)[ \t]+#+[ \t]*(?=[-+−–]?\s?\.?\d)")


def plain(text: str) -> str:
    """Markdown, HTML and LaTeX as plain text, one statement or chain of them a line."""
    text = _without_html(text[:_LONGEST])
    text = _FORMULA.sub(lambda formula: formula[0].replace("\n", " "), text).replace("$$", "\n")
    text = _DISTANCE.sub("\n", _BRACED.sub(r" \1 ", text))
    text = re.sub(r"\$\s+\$", "\n", text)
    text = _LATEX_COMMA.sub(r"\1.\2", text)
    text = text.replace("\\\\", "\n").replace("**", " ").replace("\\[", "\n").replace("\\]", "\n")
    text = re.sub(r"\\[()]", " ", text)
    text = re.sub(r"\\(?:begin|end)\s*\{[^{}]*\}", "\n", text)
    text = _TAG.sub(r" (\1)", re.sub(r"\\color\s*\{[^{}]*\}", "", text))
    before = None
    while before != text:  # innermost braces first
        before = text
        text = _WRAPPER.sub(r" \1 ", text)
        text = _FRACTION.sub(_quotient, text)
        text = re.sub(r"([_^])\{([^{}\\]*)\}", r"\1\2", text)
    text = re.sub(r"\\([a-zA-Z]+)", lambda m: _WORDS.get(m[1], " "), text)
    text = _without_pictures(re.sub(r"\\[,;:! ]", " ", text)).translate(_SIGNS)
    return _POWER_OF_TEN.sub(r"\1e\2", re.sub(r"[{}]", "", _COMMA.sub(r"\1.\2", text)))


def _without_html(text: str) -> str:
    """Tags as ends of lines and cells, arrows of signs as one, and nothing that is struck out."""
    text = _COMMENT.sub(" = ", _STRUCK_OUT.sub(" ", text))
    text = re.sub(r"=+>", "⇒", re.sub(r"<-+(?!\d)", "←", re.sub(r"-+>", "→", text)))
    text = _BLOCK_TAG.sub("\n", _CELL_TAG.sub("|", text))
    text = html.unescape(re.sub(r"<[^<>]*>", " ", text))
    return _RAISED_RUN.sub(lambda run: "^" + run[0].translate(_RAISED), text)


def _without_pictures(text: str) -> str:
    return "".join(" " if unicodedata.category(sign) == "So" else sign for sign in text)


def _quotient(match: re.Match[str]) -> str:
    top, bottom = (match[1] or match[2] or "").strip(), (match[3] or match[4] or "").strip()
    if re.search(r"[-+*/]", top):
        top = f"({top})"
    if re.search(r"[-+*/]", bottom):
        bottom = f"({bottom})"
    return f" {top}/{bottom} "
