"""TrivialAugment: its changes compared with Pillow, and the distribution of its draws."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from convstudy.engine.augmentation import augmented, trivial
from convstudy.engine.augmentation.rows import changed_everywhere
from convstudy.engine.augmentation.trivial import CHANGES, RANGES, SIGNED
from convstudy.engine.randomness import torch_generator
from convstudy.studyfile import Recipe


def _pixels(n: int, height: int, width: int, channels: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    values = torch.randint(0, 256, (n, height, width, channels), generator=generator)
    # Fewer dark pixels than bright ones, so that equalising has an effect.
    return (values.double() / 255).pow(0.5).mul(200).add(30).to(torch.uint8)


def _by_pillow(pixels: torch.Tensor, change: Callable[[Image.Image], Image.Image]) -> np.ndarray:
    values = pixels.numpy()
    pictures = [Image.fromarray(each[:, :, 0] if each.shape[2] == 1 else each) for each in values]
    return np.stack([np.asarray(change(each)).reshape(values.shape[1:]) for each in pictures]).astype(float)


def _ours(pixels: torch.Tensor, name: str, strength: float, ranges: str = "wide") -> np.ndarray:
    images, change = pixels.permute(0, 3, 1, 2).float() / 255, CHANGES[name]
    assert change is not None
    result = change(images, torch.full((len(images),), strength), RANGES[ranges])
    return result.permute(0, 2, 3, 1).numpy() * 255.0


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("name", "strength", "expected", "levels"),
    [
        ("posterize", 0.0, lambda picture: ImageOps.posterize(picture, 8), 0.01),
        ("posterize", 0.5, lambda picture: ImageOps.posterize(picture, 5), 0.01),
        ("posterize", 1.0, lambda picture: ImageOps.posterize(picture, 2), 0.01),
        ("solarize", 0.0, lambda picture: ImageOps.solarize(picture, 256), 0.01),
        ("solarize", 0.5, lambda picture: ImageOps.solarize(picture, 128), 0.01),
        ("solarize", 1.0, lambda picture: ImageOps.solarize(picture, 0), 0.01),
        ("equalize", 0.3, ImageOps.equalize, 0.01),
        # Pillow cuts values off to whole levels.
        ("autocontrast", 0.3, ImageOps.autocontrast, 1.01),
        ("brightness", -0.5, lambda picture: ImageEnhance.Brightness(picture).enhance(1 - 0.495), 1.01),
        ("contrast", 0.5, lambda picture: ImageEnhance.Contrast(picture).enhance(1 + 0.495), 2.01),
        ("sharpness", 1.0, lambda picture: ImageEnhance.Sharpness(picture).enhance(1.99), 2.01),
        ("sharpness", -1.0, lambda picture: ImageEnhance.Sharpness(picture).enhance(0.01), 2.01),
    ],
)
def test_change_equals_pillow(
    name: str, strength: float, expected: Callable[[Image.Image], Image.Image], levels: float, channels: int
) -> None:
    pixels = _pixels(3, 40, 31, channels)
    assert abs(_ours(pixels, name, strength) - _by_pillow(pixels, expected)).max() <= levels


def test_color_equals_pillow() -> None:
    pixels = _pixels(3, 9, 8, 3)
    expected = _by_pillow(pixels, lambda picture: ImageEnhance.Color(picture).enhance(1.99))
    assert abs(_ours(pixels, "color", 1.0) - expected).max() <= 2.01


@pytest.mark.parametrize("name", ["equalize", "autocontrast"])
@pytest.mark.parametrize("side", [1, 8, 20])
def test_constant_image_stays_as_it_is(name: str, side: int) -> None:
    pixels = torch.full((2, side, side, 3), 77, dtype=torch.uint8)
    assert np.allclose(_ours(pixels, name, 1.0), 77)


@pytest.mark.parametrize(
    ("name", "ranges", "expected"),
    [
        ("translate-x", "wide", lambda images: torch.zeros_like(images)),
        ("translate-y", "wide", lambda images: torch.zeros_like(images)),
        ("translate-x", "narrow", lambda images: torch.nn.functional.pad(images, (10, -10))),
        ("translate-y", "narrow", lambda images: torch.nn.functional.pad(images, (0, 0, 10, -10))),
    ],
)
def test_greatest_translation_is_that_of_the_paper_for_32_pixels(
    name: str, ranges: str, expected: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    pixels = _pixels(2, 32, 32, 1)
    values = expected(pixels.permute(0, 3, 1, 2).float()).permute(0, 2, 3, 1).numpy()
    assert np.allclose(_ours(pixels, name, 1.0, ranges), values, atol=0.01)


def test_shear_moves_rows_and_columns_in_proportion_to_their_distance() -> None:
    pixels = torch.zeros(1, 21, 21, 1, dtype=torch.uint8)
    pixels[0, 15, 10] = 255  # five below the center
    assert np.argwhere(_ours(pixels, "shear-x", 2 / 3, "narrow")[0, :, :, 0] > 250).tolist() == [[15, 11]]
    pixels = torch.zeros(1, 21, 21, 1, dtype=torch.uint8)
    pixels[0, 10, 15] = 255
    assert np.argwhere(_ours(pixels, "shear-y", 2 / 3, "narrow")[0, :, :, 0] > 250).tolist() == [[11, 15]]


def test_rotation_by_90_degrees_is_counter_clockwise() -> None:
    pixels = _pixels(2, 9, 9, 1)
    expected = np.rot90(pixels.numpy(), 1, (1, 2))
    assert np.allclose(_ours(pixels, "rotate", 90 / 135), expected, atol=0.01)


def test_each_change_is_drawn_equally_often(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, list[float]] = {}

    def recording(name: str) -> trivial.Change:
        def change(images: torch.Tensor, strength: torch.Tensor, ranges: trivial.Ranges) -> torch.Tensor:
            seen[name] = strength.tolist()
            return images

        return change

    assert len(CHANGES) == 14
    monkeypatch.setattr(trivial, "CHANGES", {name: recording(name) for name in CHANGES})
    augmented(_pixels(7_000, 2, 2, 1), Recipe(augment="trivial-augment"), torch_generator(1, "noise"))
    assert all(400 < len(values) < 600 for values in seen.values())
    signed = [value for name in SIGNED for value in seen[name]]
    assert len({round(abs(value), 6) for value in signed}) == 31
    assert 0.45 < np.mean([value > 0 for value in signed if value]) < 0.55
    assert all(0 <= value <= 1 for name in set(CHANGES) - set(SIGNED) for value in seen[name])


@pytest.mark.parametrize("text", ["trivial-augment", "trivial-augment-wide"])
def test_fast_path_of_a_cpu_equals_reference_implementation(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels, recipe = _pixels(120, 11, 9, 3), Recipe(augment=text)
    fast, _ = augmented(pixels, recipe, torch_generator(2, "noise"))
    monkeypatch.setattr(trivial, "changed_where", changed_everywhere)
    reference, _ = augmented(pixels, recipe, torch_generator(2, "noise"))
    assert torch.equal(fast, reference)
