"""The augmentations of the first release. Their results, and the ids of their fits, stay bit-identical.

Each function takes and returns ``(n, channels, height, width)`` in channels-last memory format. It draws from the given
generator (torch's default if ``None``). A function that moves or masks pixels keeps uint8 images uint8. A function that
interpolates converts the images to float32 first (:func:`~convstudy.engine.batches.scaled`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch.nn.functional import affine_grid, grid_sample, pad

from convstudy.engine.batches import scaled
from convstudy.studyfile.recipe import Recipe

LARGEST_SHIFT = 2
LARGEST_ROTATION = math.radians(10.0)
LARGEST_ZOOM = 0.1


def shifted(images: torch.Tensor, recipe: Recipe, generator: torch.Generator | None = None) -> torch.Tensor:
    """Return each image shifted by -2 to 2 pixels along each axis; zeros fill the border."""
    n, channels, height, width = images.shape
    padded = pad(images.permute(0, 2, 3, 1), (0, 0) + (LARGEST_SHIFT,) * 4)
    device = images.device
    offsets = torch.randint(0, 2 * LARGEST_SHIFT + 1, (2, n), generator=generator, device=device)
    # A row of a shifted image is a contiguous run of padded values. ``runs`` is a view of every such run, and one
    # index_select gathers the rows of all images.
    n_rows, n_columns, n_values = height + 2 * LARGEST_SHIFT, width + 2 * LARGEST_SHIFT, width * channels
    runs = padded.as_strided((padded.numel() - n_values + 1, n_values), (1, 1))
    firsts = torch.arange(n, device=device) * n_rows + offsets[0]
    rows = firsts[:, None] + torch.arange(height, device=device)
    starts = (rows * n_columns + offsets[1, :, None]) * channels
    return runs.index_select(0, starts.flatten()).view(n, height, width, channels).permute(0, 3, 1, 2)


def affine_transformed(
    images: torch.Tensor, recipe: Recipe, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Return each image rotated by up to 10°, scaled by up to 10 % and shifted by up to 2 pixels (bilinear)."""
    images = scaled(images)
    n, _, height, width = images.shape
    rotation, zoom, down, right = (
        torch.rand(4, n, generator=generator, device=images.device).mul_(2.0).sub_(1.0)
    )
    cosine, sine = torch.cos(rotation * LARGEST_ROTATION), torch.sin(rotation * LARGEST_ROTATION)
    scale = 1.0 + zoom * LARGEST_ZOOM
    maps = torch.empty(n, 2, 3, device=images.device)
    maps[:, 0, 0], maps[:, 0, 1] = scale * cosine, -scale * sine
    maps[:, 1, 0], maps[:, 1, 1] = scale * sine, scale * cosine
    maps[:, 0, 2], maps[:, 1, 2] = right * 2 * LARGEST_SHIFT / width, down * 2 * LARGEST_SHIFT / height
    grid = affine_grid(maps, list(images.shape), align_corners=False)
    moved = grid_sample(images.contiguous(), grid, padding_mode="zeros", align_corners=False)
    return moved.contiguous(memory_format=torch.channels_last)


def cut_out(images: torch.Tensor, recipe: Recipe, generator: torch.Generator | None = None) -> torch.Tensor:
    """Return each image with a square of zeros, which the border may crop.

    The center is uniform over the image (DeVries & Taylor 2017, section 3.2).
    """
    n, _, height, width = images.shape
    device, size = images.device, recipe.cutout_size
    top = torch.randint(0, height, (n, 1), generator=generator, device=device) - size // 2
    left = torch.randint(0, width, (n, 1), generator=generator, device=device) - size // 2
    down, right = torch.arange(height, device=device), torch.arange(width, device=device)
    rows, columns = (down >= top) & (down < top + size), (right >= left) & (right < left + size)
    hole = rows[:, :, None, None] & columns[:, None, :, None]
    return images.permute(0, 2, 3, 1).masked_fill(hole, 0).permute(0, 3, 1, 2)


# Name of an augmentation -> its functions, in the order in which they are applied.
Change = Callable[..., torch.Tensor]
ORIGINALS: dict[str, tuple[Change, ...]] = {
    "none": (),
    "shift": (shifted,),
    "affine": (affine_transformed,),
    "cutout": (cut_out,),
    "shift+cutout": (shifted, cut_out),
    "affine+cutout": (affine_transformed, cut_out),
}
