"""Random changes to a batch of training images. A new transform is a module here, and an entry in ``studyfile/``.

==================  ====================================================================================
``transform``       the three kinds of transforms: warps, changes of values, mixtures of two images
``draws``           the random numbers of a batch
``warp``            all moves of a batch as one map, applied with one bilinear interpolation
``flip`` and so on  one module for each transform, with a constant ``TRANSFORM``
``rows``            changes of some images of a batch only
``original``        the augmentations of the first release, whose results stay bit-identical
``examples``        augmented images for a person to look at
==================  ====================================================================================

The text of the recipe names the transforms and their strengths (:mod:`convstudy.studyfile.augment`, which also has the
order in which they are applied).

All random numbers come from one generator, which is on the images' device and is seeded once per epoch. No function
reads a tensor's values on the CPU for images on a GPU, because such a read synchronizes; shapes depend on the recipe
and the batch alone, so that a CUDA graph can capture a step. Values stay in [0, 1].
"""

from __future__ import annotations

from functools import cache

import torch

from convstudy.discovery import members
from convstudy.engine.augmentation.draws import Draws
from convstudy.engine.augmentation.original import ORIGINALS
from convstudy.engine.augmentation.transform import Mixture, Transform, ValueTransform, WarpTransform
from convstudy.engine.augmentation.warp import Warp, warped
from convstudy.engine.batches import scaled
from convstudy.engine.loss import MixedLabels
from convstudy.studyfile.augment import Augmentation, Setting
from convstudy.studyfile.recipe import Recipe


@cache
def transforms() -> dict[str, Transform]:
    """Return all transforms, key -> transform."""
    found = [module.TRANSFORM for module in members(__name__) if hasattr(module, "TRANSFORM")]
    return {transform.key: transform for transform in found}


def augmented(
    pixels: torch.Tensor, recipe: Recipe, generator: torch.Generator | None = None
) -> tuple[torch.Tensor, MixedLabels | None]:
    """Apply the recipe's augmentation to a batch.

    Args:
        pixels: uint8 ``(n, h, w, c)``.
        recipe: names the transforms.
        generator: draws the random numbers; torch's default generator if ``None``.

    Returns:
        float32 ``(n, c, h, w)`` in [0, 1], in channels-last memory format, and the second label of each image if images
        are mixed.
    """
    images = pixels.permute(0, 3, 1, 2)
    augmentation = recipe.augmentation
    if not augmentation.settings:
        for change in ORIGINALS[augmentation.original or "none"]:
            images = change(images, recipe, generator)
        return scaled(images), None
    draws = Draws(len(images), images.device, generator)
    images = _moved_and_changed(images, augmentation, draws)
    mixtures = [(each, setting) for each, setting in _used(augmentation) if isinstance(each, Mixture)]
    images, mixed = _mixed(scaled(images), mixtures, draws) if mixtures else (scaled(images), None)
    return images.contiguous(memory_format=torch.channels_last), mixed


def _used(augmentation: Augmentation) -> list[tuple[Transform, Setting]]:
    """Return the transforms with their settings, in the order in which they are applied."""
    return [(transforms()[setting.key], setting) for setting in augmentation.settings]


def _moved_and_changed(images: torch.Tensor, augmentation: Augmentation, draws: Draws) -> torch.Tensor:
    """Apply all transforms except mixtures. Neighbouring warps are one warp."""
    n, _, height, width = images.shape
    warp: Warp | None = None
    for transform, setting in _used(augmentation):
        if isinstance(transform, WarpTransform):
            before = Warp.identity(n, height, width, images.device) if warp is None else warp
            warp = transform.change(before, setting, draws)
            continue
        if warp is not None:
            images, warp = warped(scaled(images), warp, augmentation.border), None
        if isinstance(transform, ValueTransform):
            # A change that only moves or masks pixels works on uint8, which is a quarter of the memory.
            images = transform.change(images if transform.on_uint8 else scaled(images), setting, draws)
    return images if warp is None else warped(scaled(images), warp, augmentation.border)


def _mixed(
    images: torch.Tensor, mixtures: list[tuple[Mixture, Setting]], draws: Draws
) -> tuple[torch.Tensor, MixedLabels]:
    """Mix each image with the image before it in the batch, which is a random one because the order is random.

    With several mixtures, each image draws one of them.
    """
    height, width = images.shape[2:]
    (first, setting), *others = mixtures
    own = first.own(height, width, setting, draws)
    for number, (mixture, setting) in enumerate(others, start=2):
        other = mixture.own(height, width, setting, draws)
        own = torch.where((draws.uniform() < 1 / number)[:, None, None], other, own)
    partners = torch.arange(draws.n, device=images.device).roll(1)
    partner_images = images.roll(1, 0)
    images = torch.lerp(partner_images, images, own[:, None])
    return images, MixedLabels(partners, own.mean(dim=(1, 2)))
