"""Images with the three ways to give them the aspect ratio of a dataset: crop, pad and stretch."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from convstudy.data.decoding import DecodeOptions, ImageHeader, Undecodable, decode, probe
from convstudy.data.decoding.options import Fit
from convstudy.data.listing import Reader
from convstudy.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FITS: tuple[Fit, ...] = ("crop", "pad", "stretch")
N_PROBED = 200
"""The maximum number of images whose headers are read to choose the examples."""
ORIGINAL_SIDE = 160
"""The longer side of the shown original, in pixels."""


@dataclass(frozen=True, eq=False)
class FitExample:
    """One image in several versions.

    Attributes:
        name: the name of the image, and its size.
        versions: name of a version -> uint8 pixels of shape (h, w, c); the first is the original, reduced in size.
    """

    name: str
    versions: tuple[tuple[str, npt.NDArray[np.uint8]], ...]


def fit_examples(
    reader: Reader, names: Sequence[str], positions: Sequence[int], options: DecodeOptions, n: int = 6
) -> tuple[FitExample, ...]:
    """Return examples with different aspect ratios; none if all images have the aspect ratio of the dataset.

    Args:
        reader: reads the images of a listing.
        names: the name of each image of the listing.
        positions: the positions that may be shown: those of training images.
        options: how the dataset is decoded.
        n: the maximum number of examples.
    """
    step = max(1, len(positions) // N_PROBED)
    found: list[tuple[float, int, ImageHeader]] = []
    for position in positions[::step]:
        # An image that cannot be read any more was reported when the dataset was prepared.
        with suppress(DataError, Undecodable, OSError):
            header = probe(reader.read(position))
            found.append((header.width / header.height, position, header))
    height, width = options.size
    if all(abs(ratio * height / width - 1) < 0.01 for ratio, _, _ in found):
        return ()
    # The most different images of all aspect ratios: the narrowest, the widest, and evenly spread ones between.
    found.sort(key=lambda each: (each[0], each[1]))
    last = len(found) - 1
    places = sorted({round(last * index / max(1, n - 1)) for index in range(n)})
    examples = []
    for place in places:
        _, position, header = found[place]
        with suppress(DataError, Undecodable, OSError):
            examples.append(_example(reader, names[position], position, header, options))
    return tuple(examples)


def _example(
    reader: Reader, name: str, position: int, header: ImageHeader, options: DecodeOptions
) -> FitExample:
    image = reader.read(position)
    scale = min(1.0, ORIGINAL_SIDE / max(header.height, header.width))
    size = max(1, round(header.height * scale)), max(1, round(header.width * scale))
    versions = [("original", decode(image, replace(options, size=size, fit="stretch")).pixels)]
    versions += [(fit, decode(image, replace(options, fit=fit)).pixels) for fit in FITS]
    return FitExample(f"{name}, {header.width:,} × {header.height:,}", tuple(versions))
