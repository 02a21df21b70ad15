"""Problem 2: two computational graphs, as networkx draws them."""

import contextlib
import itertools
import re

import numpy as np
import pytest

from grader.checks import (
    AnswerMissing,
    CheckFailed,
    Dataflow,
    Drawing,
    NeedsReview,
    Stage,
    Unreadable,
    computes,
)

NEURON = ("w0", "x0", "w1", "x1", "w2")
ERROR = ("w1", "x1", "w2", "x2", "fstar")

_UNCERTAIN = "It is not certain what the graph means"
_COMPARE = "Compare the variables of the graph with those of the formula."


@pytest.mark.part("2a")
def test_graph_computes_the_neuron(student, submission, reference):
    """The graph computes f(w, x) = 1 / (1 + exp(-(w0 x0 + w1 x1 + w2)))."""
    neuron = values_of(reference.neuron)
    with the_latest(student, submission, NEURON):
        assert_not_backwards(student, submission, neuron, NEURON)
        flow = drawn(student, submission, NEURON)
        assert_computes(
            flow, neuron, NEURON, single_output(flow, neuron, NEURON, submission), submission
        )


@pytest.mark.part("2a")
def test_intermediate_states_are_nodes(student, submission):
    """Results between operations are nodes; operations are rectangles, and variables circles."""
    with the_latest(student, submission, NEURON):
        assert_nodes_are_drawn(drawn(student, submission, NEURON), submission)


def assert_nodes_are_drawn(flow, submission):
    """Fail where results between operations have no node, or nodes another shape than asked."""
    assert_none_loose(flow)
    steps = flow.unnamed_steps()
    if steps:
        text = f"{steps[0][0]!r} leads straight to {steps[0][1]!r}, without a node in between"
        raise CheckFailed(Stage.VALUES, text, hint="Intermediate results are nodes too: z_n.")
    if any(DRAWN_BESIDE.search(source) for source in submission.sources):
        return
    for circle in flow.drawn_as("o", flow.operations):
        text = f"the operation {circle!r} is drawn as a circle, but should be a rectangle"
        raise CheckFailed(Stage.MEANS, text, hint="Circles are for variables.")
    for square in flow.drawn_as("s", flow.variables()):
        text = f"the variable {square!r} is drawn as a square, but should be a circle"
        raise CheckFailed(Stage.MEANS, text, hint="Rectangles are for operations.")


@pytest.mark.part("2b")
def test_graph_computes_the_error(student, submission, reference):
    """The graph computes f, and from it and f* the error e."""
    error = values_of(reference.e)
    with the_latest(student, submission, ERROR):
        assert_not_backwards(student, submission, error, ERROR)
        flow = drawn(student, submission, ERROR)
        last = single_output(flow, error, ERROR, submission)
        if computes(flow, values_of(reference.f), ERROR[:4], last) and len(flow.variables()) == 4:
            text = "the graph ends with f, but should go on to the error e"
            raise CheckFailed(Stage.VALUES, text, hint="Add f* and e = f - f* to the graph.")
        assert_computes(flow, error, ERROR, last, submission)
        assert_none_loose(flow)
        if not any(DRAWN_BESIDE.search(source) for source in submission.sources):
            assert_names_error(flow, last)


# What the result may be called, beside the operation or in its place.
CALLED = re.compile(r"\be\b|err|loss|delta|δ|ε|resid|diff|out|z_?\d|=", re.IGNORECASE)


def assert_names_error(flow, last):
    """Fail where the graph ends with an operation that does not say that its result is e."""
    if last in flow.operations and not CALLED.search(f"{last} {flow.name(last)}"):
        text = f"the graph ends with the operation {last!r}, and has no e in it"
        raise CheckFailed(Stage.MEANS, text, hint="The result of the last operation is a node, "
                          "too.")  # fmt: skip


