"""Images, and a transform that tells them apart."""

import numpy as np
import torch
from PIL import Image


def images(pixels):
    return [Image.fromarray(np.asarray(p)) for p in pixels]


def solid(colours):
    return [torch.from_numpy(c).reshape(3, 1, 1).expand(3, 224, 224).clone() for c in colours]


def transform(image):
    small = np.asarray(image.convert("RGB"), dtype=np.float32).mean(axis=(0, 1))
    return torch.from_numpy(small).reshape(3, 1, 1).expand(3, 224, 224).clone()


def corner(tensor):
    """Shape and some entries; of what is no tensor the name of its class."""
    if not torch.is_tensor(tensor):
        return type(tensor).__name__, None
    return tuple(tensor.shape), tensor[:, ::100, ::100].contiguous()


def count(listed):
    """How many images a list holds; 0 where it is no list."""
    return sum(isinstance(one, Image.Image) for one in listed) if type(listed) is list else 0
