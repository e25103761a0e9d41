"""Augmented images for a person to look at, in a report or with ``convstudy data show --augment``."""

from __future__ import annotations

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
    versions = [augmented(pixels, recipe, generator)[0] for _ in range(n)]
    values = torch.stack(versions, dim=1).permute(0, 1, 3, 4, 2).mul(255.0).round_()
    result: npt.NDArray[np.uint8] = values.to(torch.uint8).contiguous().numpy()
    return result


def write_examples(path: Path, images: Images, recipe: Recipe, seed: int, n: int) -> None:
    """Write labels, pixels and :func:`augmented_examples` of images as ``labels``, ``originals`` and ``augmented``.

    Raises:
        StoreError: if the file cannot be written.
    """
    examples = {
        "labels": images.labels,
        "originals": images.pixels,
        "augmented": augmented_examples(images.pixels, recipe, seed, n),
    }
    tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in examples.items()}
    write_tensors(path, tensors, {"augment": recipe.augmentation.text})
