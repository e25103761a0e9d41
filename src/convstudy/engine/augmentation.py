"""Random changes to a batch of training images. A new one is one function and its line in :data:`AUGMENTATIONS`.

Each takes and returns ``(n, channels, height, width)``, channels last in memory, and draws from the generator that it
is given (torch's own, if none), which the training loop seeds for each epoch; images and generator are on one device.
What only moves or drops pixels does so to uint8 as well as to float32; what computes new ones makes float32 of them
first (:func:`~convstudy.engine.batches.scaled`). None asks what a tensor holds: a device would have to wait.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch.nn.functional import affine_grid, grid_sample, pad

from convstudy.engine.batches import scaled
from convstudy.studyfile.recipe import Recipe

LARGEST_SHIFT = 2
LARGEST_TURN = math.radians(10.0)
LARGEST_ZOOM = 0.1


def augmented(pixels: torch.Tensor, recipe: Recipe, generator: torch.Generator | None = None) -> torch.Tensor:
    """Return uint8 ``(n, h, w, c)``, changed as the recipe says, as network inputs: float32 ``(n, c, h, w)``."""
    images = pixels.permute(0, 3, 1, 2)
    for change in AUGMENTATIONS[recipe.augment]:
        images = change(images, recipe, generator)
    return scaled(images)


def shifted(images: torch.Tensor, recipe: Recipe, generator: torch.Generator | None = None) -> torch.Tensor:
    """Return each image moved by up to 2 whole pixels in each direction, zeros moving in."""
    n, channels, height, width = images.shape
    padded = pad(images.permute(0, 2, 3, 1), (0, 0) + (LARGEST_SHIFT,) * 4)
    device = images.device
    offsets = torch.randint(0, 2 * LARGEST_SHIFT + 1, (2, n), generator=generator, device=device)
    # A row of a moved image is a run of padded values: every run that there is, and where the wanted ones begin.
    n_rows, n_columns, n_values = height + 2 * LARGEST_SHIFT, width + 2 * LARGEST_SHIFT, width * channels
    runs = padded.as_strided((padded.numel() - n_values + 1, n_values), (1, 1))
    firsts = torch.arange(n, device=device) * n_rows + offsets[0]
    rows = firsts[:, None] + torch.arange(height, device=device)
    starts = (rows * n_columns + offsets[1, :, None]) * channels
    return runs.index_select(0, starts.flatten()).view(n, height, width, channels).permute(0, 3, 1, 2)


def mapped(images: torch.Tensor, recipe: Recipe, generator: torch.Generator | None = None) -> torch.Tensor:
    """Return each image turned by up to 10°, zoomed by up to 10 % and moved by up to 2 pixels, bilinear."""
    images = scaled(images)
    n, _, height, width = images.shape
    turn, zoom, down, right = torch.rand(4, n, generator=generator, device=images.device).mul_(2.0).sub_(1.0)
    cosine, sine = torch.cos(turn * LARGEST_TURN), torch.sin(turn * LARGEST_TURN)
    scale = 1.0 + zoom * LARGEST_ZOOM
    maps = torch.empty(n, 2, 3, device=images.device)
    maps[:, 0, 0], maps[:, 0, 1] = scale * cosine, -scale * sine
    maps[:, 1, 0], maps[:, 1, 1] = scale * sine, scale * cosine
    maps[:, 0, 2], maps[:, 1, 2] = right * 2 * LARGEST_SHIFT / width, down * 2 * LARGEST_SHIFT / height
    grid = affine_grid(maps, list(images.shape), align_corners=False)
    moved = grid_sample(images.contiguous(), grid, padding_mode="zeros", align_corners=False)
    return moved.contiguous(memory_format=torch.channels_last)


def cut_out(images: torch.Tensor, recipe: Recipe, generator: torch.Generator | None = None) -> torch.Tensor:
    """Return each image with a square of zeros in it, its middle anywhere, so that it may reach over the border.

    Source: DeVries & Taylor 2017, section 3.2.
    """
    n, _, height, width = images.shape
    device, size = images.device, recipe.cutout_size
    top = torch.randint(0, height, (n, 1), generator=generator, device=device) - size // 2
    left = torch.randint(0, width, (n, 1), generator=generator, device=device) - size // 2
    down, right = torch.arange(height, device=device), torch.arange(width, device=device)
    rows, columns = (down >= top) & (down < top + size), (right >= left) & (right < left + size)
    hole = rows[:, :, None, None] & columns[:, None, :, None]
    return images.permute(0, 2, 3, 1).masked_fill(hole, 0).permute(0, 3, 1, 2)


# Name -> what is done, one after the other.
Change = Callable[..., torch.Tensor]
AUGMENTATIONS: dict[str, tuple[Change, ...]] = {
    "none": (),
    "shift": (shifted,),
    "affine": (mapped,),
    "cutout": (cut_out,),
    "shift+cutout": (shifted, cut_out),
    "affine+cutout": (mapped, cut_out),
}
