"""What a node of a drawn graph says: an operation, a number, or the name of a variable."""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Operation:
    """One operation: how it is computed and written, and whether its inputs may change places."""

    name: str
    inputs: tuple[int, int]  # fewest and most
    compute: Callable[[Sequence[Any]], Any]
    text: str
    commutes: bool = True

    def apply(self, values: Sequence[Any]) -> Any:
        """The result for the inputs' values."""
        return self.compute(values)

    def write(self, texts: Sequence[str]) -> str:
        """The result as a formula: `text` joins two and more, or holds one at `{}`."""
        if "{}" in self.text:
            return self.text.format(*texts)
        return "(" + f" {self.text} ".join(texts) + ")"


def _fold(function: Callable[[Any, Any], Any]) -> Callable[[Sequence[Any]], Any]:
    return lambda values: functools.reduce(function, values)


_MANY = (2, 20)
_ADD = Operation("add", _MANY, _fold(operator.add), "+")
_MUL = Operation("mul", _MANY, _fold(operator.mul), "*")
_SUB = Operation("sub", (2, 2), lambda v: v[0] - v[1], "-", commutes=False)
_DIV = Operation("div", (2, 2), lambda v: np.divide(v[0], v[1]), "/", commutes=False)
_POW = Operation("pow", (2, 2), lambda v: np.power(v[0], v[1]), "^", commutes=False)
_NEG = Operation("neg", (1, 1), lambda v: -v[0], "(-{})")
_EXP = Operation("exp", (1, 1), lambda v: np.exp(v[0]), "exp({})")
_EXP_NEG = Operation("exp of minus", (1, 1), lambda v: np.exp(-v[0]), "exp(-{})")
_INV = Operation("inv", (1, 1), lambda v: np.divide(1.0, v[0]), "1/{}")
_LOG = Operation("log", (1, 1), lambda v: np.log(v[0]), "log({})")
_SQUARE = Operation("square", (1, 1), lambda v: v[0] ** 2, "{}^2")
# A sum or product that a single arrow leads to: the other term or factor is missing.
_ADD_NOTHING = Operation("add nothing", (1, 1), lambda v: v[0], "(? + {})")
_MUL_NOTHING = Operation("multiply nothing", (1, 1), lambda v: v[0], "(? * {})")
#: Names of operations that lack an input.
LACKING = (_ADD_NOTHING.name, _MUL_NOTHING.name)
_ADD_ONE = Operation("add one", (1, 1), lambda v: v[0] + 1, "(1 + {})")
_LESS_ONE = Operation("less one", (1, 1), lambda v: v[0] - 1, "({} - 1)")
_ONE_LESS = Operation("one less", (1, 1), lambda v: 1 - v[0], "(1 - {})")
_SIGMOID = Operation("sigmoid", (1, 1), lambda v: 1 / (1 + np.exp(-v[0])), "sigmoid({})")

# Texts after `_bare`; `x` stands for any placeholder. Where a text could mean two operations
# the number of inputs decides.
_TEXTS: dict[str, tuple[Operation, ...]] = {}
for _operations, _words in (
    ((_ADD, _ADD_NOTHING), "add addition sum plus summation summer adder +"),
    ((_MUL, _MUL_NOTHING), "* × · ⋅ ∗ • x mul mult multiply multiplication multiplier times prod"
                           " product cdot"),
    ((_SUB,), "sub subtract subtraction subtractor diff difference"),
    ((_DIV,), "/ ÷ div divide division divider frac quotient"),
    ((_POW,), "^ ** pow power"),
    ((_SUB, _NEG), "- minus"),
    ((_ADD, _ADD_ONE), "+1 1+ x+1 1+x +1.0 add1 plus1 plusone addone"),
    ((_MUL, _NEG), "*-1 ×-1 ·-1 -1* -1× -1· -1⋅ x*-1 -1*x times-1 mul-1 x-1"),
    ((_SUB, _LESS_ONE), "-1 x-1.0"),
    ((_ONE_LESS,), "1-x 1-"),
    ((_NEG,), "neg negate negative negation neg1 -x unaryminus changesign signchange opposite"),
    ((_EXP,), "exp e^ e^x expx e**x exponential exponent exponentiate exponentiation e^z e**"),
    ((_EXP_NEG,), "e^-x exp-x e**-x expneg e^- exp- negexp e^-1x"),
    ((_DIV, _INV), "1/x 1/ 1/· 1/⋅ 1÷ 1÷x inv inverse invert reciprocal recip x^-1 ^-1 **-1 x**-1"
                   " pow-1 power-1 ()^-1 /1"),
    ((_LOG,), "log ln logx lnx"),
    ((_SQUARE,), "^2 x^2 **2 x**2 square squared sq"),
    ((_SIGMOID,), "sigmoid σ sigma logistic σx sigmoidx sigm"),
):  # fmt: skip
    for _word in _words.split():
        _TEXTS[_word] = (*_TEXTS.get(_word, ()), *_operations)
