"""Computational graphs as students draw them, read as the functions that they compute.

A graph's nodes are variables and operations; which is which, and which operation, is read from
what was drawn on them or else from their names. Two graphs are held to be the same where they
compute the same function of the same leaves: names of intermediate nodes, a sum of three in one
node or two, `1/x` or `x^-1` make no difference.

What cannot be read with certainty raises `Unreadable`: then a person looks at the picture.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import networkx as nx
import numpy as np

from grader.checks.operations import LACKING, Operation, constants, operation, plain_name

_STATE = re.compile(r"z\d+|[fe]")
_MOST_NODES = 200
_MOST_LEAVES = 7  # all orders of more would take long
_MOST_ORDERED = 6


class Unreadable(Exception):
    """What was drawn is not certain enough for a verdict; the message says what is in doubt."""


@dataclass(frozen=True)
class Drawing:
    """One drawn graph as plain data: names, arrows, and text and shapes shown for each node."""

    nodes: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    directed: bool = True
    shapes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def from_plain(cls, told: Any) -> Drawing:
        """From what the student's process says. Raises Unreadable where it is malformed."""
        try:
            nodes = tuple(str(n) for n in told["nodes"])
            edges = tuple((str(a), str(b)) for a, b in told["edges"])
            labels = {str(k): str(v)[:200] for k, v in told["labels"].items()}
            shapes = {str(k): tuple(map(str, v)) for k, v in told.get("shapes", {}).items()}
            made = cls(nodes, edges, labels, bool(told["directed"]), shapes)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unreadable(f"the graph could not be read: {error}") from error
        if len(nodes) > _MOST_NODES or not {n for e in edges for n in e} <= set(nodes):
            raise Unreadable("the graph is too large to be read")
        return made

    def lacking(self, leaves: Sequence[str]) -> tuple[str, ...]:
        """Those of the leaves' plain names whose node is there, but with no arrow at it."""
        tied = {node for edge in self.edges for node in edge}
        names = self._names()
        used = {names[node] for node in tied}
        return tuple(n for n in leaves if n in names.values() and n not in used)

    def held(self, leaves: Sequence[str]) -> tuple[str, ...]:
        """Those of the leaves' plain names that a node has."""
        names = self._names().values()
        return tuple(n for n in leaves if n in names)

    def turned(self, leaves: Sequence[str]) -> tuple[str, ...]:
        """Those of the leaves' plain names to whose node arrows lead, and from which none does."""
        ends = {b for _, b in self.edges} - {a for a, _ in self.edges}
        names = self._names()
        return tuple(n for n in leaves if n in {names[node] for node in ends})

    def _names(self) -> dict[str, str]:
        return {node: plain_name(self.labels.get(node, node), node) for node in self.nodes}


