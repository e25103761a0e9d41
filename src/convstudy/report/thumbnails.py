"""Small PNG files of images and kernels, encoded without an image library."""

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
    """A small image on the page.

    Attributes:
        uri: its PNG as a data URI.
        alt: its alternative text.
        caption: the text below it.
        detail: a second line below it.
    """

    uri: str
    alt: str
    caption: str = ""
    detail: str = ""


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Encode pixels as PNG (W3C PNG, second edition).

    Args:
        pixels: uint8, shape (height, width, 1) for grey or (height, width, 3) for RGB.

    Raises:
        ValueError: if the number of channels is neither 1 nor 3.
    """
    height, width, channels = pixels.shape
    if channels not in (1, 3):
        raise ValueError(f"pixels must have 1 or 3 channels; got {channels}")
    colour_type = 0 if channels == 1 else 2
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    # Each row starts with its filter type: 0 is none.
    rows = b"".join(b"\0" + pixels[row].tobytes() for row in range(height))
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def data_uri(pixels: npt.NDArray[np.uint8]) -> str:
    """Encode pixels as a PNG data URI; with neither 1 nor 3 channels, only the first channel."""
    shown = pixels if pixels.shape[2] in (1, 3) else pixels[:, :, :1]
    return "data:image/png;base64," + base64.b64encode(png(shown)).decode("ascii")


def first_kernels(weights: Mapping[str, npt.NDArray[np.generic]]) -> npt.NDArray[np.float64] | None:
    """Return the kernels of the first convolution, averaged over its input channels.

    Args:
        weights: arrays by name, for example ``"0.0.weight"``, shape (filters, channels, height, width). The order of
            the names is the order of the layers; the body of a residual block comes before its shortcut.

    Returns:
        Shape (filters, height, width), or ``None`` if no array has four dimensions.
    """
    import numpy as np

    for name in sorted(weights, key=_layer_order):
        if weights[name].ndim == 4:
            kernels: npt.NDArray[np.float64] = np.asarray(weights[name], dtype=np.float64).mean(axis=1)
            return kernels
    return None


def _layer_order(name: str) -> list[tuple[int, str]]:
    """Sort key for the order of layers: ``"2.body.0.weight"`` comes before ``"10.weight"``."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in name.split(".")]


def kernel_pixels(kernel: npt.NDArray[np.float64], largest: float) -> npt.NDArray[np.uint8]:
    """Colour a kernel: blue below 0, pale at 0, red above.

    Args:
        kernel: shape (height, width).
        largest: the absolute weight that gets the full colour.

    Returns:
        uint8, shape (height, width, 3).
    """
    import numpy as np

    strength = np.clip(kernel / largest if largest > 0 else kernel * 0, -1, 1)[:, :, None]
    middle, low, high = (np.array(colour, dtype=np.float64) for colour in (_MIDDLE, _BLUE, _RED))
    ends = np.where(strength < 0, low, high)
    return np.rint(middle + np.abs(strength) * (ends - middle)).astype(np.uint8)
