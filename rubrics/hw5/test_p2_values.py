"""Problem 2: the values of a forward pass, and gradients by hand and by autograd."""

import contextlib
import re

import numpy as np
import pytest

from grader.checks import (
    AnswerMissing,
    CheckFailed,
    Expected,
    NeedsReview,
    Remote,
    Stage,
    after_change,
    ahead,
    assert_matches,
    assert_runs_again,
    calls,
    is_gradient,
    numbers,
    plain,
    read_numbers,
    typed_in,
)

# How a derivative is written where it is not written as one, in order of the homework's list.
DERIVATIVES = {
    "de/df": ("(i)", "dedf", "=df", "=e_f", "=d_f e", "=d/df e", "=e'(f)"),
    "de/dw1": ("(ii)", "dedw1", "=dw1", "=e_w1", "=d_w1 e", "=d/dw1 e", "=e'(w1)"),
    "de/dw2": ("(iii)", "dedw2", "=dw2", "=e_w2", "=d_w2 e", "=d/dw2 e", "=e'(w2)"),
}


@pytest.mark.part("2b")
def test_value_of_f(student, submission, reference):
    """f is the value of exp(-(w1 x1 + w2 x2)), to three decimals."""
    told = number_of(student, submission, "f")
    assert_matches(told, reference.f(), what="f", decimals=3)
    assert_shown_to_three(submission, "f", told)
    assert_computed(submission, "f")


@pytest.mark.part("2b")
def test_value_of_e(student, submission, reference):
    """e is f - f*, to three decimals."""
    told = number_of(student, submission, "e")
    right = reference.e()
    own = ahead(lambda: reference.error_of(number_of(student, submission, "f")))
    try:
        assert_matches(told, right, what="e", decimals=3)
    except CheckFailed:
        # A wrong f is charged above: the difference from it is right all the same.
        assert_matches(told, own(), what="e", decimals=3)
    assert_shown_to_three(submission, "e", told)
    assert_computed(submission, "e")


@pytest.mark.part("2c")
def test_derivative_with_respect_to_f(submission, reference):
    """The derivative of e with respect to f is given, to three decimals."""
    assert_stated(submission, "de/df", reference.gradients()[0])


@pytest.mark.part("2c")
def test_derivative_with_respect_to_w1(submission, reference):
    """The derivative of e with respect to w1 is given, to three decimals."""
    assert_stated(submission, "de/dw1", reference.gradients()[1])


@pytest.mark.part("2c")
def test_derivative_with_respect_to_w2(submission, reference):
    """The derivative of e with respect to w2 is given, to three decimals."""
    assert_stated(submission, "de/dw2", reference.gradients()[2])


def number_of(student, submission, name):
    """A number under that name in the part's cells, or stated in its text or outputs."""
    if name in submission.names:
        told = student[name].value()
        if isinstance(told, Remote):
            told = student.scaffold("drawing").as_number(told)
            if told is not None:
                return float(told)
        if told is not None and not callable(told):
            with contextlib.suppress(CheckFailed):
                value = numbers(told)
                if value.size == 1:
                    return float(value.reshape(()))
        if told is None and not submission.text:
            raise AnswerMissing(Stage.PRESENT, f"`{name}` is still empty: it holds None.")
    stated = read_numbers(f"{submission.text}\n{submission.printed}", {name: ()})[name]
    number = stated.settled(1e-3)
    if number is not None:
        return number
    if not (submission.text or submission.pictures or submission.cells):
        raise AnswerMissing(Stage.PRESENT, f"No value of {name} was found.")
    text = f"The value of {name} is neither under that name nor clear from the text"
    raise NeedsReview(f"{text}: a person looks at it.")


NUMBER = r"-?\d+(?:\.(\d+))?(?:e[-+]?\d+)?(?![\w.]*\w)"
# Code that brings a number to three decimals or more, wherever it then stands: on a node, say.
THREE_DECIMALS = re.compile(r"\.[3-9]\d*[efg]\b|\.[3-9]\d*\}|\bround\w*\([^()]*,\s*[3-9]")


def assert_shown_to_three(submission, name, value):
    """Fail where the cells print a value by its name, and nowhere to three decimals or more."""
    if submission.text or submission.pictures:
        return  # it may stand there
    if any(THREE_DECIMALS.search(source) for source in submission.sources):
        return
    printed = submission.printed
    if any(abs(float(number[0]) - value) < 1e-3 for number in re.finditer(NUMBER, printed)):
        return
    for shown in re.finditer(rf"(?<!\w){name}\s*[=:]\s*({NUMBER})", printed):
        number, decimals = shown[1], len(shown[2] or "")
        if 0 < decimals < 3 and "e" not in number and abs(float(number) - value) < 0.1**decimals:
            text = f"{name} is shown as {number}, but should have at least three decimals"
            raise CheckFailed(Stage.VALUES, text, hint="How many decimals are printed?")


# What a computation of f and e is made of.
OPERANDS = ("w1", "x1", "w2", "x2", "f_star", "f")
POWERS = ("exp", "expm1", "exp2", "pow", "power")
# One of its steps: a power, or a product of weights and inputs, by name or as numbers.
STEP = re.compile(r"\*\*|\b[wx]\d?\s*[*@]|[*@]\s*-?[wx]\d?\b|\d\s*\*\s*\(?-?\.?\d")