class Dataflow:
    """A drawn graph with the meaning of each of its nodes.

    Raises Unreadable where a node's meaning is in doubt.
    """

    def __init__(self, drawing: Drawing) -> None:
        self.graph = nx.DiGraph()
        self.graph.add_nodes_from(drawing.nodes)
        self.graph.add_edges_from(drawing.edges)
        if not drawing.directed:
            raise Unreadable("the graph's edges have no direction")
        if not nx.is_directed_acyclic_graph(self.graph):
            raise Unreadable("the graph's arrows lead in a circle")
        self._labels, self._shapes = drawing.labels, drawing.shapes
        self.operations = self._read_operations()
        self.leaves = tuple(n for n in self.graph if not self.graph.pred[n] and self.graph.succ[n])
        self.constants = {n: c for n in self.leaves if (c := self._constants(n))}
        self.outputs = tuple(n for n in self.graph if self.graph.pred[n] and not self.graph.succ[n])

    @property
    def loose(self) -> tuple[str, ...]:
        """Nodes that no arrow leads to or from."""
        return tuple(nx.isolates(self.graph))

    def _text(self, node: str) -> str:
        return self._labels.get(node, node)

    def _constants(self, node: str) -> tuple[float, ...]:
        return constants(self._text(node))

    def _read_operations(self) -> dict[str, Operation]:
        found: dict[str, Operation] = {}
        for node in nx.topological_sort(self.graph):
            inputs = len(self.graph.pred[node])
            if not inputs:
                continue
            meant = operation(self._text(node), inputs) or operation(node, inputs)
            if meant is not None:
                found[node] = meant
            elif inputs == 1 and (before := next(iter(self.graph.pred[node]))) in found:
                continue
            elif inputs > 1 or not (self._is_state(before) and self._is_state(node)):
                raise Unreadable(f"it is not clear which operation {node!r} stands for")
        return found

    def _is_state(self, node: str) -> bool:
        """Whether the node is certainly an intermediate result, or the last one."""
        return _STATE.fullmatch(self.name(node)) is not None and bool(self.graph.pred[node])

    def name(self, node: str) -> str:
        """A node's plain name, `f` of `$f$`."""
        return plain_name(self._text(node), node)

    @property
    def gaps(self) -> tuple[str, ...]:
        """Nodes in front of which an operation or a term is missing from the drawing.

        What is drawn beside nodes and arrows, a text on an arrow say, may stand for it.
        """
        alone = [n for n, op in self.operations.items() if op.name in LACKING]
        states = [n for n in self.graph if n not in self.operations and self.graph.pred[n]]
        copies = [n for n in states if not set(self.graph.pred[n]) & self.operations.keys()]
        return (*alone, *copies)

    def drawn_as(self, shape: str, nodes: Iterable[str]) -> tuple[str, ...]:
        """Those of the nodes that were drawn with this shape of matplotlib and no other."""
        return tuple(n for n in nodes if set(self._shapes.get(n, ())) == {shape})

    def variables(self) -> tuple[str, ...]:
        """The leaves that are no constants."""
        return tuple(leaf for leaf in self.leaves if leaf not in self.constants)

    def names(self) -> dict[str, str]:
        """Plain names of the variables: `w0` of `$w_0$` or of a label `w0 = 0.1`."""
        return {leaf: self.name(leaf) for leaf in self.variables()}

    def unnamed_steps(self) -> tuple[tuple[str, str], ...]:
        """Operations that lead straight into another, without a variable for what is between."""
        steps = self.graph.edges
        return tuple((a, b) for a, b in steps if a in self.operations and b in self.operations)

    def evaluate(self, values: Mapping[str, Any], turned: frozenset[str] = frozenset()) -> Any:
        """Values of all nodes for values of the variables.

        Operations in `turned` take their two inputs the other way round: a drawn arrow does
        not say which input comes first.
        """
        known: dict[str, Any] = {n: c[0] for n, c in self.constants.items()} | dict(values)
        for node in nx.topological_sort(self.graph):
            inputs = [known[before] for before in self.graph.pred[node] if before in known]
            if node in self.operations:
                ordered = inputs[::-1] if node in turned else inputs
                known[node] = self.operations[node].apply(ordered)
            elif inputs:
                known[node] = inputs[0]
        return known

    def numbers(self) -> tuple[dict[str, float], ...]:
        """Ways to read the constants."""
        ways = itertools.product(*self.constants.values())
        return tuple(
            dict(zip(self.constants, way, strict=True)) for way in itertools.islice(ways, 64)
        )

    def turns(self) -> Iterator[frozenset[str]]:
        """All ways to order the inputs of operations for which the order matters."""
        unordered = [n for n, op in self.operations.items() if not op.commutes]
        two = [n for n in unordered if len(self.graph.pred[n]) == 2]
        if len(two) > _MOST_ORDERED:
            raise Unreadable("there are too many differences and quotients to be read")
        for chosen in itertools.product((False, True), repeat=len(two)):
            yield frozenset(n for n, turn in zip(two, chosen, strict=True) if turn)

    def formula(self, node: str) -> str:
        """What a node computes, as text."""
        if node in self.operations:
            return self.operations[node].write([self.formula(n) for n in self.graph.pred[node]])
        before = list(self.graph.pred[node])
        return self.formula(before[0]) if before else plain_name(self._text(node), node)


# Two formulas that agree so far at twelve points are one. Answers of known mistakes may have been
# kept in single precision.
_POINTS, _SAME = 12, 1e-6


def computes(
    flow: Dataflow,
    function: Callable[..., Any],
    leaves: Sequence[str],
    output: str,
    given: Mapping[str, float] | None = None,
) -> bool:
    """Whether a node is `function` of the leaves, in some naming of those with other names.

    `leaves` are the plain names of the function's arguments, in their order; `given` are values
    of variables that are none of them.
    """
    given = given or {}
    rng = np.random.default_rng(2)
    samples = {name: rng.uniform(0.2, 1.7, _POINTS) for name in leaves}
    right = function(*(samples[name] for name in leaves))
    for names in _namings(flow, leaves, given):
        values: dict[str, Any] = {leaf: samples[name] for leaf, name in names.items()}
        values |= {leaf: np.full(_POINTS, value) for leaf, value in given.items()}
        for numbers, turned in itertools.product(flow.numbers(), tuple(flow.turns())):
            with np.errstate(all="ignore"):
                told = flow.evaluate(values | numbers, turned)[output]
            if np.shape(told) == np.shape(right) and np.allclose(told, right, rtol=_SAME, atol=0):
                return True
    return False


def _namings(
    flow: Dataflow, leaves: Sequence[str], given: Collection[str]
) -> Iterator[dict[str, str]]:
    """Ways to give the variables the function's names: their own where they have them."""
    own = {leaf: name for leaf, name in flow.names().items() if leaf not in given}
    if len(own) != len(leaves):
        return
    settled = {leaf: name for leaf, name in own.items() if name in leaves}
    if len(set(settled.values())) < len(settled):
        settled = {}
    open_leaves = [leaf for leaf in own if leaf not in settled]
    open_names = [name for name in leaves if name not in settled.values()]
    if len(open_leaves) > _MOST_LEAVES or math.factorial(len(open_leaves)) > 5040:
        raise Unreadable("its variables have other names than the homework's")
    for order in itertools.permutations(open_names):
        yield settled | dict(zip(open_leaves, order, strict=True))
