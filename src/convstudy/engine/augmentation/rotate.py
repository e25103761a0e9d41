"""Rotate images around their center."""

from __future__ import annotations

import torch

from convstudy.engine.augmentation.draws import Draws
from convstudy.engine.augmentation.transform import WarpTransform
from convstudy.engine.augmentation.warp import Warp
from convstudy.studyfile.augment import Setting


def rotated(warp: Warp, setting: Setting, draws: Draws) -> Warp:
    """Return the warp and a rotation; positive angles are counter-clockwise."""
    angle = torch.deg2rad(draws.strengths(setting))
    cosine, sine = torch.cos(angle), torch.sin(angle)
    # y points down: a counter-clockwise rotation takes the content from clockwise positions.
    return warp.followed_by(cosine, -sine, sine, cosine)


TRANSFORM = WarpTransform("rotate", rotated)
