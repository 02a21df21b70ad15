"""Problem 1: tensors, products, a norm and its gradients.

The cell binds v1 and v2 twice: the first pair belongs to (a), the second to (e). Parts (b) to
(d) are right where they follow from the student's own matrices, so that an error in (a) is
charged once.
"""

import contextlib

import numpy as np
import pytest

from grader.checks import (
    CheckFailed,
    Expected,
    Stage,
    after_change,
    ahead,
    assert_matches,
    assert_runs_again,
    comes_from_backward,
    numbers,
    typed_in,
    until_settled,
    used_by,
)
from grader.submission.source import as_python, bound_names, parse_python

# What a squared norm is written with where it is written out; anything else is looked into.
WRITTEN_OUT = frozenset({
    "torch", "np", "numpy", "tensor", "Tensor", "FloatTensor", "array", "float", "float32",
    "double", "sum", "pow", "square", "mul", "multiply", "sub", "subtract",
    "matmul", "mm", "dot", "inner",
    "T", "t", "transpose", "reshape", "view", "flatten", "squeeze", "ravel", "item", "cat",
    "hstack", "stack", "concat", "dim", "dtype", "shape", "requires_grad", "v1", "v2", "V", "A",
})  # fmt: skip


NAMES = ("v1", "v2")
MATRICES = ("A", "V")
PRODUCTS = ("hadamard_AV", "Matrix_AV")


def ends_of_first_part(submission, names):
    """Where the names may have what part (a) asks for, or nothing: see until_settled."""
    return until_settled(submission.sources, names, (*PRODUCTS, "square_l2_v"), ("y",))


def early(student, submission, code, names):
    """Values of the names after that much of the cell."""
    for name in names:
        student.require(name)
    plain = all((used_by([code], name) or {"?"}) <= WRITTEN_OUT for name in names)
    told = student.rerun([code], submission.cells[:1], timeout_s=10, leaves_trace=not plain)
    return [told[name] for name in names]


def settled(student, submission, *names):
    """Values of the names before something uses them, or binds them for a later part."""
    ends = ends_of_first_part(submission, names)
    if ends is None:
        return [getattr(student, name).value() for name in names]
    if ends[1] != ends[0]:
        with contextlib.suppress(CheckFailed):  # by what stands between
            return early(student, submission, ends[1], names)
    return early(student, submission, ends[0], names)


def assert_early(student, submission, right):
    """Compare names with their values at each end that part (a) may have."""
    ends = ends_of_first_part(submission, tuple(right))
    if ends is None:
        for name, value in right.items():
            assert_tensor(getattr(student, name).value(), value, name)
        return
    failures = []
    for code in dict.fromkeys(ends):
        try:
            told = early(student, submission, code, tuple(right))
            for (name, value), actual in zip(right.items(), told, strict=True):
                assert_tensor(actual, value, name)
            return
        except CheckFailed as failure:
            failures.append(failure)
    raise next((f for f in reversed(failures) if f.raised is None), failures[0])


def assert_tensor(actual, right, name):
    """Compare a value, and fail at stage kind where it is right and a NumPy array."""
    assert_matches(actual, right, what=name)
    if isinstance(actual, np.ndarray):
        text = f"{name} is a NumPy array, but should be a torch tensor"
        raise CheckFailed(Stage.KIND, text, hint="Print type() of it.")


def numbers_or_none(value):
    """A student's tensor or array as float64, None where it is neither."""
    try:
        return numbers(value)
    except CheckFailed:
        return None


def assert_follows(actual, right, own, what):
    """Right is the homework's value, or what follows from the student's own operands."""
    try:
        assert_matches(actual, right, what=what)
    except CheckFailed:
        follows = own()
        if follows is None:
            raise
        assert_matches(actual, follows, what=what)


@pytest.mark.part("1a")
def test_v1_and_v2_hold_the_vectors(student, reference, submission):
    """v1 and v2 are the column vectors given, with shape (2, 1)."""
    assert_early(student, submission, {"v1": reference.V1, "v2": reference.V2})


