"""Mixup and cutmix: the distribution of their proportions, their images, and the labels that belong to them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from convstudy.engine.augmentation import augmented
from convstudy.engine.augmentation.draws import Draws
from convstudy.engine.batches import network_input
from convstudy.engine.loss import MixedLabels
from convstudy.engine.randomness import torch_generator
from convstudy.studyfile import Recipe

CPU = torch.device("cpu")


@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.5, 1.0, 4.0])
def test_symmetric_beta_has_the_distribution_of_scipy(alpha: float) -> None:
    drawn = Draws(20_000, CPU, torch_generator(3, "noise")).symmetric_beta(alpha).double().numpy()
    assert drawn.min() >= 0 and drawn.max() <= 1
    # At small alpha, float32 rounds many values to 0 or 1, so the distributions are compared away from the ends.
    points = np.linspace(0.001, 0.999, 200)
    share = np.searchsorted(np.sort(drawn), points, side="right") / len(drawn)
    assert abs(share - stats.beta(alpha, alpha).cdf(points)).max() < 1.63 / np.sqrt(len(drawn))  # 1 % level


def _mixed(text: str, pixels: torch.Tensor, seed: int = 0) -> tuple[torch.Tensor, MixedLabels]:
    images, mixed = augmented(pixels, Recipe(augment=text), torch_generator(seed, "noise"))
    assert mixed is not None
    return images, mixed


def _pixels(n: int) -> torch.Tensor:
    return torch.randint(0, 256, (n, 6, 7, 3), dtype=torch.uint8)


def test_partner_is_the_image_before() -> None:
    _, mixed = _mixed("mixup=1", _pixels(4))
    assert mixed.partner.tolist() == [3, 0, 1, 2]


def test_mixup_blends_images_in_the_proportion_of_their_labels() -> None:
    pixels = _pixels(30)
    images, mixed = _mixed("mixup=1", pixels)
    own, share = network_input(pixels), mixed.proportion[:, None, None, None]
    assert torch.allclose(images, share * own + (1 - share) * own[mixed.partner], atol=1e-6)
    assert len(set(mixed.proportion.tolist())) == 30


def test_cutmix_pastes_a_rectangle_and_its_area_is_the_proportion() -> None:
    pixels = _pixels(200)
    pixels[..., 0] = torch.arange(200, dtype=torch.uint8)[:, None, None]  # tells from which image a pixel is
    images, mixed = _mixed("cutmix=1", pixels)
    own = network_input(pixels)
    for row, partner in enumerate(mixed.partner.tolist()):
        pasted = images[row, 0] != own[row, 0]
        assert torch.equal(images[row], torch.where(pasted, own[partner], own[row]))
        assert torch.equal(pasted, pasted.any(dim=1)[:, None] & pasted.any(dim=0))  # a rectangle
        assert float(mixed.proportion[row]) == pytest.approx(1 - float(pasted.float().mean()), abs=1e-6)
    assert float((mixed.proportion < 1).float().mean()) > 0.2


def test_rectangle_of_cutmix_has_half_of_the_area_at_large_alpha() -> None:
    """With alpha = 100, λ is close to 0.5, so that both sides are about 0.71 of those of the image."""
    pixels = torch.zeros(300, 20, 30, 1, dtype=torch.uint8)
    pixels[::2] = 255
    images, _ = _mixed("cutmix=100", pixels)
    pasted = images[:, 0] != network_input(pixels)[:, 0]
    assert 14 <= int(pasted.any(dim=2).sum(dim=1).max()) <= 16
    assert 21 <= int(pasted.any(dim=1).sum(dim=1).max()) <= 23


def test_each_image_takes_one_of_two_mixtures() -> None:
    pixels = _pixels(600)
    images, mixed = _mixed("mixup=1 cutmix=1", pixels)
    own = network_input(pixels)
    from_one = ((images == own) | (images == own[mixed.partner])).flatten(1).all(dim=1)
    assert stats.binomtest(int(from_one.sum()), 600, 0.5).pvalue > 1e-4


@pytest.mark.parametrize("text", ["mixup=1@0.25", "cutmix=1@0.25"])
def test_mixture_with_a_probability_leaves_the_other_images(text: str) -> None:
    pixels = _pixels(800)
    images, mixed = _mixed(text, pixels)
    kept = mixed.proportion > 1 - 1e-6
    assert torch.equal(images[kept], network_input(pixels)[kept])
    # cutmix also keeps an image if the rectangle has no pixel.
    assert 0.70 < float(kept.float().mean()) < (0.80 if text.startswith("mixup") else 0.90)


def test_batch_of_one_is_mixed_with_itself() -> None:
    pixels = _pixels(1)
    images, mixed = _mixed("mixup=1", pixels)
    assert torch.allclose(images, network_input(pixels), atol=1e-6)
    assert mixed.partner.tolist() == [0]
