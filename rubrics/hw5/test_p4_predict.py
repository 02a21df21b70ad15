"""Problem 4 (e): the predictions of a model."""

import ast
import builtins
import contextlib
import functools
import re

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from grader.checks import (
    AnswerMissing,
    CheckFailed,
    LimitExceeded,
    NeedsReview,
    Stage,
    assert_matches,
    called_from_outside,
    given,
    seeds,
)
from grader.checks.show import as_numpy
from grader.submission.source import as_python, bound_names, parse_python

# Of the networks of ImageNet, and of the homework's own words on their probabilities.
CLASSES = 1000
NETWORKS = ("alexnet", "vgg16", "resnet18")


@pytest.mark.part("4e")
@given(
    n=st.integers(1, 7),
    size=st.integers(1, 3),
    seed=seeds(),
)
def test_predict_gives_the_likeliest_classes(student, submission, reference, n, size, seed):
    """predict() gives the index of the most likely class of each image, as a NumPy array."""
    again = functools.partial(classifies_pairs, student, seed)
    with told_whose(submission), told_of_single(n, size, again):
        answer, scores = predicted(student, n, size, seed, restless=False)
        right = reference.likeliest(scores, size)
        assert_matches(as_array(answer), right, what="predict(...)")
    assert_right_means(student, submission, answer)


@contextlib.contextmanager
def told_whose(submission):
    """Say of a failure that predict() uses a global network or loader, where it does."""
    try:
        yield
    except CheckFailed as failure:
        others = globals_of(submission.sources)
        missing = isinstance(failure, AnswerMissing)
        if not others or (missing and (failure.raised is None or is_stub(submission.sources))):
            raise
        what = "loader" if others[0] == "my_dataloader" else "model"
        message = failure.message
        if missing:  # it is written, and stopped at a network without memory
            message = f"it raised {failure.raised.type}"
        text = f"predict() uses the global {others[0]}, whatever {what} it is given: {message}"
        raise restated(failure, text, "Which one should it use: where do `model` and `dataloader` "
                       "come from?") from None  # fmt: skip


def restated(failure, text, hint):
    """A failure in other words."""
    return CheckFailed(
        failure.stage,
        text,
        hint=hint,
        counterexample=failure.counterexample,
        raised=failure.raised,
    )


def predict_of(sources):
    """The last definition of predict() at the top of the cells; None where there is none."""
    tree = parse_python("\n".join(as_python(source) for source in sources))
    found = [n for n in (tree.body if tree else ()) if isinstance(n, ast.FunctionDef)]
    return next((n for n in reversed(found) if n.name == "predict"), None)


def is_stub(sources):
    """Whether predict() says of itself that it is not written."""
    function = predict_of(sources)
    raised = [n for n in ast.walk(function) if isinstance(n, ast.Raise)] if function else []
    return any("NotImplementedError" in ast.unparse(one) for one in raised)


@functools.lru_cache(64)
def globals_of(sources):
    """Networks and the loader of the notebook that predict() uses by their names."""
    function = predict_of(sources)
    if function is None:
        return []
    inside = list(ast.walk(function))
    own = {*bound_names(function.body), *(n.arg for n in inside if isinstance(n, ast.arg))}
    used = {n.id for n in inside if isinstance(n, ast.Name)} - own
    return [name for name in (*NETWORKS, "my_dataloader") if name in used]


@contextlib.contextmanager
def told_of_single(n, size, again):
    """Say of a failure that it comes of a batch of one image, where others are classified right."""
    try:
        yield
    except CheckFailed as failure:
        has_single = size == 1 or n % size == 1
        if isinstance(failure, AnswerMissing | LimitExceeded) or not has_single or not again():
            raise
        text = f"predict() goes wrong where a batch has one image only: {failure.message}"
        raise restated(failure, text, "Which axes are left of a batch of shape (1, 3, 224, 224)?"
                       ) from None  # fmt: skip


def classifies_pairs(student, seed):
    """Whether predict() is right about batches of more than one image."""
    try:
        answer, scores = predicted(student, 6, 3, seed, restless=False)
        assert_matches(as_array(answer), scores.argmax(axis=1))
    except (CheckFailed, NeedsReview):
        return False
    return True


# Ways in which images get to a device though no line of predict() takes them there.
ELSEWHERE_MOVED = re.compile(r"Parallel|ccelerat|set_default|pin_memory_device|mps|xla")


@functools.lru_cache(64)
def thrown_away(sources):
    """The images whose copy on the model's device predict() certainly throws away; or None."""
    function, code = predict_of(sources), "\n".join(sources)
    if function is None or "cuda" not in code or ELSEWHERE_MOVED.search(code):
        return None
    inside = list(ast.walk(function))
    parameters = [argument.arg for argument in function.args.args]
    if len(parameters) != 2:
        return None
    model, loader = parameters
    moved = [call for call in inside if _moves(call, model)]
    stated = [n.value for n in inside if isinstance(n, ast.Expr)]
    for loop in (n for n in inside if isinstance(n, ast.For) and loader in _names_in(n.iter)):
        for name in _names_in(loop.target):
            moves = [call for call in inside if _moves(call, name)]
            lost = [call for call in moves if call in stated and _is_like(call, moved)]
            if lost and len(lost) == len(moves) and _goes_in_as_it_is(inside, model, name):
                return name
    return None


