"""Verdicts: what each says, and which of them cost points."""

from __future__ import annotations

import pytest
import torch

import grader.checks
from grader.checks import AnswerMissing, CheckFailed, LimitExceeded, NeedsReview
from grader.checks.verdict import GPU_NEEDED, GpuNeeded, asks_for_gpu, missing_module
from grader.model import Raised, Stage, Status

VERDICTS = {
    CheckFailed: Status.FAILED,
    AnswerMissing: Status.MISSING,
    LimitExceeded: Status.ERROR,
    GpuNeeded: Status.ERROR,
}


@pytest.mark.parametrize(("verdict", "status"), VERDICTS.items(), ids=lambda v: str(v))
def test_verdicts_are_failures_with_a_status(verdict: type[CheckFailed], status: Status) -> None:
    raised = Raised(type="ValueError", message="no")
    made = verdict(Stage.SHAPE, "wrong", hint="look", raised=raised)
    assert isinstance(made, AssertionError)
    assert (made.status, made.stage, str(made)) == (status, Stage.SHAPE, "wrong")
    assert (made.message, made.hint, made.raised, made.counterexample) == (
        *("wrong", "look", raised), None,
    )  # fmt: skip


def test_every_verdict_is_listed_here() -> None:
    assert {CheckFailed, *CheckFailed.__subclasses__()} == set(VERDICTS)


def test_review_is_neither_pass_nor_failure() -> None:
    assert not issubclass(NeedsReview, AssertionError)


@pytest.mark.parametrize(
    "message",
    [
        "Torch not compiled with CUDA enabled",
        "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU",
        "No CUDA GPUs are available",
        "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False.",
        "Cannot access accelerator device when none is available.",
    ],
)
def test_messages_of_torch_without_a_gpu_are_known(message: str) -> None:
    assert asks_for_gpu(message)
    assert asks_for_gpu(f"RuntimeError: {message}")


@pytest.mark.parametrize(
    "message",
    ["", "CUDA out of memory. Tried to allocate 2 GiB", "CUDA error: device-side assert triggered",
     "Expected all tensors to be on the same device, cuda:0 and cpu!",
     "name 'cuda' is not defined"],
)  # fmt: skip
def test_other_messages_are_the_students(message: str) -> None:
    assert not asks_for_gpu(message)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize(
    "attempt", [lambda: torch.ones(1).cuda(), lambda: torch.ones(1, device="cuda")]
)
def test_this_torchs_own_words_are_known(attempt: object) -> None:
    with pytest.raises((AssertionError, RuntimeError)) as caught:
        attempt()  # type: ignore[operator]
    assert asks_for_gpu(str(caught.value))
    assert "torch.cuda.is_available()" in GPU_NEEDED


def test_check_authors_import_what_is_listed() -> None:
    assert sorted(grader.checks.__all__) == grader.checks.__all__
    assert [name for name in grader.checks.__all__ if not hasattr(grader.checks, name)] == []


@pytest.mark.parametrize(
    ("type_", "message", "name"),
    [
        ("ModuleNotFoundError", "No module named 'shared_tools_of_ours'", "shared_tools_of_ours"),
        ("ModuleNotFoundError", "No module named 'shared_tools_of_ours.plots'",
         "shared_tools_of_ours"),
        ("ModuleNotFoundError", "No module named 'numpi'", None),
        ("ModuleNotFoundError", "No module named 'mathh'", None),
        ("ModuleNotFoundError", "No module named 'torch.convolve'; 'torch' is no package", None),
        ("ImportError", "cannot import name 'Adamm' from 'torch.optim'", None),
        ("ValueError", "No module named 'shared_tools_of_ours'", None),
    ],
)  # fmt: skip
def test_module_that_is_not_installed_is_told_from_a_slip(
    type_: str, message: str, name: str | None
) -> None:
    assert missing_module(Raised(type=type_, message=message)) == name


def test_without_an_exception_no_module_is_missing() -> None:
    assert missing_module(None) is None
