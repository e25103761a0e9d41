"""The three kinds of transforms. Each module of a transform defines one of them as ``TRANSFORM``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from convstudy.engine.augmentation.draws import Draws
from convstudy.engine.augmentation.warp import Warp
from convstudy.studyfile.augment import Setting


@dataclass(frozen=True)
class WarpTransform:
    """Moves pixels. All warps of an augmentation are combined before the images are interpolated once.

    Attributes:
        key: the key of the transform in a study file.
        change: returns the warp and this transform as one warp.
    """

    key: str
    change: Callable[[Warp, Setting, Draws], Warp]


@dataclass(frozen=True)
class ValueTransform:
    """Changes images ``(n, c, h, w)`` without interpolation at other positions; returns new images in [0, 1].

    Attributes:
        key: the key of the transform in a study file.
        change: returns the changed images. It does not modify its input.
        on_uint8: whether it also accepts uint8 images, and returns uint8 then; else it gets float32 in [0, 1].
    """

    key: str
    change: Callable[[torch.Tensor, Setting, Draws], torch.Tensor]
    on_uint8: bool = False


@dataclass(frozen=True)
class Mixture:
    """Mixes each image with another one of its batch.

    Attributes:
        key: the key of the transform in a study file.
        own: returns how much of each pixel is the image's own, float32 ``(n, height, width)`` in [0, 1]. Its mean is
            the proportion of the image's own label.
    """

    key: str
    own: Callable[[int, int, Setting, Draws], torch.Tensor]


Transform = WarpTransform | ValueTransform | Mixture
