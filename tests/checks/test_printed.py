"""Numbers found in what a loop prints, however it prints them."""

import pytest

from grader.checks import first_unprinted


def row(epoch, loss, acc, val_loss, val_acc):
    return {
        "epoch": [(epoch, epoch), (epoch - 1, epoch - 1)],
        "loss": [(loss, loss)],
        "acc": [(acc, acc), (100 * acc, 100 * acc)],
        "val_loss": [(val_loss, val_loss)],
        "val_acc": [(val_acc, val_acc), (100 * val_acc, 100 * val_acc)],
        "time": [(0, 0.02)],
    }


ROWS = [
    row(1, 2.301678, 0.109375, 2.41234567, 0.0625),
    row(2, 1.98765, 0.25, 2.5050505, 0.1875),
]


@pytest.mark.parametrize(
    "text",
    [
        "Epoch 1: loss = 2.302 | acc = 0.109 | val_loss = 2.412 | val_acc = 0.063 | 0.004\n"
        "Epoch 2: loss = 1.988 | acc = 0.25 | val_loss = 2.505 | val_acc = 0.188 | 0.003\n",
        "1,2.301678,0.109375,2.41234567,0.0625,0.004\n2,1.98765,0.25,2.5050505,0.1875,0.0041",
        "Epoch 0/2 loss 2.30 (10.94 %)\n\tvalidation 2.41 (6.25 %) took 1e-3 s\n"
        "Epoch 1/2 loss 1.98 (25.00 %)\n\tvalidation 2.50 (18.75 %) took .01 s\n",
        "before\n\x1b[1mEpoch 1\x1b[0m: [2.301678, 2.41234567, 0.109375, 0.0625] 0.0\r"
        "batch 1 of 2: 3.33\rbatch 2 of 2: 1.0\r"
        "Epoch 2: [1.98765, 2.5050505, 0.25, 0.1875] 0.0\n",
        "time 0.01 acc np.float64(0.109375) val_acc np.float64(0.0625) Epoch1 2.3 2.4\n"
        "time 0.01 acc np.float64(0.25) val_acc np.float64(0.1875) Epoch2 1.9 2.5\n",
    ],
    ids=["as shown", "csv", "percent", "among others", "other order"],
)
def test_shown(text):
    assert first_unprinted(text, ROWS) is None


@pytest.mark.parametrize(
    ("text", "row", "lacking"),
    [
        ("", 0, ["epoch", "loss", "acc", "val_loss", "val_acc", "time"]),
        ("Epoch 1: 2.302 0.109 2.412 0.063", 0, ["time"]),
        ("Epoch 1: 2.302 0.109 2.302 0.109 0.004", 0, ["val_loss", "val_acc"]),
        ("Epoch 2: 2.302 0.109 2.412 0.063 0.004\nEpoch 3: 1.988 0.25 2.505", 0, ["epoch"]),
        ("Epoch 1: 2.304 0.109 2.412 0.063 0.004", 0, ["loss"]),
        ("Epoch 1: nan 0.109 2.412 0.063 0.004", 0, ["loss"]),
        ("1e9 " * 12, 0, ["epoch", "loss", "acc", "val_loss", "val_acc", "time"]),
        ("1 2 0 2 0 0", 0, ["acc"]),
        ("Epoch 1: 2.302 0.109 2.412 0.063 0.004\nEpoch 2: 1.988", 1, ["acc", "time"]),
        ("Epoch 2: 1.988 0.25 2.505 0.188 0.003", 0, ["acc", "val_acc"]),
    ],
)
def test_not_shown(text, row, lacking):
    index, names = first_unprinted(text, ROWS)
    assert index == row
    assert set(lacking) <= set(names)


def test_not_finite():
    rows = [{"epoch": [(1, 1)], "loss": [(float("nan"),) * 2], "top": [(float("inf"),) * 2]}]
    assert first_unprinted("Epoch 1 nan inf", rows) is None
    assert first_unprinted("Epoch 1 info nan", rows) == (0, ["top"])
    assert first_unprinted("Epoch 1 nan -inf", rows) == (0, ["top"])


def test_a_flood_of_numbers_is_searched_in_few_steps(monkeypatch):
    from grader.checks import printed

    tried = []
    lacking = printed._lacking
    monkeypatch.setattr(printed, "_lacking", lambda *a: tried.append(1) or lacking(*a))
    assert first_unprinted("9 " * 2000, ROWS)[0] == 0
    assert len(tried) < 20
