"""Paste a rectangle of another image (Yun et al. 2019). The border may crop it."""

from __future__ import annotations

import torch

from convstudy.engine.augmentation.cutout import rectangle
from convstudy.engine.augmentation.draws import Draws
from convstudy.engine.augmentation.transform import Mixture
from convstudy.studyfile.augment import Setting


def own_pixels(height: int, width: int, setting: Setting, draws: Draws) -> torch.Tensor:
    """Return 0 in a rectangle and 1 elsewhere. Its area is 1 - λ of the image, with λ from Beta(alpha, alpha)."""
    side = torch.sqrt(1.0 - draws.symmetric_beta(setting.high))
    if setting.probability < 1.0:
        side = side.masked_fill(~draws.chosen(setting), 0.0)
    return (~rectangle(height, width, side * height, side * width, draws)).float()


TRANSFORM = Mixture("cutmix", own_pixels)
