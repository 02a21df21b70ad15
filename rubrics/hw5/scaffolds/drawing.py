"""Graphs that cells make with networkx, and the text and shapes that they draw for the nodes."""

import inspect
import numbers

import matplotlib.pyplot as plt
import networkx as nx

# What was drawn of each graph, by its id: the graph, texts for its nodes, and shapes that nodes
# were drawn with; the latest last. Edges know shapes of nodes, too, and draw none.
drawn = {}
_NO_NODES = ("draw_networkx_labels", "draw_networkx_edges", "draw_networkx_edge_labels")


def _keep(name, told):
    """Keep what one drawing function was given, by the names of its parameters."""
    graph, labels = told.get("G"), told.get("labels")
    if not isinstance(graph, nx.Graph):
        return
    kept = drawn[id(graph)] = drawn.pop(id(graph), (graph, {}, {}))
    if isinstance(labels, dict):
        kept[1].update(labels)
    if name not in _NO_NODES:
        _keep_shapes(kept, told.get("nodelist"), told.get("node_shape", "o"))
    if "bbox" in told:
        _keep_shapes(kept, None, "box")


def _keep_shapes(kept, nodes, shape):
    graph, _, shapes = kept
    if isinstance(shape, str):
        listed = graph if nodes is None else nodes if isinstance(nodes, list | tuple | set) else ()
        for node in listed:
            shapes.setdefault(str(node), set()).add(shape)


def _by_name(signature, args, kwargs):
    """The arguments of a call by the names of their parameters."""
    try:
        told = signature.bind_partial(*args, **kwargs).arguments
    except TypeError:
        return kwargs
    return {**told, **told.get("kwds", {}), **told.get("kwargs", {})}


class _Nothing:
    """What a drawing function gives back here: any method of it does nothing."""

    def __getattr__(self, name):
        return lambda *args, **kwargs: self

    def __iter__(self):
        return iter(())


def watch():
    """From here on drawing draws nothing, and the labels that it is given are kept."""

    def keeping(name, signature):
        def drawing(*args, **kwargs):
            _keep(name, _by_name(signature, args, kwargs))
            return _Nothing()

        return drawing

    for name in [n for n in dir(nx) if n.startswith("draw") and callable(getattr(nx, n))]:
        stands_in = keeping(name, inspect.signature(getattr(nx, name)))
        setattr(nx, name, stands_in)
        setattr(nx.drawing.nx_pylab, name, stands_in)
    plt.show = lambda *args, **kwargs: plt.close("all")


def as_number(value):
    """A number of another kind, a Decimal or a Fraction say, as a float; None for what is none."""
    return float(value) if isinstance(value, numbers.Number) else None


def graphs_made(space):
    """Graphs that a copy made and drew, the latest last; else those among the names of `space`
    that the notebook's own names do not hold."""
    if drawn:
        return [_plain("", graph, space) for graph, _, _ in drawn.values()]
    old = {id(value) for value in student.values()}  # noqa: F821  the notebook's names
    return _among(space, (name for name, value in space.items() if id(value) not in old))


def graphs_here(names):
    """Graphs that the notebook itself holds under some names."""
    return _among(student, names)  # noqa: F821


def _among(space, names):
    found = {}
    for name in names:
        value = space.get(name)
        if isinstance(value, nx.Graph) and not name.startswith("_"):
            found[id(value)] = (name, value)
    return [_plain(name, graph, space) for name, graph in found.values()]


def _plain(name, graph, space):
    labels = {}
    told = [v for k, v in space.items() if isinstance(v, dict) and "label" in str(k).lower()]
    _, texts, shapes = drawn.get(id(graph), (graph, {}, {}))
    for one in [*told, texts]:
        labels.update((str(k), str(v)) for k, v in one.items() if k in graph)
    for node, data in graph.nodes(data=True):
        for key in ("label", "op", "operation", "name"):
            if isinstance(data.get(key), str):
                labels.setdefault(str(node), data[key])
    return {
        "name": str(name),
        "directed": bool(graph.is_directed()),
        "nodes": [str(node) for node in graph.nodes],
        "edges": [[str(a), str(b)] for a, b in graph.edges()],
        "labels": labels,
        "shapes": {node: sorted(shapes.get(node, ())) for node in map(str, graph.nodes)},
    }
