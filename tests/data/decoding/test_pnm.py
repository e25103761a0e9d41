"""PBM, PGM and PPM: binary and text, any largest value, comments."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from convstudy.data.decoding import DecodeOptions, ImageHeader, Undecodable, decode, probe
from tests.data.decoding.drawn import drawn, drawn_16, pixels, saved, scaled_16


def test_binary_files_of_pillow_give_their_pixels() -> None:
    bitmap = drawn(10, 13, 1) > 127
    data = saved(Image.fromarray(bitmap[..., 0]), "PPM")
    assert data.startswith(b"P4")
    assert np.array_equal(pixels(data), bitmap * np.uint8(255))
    assert probe(data) == ImageHeader(10, 13, "1", 1, "PNM", bits=1)


def test_16_bit_files_are_scaled_by_the_rule_of_all_16_bit_files() -> None:
    grey = saved(drawn_16()[..., 0], "PPM")
    assert grey.startswith(b"P5")
    assert np.array_equal(pixels(grey), scaled_16(drawn_16()))
    colour = b"P6\n30 20\n65535\n" + drawn_16(20, 30, 3).astype(">u2").tobytes()
    assert np.array_equal(pixels(colour), scaled_16(drawn_16(20, 30, 3)))
    assert probe(colour) == ImageHeader(20, 30, "uint16x3", 3, "PNM", bits=16)


def test_largest_value_becomes_255() -> None:
    assert pixels(b"P5 3 1 100\n" + bytes([0, 50, 100])).ravel().tolist() == [0, 128, 255]
    assert pixels(b"P5 3 1 4095\n" + np.array([0, 2048, 4095], ">u2").tobytes()).ravel().tolist() == [
        0,
        128,
        255,
    ]


def test_text_files_may_have_comments() -> None:
    assert pixels(b"P2 # made by hand\n3 1\n255\n0 7 # seven\n255\n").ravel().tolist() == [0, 7, 255]
    assert pixels(b"P3\n1 2\n255\n1 2 3\n4 5 6").reshape(2, 3).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert pixels(b"P1\n3 2\n101\n0 1 0").reshape(2, 3).tolist() == [[0, 255, 0], [255, 0, 255]]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"P5 3 1 255\n\0\0", "truncated after 13 bytes"),
        (b"P4 9 2\n\0\0\0", "truncated after 10 bytes"),
        (b"P2 3 1 255\n1 2", "truncated after 14 bytes"),
        (b"P1 3 1\n1 0", "truncated after 10 bytes"),
        (b"P2 2 1 255\n1 x", "damaged: a value is not a number"),
        (b"P2 2 1 255\n1 256", "damaged: a value is above 255"),
        (b"P5 2 1 9\n\x09\x0a", "damaged: a value is above 9"),
        (b"P5 2 1 70000\n" + bytes(8), "damaged: largest value 70,000"),
        (b"P5 2 1 0\n" + bytes(8), "damaged: largest value 0"),
        (b"P5 0 1 255\n", "no pixels: 0 × 1"),
        (b"P5 100000 100000 255\n", "too large: 100,000 × 100,000 pixels; the limit is 89,478,485 pixels"),
        (b"P1 is the first of our plots\n", "not a supported image: a text file"),
    ],
)
def test_damaged_file_is_undecodable_with_reason(data: bytes, reason: str) -> None:
    with pytest.raises(Undecodable) as caught:
        decode(data, DecodeOptions((2, 2), 1))
    assert caught.value.reason == reason
