"""Changes of values compared with scipy, Pillow and values that are worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance
from scipy import ndimage, stats

from convstudy.engine.augmentation import transforms
from convstudy.engine.augmentation.draws import Draws
from convstudy.engine.augmentation.transform import ValueTransform
from convstudy.engine.randomness import torch_generator
from convstudy.studyfile.augment import augmentation_of


def _pixels(n: int, *shape: int) -> torch.Tensor:
    return torch.randint(0, 256, (n, *shape), generator=torch.Generator().manual_seed(7)) / 255.0


def _changed(text: str, images: torch.Tensor, seed: int = 0) -> torch.Tensor:
    (setting,) = augmentation_of(text).settings
    transform = transforms()[setting.key]
    assert isinstance(transform, ValueTransform)
    return transform.change(
        images, setting, Draws(len(images), images.device, torch_generator(seed, "noise"))
    )


@pytest.mark.parametrize(
    ("text", "axes"), [("horizontal", [(3,)]), ("vertical", [(2,)]), ("both", [(3,), (2,), (2, 3)])]
)
def test_flip_mirrors_half_of_the_images(text: str, axes: list[tuple[int, ...]]) -> None:
    images = _pixels(800, 2, 3, 4)
    changed = _changed(f"flip={text}", images)
    kinds = [images, *(images.flip(each) for each in axes)]
    counts = [sum(torch.equal(a, b) for a, b in zip(changed, kind, strict=True)) for kind in kinds]
    assert sum(counts) == 800
    assert all(stats.binomtest(count, 800, 1 / len(kinds)).pvalue > 1e-4 for count in counts)


@pytest.mark.parametrize(
    "text",
    [
        "blur=1..2",
        "brightness=0.4..0.6",
        "contrast=0.4..0.6",
        "saturation=0..0.3",
        "noise=0.1..0.2",
        "cutout=0.5",
    ],
)
def test_change_with_a_probability_changes_that_proportion_of_the_images(text: str) -> None:
    images = _pixels(2000, 3, 4, 4) * 0.9 + 0.05
    same = (_changed(f"{text}@0.25", images) == images).flatten(1).all(dim=1)
    assert 0.72 < float(same.float().mean()) < 0.78


def test_flip_with_probability_one_mirrors_every_image() -> None:
    images = _pixels(9, 1, 5, 6)
    assert torch.equal(_changed("flip=horizontal@1", images), images.flip(3))


@pytest.mark.parametrize("deviation", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("shape", [(1, 12, 9), (3, 5, 8), (1, 1, 1)])
def test_blur_equals_scipy(deviation: float, shape: tuple[int, int, int]) -> None:
    images = _pixels(2, *shape)
    changed = _changed(f"blur={deviation}..{deviation}", images)
    radius = int(np.ceil(3 * deviation))
    expected = ndimage.gaussian_filter(
        images.double().numpy(), (0, 0, deviation, deviation), mode="nearest", radius=(0, 0, radius, radius)
    )
    assert np.allclose(changed.numpy(), expected, atol=1e-6)


def _enhanced(image: torch.Tensor, enhancer: str, factor: float) -> np.ndarray:
    """Return an image ``(c, h, w)`` changed by Pillow."""
    values = (image.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    picture = Image.fromarray(values[:, :, 0] if values.shape[2] == 1 else values)
    result = np.asarray(getattr(ImageEnhance, enhancer)(picture).enhance(factor))
    return result.reshape(values.shape).transpose(2, 0, 1) / 255.0


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.7])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("key", "enhancer"), [("brightness", "Brightness"), ("contrast", "Contrast"), ("saturation", "Color")]
)
def test_colour_change_equals_pillow(key: str, enhancer: str, channels: int, factor: float) -> None:
    images = _pixels(2, channels, 6, 7)
    changed = _changed(f"{key}={factor}..{factor}", images) if factor != 1 else images
    for image, result in zip(images, changed, strict=True):
        # Pillow rounds grey values and results to whole levels.
        assert np.allclose(result.numpy(), _enhanced(image, enhancer, factor), atol=2.1 / 255)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_saturation_changes_only_images_of_three_channels(channels: int) -> None:
    images = _pixels(3, channels, 4, 4)
    assert torch.equal(_changed("saturation=0.9", images), images)


def test_noise_is_normal_with_the_deviation_of_its_image() -> None:
    images = torch.full((2, 1, 100, 100), 0.5)
    changed = (_changed("noise=0.05..0.05", images) - 0.5).flatten()
    assert stats.kstest(changed.numpy(), stats.norm(scale=0.05).cdf).pvalue > 1e-3
    deviations = (_changed("noise=0.1", torch.full((400, 1, 20, 20), 0.5)) - 0.5).std(dim=(1, 2, 3))
    assert 0 <= float(deviations.min()) < 0.005 and 0.095 < float(deviations.max()) < 0.12
    assert stats.kstest(deviations.numpy(), stats.uniform(scale=0.1).cdf).pvalue > 1e-3


@pytest.mark.parametrize(("strength", "side"), [(0.5, 3), (0.3, 2), (1.0, 6), (0.01, 0)])
def test_cutout_has_a_square_of_zeros_at_every_place(strength: float, side: int) -> None:
    """A fraction of the shorter side, which is 6; the border crops squares whose center is near it."""
    images = _pixels(600, 2, 6, 9) * 0.5 + 0.4
    changed = _changed(f"cutout={strength}", images)
    places = set()
    for image, result in zip(images, changed, strict=True):
        hole = (result == 0).all(dim=0)
        rows, columns = hole.any(dim=1).nonzero().flatten(), hole.any(dim=0).nonzero().flatten()
        assert len(rows) <= side and len(columns) <= side
        expected = image.clone()
        expected[:, hole.any(dim=1)[:, None] & hole.any(dim=0)] = 0
        assert torch.equal(result, expected)
        places.add((tuple(rows.tolist()), tuple(columns.tolist())))

    def spans(length: int) -> set[tuple[int, ...]]:
        starts = [center - side // 2 for center in range(length)]
        return {tuple(range(max(start, 0), min(start + side, length))) for start in starts}

    assert places == {(rows, columns) for rows in spans(6) for columns in spans(9)}
