"""Drawn images, files of them, and their decoding at the size that they have."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from convstudy.data.decoding import DecodeOptions, decode, probe


def drawn(height: int = 20, width: int = 30, channels: int = 3) -> npt.NDArray[np.uint8]:
    """Return an image with many values, in which no row, column or channel equals another."""
    rows, columns = np.mgrid[0:height, 0:width]
    planes = [(7 * rows * (each + 1) + 5 * columns + 40 * each) % 256 for each in range(channels)]
    return np.stack(planes, axis=2).astype(np.uint8)


def drawn_16(height: int = 20, width: int = 30, channels: int = 1) -> npt.NDArray[np.uint16]:
    """Return 16-bit values over the whole range, with high and low bytes that differ."""
    values = np.linspace(0, 65535, height * width * channels).round().astype(np.uint16)
    return values.reshape(height, width, channels)


def scaled_16(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return 16-bit values as 8-bit values: v / 257, rounded."""
    return np.rint(values.astype(np.float64) / 257).astype(np.uint8)


def photo(height: int = 375, width: int = 500, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Return a drawn photo: smooth noise of six scales in three correlated colours."""
    rng = np.random.default_rng(seed)
    image = np.zeros((height, width, 3), np.float32)
    for scale in (1, 3, 8, 20, 60, 150):
        coarse = rng.normal(size=(height // scale + 2, width // scale + 2, 4)).astype(np.float32) * scale**0.6
        for each in range(3):
            plane = Image.fromarray(coarse[..., each] + 2 * coarse[..., 3])
            image[..., each] += np.asarray(plane.resize((width, height), Image.Resampling.BICUBIC))
    image -= image.min()
    return np.rint(image * (255 / image.max())).astype(np.uint8)


def saved(image: npt.NDArray[Any] | Image.Image, file_format: str, **options: Any) -> bytes:
    """Return the file that Pillow writes."""
    if not isinstance(image, Image.Image):
        image = Image.fromarray(image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image)
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def pixels(data: bytes | npt.NDArray[Any], **options: Any) -> npt.NDArray[np.uint8]:
    """Decode an image at its own size, with its own number of channels."""
    header = probe(data)
    form = {"size": (header.height, header.width), "channels": header.channels}
    return decode(data, DecodeOptions(**{**form, **options})).pixels
