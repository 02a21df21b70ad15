"""Problem 2: two computational graphs, a forward pass, and gradients by hand and by autograd."""

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
    Expected,
    NeedsReview,
    Remote,
    Stage,
    Unreadable,
    after_change,
    ahead,
    assert_matches,
    calls,
    computes,
    is_gradient,
    numbers,
    plain,
    read_numbers,
    typed_in,
)

# How a derivative is written where it is not written as one, in order of the homework's list.
DERIVATIVES = {
    "de/df": ("(i)", "dedf", "=df", "=e_f", "=d_f e", "=d/df e", "=e'(f)"),
    "de/dw1": ("(ii)", "dedw1", "=dw1", "=e_w1", "=d_w1 e", "=d/dw1 e", "=e'(w1)"),
    "de/dw2": ("(iii)", "dedw2", "=dw2", "=e_w2", "=d_w2 e", "=d/dw2 e", "=e'(w2)"),
}


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
        assert_computes(flow, neuron, NEURON, single_output(flow, neuron, NEURON), submission)


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
def test_value_of_f(student, submission, reference):
    """f is the value of exp(-(w1 x1 + w2 x2)), to three decimals."""
    told = number_of(student, submission, "f")
    assert_matches(told, reference.f(), what="f", decimals=3)
    assert_shown_to_three(submission, "f", told)
    assert_computed(submission, "f")


@pytest.mark.part("2b")
def test_value_of_e(student, submission, reference):
    """e is f - f*, to three decimals."""
    told = number_of(student, submission, "e")
    right = reference.e()
    own = ahead(lambda: reference.error_of(number_of(student, submission, "f")))
    try:
        assert_matches(told, right, what="e", decimals=3)
    except CheckFailed:
        # A wrong f is charged above: the difference from it is right all the same.
        assert_matches(told, own(), what="e", decimals=3)
    assert_shown_to_three(submission, "e", told)
    assert_computed(submission, "e")


@pytest.mark.part("2b")
def test_graph_computes_the_error(student, submission, reference):
    """The graph computes f, and from it and f* the error e."""
    error = values_of(reference.e)
    with the_latest(student, submission, ERROR):
        assert_not_backwards(student, submission, error, ERROR)
        flow = drawn(student, submission, ERROR)
        last = single_output(flow, error, ERROR)
        if computes(flow, values_of(reference.f), ERROR[:4], last) and len(flow.variables()) == 4:
            text = "the graph ends with f, but should go on to the error e"
            raise CheckFailed(Stage.VALUES, text, hint="Add f* and e = f - f* to the graph.")
        assert_computes(flow, error, ERROR, last, submission)
        assert_none_loose(flow)


@pytest.mark.part("2c")
def test_derivative_with_respect_to_f(submission, reference):
    """The derivative of e with respect to f is given, to three decimals."""
    assert_stated(submission, "de/df", reference.gradients()[0])


@pytest.mark.part("2c")
def test_derivative_with_respect_to_w1(submission, reference):
    """The derivative of e with respect to w1 is given, to three decimals."""
    assert_stated(submission, "de/dw1", reference.gradients()[1])


@pytest.mark.part("2c")
def test_derivative_with_respect_to_w2(submission, reference):
    """The derivative of e with respect to w2 is given, to three decimals."""
    assert_stated(submission, "de/dw2", reference.gradients()[2])


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


def single_output(flow, function, leaves):
    """The only node that no arrow leads on from.

    Raises CheckFailed where others are intermediate results that the result does without.
    """
    if len(flow.outputs) == 1:
        return flow.outputs[0]
    unused = [node for node in flow.outputs if re.fullmatch(r"z\d+", flow.name(node))]
    rest = [node for node in flow.outputs if node not in unused]
    with contextlib.suppress(Unreadable):
        if len(rest) == 1 and unused and not computes(flow, function, leaves, rest[0]):
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


def number_of(student, submission, name):
    """A number under that name in the part's cells, or stated in its text or outputs."""
    if name in submission.names:
        told = student[name].value()
        if isinstance(told, Remote):
            told = student.scaffold("drawing").as_number(told)
            if told is not None:
                return float(told)
        if told is not None and not callable(told):
            value = np.asarray(told.detach() if hasattr(told, "detach") else told)
            if value.dtype.kind in "biuf" and value.size == 1:
                return float(value.reshape(()))
        if told is None and not submission.text:
            raise AnswerMissing(Stage.PRESENT, f"`{name}` is still empty: it holds None.")
    stated = read_numbers(f"{submission.text}\n{submission.printed}", {name: ()})[name]
    number = stated.settled(1e-3)
    if number is not None:
        return number
    if not (submission.text or submission.pictures or submission.cells):
        raise AnswerMissing(Stage.PRESENT, f"No value of {name} was found.")
    text = f"The value of {name} is neither under that name nor clear from the text"
    raise NeedsReview(f"{text}: a person looks at it.")


NUMBER = r"-?\d+(?:\.(\d+))?(?:e[-+]?\d+)?(?![\w.]*\w)"
# Code that brings a number to three decimals or more, wherever it then stands: on a node, say.
THREE_DECIMALS = re.compile(r"\.[3-9]\d*[efg]\b|\.[3-9]\d*\}|\bround\w*\([^()]*,\s*[3-9]")


def assert_shown_to_three(submission, name, value):
    """Fail where the cells print a value by its name, and nowhere to three decimals or more."""
    if submission.text or submission.pictures:
        return  # it may stand there
    if any(THREE_DECIMALS.search(source) for source in submission.sources):
        return
    printed = submission.printed
    if any(abs(float(number[0]) - value) < 1e-3 for number in re.finditer(NUMBER, printed)):
        return
    for shown in re.finditer(rf"(?<!\w){name}\s*[=:]\s*({NUMBER})", printed):
        number, decimals = shown[1], len(shown[2] or "")
        if 0 < decimals < 3 and "e" not in number and abs(float(number) - value) < 0.1**decimals:
            text = f"{name} is shown as {number}, but should have at least three decimals"
            raise CheckFailed(Stage.VALUES, text, hint="How many decimals are printed?")


