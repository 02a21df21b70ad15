"""What right and broken training does in the quantities that 3 (d) and 5 (d) are judged by.

Runs the training of the CNN and of the class MLP in many right forms and in broken ones, each
with several seeds, and prints for each form the extremes of what the checks compare with a
margin: right forms must stay on one side of it with every seed, broken ones on the other with
at least one of the checks.

    python benchmarks/training.py [cnn|mlp] [--seeds 5] [--only WORD]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch._dynamo  # optimizers import it at their first step: here, and not in each fork

from grader.assignment import load_assignment
from grader.checks.reference import Reference
from grader.checks.verdict import CheckFailed
from rubrics.hw5 import test_p3_training as p3
from rubrics.hw5 import test_p5_learning as p5
from tests.submissions.build import answers

ROOT = Path(__file__).resolve().parents[1]
WATCH = (ROOT / "rubrics" / "hw5" / "scaffolds" / "training.py").read_text(encoding="utf-8")
REFERENCE = Reference(load_assignment("hw5").reference_folder)

OPTIMIZER = "torch.optim.Adam(net.parameters(), lr=lr)"
LOADER = "for x, y in trainloader:"
STEP = "        loss.backward()\n        optimizer.step()\n"
CLEAR = "        optimizer.zero_grad()  # forget the gradients of the last step\n"
LOSS = "loss = loss_function(out, y)"
Edits = tuple[tuple[str, str], ...]


def optimizer(call: str) -> tuple[str, str]:
    """The edit that takes another optimizer of torch.optim."""
    return OPTIMIZER, f"torch.optim.{call}"


def batches(size: int, epochs: int | None = None) -> Edits:
    """The edits that train on batches of another size."""
    loader = f"for x, y in DataLoader(train_dataset, batch_size={size}, shuffle=True):"
    return ((LOADER, loader), *([("epochs = 30", f"epochs = {epochs}")] if epochs else []))


CLOSURE = """\
        def closure():
            optimizer.zero_grad()
            loss = loss_function(net(x), y)
            loss.backward()
            return loss
        loss = optimizer.step(closure)
"""
ACCUMULATE = """\
        (loss / 2).backward()
        count = globals().get('count', 0) + 1
        if count % 2 == 0:
            optimizer.step()
            optimizer.zero_grad()
"""
BY_HAND = """\
        loss.backward()
        with torch.no_grad():
            for p in net.parameters():
                p -= 0.01 * p.grad