def assert_computed(submission, name):
    """Fail where the value is certainly typed in, and nothing shows a step on the way to it.

    A value that was worked out by hand or on a calculator, from steps that are there, is right.
    """
    if submission.text or submission.pictures:
        return
    computing = any(calls(submission.sources, power, arguments=1) for power in POWERS)
    if computing or any(STEP.search(source) for source in submission.sources):
        return
    if typed_in(submission.sources, name, set(OPERANDS) - {name}):
        text = f"{name} is typed in as a number, but should be computed"
        raise CheckFailed(Stage.MEANS, text, hint="Compute it from the weights and inputs.")


def assert_stated(submission, name, right):
    """Compare what the part's text, or what its cells printed, states."""
    if not (submission.text or submission.pictures or submission.printed):
        raise AnswerMissing(Stage.PRESENT, "There is no answer below this part's heading.")
    text = f"{submission.text}\n{submission.printed}"
    read = read_numbers(text, DERIVATIVES)
    number = read[name].settled(1e-3)
    if number is None:
        raise NeedsReview(f"No clear number for {name} was found here: a person looks at it.")
    value = Expected(float(right.value), float(right.error))
    try:
        assert_matches(number, value, what=name, decimals=3)
    except CheckFailed:
        others = [told.settled(1e-3) for other, told in read.items() if other != name]
        if stands_there(text, value.value, read[name].passed, others):
            text = f"It is not certain which of the numbers here is meant for {name}"
            raise NeedsReview(f"{text}: a person looks at it.") from None
        raise


def stands_there(text, right, passed, others):
    """Whether the right number is in a text, and not what the text states of another name.

    A 1 is in most texts: it has to be in a chain about the name.
    """
    if any(other is not None and abs(other - right) < 5e-4 for other in others):
        return False
    told = map(float, re.findall(r"-?\d*\.?\d+(?:e-?\d+)?", plain(text)))
    numbers = passed if right == 1 else [*passed, *told]
    return any(abs(number - right) < 5e-4 for number in numbers)


def assert_gradient(actual, value, error, what):
    """A gradient of one number, whether it has a dimension of its own or none."""
    brought = actual.value()
    shape = (1,) if getattr(brought, "shape", None) == (1,) else ()
    assert_matches(brought, Expected(np.full(shape, value), np.full(shape, error)), what=what)


@pytest.mark.part("2d")
def test_gradient_with_respect_to_w1(student, reference, submission):
    """dedw1 is the gradient of e with respect to w1."""
    told = reference.gradients()
    assert_gradient(student.dedw1, float(told[1].value), float(told[1].error), "dedw1")
    assert_by_autograd(student, submission, 0, float(told[1].value))
    assert_signed(student, submission, float(told[1].value))


@pytest.mark.part("2d")
def test_gradient_with_respect_to_w2(student, reference, submission):
    """dedw2 is the gradient of e with respect to w2."""
    told = reference.gradients()
    assert_gradient(student.dedw2, float(told[2].value), float(told[2].error), "dedw2")
    assert_by_autograd(student, submission, 1, float(told[2].value))


def assert_by_autograd(student, submission, which, right):
    """Fail where the gradient stays the same when all backward passes give twice as much."""
    names = ("dedw1", "dedw2")
    if is_gradient(submission.sources, names[which]):
        return
    told = after_change(student, submission, "change_gradients",
                        lambda again: [as_number(again[name]) for name in names])  # fmt: skip
    if told is None:
        assert_runs_again(student, submission, "where the gradients come from")
    elif np.allclose(told[which], right, rtol=1e-5, atol=0):
        text = f"{names[which]} does not come from a backward pass, but should"
        raise CheckFailed(Stage.MEANS, text, hint="Let a backward pass from e fill it in.")


# What may take the sign from a difference.
UNSIGNED = re.compile(r"\b(f?abs_?|absolute|l1_loss|L1Loss|norm|sqrt|relu|max|clamp|dist)\b")


def assert_signed(student, submission, right):
    """Fail where the gradient turns its sign once f is less than f*: e is then |f - f*|."""
    if not any(UNSIGNED.search(source) for source in submission.sources):
        return
    sources = [re.sub(r"^(f_star\s*=).*$", r"\1 torch.tensor([2.0])", source, flags=re.MULTILINE)
               for source in submission.sources]  # fmt: skip
    told = np.nan
    with contextlib.suppress(CheckFailed):  # by cells that do not run on with another f*
        told = as_number(student.rerun(sources, submission.cells, timeout_s=10)["dedw1"])
    if np.isclose(told, -right, rtol=1e-4):
        text = "e is |f - f*|, but should be f - f*, which is negative where f is less than f*"
        raise CheckFailed(Stage.MEANS, text, hint="Look at the sign of e.")


def as_number(value):
    """A tensor or number as one double, NaN where it is neither."""
    try:
        told = numbers(value)
    except CheckFailed:
        return np.nan
    return float(told.reshape(-1)[0]) if told.size == 1 else np.nan
