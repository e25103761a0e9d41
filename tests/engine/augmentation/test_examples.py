"""Examples of augmented images are those that a step gets, as uint8."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convstudy.engine.augmentation import augmented
from convstudy.engine.augmentation.examples import augmented_examples, reduced
from convstudy.engine.randomness import torch_generator
from convstudy.studyfile import Recipe


def _images(n: int, channels: int) -> np.ndarray:
    return np.random.RandomState(0).randint(0, 256, (n, 9, 7, channels)).astype(np.uint8)


@pytest.mark.parametrize("text", ["none", "affine", "strong", "trivial-augment", "cutmix=1"])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_examples_are_the_augmented_images_of_batches(text: str, channels: int) -> None:
    images, recipe = _images(4, channels), Recipe(augment=text)
    examples = augmented_examples(images, recipe, 3, 5)
    assert (examples.shape, examples.dtype) == ((4, 5, 9, 7, channels), np.uint8)
    assert np.array_equal(augmented_examples(images, recipe, 3, 5), examples)
    batch, _ = augmented(torch.from_numpy(images), recipe, torch_generator(3, "examples"))
    assert np.array_equal(examples[:, 0], (batch * 255).round().permute(0, 2, 3, 1).numpy())
    if text == "none":
        assert np.array_equal(examples, np.repeat(images[:, None], 5, axis=1))
    else:
        assert not np.array_equal(augmented_examples(images, recipe, 4, 5), examples)
        assert not np.array_equal(examples[:, 0], examples[:, 1])


def test_examples_of_no_images_are_empty() -> None:
    assert augmented_examples(_images(0, 1), Recipe(), 0, 5).shape == (0, 5, 9, 7, 1)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((2, 96, 50, 1), (2, 96, 50, 1)),
        ((2, 97, 50, 3), (2, 48, 25, 3)),
        ((2, 3, 300, 400, 3), (2, 3, 60, 80, 3)),
        ((1, 1000, 3, 1), (1, 90, 1, 1)),
    ],
)
def test_large_images_are_reduced_to_means_of_squares(
    shape: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    images = np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)
    small = reduced(images)
    assert (small.shape, small.dtype) == (expected, np.uint8)
    factor = max(1, -(-max(shape[-3:-1]) // 96))
    square = images[..., :factor, :factor, :].astype(float).mean(axis=(-3, -2))
    assert abs(small[..., 0, 0, :] - square).max() <= 0.5
