"""Batches of a dataset, as a DataLoader makes them."""

from torch.utils.data import DataLoader


def batches(dataset, size):
    return [tuple(batch) for batch in DataLoader(dataset, batch_size=size, shuffle=False)]
