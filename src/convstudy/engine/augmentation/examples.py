"""Augmented images for a person to look at, in a report or with ``convstudy data show --augment``."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from convstudy.data import Images
from convstudy.engine.augmentation import augmented
from convstudy.engine.randomness import torch_generator
from convstudy.engine.weights import write_tensors
from convstudy.studyfile.recipe import Recipe


def augmented_examples(
    images: npt.NDArray[np.uint8], recipe: Recipe, seed: int, n: int
) -> npt.NDArray[np.uint8]:
    """Return ``n`` augmented versions of each image, as a network sees them before normalization.

    Args:
        images: uint8 ``(m, h, w, c)``. With mixup or cutmix, each is mixed with the one before it.
        recipe: its augmentation.
        seed: determines the result, with images and recipe.
        n: the number of versions.

    Returns:
        uint8 ``(m, n, h, w, c)``.
    """
    generator = torch_generator(seed, "examples")
    pixels = torch.from_numpy(np.ascontiguousarray(images))
    found = np.empty((len(images), n, *images.shape[1:]), np.uint8)
    for version in range(n):
        changed, _ = augmented(pixels, recipe, generator)
        found[:, version] = changed.permute(0, 2, 3, 1).mul(255.0).round_().to(torch.uint8).numpy()
    return found


MAX_SIDE = 96
"""Larger images are stored smaller, because a report contains all of them."""


def write_examples(path: Path, images: Images, recipe: Recipe, seed: int, n: int) -> None:
    """Write labels, pixels and :func:`augmented_examples` of images as ``labels``, ``originals`` and ``augmented``.

    Images with a side above :data:`MAX_SIDE` are reduced by a whole number, after augmentation.

    Raises:
        StoreError: if the file cannot be written.
    """
    examples = {
        "labels": images.labels,
        "originals": reduced(images.pixels),
        "augmented": reduced(augmented_examples(images.pixels, recipe, seed, n)),
    }
    tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in examples.items()}
    write_tensors(path, tensors, {"augment": recipe.augmentation.text})


def reduced(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return uint8 images ``(..., h, w, c)`` with no side above :data:`MAX_SIDE`: the means of squares of pixels."""
    *n, height, width, channels = images.shape
    factor = math.ceil(max(height, width) / MAX_SIDE)
    if factor == 1:
        return images
    rows, columns = max(1, height // factor), max(1, width // factor)
    # A side below the factor has one row of squares, which are cropped to it.
    tall, wide = min(factor, height), min(factor, width)
    cropped = images[..., : rows * tall, : columns * wide, :]
    means = cropped.reshape(*n, rows, tall, columns, wide, channels).mean(axis=(-4, -2))
    result: npt.NDArray[np.uint8] = np.rint(means).astype(np.uint8)
    return result
