"""What the header of an image says, before any pixel is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ImageHeader:
    """The form of an image as it is stored.

    Args:
        height: the height in pixels, after the EXIF rotation.
        width: the width in pixels, after the EXIF rotation.
        mode: the type of the stored pixels: a mode of Pillow (``"L"``, ``"RGB"``, ``"P"``, ``"I;16"``), or the type and
            number of channels of an array or TIFF (``"uint16x5"``, ``"float32"``).
        channels: the number of channels without transparency: 1 (grey, also as a palette), 3 (colour) or more.
        format: ``"JPEG"``, ``"PNG"``, ``"TIFF"``, ...; ``"NPY"``; ``"array"``.
        bits: the number of bits per value: 1 to 64.
        has_alpha: whether the image has transparency.
        n_frames: the number of frames or pages; the first one is decoded.
        has_gamma: whether a PNG file has a gAMA or sRGB chunk. The pixels do not depend on it here; other programs
            convert colour to grey differently if it is present.
        is_rotated: whether EXIF data rotates or mirrors the stored pixels.
        low: the lowest value, if only ``range`` can say what it means: floats, signed integers, more than 16 bits.
            ``None`` for all other types, and if a value is NaN or infinite.
        high: the highest value, under the same conditions.
    """

    height: int
    width: int
    mode: str
    channels: int
    format: str
    bits: int = 8
    has_alpha: bool = False
    n_frames: int = 1
    has_gamma: bool = False
    is_rotated: bool = False
    low: float | None = None
    high: float | None = None

    @property
    def is_deep(self) -> bool:
        """Whether values have more than 8 bits."""
        return self.bits > 8

    def as_json(self) -> list[Any]:
        """Return the values in the order of the fields: a cache has one header per image."""
        return [
            self.height,
            self.width,
            self.mode,
            self.channels,
            self.format,
            self.bits,
            self.has_alpha,
            self.n_frames,
            self.has_gamma,
            self.is_rotated,
            self.low,
            self.high,
        ]

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> ImageHeader:
        """Return the header from the values of :meth:`as_json`."""
        return cls(*values)
