"""Drawn graphs as functions: however they are drawn the right ones are, and no wrong one is."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pytest

from grader.checks import Dataflow, Drawing, Unreadable, computes
from grader.checks.operations import constants, operation, plain_name

LEAVES = ("w0", "x0", "w1", "x1", "w2")


def neuron(w0, x0, w1, x1, w2):  # type: ignore[no-untyped-def]
    return 1 / (1 + np.exp(-(w0 * x0 + w1 * x1 + w2)))


def _drawing(arrows: str, labels: Mapping[str, str] | None = None) -> Drawing:
    """`a b > c > d` draws arrows from a and b to c and from c to d."""
    edges = []
    for chain in arrows.split(";"):
        steps = [step.split() for step in chain.split(">")]
        for before, after in itertools.pairwise(steps):
            edges += [(a, b) for a in before for b in after]
    nodes = tuple(dict.fromkeys(n for edge in edges for n in edge))
    return Drawing(nodes, tuple(edges), labels or {})


def _is_neuron(drawing: Drawing, given: Mapping[str, float] | None = None) -> bool:
    flow = Dataflow(drawing)
    (last,) = flow.outputs
    return computes(flow, neuron, LEAVES, last, given)


PRODUCTS = "w0 x0 > mul1 > z1; w1 x1 > mul2 > z2;"
RIGHT = {
    "two-sums": PRODUCTS + "z1 z2 > add1 > z3; z3 w2 > add2 > z4 > neg > z5 > exp > z6;"
    "z6 1 > add3 > z7 > inv > f",
    "one-sum": PRODUCTS + "z1 z2 w2 > sum > z3 > neg > z4 > exp > z5; z5 1 > + > z6 > 1/x > f",
    "division": PRODUCTS + "z1 z2 w2 > + > z3 > -1* > z4 > exp > z5; const1 z5 > add > z6;"
    "const2 z6 > div > f",
    "division-the-other-way": PRODUCTS + "z1 z2 w2 > + > z3 > neg > z4 > exp > z5;"
    "const1 z5 > add > z6; z6 const2 > / > f",
    "inverse-power": PRODUCTS + "z1 z2 w2 > + > z3 > *-1 > z4 > e^x > z5 > +1 > z6 > x^-1 > f",
    "power": PRODUCTS + "z1 z2 w2 > + > z3 > neg > z4 > exp > z5 > 1+ > z6; z6 -1 > pow > f",
    "exp-of-minus": PRODUCTS + "z1 z2 w2 > + > z3 > e^-x > z4 > 1+x > z5 > reciprocal > f",
    "no-names-between": "w0 x0 > mul1; w1 x1 > mul2; mul1 mul2 w2 > sum > neg > exp > +1 > inv > f",
    "minus-one-as-leaf": PRODUCTS + "z1 z2 w2 > + > z3; z3 -1 > * > z4 > exp > z5; z5 1 > +_2 > z6"
    "> inv > f",
    "zero-minus": PRODUCTS + "z1 z2 w2 > + > z3; 0 z3 > sub > z4 > exp > z5; z5 one > plus >"
    " z6 > inverse > f",
    "sigmoid-at-once": PRODUCTS + "z1 z2 w2 > + > z3 > sigmoid > f",
    "subscripts": "w_0 x_0 > *1 > z_1; w_1 x_1 > *2 > z_2; z_1 z_2 w_2 > +1 > z_3 > neg > z_4 > exp"
    " > z_5; z_5 1 > +2 > z_6 > 1/x > f(w,x)",
    "own-names": "a b > mul1 > p; c d > mul2 > q; p q e0 > sum > s > neg > t > exp > u;"
    "u 1 > add > v > inv > out",
    "dollars": "$w_0$ $x_0$ > \\times1 > $z_1$; $w_1$ $x_1$ > \\times2 > $z_2$;"
    "$z_1$ $z_2$ $w_2$ > + > $z_3$ > neg > $z_4$ > exp > $z_5$; $z_5$ 1 > add > $z_6$ > inv > f",
}


@pytest.mark.parametrize("arrows", RIGHT.values(), ids=RIGHT)
def test_neuron_is_recognised_however_it_is_drawn(arrows: str) -> None:
    assert _is_neuron(_drawing(arrows))


LABELLED = {"n1": "*", "n2": "×", "n3": "+", "n4": "*(-1)", "n5": "$e^{x}$", "n6": "+1", 
            "n7": "1/x",
            "z1": "z1", "w0": "w0\n0.5"}  # fmt: skip


def test_labels_say_what_names_do_not() -> None:
    arrows = "w0 x0 > n1 > z1; w1 x1 > n2 > z2; z1 z2 w2 > n3 > z3 > n4 > z4 > n5 > z5 > n6 > z6"
    assert _is_neuron(_drawing(arrows + "> n7 > f", LABELLED))


WRONG = {
    "no-minus": PRODUCTS + "z1 z2 w2 > + > z3 > exp > z4 > +1 > z5 > inv > f",
    "no-inverse": PRODUCTS + "z1 z2 w2 > + > z3 > neg > z4 > exp > z5 > +1 > f",
    "no-one": PRODUCTS + "z1 z2 w2 > + > z3 > neg > z4 > exp > z5 > inv > f",
    "product-for-sum": PRODUCTS + "z1 z2 w2 > mul3 > z3 > neg > z4 > exp > z5 > +1 > z6 > inv > f",
    "sum-for-product": "w0 x0 > add1 > z1; w1 x1 > add2 > z2; z1 z2 w2 > + > z3 > neg > z4 > exp >"
    " z5 > 1+ > z6 > inv > f",
    "crossed-weights": "w0 x1 > mul1 > z1; w1 x0 > mul2 > z2; z1 z2 w2 > + > z3 > neg > z4 > exp >"
    " z5 > 1+ > z6 > inv > f",
    "bias-forgotten": PRODUCTS + "z1 z2 > + > z3 > neg > z4 > exp > z5 > 1+ > z6 > inv > f",
    "minus-after-exp": PRODUCTS + "z1 z2 w2 > + > z3 > exp > z4 > neg > z5 > 1+ > z6 > inv > f",
    "exp-forgotten": PRODUCTS + "z1 z2 w2 > + > z3 > neg > z4 > 1+ > z5 > inv > f",
    "input-at-another-product": "w0 x0 x1 > mul1 > z1; w1 > mul2 > z2; z1 z2 w2 > + > z3 > neg >"
    " z4 > exp > z5 > 1+ > z6 > inv > f",
    "sum-of-one-term": PRODUCTS + "z1 z2 w2 > + > z3 > neg > z4 > exp > z5 > add9 > z6 > inv > f",
    "reciprocal-cut-off": PRODUCTS + "z1 z2 w2 > + > z3 > neg > z4 > exp > z5 > +1 > z6 > f",
    "bias-multiplied": PRODUCTS + "z1 z2 > + > z3; z3 w2 > mul3 > z4 > neg > z5 > exp > z6 > 1+ >"
    " z7 > inv > f",
    "one-minus": PRODUCTS + "z1 z2 w2 > + > z3 > neg > z4 > exp > z5 > 1-x > z6 > inv > f",
}


@pytest.mark.parametrize("arrows", WRONG.values(), ids=WRONG)
def test_other_functions_are_not_the_neuron(arrows: str) -> None:
    assert not _is_neuron(_drawing(arrows))


DOUBTFUL = {
    "unknown-operation": "w0 x0 > thing > z1",
    "operation-on-the-arrow": "w0 x0 > z1 > f",
    "circle": "w0 > neg > a > neg2 > b > neg",
    "cross-of-one": "w0 > x > f",
}


@pytest.mark.parametrize("arrows", DOUBTFUL.values(), ids=DOUBTFUL)
def test_what_cannot_be_read_is_not_judged(arrows: str) -> None:
    with pytest.raises(Unreadable):
        Dataflow(_drawing(arrows))


def test_drawing_tells_what_may_stand_beside_it() -> None:
    assert Dataflow(_drawing(WRONG["sum-of-one-term"])).gaps == ("add9",)
    assert Dataflow(_drawing(WRONG["input-at-another-product"])).gaps == ("mul2",)
    assert Dataflow(_drawing(WRONG["reciprocal-cut-off"])).gaps == ("f",)
    assert Dataflow(_drawing(RIGHT["two-sums"])).gaps == ()


def test_nodes_drawn_in_one_shape_only_are_found() -> None:
    shapes = {"neg": ["o"], "exp": ["o", "s"], "a": ["o"], "inv": ["s"], "f": ["o"]}
    told = {"nodes": ["a", "neg", "exp", "inv", "f"], "labels": {}, "directed": True,
            "edges": [["a", "neg"], ["neg", "exp"], ["exp", "inv"], ["inv", "f"]]}  # fmt: skip
    flow = Dataflow(Drawing.from_plain({**told, "shapes": shapes}))
    assert flow.drawn_as("o", flow.operations) == ("neg",)
    assert flow.drawn_as("s", flow.operations) == ("inv",)
    assert flow.drawn_as("s", flow.variables()) == ()
    plain = Dataflow(Drawing.from_plain(told))
    assert plain.drawn_as("o", plain.operations) == ()


def test_graph_without_directions_is_not_judged() -> None:
    with pytest.raises(Unreadable, match="no direction"):
        Dataflow(Drawing(("a", "neg"), (("a", "neg"),), directed=False))


@pytest.mark.parametrize(
    "told", [None, {}, {"nodes": 3, "edges": [], "labels": {}, "directed": True},
             {"nodes": ["a"], "edges": [["a", "b"]], "labels": {}, "directed": True},
             {"nodes": ["a"], "edges": [["a"]], "labels": {}, "directed": True},
             {"nodes": [str(n) for n in range(500)], "edges": [], "labels": {}, "directed": True}],
)  # fmt: skip
def test_malformed_drawings_are_not_judged(told: object) -> None:
    with pytest.raises(Unreadable):
        Drawing.from_plain(told)


@pytest.mark.parametrize(("value", "is_neuron"), [(1.0, True), (-1.0, False), (2.0, False)])
def test_further_variables_are_given_values(value: float, is_neuron: bool) -> None:
    drawing = _drawing(RIGHT["two-sums"].replace("z6 1 >", "z6 c1 >"))
    assert not _is_neuron(drawing)
    assert _is_neuron(drawing, {"c1": value}) is is_neuron


def test_formula_says_what_a_graph_computes() -> None:
    flow = Dataflow(_drawing(WRONG["no-inverse"]))
    assert flow.formula("f") == "(1 + exp((-((w0 * x0) + (w1 * x1) + w2))))"


def test_operations_without_a_name_between_them_are_found() -> None:
    assert Dataflow(_drawing(RIGHT["two-sums"])).unnamed_steps() == ()
    steps = Dataflow(_drawing(RIGHT["no-names-between"])).unnamed_steps()
    assert ("neg", "exp") in steps and len(steps) == 6


@pytest.mark.parametrize("text", ["e", "f", "z1", "x1", "w", "b", "y", "f*", "x", "loss", "h1"])
def test_names_of_variables_are_no_operations(text: str) -> None:
    assert operation(text, 1) is None


@pytest.mark.parametrize(
    ("text", "inputs", "name"),
    [(r"$\frac{1}{x}$", 1, "inv"), ("eˣ", 1, "exp"), ("e⁻ˣ", 1, "exp of minus"), ("x⁻¹", 1, "inv"),
     ("−(·)", 1, "neg"), ("exp(·)", 1, "exp"), ("1/(·)", 1, "inv"), ("-1·", 1, "neg"),
     (r"$\ast$", 2, "mul"), (r"$\otimes$", 2, "mul"), (r"$\oplus$", 2, "add"), ("Σ", 3, "add"),
     ("f - f*", 2, "sub"), ("$f-f^*$", 2, "sub"), ("a+b", 2, "add"), ("a^b", 2, "pow"),
     (r"$-(\,)$", 1, "neg"), (r"$(\,)^{-1}$", 1, "inv"), ("1/·", 1, "inv"),
     ("∑", 2, "add"), ("σ", 1, "sigmoid")],
)  # fmt: skip
def test_operations_are_read_as_they_are_printed(text: str, inputs: int, name: str) -> None:
    meant = operation(text, inputs)
    assert meant is not None and meant.name == name


def test_text_on_a_node_counts_before_its_name() -> None:
    numbered = {node: str(number) for number, node in enumerate(_drawing(RIGHT["two-sums"]).nodes)}
    drawing = _drawing(RIGHT["two-sums"])
    texts = {numbered[node]: drawing.labels.get(node, node) for node in drawing.nodes}
    edges = tuple((numbered[a], numbered[b]) for a, b in drawing.edges)
    flow = Dataflow(Drawing(tuple(numbered.values()), edges, texts))
    assert set(flow.names().values()) == set(Dataflow(drawing).names().values())


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("1", {1}), ("-1", {-1}), ("1.0", {1}), ("const1", {1}), ("const2", {1, 2}),
     ("const=2", {2}), ("one", {1}), ("1 (numerator)", {1}),
     ("w1", set()), ("c1", set()), ("x", set()), ("2", {2})],
)  # fmt: skip
def test_constants_are_told_from_variables(text: str, numbers: set[float]) -> None:
    assert set(constants(text)) == numbers


@pytest.mark.parametrize(
    ("text", "name"),
    [("$w_{0}$", "w0"), ("w[0]", "w0"), ("W0", "w0"), ("w₀", "w0"), ("f*", "fstar"),
     ("f^*", "fstar"), ("$f^{*}$", "fstar"), ("f_star", "fstar"), ("w1\n0.100", "w1"),
     ("w1 = 0.1", "w1"), ("x", "x")],
)  # fmt: skip
def test_names_are_read_in_any_writing(text: str, name: str) -> None:
    assert plain_name(text) == name


def test_nodes_that_nothing_leads_to_or_from_are_told() -> None:
    flow = Dataflow(Drawing(("a", "neg", "f", "1"), (("a", "neg"), ("neg", "f"))))
    assert flow.loose == ("1",)
    assert flow.outputs == ("f",)


@pytest.mark.parametrize(
    ("nodes", "lacking"),
    [
        (("a", "neg", "f", "x0"), ("x0",)),
        (("a", "neg", "f", "$x_0$"), ("x0",)),
        (("a", "neg", "f", "title"), ()),
        (("a", "neg", "f", "z5"), ()),
    ],
)
def test_leaves_without_an_arrow_are_told(nodes: tuple[str, ...], lacking: tuple[str, ...]) -> None:
    drawing = Drawing(nodes, (("a", "neg"), ("neg", "f")))
    assert drawing.lacking(("a", "x0")) == lacking


def test_leaves_that_arrows_lead_to_are_told() -> None:
    assert _drawing("f > sub > f* > e").turned(("fstar",)) == ()
    assert _drawing("f > sub > e; sub > f*").turned(("w1", "fstar")) == ("fstar",)


def test_leaf_that_is_drawn_twice_lacks_nothing() -> None:
    drawing = Drawing(("a", "neg", "f", "b"), (("a", "neg"), ("neg", "f")), {"b": "a"})
    assert drawing.lacking(("a",)) == ()
