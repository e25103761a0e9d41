"""Make colours stronger or weaker. Images that do not have exactly 3 channels stay as they are."""

from __future__ import annotations

import torch

from convstudy.engine.augmentation.draws import Draws
from convstudy.engine.augmentation.transform import ValueTransform
from convstudy.studyfile.augment import Setting

_RED, _GREEN, _BLUE = 0.299, 0.587, 0.114  # ITU-R BT.601


def saturated(images: torch.Tensor, setting: Setting, draws: Draws) -> torch.Tensor:
    """Return images whose distances from grey are multiplied by a factor."""
    return recoloured(images, draws.strengths(setting))


def recoloured(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Return images whose distances from grey are multiplied by ``factor``, ``(n,)``."""
    if images.shape[1] != 3:
        return images
    factor = factor[:, None, None, None]
    return (images * factor).add_(grey(images) * (1.0 - factor)).clamp_(0.0, 1.0)


def grey(images: torch.Tensor) -> torch.Tensor:
    """Return the grey values ``(n, 1, h, w)``: the luma of three channels, else the mean of all channels."""
    if images.shape[1] != 3:
        return images.mean(dim=1, keepdim=True)
    red, green, blue = (images[:, channel, None] for channel in range(3))
    return red * _RED + green * _GREEN + blue * _BLUE


TRANSFORM = ValueTransform("saturation", saturated)
