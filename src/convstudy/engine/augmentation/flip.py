"""Mirror images, along one axis or both; each axis with the probability of the setting."""

from __future__ import annotations

import torch

from convstudy.engine.augmentation.draws import Draws
from convstudy.engine.augmentation.transform import ValueTransform
from convstudy.studyfile.augment import Setting

_AXES = {"horizontal": (3,), "vertical": (2,), "both": (2, 3)}


def flipped(images: torch.Tensor, setting: Setting, draws: Draws) -> torch.Tensor:
    """Return images of which some are mirrored."""
    for axis in _AXES[setting.choice]:
        chosen = draws.chosen(setting)[:, None, None, None]
        images = torch.where(chosen, images.flip(axis), images)
    return images


TRANSFORM = ValueTransform("flip", flipped, on_uint8=True)