@contextlib.contextmanager
def the_latest(student, submission, leaves):
    """What is wrong with the graph that was drawn last is for a person, where others may be meant.

    That a graph of another formula was drawn before, the homework's example say, is no doubt.
    """
    try:
        yield
    except CheckFailed:
        others = graphs_of(student, submission)[:-1]
        if any(2 * held(graph, leaves) > len(leaves) for graph in others):
            text = "There is more than one graph here, and the last one is not certainly right"
            raise NeedsReview(f"{text}: a person looks at them.") from None
        raise


def held(graph, leaves):
    """How many of the variables a graph has."""
    try:
        return len(Drawing.from_plain(graph).held(leaves))
    except Unreadable:
        return len(leaves)


def drawn(student, submission, leaves):
    """The graph that the part's cells draw, or draw last, read as a function."""
    told = [graph for graph in graphs_of(student, submission) if graph["nodes"]]
    if not told:
        if submission.pictures or submission.text or submission.shown:
            raise NeedsReview("There is no graph of networkx here: a person looks at the answer.")
        raise AnswerMissing(Stage.PRESENT, "No graph was found in the cells of this part.")
    try:
        drawing = Drawing.from_plain(told[-1])
        # The formula needs each of them, whatever the rest of the graph means.
        if lacking := drawing.lacking(leaves):
            text = f"no arrow leads from {lacking[0]} to what uses it"
            raise CheckFailed(Stage.VALUES, text, hint="Each variable points to its operation.")
        if turned := drawing.turned(leaves):
            text = f"an arrow leads to {turned[0]}, but should lead from it: it is an input"
            raise CheckFailed(Stage.VALUES, text, hint="Each variable points to its operation.")
        flow = Dataflow(drawing)
    except Unreadable as doubt:
        raise NeedsReview(f"{_UNCERTAIN}: {doubt}. A person looks at it.") from None
    return flow


def assert_none_loose(flow):
    if flow.loose:
        raise NeedsReview(f"No arrow leads to or from {flow.loose[0]!r}: a person looks at it.")


def assert_not_backwards(student, submission, function, leaves):
    """Fail where all that is wrong with the graph is that its arrows point the other way."""
    told = [graph for graph in graphs_of(student, submission) if graph["nodes"]]
    if not told:
        return
    try:
        edges = [(b, a) for a, b in told[-1]["edges"]]
        flow = Dataflow(Drawing.from_plain({**told[-1], "edges": edges}))
        turned = len(flow.outputs) == 1 and computes(flow, function, leaves, flow.outputs[0])
    except (Unreadable, TypeError, ValueError, KeyError):
        return
    if turned:
        text = "the arrows point from results to variables, but should point the other way"
        raise CheckFailed(Stage.VALUES, text, hint="Each variable points to its operation.")


def graphs_of(student, submission):
    """Graphs as plain data: the part's cells are run again to see which ones they make."""
    part = "graphs" + str(submission.cells)
    if part not in student.memo:
        if not submission.cells:
            return []
        if not any("label" in source for source in submission.sources):
            # Nothing is drawn on the nodes beside their names: the graph itself tells it all.
            here = student.scaffold("drawing").graphs_here(sorted(submission.names))
            if len(here) == 1 and is_readable(here[0]):
                return student.memo.setdefault(part, here)
        drawing = student.scaffold("drawing", patches=True)
        drawing.watch()
        try:
            told = drawing.graphs_made(student.rerun(submission.sources, submission.cells,
                                                     timeout_s=60))  # fmt: skip
        except CheckFailed:
            # A cell that stops half-way may have made its graph before.
            told = drawing.graphs_here(sorted(submission.names))
        student.renew()
        student.memo[part] = told
    return student.memo[part]


def is_readable(graph):
    """Whether the names of a graph's nodes tell all that they mean."""
    try:
        return bool(graph["nodes"]) and bool(Dataflow(Drawing.from_plain(graph)).operations)
    except (Unreadable, TypeError, KeyError):
        return False


def values_of(function):
    """A function of the reference as one that gives numbers alone."""
    return lambda *arguments: function(*arguments).value


