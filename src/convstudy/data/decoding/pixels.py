"""The pixels of an image between file and fitted image: an 8-bit Pillow image, or an array of any type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL import Image

    from convstudy.data.decoding.header import ImageHeader
    from convstudy.data.decoding.options import DecodeOptions


@dataclass(frozen=True, eq=False)
class Samples:
    """Pixels that are not 8-bit grey or colour.

    Args:
        values: shape (height, width, channels), bool, integers or floats.
        limits: the values that become 0 and 255 by default; ``None`` if only ``range`` can say.
        has_alpha: whether the last channel is transparency, from 0 to the upper limit.
        is_premultiplied: whether the other channels are multiplied by the transparency.
    """

    values: npt.NDArray[Any]
    limits: tuple[float, float] | None
    has_alpha: bool = False
    is_premultiplied: bool = False


@dataclass(frozen=True, eq=False)
class Opened:
    """An image whose header has been read.

    Args:
        header: the header.
        load: decodes the pixels as they are stored: a Pillow image of mode L, LA, RGB or RGBA, or :class:`Samples`. A
            JPEG file uses the options for ``decode = "reduced"``.
        turn: the EXIF orientation, 1 to 8.
    """

    header: ImageHeader
    load: Callable[[DecodeOptions], Image.Image | Samples]
    turn: int = 1
