"""Blend each image with another one (Zhang et al. 2018)."""

from __future__ import annotations

import torch

from convstudy.engine.augmentation.draws import Draws
from convstudy.engine.augmentation.transform import Mixture
from convstudy.studyfile.augment import Setting


def own_share(height: int, width: int, setting: Setting, draws: Draws) -> torch.Tensor:
    """Return the same proportion for all pixels of an image, drawn from Beta(alpha, alpha)."""
    share = draws.symmetric_beta(setting.high)
    if setting.probability < 1.0:
        share = share.masked_fill(~draws.chosen(setting), 1.0)
    return share[:, None, None].expand(-1, height, width)


TRANSFORM = Mixture("mixup", own_share)
