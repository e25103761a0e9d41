"""Enlarge or shrink images around their center; the size of the image stays."""

from __future__ import annotations

import torch

from convstudy.engine.augmentation.draws import Draws
from convstudy.engine.augmentation.transform import WarpTransform
from convstudy.engine.augmentation.warp import Warp
from convstudy.studyfile.augment import Setting


def resized(warp: Warp, setting: Setting, draws: Draws) -> Warp:
    """Return the warp and an enlargement by a factor."""
    inverse = draws.strengths(setting).reciprocal()
    zero = torch.zeros_like(inverse)
    return warp.followed_by(inverse, zero, zero, inverse)


TRANSFORM = WarpTransform("scale", resized)
