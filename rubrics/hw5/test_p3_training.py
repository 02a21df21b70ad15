"""Problem 3 (d): the training of the CNN, judged by what the loop does and what came of it.

The margins are measured: docs/training.md says from what, benchmarks/training.py does it.
"""

import operator
import re

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax

from grader.checks import CheckFailed, NeedsReview, Stage, numbers
from grader.checks.show import as_numpy

# Share of the digits held out that a network which has learned recognises; chance is 0.1.
LEARNED = 0.7

# Loss after the steps that are watched, in units of the loss before or of that of guessing,
# whichever is less. At most so much where the steps lead towards the labels.
FALLEN = 0.91

# A network that is as good as this before its first step was trained elsewhere.
TRAINED_BEFORE = 0.5

GUESSING = np.log(10)

# Steps that have become this much smaller within those that are watched lead nowhere any more.
SHRUNK = 1e-3

# Of the different images that it could have seen, a loop that goes through the training set
# sees more than this share: by drawing with replacement, two in three at the least.
FEW = 0.5

# So many lines tell whether what is printed falls.
FEWEST_PRINTED = 3

# So many characters of what cells print are kept: of more it is not known how it goes on.
MOST_PRINTED = 4000

# Of changed images, more than would by chance resemble one of the test set most: 0.72.
FROM_TEST_SET = 0.9

# For so many images at a time it is looked up which digit they are most like.
MOST_LOOKED_UP = 2000

# Ways to gradients that do not pass the functions which are watched.
OTHER_GRADIENTS = re.compile(r"\b(torch\.func|functorch|jacrev|jacfwd|vjp|value_and_grad)\b")


@pytest.mark.part("3d")
def test_network_has_learned(student, submission, reference):
    """The trained network recognises digits that it was not trained on."""
    _, images, _, labels = reference.load_split().value
    student.require("net")
    student.net.eval.keep()
    share = accuracy(student, images, labels)
    if not share >= LEARNED:
        # The loop may scale the pixels before it hands them to the network.
        scale = scale_of(watched_loop(student, submission)["batches"], all_images(reference))
        if scale is not None:
            student.net.eval.keep()
            share = max(share, accuracy(student, scale[0] * images + scale[1], labels))
    if not share >= LEARNED:
        text = f"{share:.0%} of the test digits are recognised, but {LEARNED:.0%} should be"
        text += why_not(watched_loop(student, submission))
        raise CheckFailed(Stage.VALUES, text, hint="Does the printed loss fall to well below 1?")


def why_not(seen):
    """What keeps a network from learning, where the loop shows it."""
    if seen["networks"] > 1:
        return f"; the loop trained {seen['networks']} networks, one after another"
    rates = seen["rates"]
    if rates and 0 < rates[-1] < SHRUNK * rates[0]:
        return f"; the learning rate fell from {rates[0]:g} to {rates[-1]:g} in {len(rates)} steps"
    return "; the optimizer maximizes" if seen["maximize"] else ""


def accuracy(student, images, labels):
    """The share of images for which the student's network gives the label the highest score."""
    x = torch.from_numpy(images.astype(np.float32)).reshape(-1, 1, 8, 8)
    out = student.net(x)
    if not isinstance(out, torch.Tensor) or tuple(out.shape) != (len(x), 10):
        text = "net(x) does not give 10 scores for each image, but should"
        raise CheckFailed(Stage.SHAPE, text, hint="Print net(x).shape for one batch.")
    return float((as_numpy(out).argmax(axis=1) == labels).mean())


def all_images(reference):
    """All digits by what they look like: the image and its label."""
    train, test, train_labels, test_labels = reference.load_split().value
    rows, labels = np.concatenate((train, test)), np.concatenate((train_labels, test_labels))
    return {key: (row, label) for key, row, label in zip(keys(rows), rows, labels, strict=True)}


def keys(rows):
    """Images as what can be compared, whatever was done to all their pixels alike."""
    return [row.tobytes() for row in np.round(scaled(rows) * 240).astype(np.int16)]


