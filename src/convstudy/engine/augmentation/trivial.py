"""TrivialAugment (Müller & Hutter 2021): each image takes one random change of 14 with one random strength of 31.

The changes and their ranges are those of the paper's Table 6: "wide", or "narrow" (the ranges of RandAugment).
Shifts are fractions of the side: the paper's pixels belong to images of 32 × 32. Where Pillow defines a change, it has
the values of Pillow; moves are interpolated bilinearly. "color" changes nothing unless an image has 3 channels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import conv2d

from convstudy.engine.augmentation.contrast import blended, mean_grey
from convstudy.engine.augmentation.draws import Draws
from convstudy.engine.augmentation.rows import changed_where
from convstudy.engine.augmentation.saturation import recoloured
from convstudy.engine.augmentation.transform import ValueTransform
from convstudy.engine.augmentation.warp import Warp, warped
from convstudy.studyfile.augment import Setting

N_STRENGTHS = 31


@dataclass(frozen=True)
class Ranges:
    """The greatest strengths: slope, fraction of the side, degrees, distance of a factor from 1, bits removed."""

    shear: float
    shift: float
    rotate: float
    factor: float
    bits: int


RANGES = {
    "narrow": Ranges(0.3, 10 / 32, 30.0, 0.9, 4),
    "wide": Ranges(0.99, 1.0, 135.0, 0.99, 6),
}

Change = Callable[[torch.Tensor, torch.Tensor, Ranges], torch.Tensor]
"""Takes float32 images ``(m, c, h, w)`` and their strengths ``(m,)``: in [-1, 1] for a change of :data:`SIGNED`, else
in [0, 1]. Returns the changed images in [0, 1]."""


def trivial_augmented(images: torch.Tensor, setting: Setting, draws: Draws) -> torch.Tensor:
    """Return images of which each has taken one change."""
    ranges = RANGES[setting.choice]
    number = torch.floor(draws.uniform() * len(CHANGES))
    strength = torch.floor(draws.uniform() * N_STRENGTHS) / (N_STRENGTHS - 1)
    sign = 1.0 - 2.0 * (draws.uniform() < 0.5)
    if setting.probability < 1.0:
        number = number.masked_fill(~draws.chosen(setting), 0.0)  # the first change is "identity"
    signed = strength * sign
    for place, (name, change) in enumerate(CHANGES.items()):
        if change is not None:
            of_change = signed if name in SIGNED else strength
            images = changed_where(number == place, images, _with_strengths(change, of_change, ranges))
    return images


def _with_strengths(
    change: Change, strength: torch.Tensor, ranges: Ranges
) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Return a function of images and their rows in the batch."""
    return lambda images, rows: change(images, strength[rows], ranges)


def _warp(images: torch.Tensor) -> Warp:
    n, _, height, width = images.shape
    return Warp.identity(n, height, width, images.device)


def _shear_x(images: torch.Tensor, strength: torch.Tensor, ranges: Ranges) -> torch.Tensor:
    slope, one, zero = strength * ranges.shear, torch.ones_like(strength), torch.zeros_like(strength)
    return warped(images, _warp(images).followed_by(one, -slope, zero, one), "zero")


def _shear_y(images: torch.Tensor, strength: torch.Tensor, ranges: Ranges) -> torch.Tensor:
    slope, one, zero = strength * ranges.shear, torch.ones_like(strength), torch.zeros_like(strength)
    return warped(images, _warp(images).followed_by(one, zero, -slope, one), "zero")


def _translate_x(images: torch.Tensor, strength: torch.Tensor, ranges: Ranges) -> torch.Tensor:
    right = strength * (ranges.shift * images.shape[3])
    return warped(images, _warp(images).shifted(right, torch.zeros_like(right)), "zero")


def _translate_y(images: torch.Tensor, strength: torch.Tensor, ranges: Ranges) -> torch.Tensor:
    down = strength * (ranges.shift * images.shape[2])
    return warped(images, _warp(images).shifted(torch.zeros_like(down), down), "zero")


def _rotate(images: torch.Tensor, strength: torch.Tensor, ranges: Ranges) -> torch.Tensor:
    angle = torch.deg2rad(strength * ranges.rotate)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    return warped(images, _warp(images).followed_by(cosine, -sine, sine, cosine), "zero")


def _factor(strength: torch.Tensor, ranges: Ranges) -> torch.Tensor:
    return 1.0 + strength * ranges.factor


