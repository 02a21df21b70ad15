"""A realistic report with every status in it, and a twin with hostile text in every field."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from grader.model import (
    CellProblem,
    CheckResult,
    Counterexample,
    Frame,
    GradeReport,
    Isolation,
    Layer,
    PartResult,
    Penalty,
    PolicyResult,
    PolicyState,
    Raised,
    Shown,
    Stage,
    Status,
    SubmissionInfo,
)

HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> javascript:alert(1) "
    "https://evil.example/a.js \x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J "
    "\u202egnp.exe\u2066 {{ 7*7 }} </pre></style> `<b>code</b>` \ud800 \x00"
)

FREE_NAMES = ("inputs", "environment", "layers")

PASSED = {
    "1a: Vectors and matrices as tensors": 2,
    "1b: Hadamard product": 1,
    "1c: Matrix product": 1,
    "1d: Squared length of a vector": 2,
    "1e: Gradients by autograd": 4,
    "2b: Forward pass of the neuron": 3,
    "3a: Digits loaded and split": 1,
    "3b: Dataset class `Digits`": 5,
    "4a: A folder of your own images": 1,
    "4b: The images shown": 1,
    "5a: Scaling and one-hot labels": 3,
    "5b-iii: Forward pass `feed_forward`": 5,
    "5c-i: Derivative `sigmoid_prime`": 2,
}


def shown(cells: Any, kind: str = "Tensor", dtype: str | None = "float32") -> Shown:
    """A value with its cells, and the shape that follows from them."""
    shape, inner = [], cells
    while isinstance(inner, list):
        shape.append(len(inner))
        inner = inner[0]
    text = f"tensor({cells})" if shape else repr(cells)
    size = tuple(shape) if dtype else None
    return Shown(kind=kind, text=text, dtype=dtype, shape=size, cells=cells)


def check(status: Status, title: str, points: tuple[float, float], **more: Any) -> CheckResult:
    """One check; `points` are those earned and those there were."""
    name = title.lower().replace(" ", "-")
    score, whole = points
    return CheckResult(id=name, title=title, status=status, score=score, max_score=whole, **more)


def part(status: Status, name: str, points: tuple[float, float], **more: Any) -> PartResult:
    """One part; `name` is its id and its title."""
    id, title = name.split(": ")
    score, whole = points
    return PartResult(id=id, title=title, status=status, score=score, max_score=whole, **more)


def passed(name: str, whole: float) -> PartResult:
    """A part on which nothing was wrong."""
    half = (whole / 2, whole / 2)
    checks = (
        check(Status.PASSED, "Right on the example", half, examples=1),
        check(Status.PASSED, "Right on arrays of any shape", half, examples=100),
    )
    source = "v1 = torch.tensor([[1.0], [2.0]])\nv2 = torch.tensor([[4.0], [5.0]])"
    return part(Status.PASSED, name, (whole, whole), checks=checks, cells=(4, 5), source=source)


def wrong_values() -> CheckResult:
    """A counterexample of two dimensions with an error of every size."""
    expected = [[0.09003057, 0.24472847, 0.66524096], [0.33333333, 0.33333333, 0.33333333]]
    actual = [[0.26894142, 0.26894142, 0.66524096], [0.73105858, 0.73105858, 0.33333333]]
    example = Counterexample(
        call="softmax(z)",
        inputs={"z": shown([[0.0, 1.0, 2.0], [1.0, 1.0, 1.0]])},
        expected=shown(expected),
        actual=shown(actual),
        error=shown([[41300.5, 5.6, 0.0], [math.nan, 231.0, 0.4]], dtype="float64"),
        worst_index=(0, 0),
        code="import torch\nz = torch.tensor([[0., 1., 2.], [1., 1., 1.]])\nprint(softmax(z))",
    )
    return check(
        Status.FAILED,
        "Right on arrays of any shape",
        (0, 1),
        stage=Stage.VALUES,
        message="softmax(z)[0, 0]=0.2689, but should be 0.09003 [softmax(z)]\n"
        "4 of 6 values are off.",
        diagnosis="The sum runs over axis 0. Softmax here runs over the last axis, "
        "so each row should add up to 1.",
        hint="`e.sum(-1, keepdim=True)` keeps the shape that broadcasting needs.",
        counterexample=example,
        examples=7,
    )


def overflow() -> CheckResult:
    """A counterexample of one dimension, with values that are no finite numbers."""
    example = Counterexample(
        call="softmax(z)",
        inputs={"z": shown([1000.0, 0.0])},
        expected=shown([1.0, 0.0]),
        actual=shown([math.nan, 0.0]),
        error=shown([math.inf, 0.0]),
        worst_index=(0,),
        code="softmax(torch.tensor([1000., 0.]))",
    )
    return check(
        Status.FAILED,
        "Does not overflow on large numbers",
        (0, 1),
        stage=Stage.EXTREMES,
        message="softmax(z)[0]=nan, but should be 1.0 [softmax(z)]",
        hint="Subtract `z.max()` first: it changes nothing but keeps `exp` in range.",
        counterexample=example,
        public=False,
    )


def wrong_shape() -> CheckResult:
    """Two arrays that cannot be compared cell by cell."""
    example = Counterexample(
        call="sigmoid(z)",
        inputs={"z": shown([[0.0], [1.0]])},
        expected=shown([[0.5], [0.7310586]]),
        actual=shown([0.5, 0.7310586], kind="ndarray", dtype="float64"),
    )
    message = "sigmoid(z).shape=(2,), but should be (2, 1) [sigmoid(z)]"
    more: dict[str, Any] = {"message": message, "counterexample": example}
    return check(Status.FAILED, "Keeps the shape", (0, 2), stage=Stage.SHAPE, **more)


def four_dimensions() -> CheckResult:
    """An answer of four dimensions, wrong in one channel and slightly in one batch."""
    places = product(range(2), range(4), range(6), range(7))
    off = {p: (12.5 * p[2] + 900.0 * p[3]) * (p[1] == 2) + 3.0 * p[0] for p in places}
    error = [
        [[[off[n, c, y, x] for x in range(7)] for y in range(6)] for c in range(4)]
        for n in range(2)
    ]
    text = "tensor([[[[ 1.25, ...]]]])"
    flat = Shown(kind="Tensor", text=text, dtype="float32", shape=(2, 4, 6, 7))
    example = Counterexample(
        call="my_convolution(x, kernel)",
        inputs={"x": flat, "kernel": shown([[0.0, 1.0], [2.0, 3.0]])},
        expected=flat,
        actual=flat,
        error=shown(error),
        worst_index=(1, 2, 5, 6),
        code="x = torch.arange(224.).reshape(2, 4, 4, 7)\nmy_convolution(x, kernel)",
    )
    return check(
        Status.FAILED,
        "Matches `torch.conv2d`",
        (0, 5),
        stage=Stage.VALUES,
        message="my_convolution(x, kernel)[1, 2, 5, 6]=3.0, but should be 8.0",
        diagnosis="The kernel is flipped: this is true convolution, while "
        "`torch.conv2d` computes the cross-correlation.",
        counterexample=example,
    )


def stopped() -> CheckResult:
    """An exception in the student's function."""
    frames = (
        Frame(where="cell 34 in back_prop", line=7, code="    delta = delta @ weights[i].T"),
        Frame(where="cell 33 in step", line=2, code="return a @ b"),
    )
    problem = "mat1 and mat2 shapes cannot be multiplied (10x4 and 3x10)"
    raised = Raised(type="RuntimeError", message=problem, frames=frames)
    more: dict[str, Any] = {"message": "back_prop stopped with RuntimeError", "raised": raised}
    return check(Status.ERROR, "Weights after one step", (0, 4), stage=Stage.RETURNS, **more)


