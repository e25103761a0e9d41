"""Elastic deformation (Simard et al. 2003): a smooth random displacement of each pixel.

The field is a uniform cubic B-spline with random control points, as in Rueckert et al. 1999. Unlike smoothed noise, it
needs few random numbers, and no displacement is larger than the largest one of the control points.
"""

from __future__ import annotations

import torch

from convstudy.engine.augmentation.draws import Draws
from convstudy.engine.augmentation.transform import WarpTransform
from convstudy.engine.augmentation.warp import Warp
from convstudy.studyfile.augment import Setting

N_INTERVALS = 4
"""The number of intervals between control points along a side."""
N_POINTS = N_INTERVALS + 3
"""The number of control points along a side; the outer ones lie outside the image."""


def deformed(warp: Warp, setting: Setting, draws: Draws) -> Warp:
    """Return the warp and a deformation by up to a fraction of the side."""
    strength = draws.strengths(setting)[:, None, None]
    points = draws.uniform(2, N_POINTS, N_POINTS, low=-1.0)
    of_rows, of_columns = (
        spline_weights(warp.height, warp.matrix.device),
        spline_weights(warp.width, warp.matrix.device),
    )
    fields = of_rows @ points @ of_columns.T
    across, down = fields.unbind(1)
    field = torch.stack([across * (strength * warp.width), down * (strength * warp.height)], dim=1)
    return warp.displaced(field)


def spline_weights(side: int, device: torch.device) -> torch.Tensor:
    """Return the weight of each control point for each pixel of a side, float32 ``(side, N_POINTS)``."""
    positions = 1.0 + (torch.arange(side, device=device) + 0.5) * (N_INTERVALS / side)
    distance = (positions[:, None] - torch.arange(N_POINTS, device=device)).abs()
    near = 2.0 / 3.0 - distance.square() + distance.pow(3) / 2.0
    far = (2.0 - distance).clamp(min=0.0).pow(3) / 6.0
    return torch.where(distance < 1.0, near, far)


TRANSFORM = WarpTransform("elastic", deformed)