@pytest.mark.part("1a")
def test_a_and_v_hold_the_matrices(student, submission, reference):
    """A and V are the matrices given; the columns of V are v1 and v2."""
    for name, right in (("A", reference.A), ("V", reference.V)):
        try:
            assert_tensor(getattr(student, name).value(), right, name)
        except CheckFailed as failure:
            assert_changed_later(student, submission, name, right, failure)


def assert_changed_later(student, submission, name, right, failure):
    """Raise unless the name was right at first, and a product was then written over it.

    That is a mistake of the product's part, and charged there.
    """
    try:
        first = settled(student, submission, *MATRICES)[MATRICES.index(name)]
        assert_tensor(first, right, name)
    except CheckFailed:
        raise failure from None
    if failure.stage is Stage.KIND and isinstance(student[name].value(), np.ndarray):
        return  # a tensor that was turned into one further down
    if written_over(student, numbers_or_none(student[name])) is None:
        text = f"{name} is right where it is made, and changed further down: {failure.message}"
        raise CheckFailed(failure.stage, text, hint="The cell prints it at its end.") from None


def written_over(student, matrix):
    """The name of the product that a matrix holds, None where it holds none."""
    products = ((name, numbers_or_none(student[name])) for name in PRODUCTS)
    return next((name for name, product in products if matrix is not None
                 and product is not None and np.array_equal(matrix, product)), None)  # fmt: skip


@pytest.mark.part("1b")
def test_hadamard_product(student, reference, submission):
    """hadamard_AV is the product of A and V, entry by entry."""
    assert_product(student, submission, reference, "hadamard_AV", reference.hadamard)


@pytest.mark.part("1c")
def test_matrix_product(student, reference, submission):
    """Matrix_AV is the matrix product of A and V."""
    assert_product(student, submission, reference, "Matrix_AV", reference.matrix_product)


def assert_product(student, submission, reference, name, product):
    """The product has its value, was computed, and has left its factors as they were."""
    actual = student[name].value()
    factors = {matrix: numbers_or_none(student[matrix]) for matrix in MATRICES}
    changed = overwritten(student, submission, reference, factors)
    factors.update((matrix, first) for matrix, (first, _) in changed.items())
    a, v = factors.values() if are_told_apart(*factors.values()) else (None, None)
    own = ahead(lambda: product(a, v) if a is not None else None)
    with told_of_overwriting(name, changed):
        assert_follows(actual, product(reference.A, reference.V), own, name)
    assert_computed(submission, name, (*MATRICES, *NAMES))
    for matrix, (_, by) in changed.items():
        if by == name:
            text = f"{matrix} is overwritten in place: after the cell it holds {name}"
            raise CheckFailed(Stage.MEANS, text, hint="The product should leave A and V as they "
                              "are: later lines and the printed output use them.")  # fmt: skip


def overwritten(student, submission, reference, factors):
    """What a matrix was at first, and which product is written over it, for each such matrix."""
    suspects = {}
    for matrix, right in zip(MATRICES, (reference.A, reference.V), strict=True):
        try:
            assert_matches(factors[matrix], right, what=matrix)
        except CheckFailed:
            if by := written_over(student, factors[matrix]):
                suspects[matrix] = by
    if not suspects:
        return {}
    firsts = map(numbers_or_none, settled(student, submission, *MATRICES))
    return {
        matrix: (first, suspects[matrix])
        for matrix, first in zip(MATRICES, firsts, strict=True)
        if matrix in suspects and not np.array_equal(first, factors[matrix])
    }


@contextlib.contextmanager
def told_of_overwriting(name, changed):
    """Say of a failure that another product was written over a factor, where one was."""
    try:
        yield
    except CheckFailed as failure:
        for matrix, (_, by) in changed.items():
            if by != name:
                text = f"{matrix} was overwritten in place by {by}, and {failure.message}"
                raise CheckFailed(failure.stage, text, hint="Which line changes it?") from None
        raise


def are_told_apart(a, v):
    """Whether both matrices are 2 by 2 and differ enough to tell products apart."""
    if a is None or v is None or a.shape != (2, 2) or v.shape != (2, 2):
        return False
    products = [a * v, a @ v, v @ a, a + v, a.T @ v, a @ v.T]
    return all(not np.array_equal(p, q) for i, p in enumerate(products) for q in products[:i])


