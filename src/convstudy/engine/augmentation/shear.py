"""Slant images: each row moves in proportion to its distance from the middle row."""

from __future__ import annotations

import torch

from convstudy.engine.augmentation.draws import Draws
from convstudy.engine.augmentation.transform import WarpTransform
from convstudy.engine.augmentation.warp import Warp
from convstudy.studyfile.augment import Setting


def sheared(warp: Warp, setting: Setting, draws: Draws) -> Warp:
    """Return the warp and a shear; a positive angle moves the lower half to the right."""
    slope = torch.tan(torch.deg2rad(draws.strengths(setting)))
    one, zero = torch.ones_like(slope), torch.zeros_like(slope)
    return warp.followed_by(one, -slope, zero, one)


TRANSFORM = WarpTransform("shear", sheared)
