"""Augmentations compared with reference implementations that go pixel by pixel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from convstudy.engine.augmentation import augmented, original
from convstudy.engine.augmentation.original import ORIGINALS, affine_transformed, cut_out, shifted
from convstudy.engine.batches import network_input
from convstudy.studyfile import Recipe

ANY = Recipe()


def _images(n: int, channels: int, height: int, width: int) -> torch.Tensor:
    images = torch.rand(n, channels, height, width, generator=torch.Generator().manual_seed(1)) + 0.1
    return images.contiguous(memory_format=torch.channels_last)


def _changed(name: str, images: torch.Tensor, seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    for change in ORIGINALS[name]:
        images = change(images, ANY)
    return images


@pytest.mark.parametrize("name", ORIGINALS)
@pytest.mark.parametrize("shape", [(1, 1, 28, 28), (5, 3, 9, 12), (4, 2, 1, 3)])
def test_augmentation_keeps_shape_dtype_and_strides(name: str, shape: tuple[int, int, int, int]) -> None:
    images = _images(*shape)
    before = images.clone()
    changed = _changed(name, images, 0)
    assert changed.shape == images.shape
    assert changed.dtype == torch.float32
    assert changed.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(images, before)  # the input is not modified


def test_none_augmentation_is_identity() -> None:
    images = _images(3, 1, 5, 5)
    assert torch.equal(_changed("none", images, 0), images)


@pytest.mark.parametrize("name", ORIGINALS)
def test_augmented_uint8_equals_augmented_float32(name: str) -> None:
    """Augmentations that only move or mask pixels work on uint8, with bit-identical results."""
    pixels = torch.randint(0, 256, (20, 9, 7, 2), dtype=torch.uint8)
    expected = _changed(name, network_input(pixels), 5)
    torch.manual_seed(5)
    inputs, _ = augmented(pixels, Recipe(augment=name))
    assert torch.equal(inputs, expected)
    assert inputs.dtype == torch.float32
    assert inputs.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", ["shift", "affine", "cutout", "shift+cutout", "affine+cutout"])
def test_augmentation_repeats_with_torch_seed(name: str) -> None:
    images = _images(30, 1, 12, 12)
    results = []
    for seed in (1, 1, 2):
        results.append(_changed(name, images, seed))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    if name.startswith("affine"):
        assert not any(torch.equal(a, b) for a, b in zip(results[0], images, strict=True))


def _reference_shift(image: torch.Tensor, down: int, right: int) -> torch.Tensor:
    """Return one image shifted, pixel by pixel."""
    before = image.numpy()
    result = np.zeros_like(before)
    _, height, width = before.shape
    for row in range(height):
        for column in range(width):
            if 0 <= row - down < height and 0 <= column - right < width:
                result[:, row, column] = before[:, row - down, column - right]
    return torch.from_numpy(result)


def test_shift_equals_reference_and_draws_every_offset() -> None:
    images = _images(150, 2, 6, 7)
    torch.manual_seed(3)
    changed = shifted(images, ANY)
    shifts = set()
    for image, result in zip(images, changed, strict=True):
        found = [
            (down, right)
            for down in range(-2, 3)
            for right in range(-2, 3)
            if torch.equal(_reference_shift(image, down, right), result)
        ]
        assert len(found) == 1
        shifts |= set(found)
    assert len(shifts) == 25


def _shifted_by_indices(images: torch.Tensor) -> torch.Tensor:
    """Return shifted images computed as in the first release, by indexing, from the same draws."""
    n, _, height, width = images.shape
    padded = torch.nn.functional.pad(images, (2, 2, 2, 2))
    offsets = torch.randint(0, 5, (2, n))
    rows = (offsets[0, :, None] + torch.arange(height))[:, :, None]
    columns = (offsets[1, :, None] + torch.arange(width))[:, None, :]
    moved = padded.permute(0, 2, 3, 1)[torch.arange(n)[:, None, None], rows, columns]
    return moved.permute(0, 3, 1, 2)


@pytest.mark.parametrize("shape", [(1, 1, 28, 28), (40, 3, 9, 12), (40, 1, 28, 28), (7, 2, 1, 3)])
def test_shift_equals_first_release(shape: tuple[int, int, int, int]) -> None:
    images = _images(*shape)
    torch.manual_seed(8)
    expected = _shifted_by_indices(images)
    torch.manual_seed(8)
    assert torch.equal(shifted(images, ANY), expected)


@pytest.mark.parametrize("size", [1, 4, 5, 30])
def test_cutout_squares_have_every_center_in_image(size: int) -> None:
    images = _images(400, 2, 6, 7)
    torch.manual_seed(3)
    changed = cut_out(images, Recipe(augment="cutout", cutout_size=size))
    squares: dict[tuple[tuple[int, ...], tuple[int, ...]], None] = {}
    for image, result in zip(images, changed, strict=True):
        hole = (result == 0).all(dim=0)
        rows = tuple(torch.nonzero(hole.any(dim=1)).flatten().tolist())
        columns = tuple(torch.nonzero(hole.any(dim=0)).flatten().tolist())
        squares[rows, columns] = None
        expected = image.clone()
        expected[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = 0
        assert torch.equal(result, expected)

    def spans(length: int) -> set[tuple[int, ...]]:
        starts = [middle - size // 2 for middle in range(length)]
        return {tuple(range(max(start, 0), min(start + size, length))) for start in starts}

    assert set(squares) == {(rows, columns) for rows in spans(6) for columns in spans(7)}


def _with_draws(monkeypatch: pytest.MonkeyPatch, draws: list[list[float]]) -> None:
    """Replace the four draws of each image (rotation, zoom, down, right) by these values in [-1, 1]."""
    uniform = (torch.tensor(draws).T.contiguous() + 1) / 2

    def rand(*shape: int, **_: Any) -> torch.Tensor:
        assert tuple(uniform.shape) == shape
        return uniform.clone()

    monkeypatch.setattr(original.torch, "rand", rand)


def test_affine_with_zero_draws_is_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    images = _images(2, 3, 9, 8)
    _with_draws(monkeypatch, [[0.0] * 4] * 2)
    assert torch.allclose(affine_transformed(images, ANY), images, atol=1e-5)


@pytest.mark.parametrize(("down", "right"), [(1.0, 0.0), (0.0, 1.0), (-0.5, 0.5), (1.0, -1.0)])
def test_affine_with_translation_only_is_shift(
    down: float, right: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The grid holds source positions, so an image moves in the opposite direction of its draw."""
    images = _images(1, 2, 10, 8)
    _with_draws(monkeypatch, [[0.0, 0.0, down, right]])
    expected = _reference_shift(images[0], round(-2 * down), round(-2 * right))
    assert torch.allclose(affine_transformed(images, ANY)[0], expected, atol=1e-5)