"""

CLEARED_FIRST = """\
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
"""

RIGHT: dict[str, Edits] = {
    "Adam 1e-3": (),
    "Adam 1e-3, 10 epochs": (("epochs = 30", "epochs = 10"),),
    "Adam 1e-3, batches of 4": batches(4, 5),
    "Adam 1e-3, batches of 32": batches(32, 15),
    "Adam 1e-3, all at once": batches(500, 60),
    "Adam 1e-4": (("lr = 1e-3", "lr = 1e-4"), ("epochs = 30", "epochs = 60")),
    "Adam 1e-4, batches of 4": (("lr = 1e-3", "lr = 1e-4"), *batches(4, 10)),
    "Adam 1e-2": (("lr = 1e-3", "lr = 1e-2"),),
    "AdamW": (optimizer("AdamW(net.parameters(), lr=lr)"),),
    "RMSprop": (optimizer("RMSprop(net.parameters(), lr=lr)"),),
    "Adagrad 1e-2": (optimizer("Adagrad(net.parameters(), lr=1e-2)"),),
    "SGD 1e-2": (optimizer("SGD(net.parameters(), lr=1e-2)"),),
    "SGD 1e-3": (optimizer("SGD(net.parameters(), lr=1e-3)"), ("epochs = 30", "epochs = 60")),
    "SGD 1e-3, batches of 4": (optimizer("SGD(net.parameters(), lr=1e-3)"), *batches(4, 10)),
    "SGD 1e-3, momentum": (optimizer("SGD(net.parameters(), lr=1e-3, momentum=0.9)"),),
    "LBFGS, closure": (
        optimizer("LBFGS(net.parameters(), lr=0.1)"), (STEP, CLOSURE), ("epochs = 30", "epochs = 4")
    ),
    "gradients of two batches": ((STEP, ACCUMULATE), (CLEAR, "")),
    "steps by hand": ((STEP, BY_HAND),),
    "decaying rate": (
        ("for epoch in range(epochs):", "decay = torch.optim.lr_scheduler.ExponentialLR(optimizer, "
         "0.98)\nfor epoch in range(epochs):\n    decay.step() if epoch else None"),
    ),
    "pixels divided by 16": (("out = net(x)", "out = net(x / 16)"), ("epochs = 30", "epochs = 60")),
    "pixels standardised": (("out = net(x)", "out = net((x - 4.9) / 6)"),),
    "sum of losses": (("CrossEntropyLoss()", "CrossEntropyLoss(reduction='sum')"),),
    "label smoothing": (("CrossEntropyLoss()", "CrossEntropyLoss(label_smoothing=0.1)"),),
}  # fmt: skip

BROKEN: dict[str, Edits] = {
    "no zero_grad": ((CLEAR, ""),),
    "zero_grad once an epoch": ((CLEAR, ""), ("    net.train()", "    optimizer.zero_grad()")),
    "no zero_grad, SGD 1e-3": ((CLEAR, ""), optimizer("SGD(net.parameters(), lr=1e-3)")),
    "no step": ((STEP, "        loss.backward()\n"),),
    "rate 0": (("lr = 1e-3", "lr = 0"),),
    "rate 1e-7": (("lr = 1e-3", "lr = 1e-7"),),
    "rate 10": (("lr = 1e-3", "lr = 10"),),
    "SGD, rate 10": (optimizer("SGD(net.parameters(), lr=10)"),),
    "wrong sign": ((LOSS, "loss = -loss_function(out, y)"),),
    "maximize": (optimizer("Adam(net.parameters(), lr=lr, maximize=True)"),),
    "labels shuffled in each batch": (
        (LOSS, "loss = loss_function(out, y[torch.randperm(len(y))])"),
    ),
    "labels shuffled once": (
        ("for epoch in range(epochs):", "train_dataset.y = np.random.permutation(y_train)\n"
         "for epoch in range(epochs):"),
    ),
    "labels shuffled once, 1e-2": (
        ("lr = 1e-3", "lr = 1e-2"),
        ("for epoch in range(epochs):", "train_dataset.y = np.random.permutation(y_train)\n"
         "for epoch in range(epochs):"),
    ),
    "labels off by one": ((LOSS, "loss = loss_function(out, (y + 1) % 10)"),),
    "labels all zero": ((LOSS, "loss = loss_function(out, y * 0)"),),
    "another network": (("Adam(net.", "Adam(MySimpleCNN()."),),
    "last layer only": (("Adam(net.", "Adam(net.linear."),),
    "cleared before the step": ((STEP, CLEARED_FIRST),),
    "cleared before the step, AdamW": (
        (STEP, CLEARED_FIRST),
        optimizer("AdamW(net.parameters(), lr=lr)"),
    ),
    "loss of constants": ((LOSS, "loss = loss_function(out.detach().requires_grad_(), y)"),),
    "softmax twice": (("out = net(x)", "out = torch.softmax(net(x), dim=1)"),),
    "softmax twice, in the loss": ((LOSS, "loss = loss_function(torch.softmax(out, dim=1), y)"),),
    "NLLLoss of scores": (("nn.CrossEntropyLoss()", "nn.NLLLoss()"),),
    "squared error": ((LOSS, "loss = ((out - nn.functional.one_hot(y, 10)) ** 2).mean()"),),
    "trained on the test set": ((LOADER, "for x, y in DataLoader(test_dataset, batch_size=100):"),),
}  # fmt: skip

# What each form of 5 (d)'s class is: edits of the answer.
GRADIENT = "gradient = self.__h[i].T @ delta / self.batch_size"
UPDATE = "self.weights[i] -= self.lr * gradient"
WEIGHTS = "np.random.uniform(-1, 1, size=shape)"
SHUFFLE = "np.random.permutation(self.n_samples)"
MLP_RIGHT: dict[str, Edits] = {
    "as in the answer": (),
    "normal weights": ((WEIGHTS, "np.random.standard_normal(shape)"),),
    "small weights": ((WEIGHTS, "0.1 * np.random.standard_normal(shape)"),),
    "single precision": ((WEIGHTS, f"{WEIGHTS}.astype(np.float32)"),),
    "not shuffled": ((SHUFFLE, "np.arange(self.n_samples)"),),
    "drawn with replacement": ((SHUFFLE, "np.random.randint(0, self.n_samples, self.n_samples)"),),
}
MLP_BROKEN: dict[str, Edits] = {
    "no step": ((UPDATE, "pass"),),
    "uphill": ((UPDATE, "self.weights[i] += self.lr * gradient"),),
    "labels shuffled": (
        ("self.__back_prop(self.Y[rows])", "self.__back_prop(np.random.permutation(self.Y[rows]))"),
    ),
    "labels of other rows": (
        ("self.__back_prop(self.Y[rows])", "self.__back_prop(self.Y[:len(rows)])"),
    ),
    "rate 0": (
        ("self.lr, self.batch_size = lr, batch_size", "self.lr, self.batch_size = 0, batch_size"),
    ),
    "one batch": ((SHUFFLE, "np.zeros(self.n_samples, dtype=int)"),),
    "zero weights": ((WEIGHTS, "np.zeros(shape)"),),
}


def edited(cell: str, edits: Edits) -> str:
    """The model answer of a cell with edits, each of a text that occurs in it once."""
    source = answers()[cell]
    for old, new in edits:
        if source.count(old) != 1:
            raise ValueError(f"occurrences={source.count(old)}, but should be 1 [{old!r}]")
        source = source.replace(old, new)
    return source


def in_fork(work: Callable[[], Any]) -> Any:
    """What `work` gives, computed in a copy of this process: it patches torch."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.redirect_stdout(io.StringIO()), os.fdopen(writer, "w") as pipe:
            try:
                pipe.write(json.dumps(work()))
            except BaseException as error:
                pipe.write(json.dumps({"error": f"{type(error).__name__}: {error}"}))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = json.load(pipe)
    os.waitpid(child, 0)
    if isinstance(told, dict) and "error" in told:
        raise RuntimeError(told["error"])
    return told


