"""Crop, pad and stretch: geometry, antialiasing against a reference, sizes that need no change, extreme shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from convstudy.data.decoding import DecodeOptions, decode
from convstudy.data.decoding.fitting import crop_box, padded_size
from tests.data.decoding.drawn import drawn, drawn_16, photo, saved, scaled_16


def weights(source: int, target: int, start: float, length: float) -> npt.NDArray[np.float64]:
    """Return the matrix of a triangle filter, antialiased when it shrinks, from its definition.

    The crop is one of the resized whole image: pixels next to it take part at its edge.
    """
    scale = length / target
    support = max(1.0, scale)
    centres = start + (np.arange(target)[:, None] + 0.5) * scale
    found = np.maximum(0, 1 - np.abs(np.arange(source)[None] + 0.5 - centres) / support)
    return found / found.sum(axis=1, keepdims=True)


def reference(
    image: npt.NDArray[Any], size: tuple[int, int], box: tuple[int, int, int, int]
) -> npt.NDArray[Any]:
    left, top, right, bottom = box
    rows = weights(image.shape[0], size[0], top, bottom - top)
    columns = weights(image.shape[1], size[1], left, right - left)
    return np.einsum("ir,rcx,jc->ijx", rows, image.astype(np.float64), columns, optimize=True)


SIZES = [(250, 240, 64, 64), (50, 40, 64, 32), (33, 71, 16, 24), (9, 7, 40, 41), (64, 100, 64, 64)]


@pytest.mark.parametrize(("height", "width", "rows", "columns"), SIZES)
@pytest.mark.parametrize("fit", ["crop", "stretch"])
def test_pixels_are_those_of_an_antialiased_triangle_filter(
    height: int, width: int, rows: int, columns: int, fit: Any
) -> None:
    image = photo(height, width)
    box = crop_box((height, width), (rows, columns)) if fit == "crop" else (0, 0, width, height)
    found = decode(image, DecodeOptions((rows, columns), 3, fit)).pixels
    assert np.abs(found - reference(image, (rows, columns), box)).max() <= 1.3


@pytest.mark.parametrize("height", [257, 375, 1000])
def test_much_larger_image_differs_little_from_the_filter_alone(height: int) -> None:
    image = photo(height, height)
    found = decode(image, DecodeOptions((64, 64), 3)).pixels
    difference = np.abs(found - reference(image, (64, 64), (0, 0, height, height)))
    assert difference.max() < 10
    assert 0.1 < difference.mean() < 1


def test_stripes_too_fine_for_the_small_image_become_grey() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (512, 256))
    found = decode(stripes, DecodeOptions((64, 64), 1)).pixels
    assert np.abs(found.astype(int) - 127).max() <= 1


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("file_format", ["PNG", "array", "16-bit"])
def test_image_of_the_target_size_keeps_its_bits(fit: Any, file_format: str) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (31, 17, 3), dtype=np.uint8)
    data: Any = saved(noise, "PNG") if file_format == "PNG" else noise
    if file_format == "16-bit":
        data = noise.astype(np.uint16) * 257
    assert np.array_equal(decode(data, DecodeOptions((31, 17), 3, fit)).pixels, noise)


@pytest.mark.parametrize("source", [(64, 101), (101, 64)])
def test_crop_of_an_image_that_only_needs_cropping_interpolates_nothing(source: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*source, 3), dtype=np.uint8)
    found = decode(image, DecodeOptions((64, 64), 3)).pixels
    cut = image[18:82] if source[0] > 64 else image[:, 18:82]
    assert np.array_equal(found, cut)


def test_fits_differ_as_their_names_say() -> None:
    image = np.full((100, 200, 3), 255, np.uint8)
    image[:, :50] = (255, 0, 0)
    image[:, 150:] = (0, 0, 255)
    crop, pad, stretch = (
        decode(image, DecodeOptions((40, 40), 3, fit, background=7)).pixels
        for fit in ("crop", "pad", "stretch")
    )
    assert (crop[:, 1:-1] == 255).all()
    assert (crop[:, 0] == (255, 224, 224)).all()  # the filter sees the neighbours of the cropped part
    assert (pad[:10] == 7).all() and (pad[30:] == 7).all()
    assert (pad[10:30, :9] == (255, 0, 0)).all() and (pad[10:30, 31:] == (0, 0, 255)).all()
    assert (stretch[:, :9] == (255, 0, 0)).all() and (stretch[:, 31:] == (0, 0, 255)).all()


def test_padding_is_split_and_its_rest_follows() -> None:
    image = np.zeros((2, 10), np.uint8)
    found = decode(image, DecodeOptions((10, 10), 1, "pad", background=200)).pixels[..., 0]
    assert (found[:, 0] == 200).tolist() == [True] * 4 + [False] * 2 + [True] * 4
    found = decode(np.zeros((3, 10), np.uint8), DecodeOptions((10, 10), 1, "pad", background=200)).pixels
    assert (found[:, 0, 0] == 200).tolist() == [True] * 3 + [False] * 3 + [True] * 4


@pytest.mark.parametrize("data", [drawn(channels=1), drawn(), drawn(channels=5), drawn_16(20, 30, 3)])
def test_background_of_padding_is_the_stated_level_in_every_type(data: npt.NDArray[Any]) -> None:
    found = decode(data, DecodeOptions((30, 30), data.shape[2], "pad", background=77)).pixels
    assert (found[:5] == 77).all() and (found[25:] == 77).all()


def test_colour_background_becomes_grey_by_the_rule_of_grey() -> None:
    options = DecodeOptions((30, 30), 1, "pad", background=(255, 0, 0))
    assert (decode(drawn(), options).pixels[0] == 76).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (2, 3), (1, 1024), (7, 3000)])
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("size", [(64, 64), (1, 1), (1, 64), (64, 1)])
def test_tiny_and_extreme_images_have_a_value_everywhere(shape: tuple[int, int], fit: Any, size: Any) -> None:
    for data in (np.full(shape, 90, np.uint8), np.full(shape, 90 * 257, np.uint16)):
        found = decode(data, DecodeOptions(size, 3, fit, background=90)).pixels
        assert found.shape == (*size, 3)
        assert (found == 90).all()


@pytest.mark.parametrize(
    ("source", "size", "box"),
    [
        ((375, 500), (64, 64), (62, 0, 437, 375)),
        ((500, 375), (64, 64), (0, 62, 375, 437)),
        ((100, 100), (32, 64), (0, 25, 100, 75)),
        ((1, 5000), (64, 64), (2499, 0, 2500, 1)),
        ((3, 2), (64, 64), (0, 0, 2, 2)),
        ((480, 640), (48, 64), (0, 0, 640, 480)),
    ],
)
def test_crop_box_is_centred_and_has_the_targets_aspect_ratio(source: Any, size: Any, box: Any) -> None:
    assert crop_box(source, size) == box


@pytest.mark.parametrize(
    ("source", "size", "expected"),
    [
        ((375, 500), (64, 64), (48, 64)),
        ((500, 375), (64, 64), (64, 48)),
        ((1, 5000), (64, 64), (1, 64)),
        ((10, 10), (64, 32), (32, 32)),
        ((48, 64), (48, 64), (48, 64)),
    ],
)
def test_padded_size_is_the_largest_inside_the_target(source: Any, size: Any, expected: Any) -> None:
    assert padded_size(source, size) == expected


def test_16_bit_images_are_interpolated_like_8_bit_images() -> None:
    image = photo(90, 120)
    small = DecodeOptions((32, 32), 3)
    deep = decode(image.astype(np.uint16) * 257, small).pixels.astype(int)
    assert np.abs(deep - decode(image, small).pixels).max() <= 1
    big_endian = decode((image.astype(np.uint16) * 257).astype(">u2"), small).pixels
    assert np.array_equal(big_endian, deep)


def test_grey_of_a_colour_image_is_that_of_itu_r_601() -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [10, 200, 30]]], np.uint8)
    expected = [76, 150, 29, 255, 124]
    options = DecodeOptions((1, 5), 1)
    assert decode(colours, options).pixels.ravel().tolist() == expected
    assert decode(colours.astype(np.uint16) * 257, options).pixels.ravel().tolist() == expected
    assert decode(saved(colours, "PNG"), options).pixels.ravel().tolist() == expected


def test_16_bit_values_are_rounded_once_at_the_target_size() -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    found = decode(values, DecodeOptions((256, 256), 1)).pixels
    assert np.array_equal(found[..., 0], scaled_16(values))
