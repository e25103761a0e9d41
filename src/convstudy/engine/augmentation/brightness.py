"""Make images brighter or darker."""

from __future__ import annotations

import torch

from convstudy.engine.augmentation.draws import Draws
from convstudy.engine.augmentation.transform import ValueTransform
from convstudy.studyfile.augment import Setting


def brightened(images: torch.Tensor, setting: Setting, draws: Draws) -> torch.Tensor:
    """Return images whose values are multiplied by a factor."""
    return (images * draws.strengths(setting)[:, None, None, None]).clamp_(0.0, 1.0)


TRANSFORM = ValueTransform("brightness", brightened)