def _names_in(node):
    return [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]


def _moves(node, name):
    """Whether it is `name.to(...)` or `name.cuda(...)`."""
    func = node.func if isinstance(node, ast.Call) else None
    return (isinstance(func, ast.Attribute) and func.attr in ("to", "cuda")
            and isinstance(func.value, ast.Name) and func.value.id == name)  # fmt: skip


def _is_like(call, others):
    """Whether others are moved to the same place, which is not the CPU by its name."""
    places = [(one.func.attr, *map(ast.unparse, one.args[:1])) for one in (call, *others)]
    return places[0] in places[1:] and "cpu" not in str(places[0])


def _goes_in_as_it_is(inside, model, name):
    """Whether the model is called with the name, which is bound once, by its loop."""
    stored = [n for n in inside if isinstance(n, ast.Name) and n.id == name
              and isinstance(n.ctx, ast.Store)]  # fmt: skip
    filled = [n for n in inside if isinstance(n, ast.Attribute | ast.Subscript)
              and not isinstance(n.ctx, ast.Load) and name in _names_in(n.value)]  # fmt: skip
    called = [n for n in inside if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
              and n.func.id == model and [ast.unparse(a) for a in n.args] == [name]]  # fmt: skip
    return len(stored) == 1 and not filled and bool(called)


def assert_right_means(student, submission, answer):
    """Fail at stage means where right classes come in a list, or on the CPU only, or unnamed."""
    if isinstance(answer, list | tuple):
        text = f"predict() gave a {type(answer).__name__}, but should give one NumPy array"
        raise CheckFailed(Stage.MEANS, text, hint="What does the function return at its end?")
    lost = thrown_away(submission.sources)
    if lost is not None:
        text = (f"predict() moves `{lost}` to the device and throws the copy away: on a machine "
                "with a GPU the images stay on the CPU")  # fmt: skip
        raise CheckFailed(Stage.MEANS, text, hint="A network is moved in place; what does .to() "
                          "do with a tensor?")  # fmt: skip
    if labels_are_numbers(student, submission):
        text = "label_list_alexnet holds numbers of classes, but should hold their names"
        raise CheckFailed(Stage.MEANS, text, hint="What is in label_map?")


def labels_are_numbers(student, submission):
    """Whether AlexNet's labels are numbers, or a small model's where there are none."""
    if "labels" not in student.memo:
        told = None
        if any("label_list_alexnet" in source for source in submission.sources):
            told = labels_here(student)
            told = with_small_model(student, submission) if told is None else told
        student.memo["labels"] = told
    return student.memo["labels"] is True


def labels_here(student):
    """Whether the notebook's own labels are numbers; None where there are none."""
    try:
        return student.scaffold("models").are_numbers(student.label_list_alexnet, student.label_map)
    except (CheckFailed, NeedsReview):
        return None


def with_small_model(student, submission):
    """Whether labels are numbers where the cells are run again with a small model as alexnet.

    None where that cannot be done.
    """
    told = None
    with contextlib.suppress(CheckFailed, NeedsReview):  # the cells may stop; or there is no copy
        scaffold = student.scaffold("models", patches=True)
        images = scaffold.loader.keep([torch.ones(3, 2, 2, dtype=torch.float64)] * 2, 2)
        student.bind("alexnet", scaffold.model.keep(0, 12, CLASSES, False))
        student.bind("my_dataloader", images)
        student.bind("vis_img_label", scaffold.nothing)
        space = student.rerun(submission.sources, submission.cells, timeout_s=30)
        told = scaffold.are_numbers(space["label_list_alexnet"], space["label_map"])
    student.renew()
    return told


@pytest.mark.part("4e")
@given(n=st.integers(2, 7), size=st.integers(2, 3), seed=seeds())
def test_predict_switches_to_inference_mode(student, submission, reference, n, size, seed):
    """predict() uses the model in inference mode: no dropout, no statistics of the batch.

    Whoever takes the least likely class has paid for that in the other check: here it is right
    where it is that of the inference mode.
    """
    with told_whose(submission):
        told, scores = predicted(student, n, size, seed, restless=True)
        answer = as_array(told)
        try:
            assert_matches(answer, scores.argmin(axis=1), what="predict(...)")
        except CheckFailed:
            assert_matches(answer, reference.likeliest(scores, size), what="predict(...)")


