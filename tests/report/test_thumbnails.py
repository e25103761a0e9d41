from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
import pytest

from convstudy.report.thumbnails import data_uri, first_kernels, kernel_pixels, png


def decoded(content: bytes) -> np.ndarray:
    """Decode an 8-bit grey or RGB PNG without filters, and check its checksums."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    offset, chunks = 8, {}
    while offset < len(content):
        (length,) = struct.unpack(">I", content[offset : offset + 4])
        kind, data = content[offset + 4 : offset + 8], content[offset + 8 : offset + 8 + length]
        (sum_,) = struct.unpack(">I", content[offset + 8 + length : offset + 12 + length])
        assert sum_ == zlib.crc32(kind + data)
        chunks[kind] = data
        offset += 12 + length
    width, height, depth, colour, *_ = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    channels = {0: 1, 2: 3}[colour]
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + width * channels)
    assert depth == 8 and not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, channels)


@pytest.mark.parametrize("shape", [(28, 28, 1), (5, 3, 3), (1, 1, 1)])
def test_png_contains_the_pixels(shape: tuple[int, int, int]) -> None:
    pixels = np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)
    assert (decoded(png(pixels)) == pixels).all()
    head, _, body = data_uri(pixels).partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(body) == png(pixels)


def test_png_rejects_other_numbers_of_channels() -> None:
    with pytest.raises(ValueError, match="got 2"):
        png(np.zeros((2, 2, 2), np.uint8))


def test_first_kernels_are_those_of_the_lowest_layer_number() -> None:
    weights = {
        "10.0.weight": np.ones((1, 1, 3, 3)),
        "2.0.weight": np.stack([np.zeros((2, 5, 5)), np.ones((2, 5, 5))]),
        "0.weight": np.zeros(3),
    }
    kernels = first_kernels(weights)
    assert kernels is not None and kernels.shape == (2, 5, 5)
    assert first_kernels({"0.weight": np.zeros((3, 3))}) is None


def test_negative_weights_are_blue_positive_red_and_zero_pale() -> None:
    pixels = kernel_pixels(np.array([[-2.0, 0.0, 2.0]]), 2.0)
    assert pixels.tolist() == [[[0, 114, 178], [245, 245, 245], [213, 94, 0]]]
    assert kernel_pixels(np.zeros((1, 1)), 0.0).tolist() == [[[245, 245, 245]]]
