"""What a value certainly does not go into, and where that is not certain."""

from __future__ import annotations

import pytest

from grader.checks.flows import called_from_outside, calls, is_unused, last_call, last_texts

OWN = """\
vgg16 = models.vgg16(pretrained=True)
try:
    predictions = predict(vgg16, loader)
    labels = [names[p] for p in predictions]
    show(images, labels)
except NotImplementedError as missing:
    print(missing)
"""
OF_ANOTHER = OWN.replace("predict(vgg16", "predict(alexnet")
STALE = OWN.replace("for p in predictions", "for p in predictions_alexnet")


@pytest.mark.parametrize("cell", [OF_ANOTHER, STALE, OF_ANOTHER + "vgg16.eval()\n"])
def test_a_value_that_nothing_takes_up_is_unused(cell: str) -> None:
    assert is_unused([cell], "vgg16", passing=("predict",))


@pytest.mark.parametrize(
    "more",
    [
        "show(images, [names[p] for p in predict(vgg16, loader)])",
        "out = []\nfor p in predict(vgg16, loader):\n    out.append(names[p])\nshow(images, out)",
        "both = {}\nboth['vgg'] = predict(vgg16, loader)\nshow(images, both['vgg'])",
        "show_all(vgg16)",
        "print(vgg16)",
        "predict(vgg16, loader)",
        "for net in (alexnet, vgg16):\n    show(images, predict(net, loader))",
        "def f():\n    return 1",
        "(lambda: 1)()",
        "exec('show(images, predict(vgg16))')",
        "show(*everything)",
        "x = (",
    ],
)
def test_what_may_be_a_use_counts_as_one(more: str) -> None:
    assert not is_unused([OF_ANOTHER, more], "vgg16", passing=("predict",))


def test_calls_are_found_by_name_and_number_of_arguments() -> None:
    assert calls([OWN], "show", arguments=2)
    assert not calls([OWN], "show", arguments=3)
    assert not calls(["show(images)"], "show", arguments=2)
    assert calls(["plots.show(images, label_list=labels)"], "show", arguments=2)
    assert not calls(["x = ("], "show", arguments=0)


@pytest.mark.parametrize(
    ("code", "called"),
    [
        (OWN, "vgg16"),
        ("vgg16 = resnet50()", "resnet50"),
        ("vgg16 = make()\nvgg16 = models.vgg16()", "vgg16"),
        ("vgg16 = models.vgg16()\nvgg16 = net", None),
        ("with torch.device('meta'):\n    vgg16 = models.vgg16()", "vgg16"),
        ("vgg16, other = make()", None),
        ("if ready:\n    vgg16 = make()", None),
        ("other = make()", None),
        ("vgg16 = (", None),
    ],
)
def test_the_call_that_a_name_is_bound_to_last(code: str, called: str | None) -> None:
    assert last_call([code], "vgg16") == called


def test_what_a_function_calls_from_outside() -> None:
    code = "def predict(model, xs):\n    net = model\n    return [alexnet(net(x)) for x in xs]\n"
    assert called_from_outside([code], "predict") == {"alexnet"}
    assert called_from_outside([code], "other") == frozenset()
    code = "def predict(alexnet): return alexnet(1)"
    assert called_from_outside([code], "predict") == frozenset()


def test_texts_of_the_call_that_made_a_value_are_found() -> None:
    code = "net = load('a', name='b', eager=True)\nnet = get(kind, 'vgg11', weights='DEFAULT')"
    assert last_texts([code], "net") == ("vgg11", "DEFAULT")
    assert last_texts([code + "\nnet = other"], "net") == ()