def wrong_number() -> CheckResult:
    """A scalar that is slightly off."""
    example = Counterexample(
        call="loss(y, t)",
        inputs={"y": shown([0.1, 0.9]), "t": shown([0, 1], dtype="int64")},
        expected=shown(0.10536051565782628, kind="float", dtype=None),
        actual=shown(0.10536099999999999, kind="float", dtype=None),
        error=shown(4843.4, kind="float", dtype=None),
    )
    message = "loss=0.105361, but should be 0.1053605"
    more: dict[str, Any] = {"message": message, "counterexample": example}
    return check(Status.FAILED, "The loss is a mean", (0, 2), stage=Stage.VALUES, **more)


def broken_cells() -> tuple[CellProblem, ...]:
    """A cell that raised, and one that ran too long."""
    frame = Frame(where="cell 35", line=3, code="print(wieghts[0])")
    raised = Raised(type="NameError", message="name 'wieghts' is not defined", frames=(frame,))
    return (
        CellProblem(cell=35, kind="exception", message="NameError", raised=raised),
        CellProblem(cell=36, kind="time limit", message="Cell 36 ran longer than 60 seconds."),
    )


def unfinished() -> tuple[PartResult, ...]:
    """Missing, blocked, and to be marked by a person."""
    absent = "No class `MySimpleCNN` was found in any cell. Looked for: `MySimpleCNN`."
    blocked = (check(Status.BLOCKED, "The loss falls", (0, 5)),)
    needs = "This part needs the network of 3c."
    written = "The loss fell **quickly**, then slowly."
    mixed = (
        check(Status.PASSED, "Labels match the reference", (5, 5), examples=8),
        check(Status.NEEDS_REVIEW, "Discussion of the results", (0, 3)),
    )
    review: dict[str, Any] = {"status": Status.NEEDS_REVIEW, "pending_points": 3}
    return (
        part(Status.MISSING, "3c: Network `MySimpleCNN`", (0, 6), message=absent),
        part(Status.BLOCKED, "3d: Training loop", (0, 5), message=needs, checks=blocked),
        part(name="3e: What did you observe?", points=(0, 3), source=written, **review),
        part(name="4e: Predictions of your images", points=(5, 8), checks=mixed, **review),
    )