# What a computation of f and e is made of.
OPERANDS = ("w1", "x1", "w2", "x2", "f_star", "f")
POWERS = ("exp", "expm1", "exp2", "pow", "power")
# One of its steps: a power, or a product of weights and inputs, by name or as numbers.
STEP = re.compile(r"\*\*|\b[wx]\d?\s*[*@]|[*@]\s*-?[wx]\d?\b|\d\s*\*\s*\(?-?\.?\d")


def assert_computed(submission, name):
    """Fail where the value is certainly typed in, and nothing shows a step on the way to it.

    A value that was worked out by hand or on a calculator, from steps that are there, is right.
    """
    if submission.text or submission.pictures:
        return
    computing = any(calls(submission.sources, power, arguments=1) for power in POWERS)
    if computing or any(STEP.search(source) for source in submission.sources):
        return
    if typed_in(submission.sources, name, set(OPERANDS) - {name}):
        text = f"{name} is typed in as a number, but should be computed"
        raise CheckFailed(Stage.MEANS, text, hint="Compute it from the weights and inputs.")


def assert_stated(submission, name, right):
    """Compare what the part's text, or what its cells printed, states."""
    if not (submission.text or submission.pictures or submission.printed):
        raise AnswerMissing(Stage.PRESENT, "There is no answer below this part's heading.")
    text = f"{submission.text}\n{submission.printed}"
    read = read_numbers(text, DERIVATIVES)
    number = read[name].settled(1e-3)
    if number is None:
        raise NeedsReview(f"No clear number for {name} was found here: a person looks at it.")
    value = Expected(float(right.value), float(right.error))
    try:
        assert_matches(number, value, what=name, decimals=3)
    except CheckFailed:
        others = [told.settled(1e-3) for other, told in read.items() if other != name]
        if stands_there(text, value.value, read[name].passed, others):
            text = f"{number:g} was read for {name}, but the right number stands there too"
            raise NeedsReview(f"{text}: a person looks at it.") from None
        raise


def stands_there(text, right, passed, others):
    """Whether the right number is in a text, and not what the text states of another name.

    A 1 is in most texts: it has to be in a chain about the name.
    """
    if any(other is not None and abs(other - right) < 5e-4 for other in others):
        return False
    told = map(float, re.findall(r"-?\d*\.?\d+(?:e-?\d+)?", plain(text)))
    numbers = passed if right == 1 else [*passed, *told]
    return any(abs(number - right) < 5e-4 for number in numbers)


def assert_gradient(actual, value, error, what):
    """A gradient of one number, whether it has a dimension of its own or none."""
    brought = actual.value()
    shape = (1,) if getattr(brought, "shape", None) == (1,) else ()
    assert_matches(brought, Expected(np.full(shape, value), np.full(shape, error)), what=what)


@pytest.mark.part("2d")
def test_gradient_with_respect_to_w1(student, reference, submission):
    """dedw1 is the gradient of e with respect to w1."""
    told = reference.gradients()
    assert_gradient(student.dedw1, float(told[1].value), float(told[1].error), "dedw1")
    assert_by_autograd(student, submission, 0, float(told[1].value))
    assert_signed(student, submission, float(told[1].value))


@pytest.mark.part("2d")
def test_gradient_with_respect_to_w2(student, reference, submission):
    """dedw2 is the gradient of e with respect to w2."""
    told = reference.gradients()
    assert_gradient(student.dedw2, float(told[2].value), float(told[2].error), "dedw2")
    assert_by_autograd(student, submission, 1, float(told[2].value))


def assert_by_autograd(student, submission, which, right):
    """Fail where the gradient stays the same when all backward passes give twice as much."""
    names = ("dedw1", "dedw2")
    if is_gradient(submission.sources, names[which]):
        return
    told = after_change(student, submission, "change_gradients",
                        lambda again: [as_number(again[name]) for name in names])  # fmt: skip
    if told is not None and np.allclose(told[which], right, rtol=1e-5, atol=0):
        text = f"{names[which]} does not come from a backward pass, but should"
        raise CheckFailed(Stage.MEANS, text, hint="Let a backward pass from e fill it in.")


# What may take the sign from a difference.
UNSIGNED = re.compile(r"\b(f?abs_?|absolute|l1_loss|L1Loss|norm|sqrt|relu|max|clamp|dist)\b")


def assert_signed(student, submission, right):
    """Fail where the gradient turns its sign once f is less than f*: e is then |f - f*|."""
    if not any(UNSIGNED.search(source) for source in submission.sources):
        return
    sources = [re.sub(r"^(f_star\s*=).*$", r"\1 torch.tensor([2.0])", source, flags=re.MULTILINE)
               for source in submission.sources]  # fmt: skip
    told = np.nan
    with contextlib.suppress(CheckFailed):  # by cells that do not run on with another f*
        told = as_number(student.rerun(sources, submission.cells, timeout_s=10)["dedw1"])
    if np.isclose(told, -right, rtol=1e-4):
        text = "e is |f - f*|, but should be f - f*, which is negative where f is less than f*"
        raise CheckFailed(Stage.MEANS, text, hint="Look at the sign of e.")


def as_number(value):
    """A tensor or number as one double, NaN where it is neither."""
    try:
        told = numbers(value)
    except CheckFailed:
        return np.nan
    return float(told.reshape(-1)[0]) if told.size == 1 else np.nan
