"""How images are decoded: size, fit, channels, and the rules for values and transparency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, Literal

from convstudy.errors import DataError, Location, Problem

DECODER_VERSION = 1
"""The version of the decoder. It grows with every change that gives an image other pixels; caches depend on it."""

BACKGROUND = 128
"""The default colour under transparent pixels and padding: a grey on which black and white drawings remain visible."""

MAX_SIDE = 1024
"""The largest height and width of a decoded image, in pixels."""

MAX_CHANNELS = 1024
"""The largest number of channels of an image."""

Fit = Literal["crop", "pad", "stretch"]
FITS: tuple[Fit, ...] = ("crop", "pad", "stretch")
DECODES: tuple[Literal["full", "reduced"], ...] = ("full", "reduced")


@dataclass(frozen=True)
class DecodeOptions:
    """The form that every image of a dataset receives.

    Args:
        size: (height, width) of every decoded image, each 1 to 1024 pixels.
        channels: 1 (grey), 3 (colour), or the number of channels that all images have.
        fit: how an image with another aspect ratio is fitted: ``"crop"`` (the largest centred part with the target's
            aspect ratio), ``"pad"`` (the whole image, centred on the background) or ``"stretch"``.
        invert: whether every value v becomes 255 − v, as the last step.
        value_range: the values that become 0 and 255; values outside are clipped. ``None``: the range of the type
            (bool 0 to 1, uint8 0 to 255, uint16 0 to 65,535, float 0 to 1, n-bit files 0 to 2ⁿ − 1).
        background: 0 to 255, or (red, green, blue): the colour under transparent pixels and padding, before ``invert``.
        decode: ``"full"``, or ``"reduced"``: JPEG files are decoded at a lower resolution of at least twice ``size``.

    Raises:
        DataError: if a value is invalid; the keys are those of the ``[dataset]`` table.
    """

    size: tuple[int, int]
    channels: int
    fit: Fit = "crop"
    invert: bool = False
    value_range: tuple[float, float] | None = None
    background: int | tuple[int, int, int] = BACKGROUND
    decode: Literal["full", "reduced"] = "full"

    def __post_init__(self) -> None:
        problems = [*self._problems()]
        if problems:
            raise DataError(*problems)

    def _problems(self) -> list[Problem]:
        def wrong(key: str, expected: str, got: object) -> Problem:
            return Problem(where=Location(key=("dataset", key)), expected=expected, got=str(got))

        problems = []
        if len(self.size) != 2 or not all(1 <= side <= MAX_SIDE for side in self.size):
            problems.append(wrong("size", f"a height and a width of 1 to {MAX_SIDE} pixels", self.size))
        if not 1 <= self.channels <= MAX_CHANNELS:
            problems.append(wrong("channels", f"an integer in [1, {MAX_CHANNELS}]", self.channels))
        if self.fit not in FITS:
            problems.append(wrong("fit", 'one of "crop", "pad", "stretch"', self.fit))
        if self.decode not in DECODES:
            problems.append(wrong("decode", '"full" or "reduced"', self.decode))
        if (limits := self.value_range) is not None and not (
            len(limits) == 2 and all(map(isfinite, limits)) and limits[0] < limits[1]
        ):
            problems.append(wrong("range", "two finite numbers, the smaller first", list(limits)))
        colour = self.background if isinstance(self.background, tuple) else (self.background,)
        if len(colour) not in (1, 3) or not all(0 <= value <= 255 for value in colour):
            expected = "an integer in [0, 255] or three of them: red, green, blue"
            problems.append(wrong("background", expected, self.background))
        elif len(colour) == 3 and self.channels not in (1, 3):
            expected = f"one integer for images of {self.channels} channels"
            problems.append(wrong("background", expected, self.background))
        return problems

    @property
    def colour_background(self) -> tuple[int, int, int]:
        """The background as (red, green, blue)."""
        if isinstance(self.background, tuple):
            return self.background
        return (self.background, self.background, self.background)

    @property
    def grey_background(self) -> int:
        """The background as a grey level, by ITU-R 601 in the integers that Pillow uses for its mode L."""
        red, green, blue = self.colour_background
        return (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> DecodeOptions:
        """Return the options from the values of :meth:`as_json`, also after they have been through JSON text."""
        names = ("size", "value_range", "background")
        tuples = {name: tuple(values[name]) for name in names if isinstance(values[name], list | tuple)}
        return cls(**{**values, **tuples})