def seeded(seed: int) -> None:
    """Seed NumPy's and torch's generators."""
    np.random.seed(seed)
    torch.manual_seed(seed)


def watched(names: dict[str, Any], source: str, seed: int) -> dict[str, Any]:
    """What the checks of 3 (d) see of the first steps of a loop."""
    seeded(seed)
    watch: dict[str, Any] = {"student": names}
    exec(WATCH, watch)
    started = time.perf_counter()
    watch["start"]()
    with contextlib.suppress(watch["EnoughSteps"]):
        exec(source, dict(names))
    seen = watch["report"]()
    took = time.perf_counter() - started
    known = p3.all_images(REFERENCE)
    told = p3.progress(seen, known)
    failures = {
        "steps": p3.wrong_steps(seen),
        "cleared": p3.uncleared(seen),
        "falls": p3.no_progress(seen, known),
        "loss": p3.wrong_loss(seen["batches"], known),
    }
    return {
        "fall": told[1] / min(told[0], p3.GUESSING) if told else None,
        "own": float(np.mean(seen["losses"][-3:]) / seen["losses"][0]),
        "caught": [name for name, failure in failures.items() if failure],
        "count": len(seen["losses"]),
        "ms": 1000 * took,
    }


def held_out(names: dict[str, Any], source: str, seed: int) -> float:
    """The accuracy that the check computes after the whole of the training."""
    seeded(seed)
    exec(source, names)
    _, images, _, labels = REFERENCE.load_split().value
    scale = (1 / 16, 0) if "x / 16" in source else (1, 0)
    scale = (1 / 6, -4.9 / 6) if "4.9" in source else scale
    x = torch.from_numpy((scale[0] * images + scale[1]).astype(np.float32)).reshape(-1, 1, 8, 8)
    with torch.no_grad():
        return float((names["net"].eval()(x).argmax(1).numpy() == labels).mean())