@pytest.mark.part("1d")
def test_squared_norm(student, reference, submission):
    """square_l2_v is the squared L2 norm of v1 - v2: one number."""
    actual = student.square_l2_v.value()
    value = numbers_or_none(actual)
    if value is not None and value.size == 1:
        actual = value.reshape(())  # a product of row and column is a number, too
    own = ahead(lambda: own_distance(student, submission, reference))
    right = reference.squared_distance(reference.V1, reference.V2)
    # With both of the others, and with one where the homework's other is typed in further down.
    pairs = ((OTHER_V1, OTHER_V2), (OTHER_V1, reference.V2), (reference.V1, OTHER_V2))
    of_others = [reference.squared_distance(*pair) for pair in pairs]
    assert_follows(actual, right, own, "square_l2_v")
    assert_computed(submission, "square_l2_v", ("v1", "v2", "V"))
    assert_without_norm(student, submission, value)
    assert_right_for_others(student, submission, value, *of_others)


# Other vectors, which code that computes with v1 and v2 takes as it takes the homework's.
OTHERS = {
    "v1": "v1 = torch.tensor([3, -1], dtype=v1.dtype).reshape(v1.shape)",
    "v2": "v2 = torch.tensor([1, 4], dtype=v2.dtype).reshape(v2.shape)",
    "V": "V = torch.tensor([[3, 1], [-1, 4]], dtype=V.dtype).reshape(V.shape)",
}
OTHER_V1, OTHER_V2 = np.array([[3.0], [-1.0]]), np.array([[1.0], [4.0]])


def assert_right_for_others(student, submission, value, right, *of_one):
    """Fail where the cell gives a wrong number for other vectors: it was right by chance.

    The homework's two differ by as much in both entries.
    """
    ends = ends_of_first_part(submission, ("v1", "v2"))
    if ends is None or value is None:
        return
    code = "\n".join(as_python(source) for source in submission.sources).split("\n")
    until = ends[0].count("\n") + 1
    bound = bound_names(parse_python(ends[0]).body)
    others = [line for name, line in OTHERS.items() if name in bound]
    code = "\n".join([*code[:until], *others, *code[until:]])
    told = None
    with contextlib.suppress(CheckFailed):  # by code that asks for the homework's own
        (told,) = early(student, submission, code, ("square_l2_v",))
    told = None if told is None else numbers_or_none(told)
    if told is None or told.size != 1:
        return
    # Where it stays as it was, the others have not come to it.
    if not any(is_number(told, number) for number in (right, *of_one, value.reshape(()))):
        text = (f"with v1 = (3, -1) and v2 = (1, 4) the cell gives square_l2_v={told.item():g}, "
                f"but should give {numbers(right.value).item():g}")  # fmt: skip
        raise CheckFailed(Stage.VALUES, text, hint="18 comes out of other formulas too, since v1 - "
                          "v2 is (3, 3). Which entries does yours use?")  # fmt: skip


def is_number(told, right):
    """Whether an array with one entry is that number, up to single precision."""
    try:
        assert_matches(told.reshape(()).astype(np.float32), right)
    except CheckFailed:
        return False
    return True


def own_distance(student, submission, reference):
    """What follows from the student's own vectors, None where these are none."""
    try:
        v1, v2 = (numbers_or_none(v) for v in settled(student, submission, "v1", "v2"))
    except CheckFailed:
        return None  # nothing of the student's to follow from: the homework's value decides
    alike = v1 is not None and v2 is not None and v1.shape == v2.shape
    return reference.squared_distance(v1, v2) if alike else None


def assert_computed(submission, name, operands):
    """Fail where the value was certainly typed in."""
    if typed_in(submission.sources, name, operands):
        text = f"{name} is typed in as numbers, but should be computed"
        hint = f"Compute it from {operands[0]} and {operands[1]}."
        raise CheckFailed(Stage.MEANS, text, hint=hint)


