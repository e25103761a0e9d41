"""Images, mistakes and kernels as small PNG files, written without an image library."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

_BLUE, _MIDDLE, _RED = (0, 114, 178), (245, 245, 245), (213, 94, 0)


@dataclass(frozen=True)
class Thumbnail:
    """A small image for the page: its PNG as a data URI, its text for those who cannot see it, and words below it."""

    uri: str
    alt: str
    words: str = ""
    detail: str = ""


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return a PNG of pixels uint8 (height, width, 1) grey or (height, width, 3) RGB (W3C PNG, second edition)."""
    height, width, channels = pixels.shape
    if channels not in (1, 3):
        raise ValueError(f"a picture has 1 or 3 channels, got {channels}")
    colour_type = 0 if channels == 1 else 2
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    # Each row begins with its filter: 0, none.
    rows = b"".join(b"\0" + pixels[row].tobytes() for row in range(height))
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def data_uri(pixels: npt.NDArray[np.uint8]) -> str:
    """Return the PNG of pixels as a data URI."""
    shown = pixels if pixels.shape[2] in (1, 3) else pixels[:, :, :1]
    return "data:image/png;base64," + base64.b64encode(png(shown)).decode("ascii")


def first_kernels(weights: Mapping[str, npt.NDArray[np.generic]]) -> npt.NDArray[np.float64] | None:
    """Return the kernels of the first convolution: float (filters, height, width), or ``None`` without one.

    Where its input has several channels a kernel is their mean.

    Args:
        weights: by name, ``"0.0.weight"`` being (filters, channels, height, width). The first by the parts of its
            name is the first of the network; the body of a residual is before its shortcut.
    """
    import numpy as np

    for name in sorted(weights, key=_place):
        if weights[name].ndim == 4:
            kernels: npt.NDArray[np.float64] = np.asarray(weights[name], dtype=np.float64).mean(axis=1)
            return kernels
    return None


def _place(name: str) -> list[tuple[int, str]]:
    """Return what orders the names of weights as their layers are: ``"2.body.0.weight"`` is before ``"10.weight"``."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in name.split(".")]


def kernel_pixels(kernel: npt.NDArray[np.float64], largest: float) -> npt.NDArray[np.uint8]:
    """Return a kernel (height, width) in colours, uint8 (height, width, 3): blue below 0, pale at 0, red above."""
    import numpy as np

    share = np.clip(kernel / largest if largest > 0 else kernel * 0, -1, 1)[:, :, None]
    middle, low, high = (np.array(colour, dtype=np.float64) for colour in (_MIDDLE, _BLUE, _RED))
    ends = np.where(share < 0, low, high)
    return np.rint(middle + np.abs(share) * (ends - middle)).astype(np.uint8)