# A lone "-1" beside one input is a factor or a difference: nobody can tell. An "x" is a variable
# as well as a cross.
_AMBIGUOUS = {("-1", 1), ("x-1", 1), ("x", 1)}

_BETWEEN = re.compile(r"[a-z]\d*\^?\*?([-+*×·/^])[a-z]\d*\^?\*?")

_COMMANDS = {
    "times": "*", "cdot": "*", "ast": "*", "otimes": "*", "odot": "*", "oplus": "+", "exp": "exp",
    "div": "/", "sigma": "σ", "sum": "sum",
}  # fmt: skip
# A fraction of LaTeX, a place for the argument, and what stands above.
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_PLACE = re.compile(r"\(\s*(?:\\[,;! ]|·|\.|⋅|∙|_|□|\\cdot|…|\.\.\.)\s*\)")
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ˣᶻ", "0123456789-+xz")
_RAISED_RUN = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ˣᶻ]+")
_PLACEHOLDER = re.compile(r"(?<![a-zσ])(?:[xzuts]\d*|\.|□|\?|input|in)(?![a-z])")


def operation(text: str, inputs: int) -> Operation | None:
    """The operation that a node's text names, None where it names none for so many inputs."""
    for bare in _forms(text):
        if (bare, inputs) in _AMBIGUOUS:
            continue
        for meant in _TEXTS.get(bare, ()):
            if meant.inputs[0] <= inputs <= meant.inputs[1]:
                return meant
        # "f - f*": the names of both inputs around the sign.
        if inputs == 2 and (between := _BETWEEN.fullmatch(bare)) is not None:
            return operation(between[1], inputs)
    return None


def _forms(text: str) -> list[str]:
    """Readings of a text, the fullest first: as it is, without numbering, by its first line."""
    first = text.strip().split("\n")[0]
    forms = []
    for start in dict.fromkeys((text, first, first.split("=")[0])):
        bare = _bare(start)
        placed = _PLACEHOLDER.sub("x", bare)
        placed = "" if placed == "x" else placed  # a name alone, and not the cross of a product
        unnumbered = re.sub(r"(?<=[^\W\d])\d+[a-z]?$|(?<=[+*×·/÷-])\d+$", "", bare)
        # "add_1", "op_add", "exp (op)": words around the operation's own.
        words = re.sub(r"(?:^|_|\b)(?:op|node|operation|gate)(?:_|\b|\d|$)", "", start.lower())
        forms += [bare, placed, unnumbered, _bare(words), re.sub(r"\d+$", "", _bare(words))]
    return [form for form in dict.fromkeys(forms) if form]


def _bare(text: str) -> str:
    """Lower case without spaces, dollar signs, brackets and LaTeX's backslashes."""
    text = _FRACTION.sub(r"\1/\2", _PLACE.sub("x", text))
    text = text.replace("Σ", "sum").replace("∑", "sum")  # in lower case it would be the sigmoid
    text = _RAISED_RUN.sub(lambda run: "^" + run[0].translate(_RAISED), text)
    for command, sign in _COMMANDS.items():
        text = text.replace(f"\\{command}", sign)
    text = text.replace("−", "-").replace("–", "-")
    return re.sub(r"[\s$\\{}()\[\]_'\"]", "", text).lower()


def constants(text: str) -> tuple[float, ...]:
    """Numbers that a leaf's text may be: `1`, `-1.0`, `const 1`, `one`; none for a variable."""
    first = text.strip().split("\n")[0]
    bare = _bare(re.sub(r"(?<=\d)\s*\([^()\d]*\)$", "", first))  # "1 (numerator)"
    words = {"one": 1.0, "minusone": -1.0, "negone": -1.0}
    if bare in words:
        return (words[bare],)
    match = re.fullmatch(r"(?:const(?:ant)?|c|num(?:ber)?)?=?([+-]?\d+(?:\.\d*)?)", bare)
    if match is None or (bare.startswith("c") and not bare.startswith("const")):
        return ()
    # "const2" is as often the second constant one as the number two.
    named = bare[:1].isalpha() and "=" not in bare
    return (1.0, float(match[1])) if named else (float(match[1]),)


_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


def plain_name(text: str, otherwise: str = "") -> str:
    """A variable's name as letters and digits: `w0` of `$w_{0}$`, `fstar` of `f^*`."""
    for source in (text, otherwise):
        first = re.split(r"[\n=:]", source.strip())[0].translate(_SUBSCRIPTS).lower()
        name = re.sub(r"[\s$\\{}()\[\]_]", "", first)
        name = re.sub(r"\^?[*⋆∗★]|\^?(?:ast|star)$", "star", name).replace("^", "")
        if re.fullmatch(r"[a-z]\w*", name):
            return name
    return otherwise or text