def wrong() -> tuple[PartResult, ...]:
    """Failed on a shape, partly right, stopped, and failed on values."""
    source = "def softmax(z):\n    e = torch.exp(z)\n    return e / e.sum(0)  # along columns"
    softmax = (
        check(Status.PASSED, "Right on one vector", (1, 1), examples=100),
        wrong_values(),
        overflow(),
    )
    return (
        part(Status.FAILED, "5b-i: Sigmoid", (0, 2), checks=(wrong_shape(),)),
        part(
            Status.PARTIAL,
            "5b-ii: Softmax over the last axis",
            (1, 3),
            checks=softmax,
            cells=(31,),
            source=source,
        ),
        part(
            Status.ERROR,
            "5c-ii: Backward pass `back_prop`",
            (0, 6),
            message="Cell 35 stopped before the end, so what follows saw only its first lines.",
            problems=broken_cells(),
            checks=(stopped(), wrong_number()),
        ),
        part(Status.FAILED, "6: Convolution by hand", (0, 5), checks=(four_dimensions(),)),
    )


def isolation() -> Isolation:
    """How a sandbox describes itself."""
    layers = {
        "filesystem": Layer(state="enforced", detail="own mount namespace, Landlock ABI 7"),
        "network": Layer(state="enforced", detail="no interface but loopback"),
        "memory": Layer(state="best effort", detail="RLIMIT_AS, no cgroup"),
        "io_uring": Layer(state="absent"),
    }
    return Isolation(tier="full", kernel="Linux 6.8", layers=layers, notes=("No cgroup v2.",))


def build() -> GradeReport:
    """The report of one student who got about half."""
    parts = (*(passed(*row) for row in PASSED.items()), *unfinished(), *wrong())
    return GradeReport(
        assignment="hw5",
        title="Homework 5: from tensors to networks",
        submission=SubmissionInfo(
            id="lovelace-17",
            student="Ada Lovelace",
            files=("hw5_lovelace.ipynb", "digits.py"),
            sha256="9f2c" * 16,
        ),
        score=sum(part.score for part in parts) - 2,
        max_score=sum(part.max_score for part in parts),
        auto_score=sum(part.score for part in parts),
        auto_max_score=sum(part.max_score for part in parts) - 6,
        pending_points=6,
        penalties=(Penalty(policy="Headings", points=-2, reason="2 of 5 headings are not bold."),),
        policies=(
            policy("Headings", PolicyState.BROKEN, "2 of 5 headings are not bold.", -2),
            policy("Cells in order", PolicyState.MET, "All 36 code cells were run in order."),
            policy("PDF", PolicyState.UNDECIDED, "`hw5_lovelace.ipynb` came alone."),
        ),
        parts=parts,
        notes=("`input()` in cell 9 was answered with an empty line.",),
        isolation=isolation(),
        device="cpu (8 threads)",
        environment={"python": "3.11.9", "torch": "2.13.0", "numpy": "2.2.1"},
        seed=5,
        duration_s=9.42,
    )


def policy(title: str, state: PolicyState, told: str, points: float = 0) -> PolicyResult:
    """What was found about one rule."""
    name = title.lower().replace(" ", "-")
    return PolicyResult(
        policy=name, title=title, state=state, points=points, price=2, evidence=(told,)
    )


def poisoned(value: Any, named: bool = False) -> Any:
    """The same data with hostile text at the end of every text, and of every free name."""
    if isinstance(value, (Status, Stage, PolicyState)) or value in (None, ""):
        return value
    if isinstance(value, str):
        return value + HOSTILE
    if isinstance(value, dict):
        names = {key: key + HOSTILE if named else key for key in value}
        return {names[key]: poisoned(item, key in FREE_NAMES) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(poisoned(item) for item in value)
    return value


@pytest.fixture(scope="session")
def report() -> GradeReport:
    """The realistic report."""
    return build()


@pytest.fixture(scope="session")
def hostile_report() -> GradeReport:
    """The same with hostile text wherever a student could put some, and wherever not."""
    return GradeReport.model_validate(poisoned(build().model_dump()))


@pytest.fixture(scope="session")
def hostile_text() -> str:
    """What `hostile_report` has appended to every string."""
    return HOSTILE


@pytest.fixture(scope="session")
def make_shown() -> Callable[..., Shown]:
    """A factory of values with cells."""
    return shown


@pytest.fixture(scope="session")
def make_check() -> Callable[..., CheckResult]:
    """A factory of checks."""
    return check