# Torch's operations that a softmax is made of; outside torch it is written with one of these.
SOFTMAX = {"_softmax", "softmax", "_safe_softmax", "exp", "exp_", "exp2", "pow", "_log_softmax",
           "log_softmax", "logsumexp", "logaddexp"}  # fmt: skip
ELSEWHERE = re.compile(r"\b(np|numpy|math)\.(exp|power|e)\b|\bscipy\b|\*\*")


@pytest.mark.part("4e")
def test_predict_computes_probabilities(student, submission):
    """predict() computes softmax probabilities."""
    student.require("predict", function=True)
    scaffold = student.scaffold("models")
    net = scaffold.model.keep(0, 12, CLASSES, False)
    pixels = torch.linspace(-1, 1, 24, dtype=torch.float64).reshape(2, 3, 2, 2)
    with told_whose(submission):
        (called, by_image, together), _ = of_small_or_whole(
            lambda loader: scaffold.operations_of(student.predict, net, loader),
            scaffold, net, list(pixels), 2,
        )  # fmt: skip
    if together is True and by_image is False:
        text = ("the probabilities of all images of a batch together add up to 1, but those of "
                "each image should")  # fmt: skip
        raise CheckFailed(Stage.MEANS, text, hint="Over which axis is the sum in the softmax?")
    if SOFTMAX & set(called) or any(ELSEWHERE.search(s) for s in submission.sources):
        return
    code = "\n".join(submission.sources)
    elsewhere = [name for name in sorted(called_from_outside(submission.sources, "predict"))
                 if not hasattr(builtins, name) and f"def {name}(" not in code]  # fmt: skip
    if elsewhere or "softmax(" in code:
        raise NeedsReview("Whether predict() takes a softmax cannot be seen from its own cell: a "
                          "person looks at it.")  # fmt: skip
    text = "predict() takes no softmax of the scores, but should compute probabilities"
    raise CheckFailed(Stage.MEANS, text, hint="The classes are the same without it, but the "
                      "homework asks for the probabilities.")  # fmt: skip


def as_array(answer):
    """A list of plain numbers as the array that it should be; anything else as it is."""
    if not isinstance(answer, list | tuple):
        return answer
    single = np.ndarray | torch.Tensor
    told = [a.item() if isinstance(a, single) and a.ndim == 0 else a for a in answer]
    if not all(isinstance(a, int | float | np.generic) for a in told):
        return answer
    array = np.asarray(told)
    return array if array.dtype.kind in "biuf" else answer


def of_small_or_whole(ask, scaffold, net, images, size):
    """The answer for a loader of small images in double precision, and the loader.

    Where it stops at these, as it may at all that are not as the homework's, for one of such.
    """
    small = scaffold.loader.keep(images, size)
    try:
        return ask(small), small
    except (AnswerMissing, LimitExceeded):
        raise
    except CheckFailed as failure:
        if failure.raised is None:
            raise
        whole = scaffold.whole_loader.keep(images, size, net)
        try:
            return ask(whole), whole
        except CheckFailed:
            raise failure from None


def predicted(student, n, size, seed, *, restless):
    """What predict() answers on a small model, and the model's scores in inference mode."""
    scaffold = student.scaffold("models")
    images = np.random.default_rng(seed).standard_normal((n, 3, 2, 2))
    net = scaffold.model.keep(seed, 12, CLASSES, restless)
    state = scaffold.state(net)
    listed = [torch.from_numpy(image) for image in images]
    student.seed(seed)
    answer, loader = of_small_or_whole(lambda given: student.predict(net, given), scaffold, net,
                                       listed, size)  # fmt: skip
    if isinstance(answer, torch.Tensor):
        text = "predict() gave a torch.Tensor, but should give a NumPy array"
        raise CheckFailed(Stage.KIND, text, hint="label_map takes plain numbers as keys.")
    count = how_many(answer)
    if count > n:
        counted_again = how_many(student.predict(net, loader))
        if counted_again > count:
            text = (f"predict() gave {count} classes for {n} images, and {counted_again} when "
                    "called again: it keeps those of earlier calls")  # fmt: skip
            raise CheckFailed(Stage.SHAPE, text, hint="Where does its list come from?")
    return answer, logits(state, images, restless)


def how_many(answer):
    """How many predictions an array of one axis, or a list, holds; 0 for anything else."""
    is_row = isinstance(answer, list) or (isinstance(answer, np.ndarray) and answer.ndim == 1)
    return len(answer) if is_row else 0


def logits(state, images, restless):
    """The small model's output by hand, in inference mode."""
    values = {name: as_numpy(value) for name, value in state.items()}
    x = images.reshape(len(images), -1)
    last = "1"
    if restless:
        spread = np.sqrt(values["1.running_var"] + 1e-5)
        x = (x - values["1.running_mean"]) / spread * values["1.weight"] + values["1.bias"]
        last = "3"
    return x @ values[f"{last}.weight"].T + values[f"{last}.bias"]
