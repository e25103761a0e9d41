"""Random changes to a batch of training images. A new one is one function and its line in :data:`AUGMENTATIONS`.

Each takes and returns float32 ``(n, channels, height, width)`` and draws from torch's generator, which the training
loop seeds for each epoch.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch.nn.functional import affine_grid, grid_sample, pad

LARGEST_SHIFT = 2
LARGEST_TURN = math.radians(10.0)
LARGEST_ZOOM = 0.1


def unchanged(images: torch.Tensor) -> torch.Tensor:
    """Return the images as they are."""
    return images


def shifted(images: torch.Tensor) -> torch.Tensor:
    """Return each image moved by up to 2 whole pixels in each direction, zeros moving in."""
    n, _, height, width = images.shape
    padded = pad(images, (LARGEST_SHIFT,) * 4)
    offsets = torch.randint(0, 2 * LARGEST_SHIFT + 1, (2, n))
    rows = (offsets[0, :, None] + torch.arange(height))[:, :, None]
    columns = (offsets[1, :, None] + torch.arange(width))[:, None, :]
    moved = padded.permute(0, 2, 3, 1)[torch.arange(n)[:, None, None], rows, columns]
    return moved.permute(0, 3, 1, 2)


def mapped(images: torch.Tensor) -> torch.Tensor:
    """Return each image turned by up to 10°, zoomed by up to 10 % and moved by up to 2 pixels, bilinear."""
    n, _, height, width = images.shape
    turn, zoom, down, right = torch.rand(4, n).mul_(2.0).sub_(1.0)
    cosine, sine = torch.cos(turn * LARGEST_TURN), torch.sin(turn * LARGEST_TURN)
    scale = 1.0 + zoom * LARGEST_ZOOM
    maps = torch.empty(n, 2, 3)
    maps[:, 0, 0], maps[:, 0, 1] = scale * cosine, -scale * sine
    maps[:, 1, 0], maps[:, 1, 1] = scale * sine, scale * cosine
    maps[:, 0, 2], maps[:, 1, 2] = right * 2 * LARGEST_SHIFT / width, down * 2 * LARGEST_SHIFT / height
    grid = affine_grid(maps, list(images.shape), align_corners=False)
    moved = grid_sample(images.contiguous(), grid, padding_mode="zeros", align_corners=False)
    return moved.contiguous(memory_format=torch.channels_last)


AUGMENTATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "none": unchanged,
    "shift": shifted,
    "affine": mapped,
}