def scaled(rows):
    """Images with pixels from 0 to 1."""
    rows = np.asarray(rows, dtype=float)
    rows = rows - rows.min(axis=1, keepdims=True)
    told = rows / np.maximum(rows.max(axis=1, keepdims=True), 1e-12)
    return np.nan_to_num(told, posinf=0, neginf=0)


def nearest(rows, known):
    """The digits, of those that are known, that images are most like: their keys."""
    listed = list(known)
    digits, images = scaled([known[key][0] for key in listed]), scaled(rows)
    # The square of an image itself is the same for all digits.
    apart = (digits**2).sum(axis=1) - 2 * images @ digits.T
    return [listed[at] for at in apart.argmin(axis=1)]


def scale_of(batches, known):
    """Factor and offset between the digits and what the network was given; None if neither."""
    if not batches:
        return None
    given = np.asarray(batches[0][0]).astype(float)
    raw = [known[key][0] if key in known else None for key in keys(given)]
    pairs = [(row, image) for row, image in zip(raw, given, strict=True) if row is not None]
    if len(pairs) < 2:
        return None
    from_digits, to_network = (np.concatenate(side) for side in zip(*pairs, strict=True))
    factor, offset = np.polyfit(from_digits, to_network, 1)
    return (factor, offset) if abs(factor - 1) + abs(offset) > 1e-3 else None


def watched_loop(student, submission):
    """What the first steps of the loop did and printed, run again from the part's cells."""
    student.require("net")
    if "loop" not in student.memo:
        watch = student.scaffold("training", patches=True)
        student.seed(0)
        watch.start()
        try:
            student.rerun(submission.sources, submission.cells, timeout_s=60)
        except CheckFailed as stopped:
            if stopped.raised is None or stopped.raised.type != "EnoughSteps":
                raise
        printed = student.output if len(student.output) < MOST_PRINTED else ""
        seen = watch.report()
        student.renew()
        student.memo["loop"] = {**seen, "printed": printed} if is_report(seen) else None
    if student.memo["loop"] is None:
        raise NeedsReview("What the loop did could not be followed: a person looks at it.")
    return student.memo["loop"]


def is_report(seen):
    """Whether a report is one that the scaffold would give: it comes from the student's process."""
    if not isinstance(seen, dict) or not REPORT.keys() <= seen.keys():
        return False
    if not all(is_right(seen[field]) for field, is_right in REPORT.items()):
        return False
    rows = sum(len(batch[0]) for batch in seen["batches"])
    return [len(seen[when]) for when in ("before", "after") if seen[when] is not None] in (
        [],
        [rows, rows],
    )


def _list_of(*kinds):
    return lambda value: isinstance(value, list) and all(type(item) in kinds for item in value)


def _is_count(value):
    return type(value) is int and value >= 0


def _is_rows(value, width):
    return (
        isinstance(value, torch.Tensor)
        and value.dim() == 2
        and value.shape[1] == width
        and value.dtype == torch.float32
    )


def _is_batch(batch):
    return (
        isinstance(batch, tuple | list)
        and len(batch) == 3
        and _is_rows(batch[0], 64)
        and _is_rows(batch[1], 10)
        and 0 < len(batch[0]) == len(batch[1])
        and type(batch[2]) is float
    )


def _is_pass(counts):
    return isinstance(counts, tuple | list) and len(counts) == 4 and all(map(_is_count, counts))


def _is_scores(value):
    return value is None or _is_rows(value, 10)


REPORT = {
    "losses": _list_of(float),
    "dirty": _list_of(bool),
    "moved": _list_of(bool),
    "rates": _list_of(float),
    "still": _list_of(str),
    "steps": _is_count,
    "empty": _is_count,
    "foreign": _is_count,
    "parameters": _is_count,
    "given": _is_count,
    "different": _is_count,
    "networks": _is_count,
    "repeated": _is_count,
    "loaded": _is_count,
    "forwarded": _is_count,
    "complete": lambda value: (
        isinstance(value, tuple | list) and len(value) == 2 and all(map(_is_count, value))
    ),
    "reached": _is_count,
    "passes": lambda value: isinstance(value, list) and all(map(_is_pass, value)),
    "maximize": lambda value: type(value) is bool,
    "ended": lambda value: type(value) is bool,
    "batches": lambda value: isinstance(value, list) and all(map(_is_batch, value)),
    "images": lambda value: isinstance(value, list) and all(_is_rows(v, 64) for v in value),
    "before": _is_scores,
    "after": _is_scores,
}