def _brightness(images: torch.Tensor, strength: torch.Tensor, ranges: Ranges) -> torch.Tensor:
    return (images * _factor(strength, ranges)[:, None, None, None]).clamp_(0.0, 1.0)


def _color(images: torch.Tensor, strength: torch.Tensor, ranges: Ranges) -> torch.Tensor:
    return recoloured(images, _factor(strength, ranges))


def _contrast(images: torch.Tensor, strength: torch.Tensor, ranges: Ranges) -> torch.Tensor:
    return blended(images, mean_grey(images), _factor(strength, ranges))


def _sharpness(images: torch.Tensor, strength: torch.Tensor, ranges: Ranges) -> torch.Tensor:
    """Move away from a smoothed image; as in Pillow, the outermost pixels are not smoothed."""
    n, channels, height, width = images.shape
    if height < 3 or width < 3:
        return images
    kernel = torch.ones(1, 1, 3, 3, device=images.device)
    kernel[0, 0, 1, 1].fill_(5.0)
    smooth = images.clone(memory_format=torch.contiguous_format)
    inner = conv2d(smooth.view(n * channels, 1, height, width), kernel / 13.0)
    smooth[:, :, 1:-1, 1:-1] = inner.view(n, channels, height - 2, width - 2)
    return blended(images, smooth, _factor(strength, ranges))


def _posterize(images: torch.Tensor, strength: torch.Tensor, ranges: Ranges) -> torch.Tensor:
    """Remove up to ``ranges.bits`` of the 8 bits of each value."""
    step = torch.pow(2.0, torch.round(strength * ranges.bits))[:, None, None, None]
    return torch.floor(torch.round(images * 255.0) / step) * step / 255.0


def _solarize(images: torch.Tensor, strength: torch.Tensor, ranges: Ranges) -> torch.Tensor:
    """Invert the values from a threshold on, which falls from 256 to 0."""
    values = torch.round(images * 255.0)
    threshold = 256.0 * (1.0 - strength)[:, None, None, None]
    return torch.where(values >= threshold, 1.0 - images, images)


def _autocontrast(images: torch.Tensor, strength: torch.Tensor, ranges: Ranges) -> torch.Tensor:
    """Stretch each channel of each image to [0, 1]; a channel with one value stays as it is."""
    low, high = images.amin(dim=(2, 3), keepdim=True), images.amax(dim=(2, 3), keepdim=True)
    span = high - low
    stretched = (images - low) / span.clamp(min=1.0 / 255.0)
    return torch.where(span > 0.0, stretched, images).clamp_(0.0, 1.0)


def _equalize(images: torch.Tensor, strength: torch.Tensor, ranges: Ranges) -> torch.Tensor:
    """Equalise the histogram of each channel of each image, with the rounding of ``PIL.ImageOps.equalize``."""
    n, channels, height, width = images.shape
    values = torch.round(images * 255.0).reshape(n, channels, height * width).contiguous()
    ordered = values.sort(dim=2).values
    # Counting by search in sorted values is deterministic on a GPU; adding to a histogram there is not.
    levels = torch.arange(256, dtype=values.dtype, device=images.device).expand(n, channels, 256).contiguous()
    below = torch.searchsorted(ordered, levels, right=False)
    n_last = height * width - torch.searchsorted(ordered, ordered[:, :, -1:].contiguous(), right=False)
    step = (height * width - n_last) // 255
    table = ((step // 2 + below) // step.clamp(min=1)).clamp_(max=255)
    equal = table.gather(2, values.long()).to(images.dtype) / 255.0
    equal = torch.where(step > 0, equal, values / 255.0)
    return equal.view(n, channels, height, width)


CHANGES: dict[str, Change | None] = {
    "identity": None,
    "shear-x": _shear_x,
    "shear-y": _shear_y,
    "translate-x": _translate_x,
    "translate-y": _translate_y,
    "rotate": _rotate,
    "brightness": _brightness,
    "color": _color,
    "contrast": _contrast,
    "sharpness": _sharpness,
    "posterize": _posterize,
    "solarize": _solarize,
    "autocontrast": _autocontrast,
    "equalize": _equalize,
}
SIGNED = (
    "shear-x",
    "shear-y",
    "translate-x",
    "translate-y",
    "rotate",
    "brightness",
    "color",
    "contrast",
    "sharpness",
)
"""The changes whose strength has a random sign."""

TRANSFORM = ValueTransform("trivial", trivial_augmented)
