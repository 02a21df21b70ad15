"""Numbers read out of text: each way to write them, and nothing that is not said."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.checks import read_numbers
from grader.checks.formulas import plain

NAMES = {
    "de/df": ("(i)", "dedf", "=e_f", "=e'(f)"),
    "de/dw1": ("(ii)", "dedw1", "=e_w1", "=e'(w1)"),
    "de/dw2": ("(iii)", "dedw2", "=e_w2", "=e'(w2)"),
}
RIGHT = (1.0, -0.315, -0.42)


def _read(text: str) -> tuple[float | None, ...]:
    return tuple(stated.settled(1e-3) for stated in read_numbers(text, NAMES).values())


WAYS = {
    "labels": "(i) 1\n(ii) -0.315\n(iii) -0.42",
    "letters-without-brackets": "i. 1\nii. -0.315\niii. -0.42",
    "bold-labels": "**(i)** 1\n\n**(ii)** -0.315\n\n**(iii)** -0.42",
    "one-line": "de/df = 1, de/dw1 = -0.315, de/dw2 = -0.42",
    "one-line-without-commas": "$de/df = 1$  $de/dw_1 = -.315$ $de/dw_2 = -.42$",
    "no-space-between": "de/df = 1  de/dw1 = -0.315  de/dw2 = -0.42",
    "semicolons": "de/df = 1; de/dw1 = -0.315; de/dw2 = -0.42",
    "and": "de/df = 1 and de/dw1 = -0.315 and de/dw2 = -0.42",
    "unicode": "∂e/∂f = 1\n∂e/∂w₁ = −x₁·e^{−(…)} ≈ −0.315\n∂e/∂w₂ ≈ −0.420 (rounded)",
    "latex": r"$$\frac{\partial e}{\partial f}=1$$ $$\frac{\partial e}{\partial w_1}=-0.3 \cdot "
    r"1.051=-0.315$$ $$\dfrac{\partial e}{\partial w_{2}} \approx -0.420$$",
    "aligned": r"\begin{aligned}\frac{\partial e}{\partial f} &= 1 \\ "
    r"\frac{\partial e}{\partial w_1} &= \frac{\partial e}{\partial f}"
    r"\frac{\partial f}{\partial w_1} \\ &= -x_1 e^{-(w_1 x_1+w_2 x_2)} \\ &\approx -0.315 \\ "
    r"\frac{\partial e}{\partial w_2} &= -0.4 \times 1.051 = -0.420\end{aligned}",
    "boxed": r"$\frac{\partial e}{\partial f}=\boxed{1}$, $\frac{\partial e}{\partial w_1}="
    r"\boxed{-0.315}$, $\frac{\partial e}{\partial w_2}=\mathbf{-0.420}$",
    "chain-after-label": r"(i) $= 1$"
    "\n\n"
    r"(ii) $-x_1 f = -0.3(1.051) = -0.315$"
    "\n\n"
    r"(iii) $-x_2 f = -0.4(1.051) = -0.42$",
    "table": "| | value |\n|---|---|\n| $\\partial e/\\partial f$ | 1 |\n"
    "| $\\partial e/\\partial w_1$ | -0.315 |\n| de/dw2 | -0.42 |",
    "words": "Here de/df is 1.000. Then de/dw1 is -0.315 and de/dw2 is -0.420.",
    "colons": "de/df: 1\nde/dw1: -0.315\nde/dw2: -0.420",
    "printed": "de/df = 1.0\nde/dw1 = tensor([-0.3150])\nde/dw2 = [-0.4200]",
    "decimal-comma": "(i) 1\n(ii) -0,315\n(iii) -0,420",
    "next-line": "(i) $\\frac{\\partial e}{\\partial f}$\n\n1\n\n(ii)\n-0.315\n\n(iii)\n\n-0.42",
    "other-derivatives-too": "$f = 1.051$, $e = 0.051$\n$\\frac{\\partial e}{\\partial f} = 1$\n"
    "$\\frac{\\partial f}{\\partial w_1} = -x_1 f = -0.316$\n"
    "$\\frac{\\partial e}{\\partial w_1} = 1 \\cdot -0.315 = -0.315$\nde/dw2 = -0.42",
    "exponent": "(i) 1e0\n(ii) -3.15e-1\n(iii) -4.2e-1",
    "by-another-of-them": "de/df = 1\nde/dw1 = -0.315\nde/dw2 = 4/3 * de/dw1 = -0.42",
    "named-anew": "g := de/df = 1\na := de/dw1 = -x1 f = -0.315\nb = de/dw2 = -0.42",
    "latex-decimal-comma": "(i) $1{,}0000$\n(ii) $-0{,}3 f = -0{,}315$\n(iii) $-0{,}42$",
    "labels-behind": "d_f = d_e * 1 = 1.0  <-- (i)\nd_w1 = d_z1 * x1 = -3.15e-01 <-- (ii)\n"
    "d_w2 = -0.42   ← (iii)",
    "table-backwards": "| node | local | gradient |\n|---|---|---|\n| $f$ | $1$ | **1** (i) |\n"
    "| $z_3$ | $-1$ | -1.0513 |\n| $w_1$ | $x_1 = 0.3$ | **-0.315** (ii) |\n"
    "| $w_2$ | $x_2 = 0.4$ | -0.42 (iii) |",
    "table-with-labels-in-its-cells": "| step | local | so far |\n|---|---|---|\n"
    "| $e = f - f^*$ | $\\partial e / \\partial f = 1$ | **(i)** $1$ |\n"
    "| $z_1$ | $x_1 = 0.3$ | **(ii)** $\\partial e / \\partial w_1 = -0.315$ |\n"
    "| $z_2$ | $x_2 = 0.4$ | **(iii)** $\\partial e / \\partial w_2 = -0.42$ |",
    "power-of-ten": "(i) $de/df = 1.000$\n\n(ii) $\\partial e / \\partial w_1 = "
    "-3.15 \\times 10^{-1}$, from $-x_1 e^{0.05}$\n(iii) de/dw2 = −4.2·10^(-1)",
    "decimal-commas": "| i | ∂e/∂f | 1,0000 |\n| ii | ∂e/∂w₁ | −0,3151 |\n| iii | ∂e/∂w₂ | −0,42 |",
    "underbraces-and-distances": r"""$$
    \begin{aligned}
    \text{(i)}\quad & \frac{\partial e}{\partial f} = 1.000 \\[6pt]
    \text{(ii)}\quad & \frac{\partial e}{\partial w_1}
     = \underbrace{\frac{\partial e}{\partial f}}_{1}\,
       \underbrace{\frac{\partial f}{\partial z_4}}_{e^{z_4} = 1.0513}\,
       \underbrace{\frac{\partial z_4}{\partial w_1}}_{-x_1 = -0.3}
     \approx -0.315 \\[6pt]
    \text{(iii)}\quad & \frac{\partial e}{\partial w_2}
     = \frac{\partial e}{\partial f}\,
       \frac{\partial f}{\partial w_2} \approx -0.420
    \end{aligned}
    $$""",
    "one-line-of-labels": "(i) 1 (ii) -0.315 (iii) -0.420",
    "so": "So (i) is 1.000, (ii) is −0.315 and (iii) is −0.420.",
    "arrows-of-signs": "de/df -> 1\nde/dw1 --> -0.315\nde/dw2 => -0.42",
    "answers-pointed-at": "de/dz = 1.0513\n- de/df = 1  <- answer (i)\n"
    "- de/dw1 = -1.0513 * 0.3 = -0.315  <- answer (ii)\n- de/dw2 = -0.420  # (iii)",
    "comments": "```python\nde_df = 1\nde_dw1 = de_df * (-0.3) * f   # -0.315\n"
    "de_dw2 = de_df * (-0.4) * f   # -0.420\n```",
    "round-brackets": r"(i) \( \frac{\partial e}{\partial f} = 1 \)"
    "\n" + r"(ii) \[ -x_1 f = -0.315 \]" + "\n" + r"(iii) \( -0.42 \)",
    "tags": r"$$\frac{\partial e}{\partial f} = 1 \tag{i}$$ $$-x_1 f = -0.315 \tag{ii}$$"
    "\n" + r"$$-x_2 f \simeq -0.42 \tag{(iii)}$$",
    "pictures": "✅ (i) de/df = 1 🎉\n✅ (ii) de/dw1 = -0.315 📉\n✅ (iii) -0.42 📉",
    "superscripts": "∂e/∂f = 1\n∂e/∂w₁ = −0.3·e⁰·⁰⁵ = −3.15 × 10⁻¹\n∂e/∂w₂ = −4.2 × 10⁻¹",
    "number-first": "1 = de/df\n-0.315 = -0.3 * 1.05 = de/dw1\n**-0.42** is the value of de/dw2",
    "tuple": r"$\left(\frac{\partial e}{\partial f},\; \frac{\partial e}{\partial w_1},\; "
    r"\frac{\partial e}{\partial w_2}\right) = (1,\; -x_1 f,\; -x_2 f) = (1,\; -0.315,\; -0.42)$",
    "subscripts": "1. $e_f = 1$\n2. $e_{w_1} = e_f f_{w_1} = -0.315$\n3. $e_{w_2} = -0.42$",
    "primes": "e'(f) = 1; e'(w_1) = -x_1 f = -0.315; e'(w_2) = -0.420.",
    "names-above-columns": "| | de/df | de/dw1 | de/dw2 |\n|---|---|---|---|\n"
    "| with | | x1 = 0.3 | x2 = 0.4 |\n| value | 1 | -0.315 | -0.420 |",
    "html-table": "<table><tr><td>(i)</td><td>de/df</td><td>1</td></tr>"
    "<tr><td>(ii)</td><td>-0.315</td></tr><tr><td>(iii)</td><td>-0.42</td></tr></table>",
    "with-what": "de/df = 1 as e = f - 1\nde/dw1 = -1.05 x1 = -0.315 with x1 = 0.3\n"
    "de/dw2 = -1.05 * x2 with x2 = 0.4, that is -0.420",
    "struck-out": "de/df = 1\nde/dw1 = ~~0.315~~ -0.315\nde/dw2 = <s>0.42</s> -0.42",
    "explained": "(i) de/df = 1, since e = f - f*\n(ii) -0.315 (3 decimals)\n(iii) -0.42, rounded",
    "html": "<b>(i)</b> 1<br>\n<font color='red'>(ii)</font> &minus;0.315\n(iii) &minus;0.42",
    "said-twice": "de/df = 1\nde/df = 1.0\nde/dw1 = -0.315\nde/dw1 = -0.3154\nde/dw2 = -0.42",
}


@pytest.mark.parametrize("text", WAYS.values(), ids=WAYS)
def test_number_is_read_however_it_is_written(text: str) -> None:
    assert _read(text) == pytest.approx(RIGHT, abs=5e-4)


UNCLEAR = {
    "by-another": "-0.3 times what came of (ii)",
    "thousands": "de/dw1 = 1{,}000",
    "nothing": "",
    "words-only": "The derivative is easy to see.",
    "expression": "de/dw1 = -0.3 * e^0.05",
    "product": "de/dw1 = -0.3 f",
    "symbols": "de/dw1 = -x1 f",
    "contradiction": "de/dw1 = -0.3\nde/dw1 = -0.315",
    "another-derivative": "df/dw1 = -0.315",
    "range": "de/dw1 = -0.31 to -0.32",
    "fraction": "de/dw1 = -63/200",
    "other-label": "(iv) -0.315",
    "list-without-names": "(de/df, de/dw1, de/dw2) = (1, -0.315)",
    "respectively": "de/df, de/dw1 and de/dw2 come out as 1, -0.315 and -0.42, respectively",
    "word-that-ends-so": "the_w1 = -0.315",
}


@pytest.mark.parametrize("text", UNCLEAR.values(), ids=UNCLEAR)
def test_what_is_unclear_gives_no_number(text: str) -> None:
    assert read_numbers(text, NAMES)["de/dw1"].settled(1e-3) is None


# Texts in which something else is easily taken for the number that is stated.
TRAPS = [
    "(ii) -\t0.315", "de/dw1 = -\u202f0.315", "(i)$~~1$\n\n(ii)$~~-0.315$\n\n(iii)$~~-0.42$",
    r"$$\frac{\partial e}{\partial f}=1,~~\frac{\partial e}{\partial w_1}=-0.315$$",
    "(ii) With x1 = 0.3 and f = 1.0513 this gives −0.315", "(ii) $x_1 = 0.3$, so $-0.315$",
    "(ii) Since x1 = 0.3, we get −0.315", "(ii) f = 1.0513; −x1 f is about −0.315",
    "(ii)\n$x_1 = 0.3$\nso we get −0.315", r"| $\partial z_1/\partial w_1$ | $0.3$ |",
    "### (ii)\n1. df/dz4 = 1.0513\n4. dz1/dw1 = 0.3\n\nMultiplied, they give −0.315.",
    "(ii) $-0.3(1.0513)$", r"(ii) $-0.3\exp(0.05)$", r"(ii) $-0.3\exp(-z_3)$",
    "(ii) -0.3 exp(-z)", "(ii) 1.0513(-0.3), so -0.315", "| 0.3 | 1.0513 | de/dw1 |",
    r"$(\partial e/\partial w_1, \partial e/\partial w_2) = -1.0513 \cdot (0.3, 0.4)$",
    "| | de/df | de/dw1 |\n|---|---|---|\n| input | 1 | 0.3 |\n| derivative | 1 | ≈ −0.315 |",
    "| (ii) | de/dw1 | dedw1 | -0.315 |", "(i) - 1",
    "$e(f) = f - f^* = 0.0513$\n$\\frac{d}{df}e(f) = 1$",
    "(i) The derivative is one.\n(ii) de/dw1 = -x1 f, i.e. -0.3*1.051 = -0.315",
    "$$f = 1.051$\n(i) 1\n(ii) -0.315\n(iii) -0.42\n$$e = 0.051$$",
    "<!-- answer below -->\n(i) 1\n(ii) -0.315\n\n> done", "<!-- old: (ii) -0.3 -->\n(ii) -0.315",
]  # fmt: skip


@pytest.mark.parametrize("text", TRAPS)
def test_nothing_else_is_taken_for_the_number(text: str) -> None:
    for told, right in zip(_read(text), RIGHT, strict=True):
        assert told is None or told == pytest.approx(right, abs=5e-4)


LONG = ["de/df=1 " + "a" * 19_000 + "5", "1" * 20_000 + "x", "(ii) 1" + "a" * 10_000 + "5",
        "1(" + "a" * 10_000 + ")", "¹" * 20_000, "\\\\[" + "1" * 19_000, "$$" * 9_000,
        "\\begin{align}" * 1_400, "~~a" * 6_000, "|" * 20_000]  # fmt: skip


@pytest.mark.parametrize("text", LONG, ids=lambda text: text[:12])
def test_long_texts_state_nothing(text: str) -> None:
    assert set(_read(text)) <= {None, 1.0}


def test_chain_about_something_else_ends_the_one_before() -> None:
    text = r"""$de/df = 1$ and

    $$\nabla_w e = 1 \cdot \nabla_w f = -f x
    = -e^{0.05} \begin{pmatrix} 0.3 \\ 0.4 \end{pmatrix}
    = \begin{pmatrix} -0.315381 \\ -0.420508 \end{pmatrix}$$"""
    assert _read(text) == (1.0, None, None)


def test_numbers_on_the_way_are_kept() -> None:
    stated = read_numbers("de/df = 1 = 1.0\nde/dw1 = -x1 f = -0.315 = -0.3", NAMES)["de/dw1"]
    assert (stated.numbers, stated.passed) == ((-0.3,), (-0.315, -0.3))


def test_name_without_a_number_is_mentioned() -> None:
    stated = read_numbers("(ii) see the picture", NAMES)
    assert stated["de/dw1"].mentioned and not stated["de/dw2"].mentioned


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.text(st.sampled_from("()i=.-0123459de/w\\{}$frac &|*\n,;: "), max_size=60))
def test_any_text_is_read_without_a_fault(text: str) -> None:
    assert set(read_numbers(text, NAMES)) == set(NAMES)
    assert "{" not in plain(text)
