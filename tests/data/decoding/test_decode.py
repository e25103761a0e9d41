"""Decoding: every kind of file becomes the uint8 pixels that it was made from."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from convstudy.data.decoding import DecodeOptions, ImageHeader, Undecodable, decode, probe


def drawn(height: int = 20, width: int = 30, channels: int = 3) -> npt.NDArray[np.uint8]:
    """Return a smooth image with all values, in which no row, column or channel equals another."""
    rows, columns = np.mgrid[0:height, 0:width]
    planes = [(7 * rows * (each + 1) + 5 * columns + 40 * each) % 256 for each in range(channels)]
    return np.stack(planes, axis=2).astype(np.uint8)


def saved(image: Image.Image, file_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def pixels(data: bytes | npt.NDArray[Any], **options: Any) -> npt.NDArray[np.uint8]:
    """Decode at the size of the image."""
    header = probe(data)
    return decode(
        data, DecodeOptions(**{"size": (header.height, header.width), "channels": header.channels, **options})
    ).pixels


@pytest.mark.parametrize(("file_format", "options"), [("PNG", {}), ("BMP", {}), ("WEBP", {"lossless": True})])
def test_lossless_colour_file_gives_the_pixels_it_was_made_from(
    file_format: str, options: dict[str, Any]
) -> None:
    image = drawn()
    data = saved(Image.fromarray(image), file_format, **options)
    assert np.array_equal(pixels(data), image)
    assert probe(data) == ImageHeader(20, 30, "RGB", 3, file_format)


def test_jpeg_gives_the_pixels_of_pillow() -> None:
    data = saved(Image.fromarray(drawn()), "JPEG", quality=90)
    assert np.array_equal(pixels(data), np.asarray(Image.open(io.BytesIO(data))))


def test_options_and_header_survive_json() -> None:
    options = DecodeOptions((8, 9), 3, "pad", True, (0, 100.5), (1, 2, 3), "reduced")
    assert DecodeOptions.from_json(options.as_json()) == options
    header = ImageHeader(1, 2, "L", 1, "PNG", 8, False, 3, True, True)
    assert ImageHeader.from_json(header.as_json()) == header


def test_empty_bytes_are_undecodable() -> None:
    with pytest.raises(Undecodable, match=r"^empty file$"):
        probe(b"")