def trained(student, submission):
    """What the loop did, where it went backwards at all."""
    seen = watched_loop(student, submission)
    if not seen["losses"]:
        if any(OTHER_GRADIENTS.search(source) for source in submission.sources):
            raise NeedsReview("How the loop computes its gradients could not be followed: a person "
                              "looks at it.")  # fmt: skip
        text = "no backward pass was seen while the cell ran, but each batch should have one"
        raise CheckFailed(Stage.PRESENT, text, hint="Gradients do not come from the loss alone: "
                          "which step computes them?")  # fmt: skip
    return seen


@pytest.mark.part("3d")
def test_images_come_from_the_training_set(student, submission, reference):
    """The loop trains on the training set, and leaves the test set alone."""
    train, test = own_split(student) or reference.load_split().value[:2]
    seen = trained(student, submission)
    given = seen["images"]
    rows = {key for images in given for key in keys(np.asarray(images))}
    of_train = set(keys(train))
    of_test = set(keys(test)) - of_train
    known, held_out = rows & of_train, rows & of_test
    if len(known) + len(held_out) < len(rows) / 2:
        assert_unlike(of_test, given, all_images(reference))
    if len(held_out) > 0.1 * (len(known) + len(held_out)):
        text = f"{len(held_out)} of {len(rows)} images that it trained on are from the test set"
        raise CheckFailed(Stage.MEANS, text, hint="Which loader does the loop go through?")
    assert_sees_most(seen, len(of_train))
    assert_whole_batches(seen)
    assert_whole_epochs(seen, submission)
    assert_learns_from_each_batch(seen)


