"""Problem 4's Dataset, transform and predicted classes, on images and small models made here."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

from reference.hw5.p4_images import (
    CHANNEL_MEAN,
    CHANNEL_STD,
    data_transform,
    image_count,
    image_item,
    likeliest,
    myDataset,
    predict,
)


def _model(classes: int = 7) -> nn.Module:
    """Dropout and batch statistics: whoever forgets the inference mode is seen."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(12), nn.Dropout(0.9), nn.Linear(12, classes))


def _loader(images: int, batch_size: int = 4) -> DataLoader:
    data = torch.rand(images, 3, 2, 2, generator=torch.Generator().manual_seed(1))
    return DataLoader(myDataset(list(data)), batch_size=batch_size)


def test_dataset_has_the_images_in_order() -> None:
    images = [torch.full((3, 2, 2), float(i)) for i in range(5)]
    plain, doubled = myDataset(images), myDataset(images, lambda image: 2 * image)
    assert len(plain) == plain.length == len(doubled) == 5
    assert plain[3] is images[3] and plain[-1] is images[4]
    assert torch.equal(doubled[3], images[3] * 2)
    assert plain.data_transform is None and plain.img_list is images


def test_transform_normalises_the_channels() -> None:
    """An image of the final size is not resampled, so that its pixels can be computed here."""
    pixels = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    expected = (pixels / 255 - np.array(CHANNEL_MEAN)) / np.array(CHANNEL_STD)
    tensor = data_transform()(Image.fromarray(pixels))
    assert tensor.dtype == torch.float32 and tensor.shape == (3, 224, 224)
    np.testing.assert_allclose(tensor, expected.transpose(2, 0, 1), rtol=0, atol=1e-6)


def test_transform_resizes_without_keeping_the_ratio() -> None:
    tensor = data_transform()(Image.new("RGB", (40, 90), (255, 0, 51)))
    expected = (np.array([1, 0, 0.2]) - CHANNEL_MEAN) / CHANNEL_STD
    assert tensor.shape == (3, 224, 224)
    np.testing.assert_allclose(tensor.flatten(1).amax(1), expected, atol=1e-6)
    np.testing.assert_allclose(tensor.flatten(1).amin(1), expected, atol=1e-6)


@pytest.mark.parametrize(("images", "batch_size"), [(1, 4), (9, 4), (8, 8)])
def test_classes_are_the_most_probable(images: int, batch_size: int) -> None:
    model, loader = _model().eval(), _loader(images, batch_size)
    with torch.no_grad():
        probabilities = torch.cat([torch.softmax(model(batch), 1) for batch in loader])
    actual = predict(model, loader)
    assert isinstance(actual, np.ndarray) and actual.dtype == np.int64
    assert np.array_equal(actual, np.argmax(probabilities.numpy(), axis=1))


def test_training_mode_does_not_matter_and_is_left() -> None:
    model, loader = _model(), _loader(9)
    model[1].eval()  # a frozen layer in a model that trains
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    trained = predict(model, loader)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert np.array_equal(trained, predict(model.eval(), loader))


def test_modes_survive_a_model_that_fails() -> None:
    model = _model()
    with pytest.raises(RuntimeError, match="12"):
        predict(model, [torch.zeros(2, 5)])
    assert all(module.training for module in model.modules())


def test_gradients_are_neither_used_nor_switched_off() -> None:
    seen = []
    model = _model()
    model.register_forward_hook(lambda module, inputs, output: seen.append(output.requires_grad))
    predict(model, _loader(5))
    assert seen == [False, False]
    assert torch.is_grad_enabled()
    assert all(parameter.grad is None for parameter in model.parameters())


def test_no_images_give_no_classes() -> None:
    actual = predict(_model(), _loader(0))
    assert actual.dtype == np.int64 and actual.shape == (0,)


def test_model_without_parameters_is_served() -> None:
    assert np.array_equal(predict(nn.Flatten(), [torch.eye(12).reshape(12, 3, 2, 2)]), range(12))


def test_items_and_classes_without_a_model() -> None:
    colours = np.arange(6.0).reshape(2, 3)
    assert image_count(list(colours)) == 2
    assert np.array_equal(image_item(colours, 1)[:, 1, 0], [3, 4, 5])
    assert list(likeliest(np.array([[1.0, 3, 2], [5, 0, 1]]), 1)) == [1, 0]