def cnn(edits: Edits, seeds: int) -> Iterator[dict[str, Any]]:
    """One row of measurements for each seed, of the loop with edits."""
    names: dict[str, Any] = {}
    for cell in ("3a", "3b", "3c"):
        exec(answers()[cell], names)
    source = edited("3d", edits)
    for seed in range(seeds):
        told = in_fork(lambda: watched(names, source, seed))  # noqa: B023  run at once
        yield told | {"accuracy": in_fork(lambda: held_out(names, source, seed))}  # noqa: B023


def mlp(edits: Edits, seeds: int) -> Iterator[dict[str, Any]]:
    """What `test_class_learns` compares with its margins, for each seed."""
    names: dict[str, Any] = {}
    exec(f"import time\nimport numpy as np\n{edited('5d', edits)}", names)

    def one(seed: int) -> dict[str, Any]:
        seeded(seed)
        X, Y = p5.clusters()
        model = names["MLP"](X, Y[:, None], X, Y[:, None], 1, p5.HIDDEN)
        started = time.perf_counter()
        model.train(**p5.TRAINING)
        took = time.perf_counter() - started
        told = p5.learned(np.array(model.train_loss), model.predict(X), Y)
        return {"fall": told[0], "accuracy": told[1], "caught": p5_caught(told), "ms": 1000 * took}

    for seed in range(seeds):
        yield in_fork(lambda: one(seed))  # noqa: B023  run at once


def p5_caught(told: tuple[float, float]) -> list[str]:
    """Which of the two margins of `test_class_learns` are not met."""
    found = {"falls": told[0] < p5.LOSS_SHARE, "accuracy": told[1] >= p5.TOLD_APART}
    return [name for name, met in found.items() if not met]


def row(kind: str, name: str, told: list[dict[str, Any]]) -> str:
    """One line of the table: the worst and the median of each quantity, and what is caught."""
    cells = []
    for key, worst in (("fall", max), ("accuracy", min)):
        values = [t[key] for t in told if t[key] is not None]
        if kind == "broken":
            worst = {max: min, min: max}[worst]
        shown = f"{worst(values):.3f} / {np.median(values):.3f}" if values else ""
        cells.append(shown)
    caught = {name for t in told for name in t["caught"]}
    always = set.intersection(*(set(t["caught"]) for t in told))
    marks = ", ".join(n if n in always else f"({n})" for n in sorted(caught))
    counts = [t["count"] for t in told if "count" in t]
    steps = f"{min(counts)} to {max(counts)}" if counts else ""
    took = f"{np.median([t['ms'] for t in told]):.0f}"
    return f"| {name} | {kind} | {' | '.join(cells)} | {marks} | {steps} | {took} |"


MEASURED = (("cnn", cnn, (RIGHT, BROKEN)), ("mlp", mlp, (MLP_RIGHT, MLP_BROKEN)))


def main() -> None:
    """Measure all forms and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("which", nargs="?", choices=["cnn", "mlp"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name, measure, tables in (
        ("cnn", cnn, (RIGHT, BROKEN)),
        ("mlp", mlp, (MLP_RIGHT, MLP_BROKEN)),
    ):
        if arguments.which not in (None, name):
            continue
        print(
            "| form | | fall: worst / median | accuracy: worst / median | caught by | steps | ms |"
        )
        print("|---|---|---|---|---|---|---|")
        for kind, forms in zip(("right", "broken"), tables, strict=True):
            for form, edits in forms.items():
                if arguments.only in form:
                    try:
                        print(row(kind, form, list(measure(edits, arguments.seeds))), flush=True)
                    except (RuntimeError, CheckFailed) as error:
                        print(f"| {form} | {kind} | {error} |", flush=True)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
