"""Shift images right and down by fractions of their width and height."""

from __future__ import annotations

from convstudy.engine.augmentation.draws import Draws
from convstudy.engine.augmentation.transform import WarpTransform
from convstudy.engine.augmentation.warp import Warp
from convstudy.studyfile.augment import Setting


def shifted(warp: Warp, setting: Setting, draws: Draws) -> Warp:
    """Return the warp and a shift. The two axes draw their own strengths."""
    right, down = draws.strengths(setting, 2).unbind(1)
    return warp.shifted(right * warp.width, down * warp.height)


TRANSFORM = WarpTransform("shift", shifted)
