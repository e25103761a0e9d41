"""Add noise to images."""

from __future__ import annotations

import torch

from convstudy.engine.augmentation.draws import Draws
from convstudy.engine.augmentation.transform import ValueTransform
from convstudy.studyfile.augment import Setting


def noisy(images: torch.Tensor, setting: Setting, draws: Draws) -> torch.Tensor:
    """Return images with independent Gaussian noise on each value; the image draws the standard deviation."""
    deviation = draws.strengths(setting)[:, None, None, None]
    _, channels, height, width = images.shape
    # Drawn in the memory order of the images, so that the sum reads both in order.
    drawn = draws.normal(height, width, channels).permute(0, 3, 1, 2)
    return drawn.mul_(deviation).add_(images).clamp_(0.0, 1.0)


TRANSFORM = ValueTransform("noise", noisy)