def assert_unlike(of_test, given, known):
    """Leave it to a person where images that are changed come of the test set, as it seems.

    The test set has 1297 of the 1797 digits: about so many in a hundred resemble one of it most
    where the change leaves nothing of what they were.
    """
    # Some of many tell as much, and how many there are is the student's process's word.
    step = max(1, sum(map(len, given)) // MOST_LOOKED_UP)
    alike = nearest(np.concatenate([np.asarray(images[::step]) for images in given]), known)
    share = sum(key in of_test for key in alike) / len(alike)
    if share > FROM_TEST_SET:
        raise NeedsReview(f"The images that it trains on are none of the digits as they are, and "
                          f"{share:.0%} of them resemble one of the test set most: a person looks "
                          "at it.")  # fmt: skip


def assert_sees_most(seen, size):
    """Fail where the loop goes over a few of the images only, again and again.

    What LBFGS does with one batch, and images that are changed at random, are no such thing.
    """
    if seen["different"] >= FEW * min(seen["given"], size):
        return
    text = (f"the loop trained on {seen['different']} different images, {seen['given']} in all, "
            f"but there are {size} in the training set")  # fmt: skip
    if not seen["ended"]:
        raise NeedsReview(f"In the first steps {text}: a person looks whether others follow.")
    raise CheckFailed(Stage.VALUES, text, hint="Each epoch goes through all batches.")


def assert_whole_batches(seen):
    """Fail where the network never sees a part of the batches that it is trained with."""
    given, loaded = seen["complete"]
    least = loaded
    if not loaded:  # all batches were fetched before, and the last may not be over yet
        given, loaded = seen["forwarded"], seen["loaded"]
        least = FEW * loaded
    if 0 < given < least:
        text = f"of {loaded} images in its batches the loop gives {given} to the network"
        raise CheckFailed(Stage.VALUES, text, hint="Each step uses all images of its batch.")


# How a loop takes single batches, each of a new pass through its loader.
SINGLE_BATCHES = re.compile(r"\bnext\(|__next__")


def assert_whole_epochs(seen, submission):
    """Fail where every pass through the loader is given up before its end."""
    passes = seen["passes"][:-1]  # the last one may have been ended by the watch
    most = all(FEW * there < given for given, there, _, _ in passes)
    single = any(SINGLE_BATCHES.search(source) for source in submission.sources)
    if len(passes) < 2 or (single and not most):
        return
    if all(0 < given < there for given, there, _, _ in passes):
        given, there, _, _ = passes[0]
        text = f"each epoch ends after {given} of {there} batches, but should go through all"
        raise CheckFailed(Stage.VALUES, text, hint="What ends the inner loop?")


def assert_learns_from_each_batch(seen):
    """Fail where most batches of an epoch go forward only.

    A loss that is summed over batches reaches all of them in one backward pass.
    """
    passes = seen["passes"][:-1]
    if len(passes) < 2:
        return
    given, _, backward, images = (sum(counts) for counts in zip(*passes, strict=True))
    if backward >= FEW * given or seen["reached"] >= FEW * images:
        return
    text = f"only {backward} of {given} batches went backward, but each should have its own step"
    if not seen["forwarded"]:
        raise NeedsReview(f"As far as it could be followed {text}: a person looks at it.")
    raise CheckFailed(Stage.VALUES, text, hint="In which of the two loops do backward() and "
                      "step() stand?")  # fmt: skip


def own_split(student):
    """The student's own two sets, None where they are not two matrices: that is charged in 3a."""
    try:
        sets = [numbers(student[name]) for name in ("X_train", "X_test")]
    except CheckFailed:
        return None
    return sets if all(rows.ndim == 2 and len(rows) for rows in sets) else None


@pytest.mark.part("3d")
def test_loss_is_the_cross_entropy(student, submission, reference):
    """The loss is the cross entropy of the network's scores and the labels."""
    seen, known = trained(student, submission), all_images(reference)
    batches = seen["batches"]
    wrong = wrong_loss(batches, known) or too_small(seen, known)
    if wrong is not None:
        text = f"the loss is {wrong}, but should be the cross entropy of the scores as they are"
        raise CheckFailed(Stage.VALUES, text, hint="What does the loss function expect, and what "
                          "does the loop give it?")  # fmt: skip
    if not batches:
        raise NeedsReview("What the loop gives to the network could not be followed: a person "
                          "looks at its loss.")  # fmt: skip
    told = readable(batches, known)
    if not (told and _is(cross_entropy, told)) and far_from_cross_entropy(batches, known):
        raise NeedsReview("The loss is far from the cross entropy of the digits that the images "
                          "are, or resemble most: a person looks at it.")  # fmt: skip


def far_from_cross_entropy(batches, known):
    """Whether each loss is less than half, or more than twice, what the digits' labels give.

    For images that are changed at random, with the labels of the digits that they resemble.
    """
    shares = []
    for images, scores, loss in batches[:4]:
        if len(images) > MOST_LOOKED_UP:
            return False
        labels = np.array([known[key][1] for key in nearest(images, known)], dtype=int)
        right = cross_entropy(np.asarray(scores).astype(float), labels)
        with np.errstate(divide="ignore", invalid="ignore"):  # it may be exactly zero
            shares.append(np.divide(loss, right) / [1, len(labels)])
    told = np.asarray(shares)
    return bool(shares) and np.isfinite(told).all() and not ((told > 0.5) & (told < 2)).any()


def other_labels(batches, known):
    """Whether the loss is none that is known, of the scores and the images' own labels."""
    told = readable(batches, known)
    return (
        len(told) > 1
        and not _is(cross_entropy, told)
        and not any(_is(loss, told) for loss in WRONG_LOSSES.values())
    )


def wrong_loss(batches, known):
    """Which other loss the loop computes; None where it is the right one or cannot be told.

    A loss may be averaged or summed, and terms may be added to it: only what is one of the known
    wrong ones on every batch is called wrong.
    """
    told = readable(batches, known)
    if len(told) < 2 or _is(cross_entropy, told):
        return None
    wrong = next((name for name, loss in WRONG_LOSSES.items() if _is(loss, told)), None)
    return wrong or left_out(told)


def too_small(seen, known):
    """What the loss is where its mean is over the classes too; None where it is not so.

    Of ten batches whose gradients make one step each has a tenth of the mean.
    """
    told = readable(seen["batches"], known)
    with np.errstate(divide="ignore", invalid="ignore"):  # it may be exactly zero
        shares = [np.divide(given, cross_entropy(scores, labels)) for scores, labels, given in told]
    if len(told) < 2 or not np.allclose(shares, 0.1, rtol=1e-3):
        return None
    each = seen["steps"] >= len(seen["losses"]) - 1  # the last may have been ended by the watch
    return "a tenth of the cross entropy" if each else None


def left_out(told):
    """Which part of the images the cross entropy leaves out; None where it is none that is known.

    Exactly: a loss may be weighted, and come close to many of these by chance.
    """
    losses = [-log_softmax(scores, axis=1)[np.arange(len(labels)), labels]
              for scores, labels, _ in told]  # fmt: skip
    right = [given for _, _, given in told]
    for digit in range(10):
        kept = [own[labels != digit] for own, (_, labels, _) in zip(losses, told, strict=True)]
        if _are_means(kept, right):
            return f"that of the images without the digit {digit}"
    for count in range(1, min(map(len, losses))):
        for place, part in (("first", slice(count)), ("last", slice(-count, None))):
            if _are_means([own[part] for own in losses], right):
                return f"that of the {place} {count} images of each batch"
    return None


def _are_means(kept, right):
    """Whether the losses are the means, or sums, of those that are kept."""
    return all(map(len, kept)) and any(
        np.allclose([total(own) for own in kept], right, rtol=2e-5, atol=0)
        for total in (np.mean, np.sum)
    )


def readable(batches, known):
    """Scores, labels and loss of the first batches, where the labels are known."""
    told = [(np.asarray(scores).astype(float), labels_of(images, known), loss)
            for images, scores, loss in batches[:4]]  # fmt: skip
    return [batch for batch in told if batch[1] is not None and np.isfinite(batch[0]).all()]


def labels_of(images, known):
    """The labels of a batch, None unless all its images are digits of the data set."""
    found = [known.get(key) for key in keys(np.asarray(images))]
    return None if None in found else np.array([label for _, label in found], dtype=int)


def _is(loss, told):
    """Whether a loss is what the loop computed, but for one positive factor."""
    right = np.array([loss(scores, labels) for scores, labels, _ in told])
    with np.errstate(divide="ignore", invalid="ignore"):  # a loss may be exactly zero
        shares = np.array([given for _, _, given in told]) / right
    sizes = np.array([len(labels) for _, labels, _ in told])
    return any(
        np.isfinite(s).all() and s[0] > 0 and np.allclose(s, s[0], rtol=1e-3)
        for s in (shares, shares / sizes)
    )


def _shares(scores):
    return softmax(scores, axis=1)


def cross_entropy(scores, labels):
    """The mean over a batch."""
    return -float(log_softmax(scores, axis=1)[np.arange(len(labels)), labels].mean())


def _squares(scores, labels):
    return float(((scores - np.eye(10)[labels]) ** 2).mean())


def _binary(scores, labels):
    """The mean binary cross entropy of the scores' sigmoids and the labels' codes."""
    return float((np.logaddexp(0, scores) - np.eye(10)[labels] * scores).mean())


def _margins(scores, labels):
    """Torch's multi-class hinge loss, which leaves out the label's own class."""
    right = scores[np.arange(len(labels)), labels][:, None]
    return float((np.maximum(0, 1 - right + scores).sum(axis=1) - 1).mean())


WRONG_LOSSES = {
    "taken of softmax(scores), which cross entropy applies by itself":
        lambda scores, labels: cross_entropy(_shares(scores), labels),
    "the negative cross entropy":
        lambda scores, labels: -cross_entropy(scores, labels),
    "NLLLoss of the scores, which expects log_softmax(scores)":
        lambda scores, labels: -float(scores[np.arange(len(labels)), labels].mean()),
    "the negative probability of the label, without a logarithm":
        lambda scores, labels: -float(_shares(scores)[np.arange(len(labels)), labels].mean()),
    "the squared error of the scores": _squares,
    "the squared error of softmax(scores)":
        lambda scores, labels: _squares(_shares(scores), labels),
    "the binary cross entropy of ten sigmoids": _binary,
    "a hinge loss of the scores": _margins,
}  # fmt: skip


@pytest.mark.part("3d")
def test_steps_change_the_parameters(student, submission):
    """Each step changes the parameters of the network, along the gradients of its batch."""
    failure = wrong_steps(trained(student, submission))
    if failure is not None:
        raise failure


def wrong_steps(seen):
    """What is wrong with the optimizer's steps, None if nothing is."""
    steps, moved = seen["steps"], any(seen["moved"])
    if not steps and not moved:
        text = "the optimizer took no step, but should take one after each backward pass"
        return CheckFailed(Stage.PRESENT, text, hint="Gradients alone change nothing.")
    if not seen["parameters"] and not moved:
        text = "the backward pass gave no parameter of the network a gradient"
        return CheckFailed(Stage.VALUES, text, hint="Is the loss computed from the scores "
                           "themselves, without detach(), item() or a copy?")  # fmt: skip
    if steps and seen["foreign"] == steps and not moved:
        text = "the optimizer holds no parameter of the network that the loop calls"
        return CheckFailed(Stage.VALUES, text, hint="Which parameters() was it given?")
    if steps and seen["empty"] > steps / 2:
        text = f"{seen['empty']} of {steps} steps found no gradients to use"
        return CheckFailed(Stage.VALUES, text, hint="Between backward() and step() the "
                           "gradients must stay.")  # fmt: skip
    if not moved:
        rate = max(seen["rates"], default=None)
        text = f"the steps changed no parameter of the network; the learning rate is {rate}"
        return CheckFailed(Stage.VALUES, text, hint="How long is a step with this rate, and what "
                           "does the optimizer do with it?")  # fmt: skip
    if seen["repeated"] > max(2, len(seen["losses"]) / 2):
        text = (f"the optimizer took {steps} steps with the gradients of {len(seen['losses'])} "
                "backward passes, but should take one with each")  # fmt: skip
        return CheckFailed(Stage.VALUES, text, hint="How often does step() stand in the loop?")
    # Before a pass no gradients were there, and nothing has changed since the pass before it.
    passes = list(zip(seen["dirty"][1:], seen["moved"][1:], strict=False))
    unused = sum(not dirty and not moved for dirty, moved in passes)
    if unused > len(passes) / 2 and steps < len(passes) / 2:
        text = (f"the gradients of {unused} of {len(passes)} batches were cleared before a step "
                "used them")  # fmt: skip
        return CheckFailed(Stage.VALUES, text, hint="Where does step() stand: in which loop?")
    if seen["still"]:
        text = f"the steps never changed {', '.join(seen['still'])}, though gradients reached it"
        return CheckFailed(Stage.VALUES, text, hint="Which parameters() was the optimizer given?")
    return None


@pytest.mark.part("3d")
def test_gradients_are_cleared(student, submission):
    """Gradients that a step has used are cleared before the next backward pass."""
    failure = uncleared(trained(student, submission))
    if failure is not None:
        raise failure


def uncleared(seen):
    """The failure where gradients are left over after steps, None where they are not.

    Gradients that add up over several passes before one step are no mistake.
    """
    after_steps = [d for d, moved in zip(seen["dirty"], seen["moved"], strict=False) if moved]
    left = sum(after_steps)
    if left < 2:
        return None
    which = "each step" if left == len(after_steps) else f"{left} of {len(after_steps)} steps"
    text = f"after {which} the old gradients were still there at the next backward pass"
    return CheckFailed(Stage.VALUES, text)


@pytest.mark.part("3d")
def test_loss_falls(student, submission, reference):
    """The loss falls on the images that the first steps train on."""
    seen = trained(student, submission)
    failure = no_progress(seen, all_images(reference)) or printed_wrong(seen)
    if failure is not None:
        raise failure


# A number with decimals right behind the word: one without may count epochs.
PRINTED = re.compile(r"loss\s*[:=]?\s*(\d+\.\d+(?:e[-+]?\d+)?)", re.IGNORECASE)

# What a total may be called by one who means it.
TOTAL = re.compile(r"cumul|accum|total|running|\bsum", re.IGNORECASE)


def printed_wrong(seen):
    """The failure where what is printed as the loss cannot be that of a network that learns."""
    told = PRINTED.findall(seen["printed"])
    values = list(map(float, told))
    if len(values) < FEWEST_PRINTED or values[-1] <= TRAINED_BEFORE * GUESSING:
        return None
    # A total that each epoch begins anew falls where the second begins.
    epochs = len(seen["passes"]) - 1  # the last one may have been ended by the watch
    if epochs > 1 and values[-1] > 2 * values[0] and all(map(operator.le, values, values[1:])):
        went = f"from {values[0]:g} to {values[-1]:g}"
        text = f"the number printed as the loss only grows, {went}, though the network learns"
        if TOTAL.search(seen["printed"]):
            return NeedsReview(f"As it seems, {text}: a person looks at what it says.")
        return CheckFailed(Stage.VALUES, text, hint="Is it a total that is never set back to 0?")
    # Of fewer digits three in a row may be the same at the start.
    if len(set(told)) == 1 and re.search(r"\.\d{3}", told[0]):
        text = f"the number printed as the loss is {told[0]} each time, though the network learns"
        return CheckFailed(Stage.VALUES, text, hint="Which loss is it: that of this step?")
    return None


def no_progress(seen, known):
    """The failure where the first steps lead nowhere, None where they lead to the labels."""
    losses, count = np.asarray(seen["losses"], dtype=float), len(seen["losses"])
    rate = f" (learning rate {max(seen['rates']):g})" if seen["rates"] else ""
    rate += "; the optimizer maximizes" if seen["maximize"] else ""
    if not np.isfinite(losses).all():
        text = f"the loss is not finite after {int(np.isfinite(losses).argmin())} steps{rate}"
        return CheckFailed(Stage.VALUES, text, hint="Try a smaller learning rate.")
    told = progress(seen, known)
    if told is None:
        # Images that are none of the digits: changed at random, say. The loop's own loss tells.
        first, last = losses[:3].mean(), losses[-5:].mean()
        if last < 0.9 * first:
            return None
        told = (first, last)
    before, after = told
    if before < TRAINED_BEFORE * GUESSING and after < before:
        return None
    if after < FALLEN * min(before, GUESSING):
        return None
    went = f"{'rose' if after > 1.5 * before else 'went'} from {before:.2f} to {after:.2f}"
    text = f"the loss {went} in {count} steps{rate}"
    if other_labels(seen["batches"], known):
        text = ("the loop's loss is not that of the labels of its images: "
                f"the loss with these {went} in {count} steps")  # fmt: skip
    return CheckFailed(Stage.VALUES, text, hint="It should fall below 2.30, the loss of guessing: "
                       "check the labels, the learning rate and the sign of the step.")  # fmt: skip


def progress(seen, known):
    """Cross entropy before and after the steps, of images that they trained on, with their labels.

    None where the images are none of the digits, or there is nothing to tell it from.
    """
    if seen["before"] is None:
        return None
    images = np.concatenate([np.asarray(batch[0]) for batch in seen["batches"]])
    labels = labels_of(images, known)
    if labels is None:
        return None
    return tuple(cross_entropy(np.asarray(seen[when]).astype(float), labels)
                 for when in ("before", "after"))  # fmt: skip
