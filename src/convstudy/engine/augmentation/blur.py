"""Blur images with a Gaussian whose standard deviation differs from image to image."""

from __future__ import annotations

import math

import torch
from torch.nn.functional import pad

from convstudy.engine.augmentation.draws import Draws
from convstudy.engine.augmentation.transform import ValueTransform
from convstudy.studyfile.augment import Setting

RADII = 3.0
"""The Gaussian is cut off at this many of the largest standard deviation."""
LEAST_DEVIATION = 1e-3
"""A smaller standard deviation would divide by zero; at this one all weight is at the center."""


def blurred(images: torch.Tensor, setting: Setting, draws: Draws) -> torch.Tensor:
    """Return blurred images; outside the image, the nearest pixel counts."""
    radius = max(1, math.ceil(RADII * setting.high))
    deviation = draws.strengths(setting).clamp(min=LEAST_DEVIATION)
    distance = torch.arange(radius + 1, device=images.device)
    weights = torch.exp(-0.5 * (distance / deviation[:, None]).square())
    weights = weights / (weights[:, :1] + 2.0 * weights[:, 1:].sum(dim=1, keepdim=True))
    images = _along(images, weights, 2, (0, 0, radius, radius))
    return _along(images, weights, 3, (radius, radius, 0, 0)).clamp_(0.0, 1.0)


def _along(
    images: torch.Tensor, weights: torch.Tensor, axis: int, padding: tuple[int, int, int, int]
) -> torch.Tensor:
    """Return the weighted sums along an axis. ``weights[:, k]`` is the weight of both pixels at distance k."""
    side, radius = images.shape[axis], weights.shape[1] - 1
    padded = pad(images, padding, mode="replicate")
    total = images * weights[:, 0, None, None, None]
    for distance in range(1, radius + 1):
        before, after = (padded.narrow(axis, start, side) for start in (radius - distance, radius + distance))
        total.addcmul_(before + after, weights[:, distance, None, None, None])
    return total


TRANSFORM = ValueTransform("blur", blurred)