def single_output(flow, function, leaves, submission):
    """The only node that no arrow leads on from.

    Raises CheckFailed where others are intermediate results that the result does without.
    """
    if len(flow.outputs) == 1:
        return flow.outputs[0]
    unused = [node for node in flow.outputs if re.fullmatch(r"z\d+", flow.name(node))]
    rest = [node for node in flow.outputs if node not in unused]
    beside = any(DRAWN_BESIDE.search(source) for source in submission.sources)
    with contextlib.suppress(Unreadable):
        if not beside and len(rest) == 1 and not computes(flow, function, leaves, rest[0]):
            text = f"no arrow leads on from {flow.name(unused[0])}, an intermediate result"
            raise CheckFailed(Stage.VALUES, text, hint="What is computed with it?")
    text = f"The graph has {len(flow.outputs)} nodes without an arrow that leads on"
    raise NeedsReview(f"{text}: a person looks at it.")


# What is drawn beside the nodes and arrows of networkx, and may say more than these.
DRAWN_BESIDE = re.compile(r"edge_labels|\btext\(|annotate|patches|Rectangle|Bbox|Patch\b")


def assert_computes(flow, function, leaves, last, submission):
    """Fail where the graph is certain to compute something else."""
    try:
        if computes(flow, function, leaves, last):
            return
    except Unreadable as doubt:
        raise NeedsReview(f"{_UNCERTAIN}: {doubt}. A person looks at it.") from None
    if flow.gaps and any(DRAWN_BESIDE.search(source) for source in submission.sources):
        raise NeedsReview(f"{_UNCERTAIN}: what leads to {flow.gaps[0]!r}. A person looks at it.")
    names = sorted(flow.names().values())
    missing = [name for name in leaves if name not in names]
    strange = [name for name in names if name not in leaves]
    if strange == ["e"] and computes_with_e(flow, function, leaves, last):
        return
    unasked = [name for name in strange if re.fullmatch(r"[wx]\d", name)]
    if unasked and (not missing or len(names) > len(leaves)):
        text = f"the graph has {', '.join(unasked)}, which the formula does not have"
        raise CheckFailed(Stage.VALUES, text, hint=_COMPARE)
    if strange and not missing and len(names) == len(leaves) + len(strange):
        assert_computes_with_constants(flow, function, leaves, last, strange)
    if strange or len(set(names)) < len(names):
        raise NeedsReview(f"The graph's variables are {', '.join(names)}: a person looks at it.")
    if missing:
        text = f"{', '.join(missing)} is missing from the graph's variables {', '.join(names)}"
        raise CheckFailed(Stage.VALUES, text, hint=_COMPARE)
    text = f"the graph computes {flow.formula(last)}, which is something else than the formula"
    raise CheckFailed(Stage.VALUES, text, hint="Follow the arrows from variables to result.")


def computes_with_e(flow, function, leaves, last):
    """Whether the graph is right where its `e` is Euler's number."""
    euler = [leaf for leaf, name in flow.names().items() if name == "e"]
    with contextlib.suppress(Unreadable):
        return computes(flow, function, leaves, last, dict.fromkeys(euler, float(np.e)))
    return False


# What a variable that the formula does not have may stand for, and how many of them are tried.
CONSTANTS, MOST_CONSTANTS = (1.0, -1.0, 0.0, float(np.e)), 3


def assert_computes_with_constants(flow, function, leaves, last, strange):
    """Fail where the graph computes something else, whatever the further variables stand for."""
    others = [leaf for leaf, name in flow.names().items() if name in strange]
    ways = itertools.product(CONSTANTS, repeat=len(others))
    try:
        if len(others) > MOST_CONSTANTS or any(
            computes(flow, function, leaves, last, dict(zip(others, way, strict=True)))
            for way in ways
        ):
            return
    except Unreadable as doubt:
        raise NeedsReview(f"{_UNCERTAIN}: {doubt}. A person looks at it.") from None
    text = (f"the graph computes {flow.formula(last)}, which is something else than the formula, "
            f"with 1, -1, 0 or e for {' and '.join(strange)}")  # fmt: skip
    raise CheckFailed(Stage.VALUES, text, hint="Follow the arrows from variables to result.")