def assert_without_norm(student, submission, value):
    """Fail where the value changes when norms do: it is then computed with one."""
    used = used_by(submission.sources, "square_l2_v")
    if used is not None and used <= WRITTEN_OUT:
        return
    other = after_change(student, submission, "change_norms",
                         lambda again: numbers_or_none(again["square_l2_v"]))  # fmt: skip
    if other is None:
        assert_runs_again(student, submission, "what square_l2_v is computed with")
    elif value is not None and not np.allclose(other, value):
        text = "square_l2_v is computed with a ready-made norm, but should be computed without one"
        raise CheckFailed(Stage.MEANS, text, hint="Which steps does the formula of part (d) have?")


@pytest.mark.part("1e")
def test_vectors_are_tracked(student, reference):
    """v1 and v2 are made again as tensors that autograd tracks."""
    for name, right in (("v1", reference.V1), ("v2", reference.V2)):
        vector = getattr(student, name).value()
        assert_matches(vector, right, what=name)
        if not getattr(vector, "requires_grad", False):
            text = f"{name}.requires_grad=False, but should be True"
            raise CheckFailed(Stage.KIND, text, hint="Autograd gives gradients to tracked tensors.")


@pytest.mark.part("1e")
def test_gradients_of_the_squared_norm(student, reference, submission):
    """v1.grad and v2.grad hold the gradients of y that the backward pass left there."""
    student.require("y")
    for name, right in (("v1", reference.V1_GRAD), ("v2", reference.V2_GRAD)):
        grad = gradient_of(student, name)
        if grad is None:
            raise CheckFailed(
                Stage.PRESENT,
                f"{name}.grad is empty, but should hold the gradient of y"
                + why_empty(student, name),
                hint="Does a backward pass start from y, and is y computed from both vectors?",
            )
        # The square root inside a norm, squared again, costs a few roundings of 18.
        assert_matches(grad, Expected(right, np.full(right.shape, 8 * 6.0)), what=f"{name}.grad")
    assert_computed(submission, "y", NAMES)
    y = numbers_or_none(student.y.value())
    if y is not None and y.size != 1:
        text = f"y has {y.size} entries, but should be one number"
        raise CheckFailed(Stage.SHAPE, text, hint="What do the bars of a norm do with the squares?")
    # A known mistake gives other gradients, and y is then another too.
    if y is not None and np.array_equal(reference.V1_GRAD, 2 * (reference.V1 - reference.V2)):
        assert_matches(np.float64(y.item()), Expected(18.0, 8 * 18.0), what="y")
    if comes_from_backward(submission.sources):
        return
    grads = after_change(
        student, submission, "change_gradients", lambda again: [gradient(again[n]) for n in NAMES]
    )
    if grads is None:
        assert_runs_again(student, submission, "where the gradients come from")
    elif all(
        g is not None and np.allclose(g, right)
        for g, right in zip(grads, (reference.V1_GRAD, reference.V2_GRAD), strict=True)
    ):
        text = "v1.grad and v2.grad do not come from a backward pass, but should"
        raise CheckFailed(Stage.MEANS, text, hint="Let a backward pass from y fill them in.")


def gradient_of(student, name):
    """What the vector holds as its gradient, None where it holds none or is no tensor."""
    student.require(name)
    try:
        return student[name].grad.value()
    except CheckFailed:
        return None


def why_empty(student, name):
    """What keeps a gradient from a vector, where the vector shows it."""
    try:
        kept = student[name].is_leaf.value()
    except CheckFailed:
        return f": {name} is not a torch tensor"
    if not kept:
        return f": {name} was computed from another tensor, so autograd keeps no gradient in it"
    return ": v1 and v2 are tracked, but y is not" if is_cut_off(student) else ""


def is_cut_off(student):
    """Whether both vectors are tracked by autograd, and y is a tensor that is not."""
    try:
        v1, v2, y = (student[name].requires_grad.value() for name in (*NAMES, "y"))
    except CheckFailed:
        return False
    return v1 is True and v2 is True and y is False


def gradient(vector):
    """A tensor's gradient as numbers, None where it has none."""
    return numbers_or_none(getattr(vector, "grad", None))
