"""Cut a square out of each image (DeVries & Taylor 2017). The border may crop it."""

from __future__ import annotations

import torch

from convstudy.engine.augmentation.draws import Draws
from convstudy.engine.augmentation.transform import ValueTransform
from convstudy.studyfile.augment import Setting


def cut_out(images: torch.Tensor, setting: Setting, draws: Draws) -> torch.Tensor:
    """Return images with a square of zeros, whose center is uniform over the image."""
    height, width = images.shape[2:]
    side = draws.strengths(setting) * min(height, width)
    inside = rectangle(height, width, side, side, draws)
    return images.masked_fill(inside[:, None], 0)


def rectangle(
    height: int, width: int, n_rows: torch.Tensor, n_columns: torch.Tensor, draws: Draws
) -> torch.Tensor:
    """Return whether each pixel is inside a rectangle at a random place, bool ``(n, height, width)``.

    Args:
        height: the height of the images.
        width: the width of the images.
        n_rows: the height of each rectangle ``(n,)``, rounded to whole pixels.
        n_columns: the width of each rectangle ``(n,)``, rounded to whole pixels.
        draws: draws the centers, uniform over the image.
    """
    centers = draws.uniform(2)
    rows = _inside(height, n_rows, centers[:, 0])
    columns = _inside(width, n_columns, centers[:, 1])
    return rows[:, :, None] & columns[:, None, :]


def _inside(side: int, n: torch.Tensor, center: torch.Tensor) -> torch.Tensor:
    """Return which positions of a side are in a run around a center in [0, 1), bool ``(n, side)``."""
    n = torch.round(n)
    start = torch.floor(center * side) - torch.floor(n / 2)
    positions = torch.arange(side, device=n.device)
    return (positions >= start[:, None]) & (positions < (start + n)[:, None])


TRANSFORM = ValueTransform("cutout", cut_out, on_uint8=True)
