"""Steps of training of an MLP object, with the attributes that `train` sets, and its data."""

import numpy as np


def steps(model, batches, labels, lr):
    """The weights after one step with each batch in turn, all from the same weights."""
    start = [np.array(one) for one in model.weights]
    model.lr, model.batch_size = lr, len(batches[0])
    make_layers(model, len(batches[0]))
    after = []
    for batch, batch_y in zip(batches, labels, strict=True):
        model.weights = [np.array(one) for one in start]
        model._MLP__feed_forward(batch)
        model._MLP__back_prop(batch_y)
        after.append(list(model.weights))
    return after


def make_layers(model, rows):
    """Room for the layers, all zeros: what memory held before would be others each time."""
    model._MLP__init_layers(rows)
    for layer in getattr(model, "_MLP__h", None) or ():
        if isinstance(layer, np.ndarray) and layer.flags.owndata and layer.flags.writeable:
            layer.fill(0)


def forward(model, batch):
    make_layers(model, len(batch))
    model._MLP__feed_forward(batch)
    return model._MLP__out, list(model._MLP__h)


def data_of(model):
    """Samples and labels for training, those for validation, and whether the samples are one."""
    kept = [np.asarray(getattr(model, name)) for name in ("X", "Y", "X_val", "Y_val")]
    return [*map(len, kept), bool(np.array_equal(kept[0], kept[2]))]


def rows_of(model, count):
    """Some samples for training and some for validation, evenly spaced."""
    kept = [np.asarray(getattr(model, name), dtype=float) for name in ("X", "X_val")]
    return [rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)] for rows in kept]
