"""Graphs that cells make with networkx, and the text and shapes that they draw for the nodes."""

import matplotlib.pyplot as plt
import networkx as nx

drawn_labels = []
# Shapes that a node was drawn with, by the node; edges know shapes of nodes, too, and draw none.
drawn_shapes = {}
_NO_NODES = ("draw_networkx_labels", "draw_networkx_edges", "draw_networkx_edge_labels")


def _keep(labels):
    if isinstance(labels, dict):
        drawn_labels.append(dict(labels))


def _keep_shapes(graph, nodes, shape):
    if isinstance(graph, nx.Graph) and isinstance(shape, str):
        listed = graph if nodes is None else nodes if isinstance(nodes, list | tuple | set) else ()
        for node in listed:
            drawn_shapes.setdefault(str(node), set()).add(shape)


class _Nothing:
    """What a drawing function gives back here: any method of it does nothing."""

    def __getattr__(self, name):
        return lambda *args, **kwargs: self

    def __iter__(self):
        return iter(())


def watch():
    """From here on drawing draws nothing, and the labels that it is given are kept."""

    def keeping(name):
        def drawing(*args, **kwargs):
            second = args[2] if name == "draw_networkx_labels" and len(args) > 2 else None
            _keep(kwargs.get("labels", second))
            if name not in _NO_NODES and args:
                third = args[2] if name == "draw_networkx_nodes" and len(args) > 2 else None
                _keep_shapes(args[0], kwargs.get("nodelist", third), kwargs.get("node_shape", "o"))
            if "bbox" in kwargs and args:
                _keep_shapes(args[0], None, "box")
            return _Nothing()

        return drawing

    for name in [n for n in dir(nx) if n.startswith("draw") and callable(getattr(nx, n))]:
        stands_in = keeping(name)
        setattr(nx, name, stands_in)
        setattr(nx.drawing.nx_pylab, name, stands_in)
    plt.show = lambda *args, **kwargs: plt.close("all")


def graphs_made(space):
    """Graphs among the names of `space`, a copy, that the notebook's own names do not hold."""
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
    for one in [*told, *drawn_labels]:
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
        "shapes": {node: sorted(drawn_shapes.get(node, ())) for node in map(str, graph.nodes)},
    }