def _reference_affine(
    image: np.ndarray, rotation: float, zoom: float, down: float, right: float
) -> np.ndarray:
    """Return one square image ``(channels, side, side)`` rotated, zoomed and shifted, bilinear, pixel by pixel."""
    _, side, _ = image.shape
    angle, scale = math.radians(10) * rotation, 1 + 0.1 * zoom
    middle = (side - 1) / 2
    result = np.zeros_like(image)
    for row in range(side):
        for column in range(side):
            y, x = row - middle, column - middle
            from_x = scale * (math.cos(angle) * x - math.sin(angle) * y) + 2 * right + middle
            from_y = scale * (math.sin(angle) * x + math.cos(angle) * y) + 2 * down + middle
            top, left = math.floor(from_y), math.floor(from_x)
            for r, c in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
                if 0 <= r < side and 0 <= c < side:
                    weight = (1 - abs(from_y - r)) * (1 - abs(from_x - c))
                    result[:, row, column] += weight * image[:, r, c]
    return result


def test_affine_equals_reference_implementation(monkeypatch: pytest.MonkeyPatch) -> None:
    images = _images(12, 2, 11, 11)
    draws = np.random.RandomState(0).uniform(-1, 1, (12, 4)).tolist()
    _with_draws(monkeypatch, draws)
    changed = affine_transformed(images, ANY).numpy()
    for image, result, draw in zip(images.numpy(), changed, draws, strict=True):
        assert np.allclose(result, _reference_affine(image, *draw), atol=1e-4), draw
