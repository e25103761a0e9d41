"""Change the contrast of images."""

from __future__ import annotations

import torch

from convstudy.engine.augmentation.draws import Draws
from convstudy.engine.augmentation.saturation import grey
from convstudy.engine.augmentation.transform import ValueTransform
from convstudy.studyfile.augment import Setting


def contrasted(images: torch.Tensor, setting: Setting, draws: Draws) -> torch.Tensor:
    """Return images whose distances from the mean grey value of the image are multiplied by a factor."""
    return blended(images, mean_grey(images), draws.strengths(setting))


def mean_grey(images: torch.Tensor) -> torch.Tensor:
    """Return the mean grey value of each image, ``(n, 1, 1, 1)``."""
    return grey(images).mean(dim=(1, 2, 3), keepdim=True)


def blended(images: torch.Tensor, other: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Return ``other + factor · (images - other)``, cut to [0, 1]; a factor above 1 moves away from ``other``."""
    factor = factor[:, None, None, None]
    return (images * factor).add_(other * (1.0 - factor)).clamp_(0.0, 1.0)


TRANSFORM = ValueTransform("contrast", contrasted)
