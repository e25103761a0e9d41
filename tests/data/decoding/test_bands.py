"""Transparency, range and channels together, in every combination of grey and colour, 8 and 16 bits."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest

from convstudy.data.decoding import DecodeOptions, decode, probe
from tests.data.decoding.drawn import drawn, pixels, saved

COLOUR = (10, 100, 200)


def file_of(values: npt.NDArray[np.uint8], deep: bool) -> bytes:
    return imagecodecs.png_encode(values.astype(np.uint16) * 257) if deep else saved(values, "PNG")


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("stored", [2, 4])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("background", [60, COLOUR])
def test_transparent_image_is_composited_in_the_wanted_channels(
    deep: bool, stored: int, channels: int, background: Any
) -> None:
    values = drawn(channels=stored)
    found = pixels(file_of(values, deep), channels=channels, background=background)
    alpha = values[..., -1:] / 255
    colours = np.repeat(values[..., :1], 3, axis=2) if stored == 2 else values[..., :3]
    expected = colours * alpha + np.broadcast_to(background, 3) * (1 - alpha)
    if channels == 1:
        expected = (expected @ np.array([0.299, 0.587, 0.114]))[..., None]
    assert np.abs(found - expected).max() <= 1.01


@pytest.mark.parametrize("deep", [False, True])
def test_range_applies_to_colours_and_not_to_transparency(deep: bool) -> None:
    values = np.full((2, 2, 4), (0, 50, 100, 51), np.uint8)
    limits = (0, 100 * 257) if deep else (0, 100)
    found = pixels(file_of(values, deep), value_range=limits, background=0)
    assert found[0, 0].tolist() == [0, 26, 51] or found[0, 0].tolist() == [0, 25, 51]


def test_range_of_an_8_bit_file_maps_linearly_and_clips() -> None:
    data = saved(np.array([[0, 50, 100, 200]], np.uint8), "PNG")
    assert pixels(data, value_range=(50, 150)).ravel().tolist() == [0, 0, 128, 255]
    colour = saved(np.array([[[50, 100, 150]]], np.uint8), "PNG")
    assert pixels(colour, value_range=(50, 150)).ravel().tolist() == [0, 128, 255]


def test_stored_channels_are_kept_if_their_number_is_asked_for() -> None:
    for stored in (2, 4):
        values = drawn(channels=stored)
        for deep in (False, True):
            data = file_of(values, deep)
            assert probe(data).channels == stored - 1
            assert np.array_equal(pixels(data, channels=stored), values)


def test_header_counts_no_transparency_as_a_channel() -> None:
    for stored, channels in ((1, 1), (2, 1), (3, 3), (4, 3)):
        assert probe(saved(drawn(channels=stored), "PNG")).channels == channels


def test_opaque_image_with_alpha_equals_the_image_without() -> None:
    values = np.concatenate([drawn(), np.full((20, 30, 1), 255, np.uint8)], axis=2)
    options = DecodeOptions((7, 9), 3)
    expected = decode(saved(drawn(), "PNG"), options).pixels
    assert np.array_equal(decode(saved(values, "PNG"), options).pixels, expected)
