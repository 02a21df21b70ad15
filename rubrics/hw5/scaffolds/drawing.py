"""Graphs that cells make with networkx, and the text that they draw on the nodes."""

import matplotlib.pyplot as plt
import networkx as nx

drawn_labels = []


def _keep(labels):
    if isinstance(labels, dict):
        drawn_labels.append(dict(labels))


def watch():
    """From here on drawing draws nothing, and the labels that it is given are kept."""

    def keeps(name):
        real = getattr(nx, name)

        def drawing(*args, **kwargs):
            labels = kwargs.get("labels", args[2] if name.endswith("labels") and len(args) > 2
                                else None)  # fmt: skip
            _keep(labels)
            return real(*args, **kwargs)

        return drawing

    for name in ("draw", "draw_networkx", "draw_networkx_labels"):
        patched = keeps(name)
        setattr(nx, name, patched)
        setattr(nx.drawing.nx_pylab, name, patched)
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
    }
