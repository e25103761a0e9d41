"""Arrays and ``.npy`` files: types, shapes, order in memory and in the file, damage."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from convstudy.data.decoding import DecodeOptions, ImageHeader, Undecodable, decode, probe
from tests.data.decoding.drawn import drawn, drawn_16, pixels, scaled_16


def npy(values: npt.NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, values, allow_pickle=False)
    return file.getvalue()


@pytest.mark.parametrize("form", ["array", "npy"])
@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 1), (20, 30, 3), (20, 30, 7)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_uint8_of_every_shape_and_order_keeps_its_values(
    form: str, shape: tuple[int, ...], order: Any
) -> None:
    channels = shape[2] if len(shape) == 3 else 1
    values = np.asarray(drawn(20, 30, channels).reshape(shape), order=order)
    values.setflags(write=False)
    data = values if form == "array" else npy(values)
    assert np.array_equal(pixels(data), drawn(20, 30, channels))
    mode = "uint8" + (f"x{channels}" if channels > 1 else "")
    assert probe(data) == ImageHeader(20, 30, mode, channels, "array" if form == "array" else "NPY")


@pytest.mark.parametrize("form", [np.asarray, npy])
@pytest.mark.parametrize("order", ["<", ">"])
def test_uint16_of_either_byte_order_is_scaled(form: Any, order: str) -> None:
    values = drawn_16(20, 30, 3)
    assert np.array_equal(pixels(form(values.astype(order + "u2"))), scaled_16(values))


def test_views_with_gaps_and_negative_steps_keep_their_values() -> None:
    values = drawn(40, 60)
    assert np.array_equal(pixels(values[::-2, 1::2]), values[::-2, 1::2])
    assert np.array_equal(pixels(values[..., ::-1]), values[..., ::-1])


def test_bool_becomes_0_and_255() -> None:
    values = drawn(channels=1)[..., 0] > 100
    assert np.array_equal(pixels(values)[..., 0], values * np.uint8(255))
    assert probe(values).bits == 1


@pytest.mark.parametrize("name", ["f2", "f4", "f8", ">f4"])
def test_floats_from_0_to_1_span_0_to_255(name: str) -> None:
    values = (drawn() / 255).astype(name)
    assert np.array_equal(pixels(values), drawn())


@pytest.mark.parametrize("name", ["int8", "int16", "int32", "int64", "uint32", "float64"])
def test_values_without_a_fixed_meaning_need_a_range(name: str) -> None:
    values = np.array([[-1 if name[0] != "u" else 0, 99]], name)
    low = float(values.min())
    assert (probe(values).low, probe(values).high) == (low, 99)
    with pytest.raises(Undecodable) as caught:
        pixels(values)
    reason = f"{name} values from {low:g} to 99 need `range`, for example range = [{low:g}, 99]"
    assert caught.value.reason == reason
    assert pixels(values, value_range=(low, 99)).ravel().tolist() == [0, 255]


def test_range_maps_linearly_and_clips() -> None:
    values = np.array([[-1000, -160, 50, 240, 3000]], np.int16)
    assert pixels(values, value_range=(-160, 240)).ravel().tolist() == [0, 0, 134, 255, 255]
    assert pixels(np.array([[0, 2048, 4095]], np.uint16), value_range=(0, 4095)).ravel().tolist() == [
        0,
        128,
        255,
    ]
    assert pixels(np.array([[0, 50, 200]], np.uint8), value_range=(0, 100)).ravel().tolist() == [0, 128, 255]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("limits", [None, (0, 1)])
def test_nan_and_infinity_are_named(bad: float, limits: tuple[float, float] | None) -> None:
    values = np.full((4, 4), 0.5)
    values[1, 2] = bad
    assert probe(values).low is None
    with pytest.raises(Undecodable, match=r"^NaN or infinite values$"):
        pixels(values, value_range=limits)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.zeros((4, 4), complex), "complex128 values; pixels must be bool, integers or floats"),
        (np.zeros((4, 4), "U3"), "str96 values; pixels must be bool, integers or floats"),
        (np.zeros((4, 4), object), "object values; pixels must be bool, integers or floats"),
        (np.zeros(16), "shape (16,); one image must have (height, width) or (height, width, channels)"),
        (
            np.zeros((2, 4, 4, 3)),
            "shape (2, 4, 4, 3); one image must have (height, width) or (height, width, channels)",
        ),
        (np.zeros((0, 4)), "no pixels: 4 × 0"),
        (
            np.zeros((3, 64, 64), np.uint8),
            "shape (3, 64, 64) looks like (channels, height, width); save it as (height, width, channels)",
        ),
    ],
)
def test_array_that_is_no_image_is_undecodable_with_reason(values: npt.NDArray[Any], reason: str) -> None:
    with pytest.raises(Undecodable) as caught:
        probe(values)
    assert caught.value.reason == reason


def test_array_with_too_many_values_is_refused_by_its_shape() -> None:
    huge = np.broadcast_to(np.uint8(0), (10**6, 10**6))
    with pytest.raises(
        Undecodable, match=r"^too large: 1,000,000 × 1,000,000 pixels; the limit is 89,478,485 pixels$"
    ):
        probe(huge)
    deep = np.broadcast_to(np.uint8(0), (10**4, 10**3, 1000))
    with pytest.raises(Undecodable, match=r"^too large: 1,000 × 10,000 pixels × 1,000 channels"):
        probe(deep)


def test_damaged_npy_is_undecodable_with_reason() -> None:
    data = npy(drawn())
    for length in (6, 8, 50, len(data) - 1):
        with pytest.raises(Undecodable, match=r"^(damaged|truncated)"):
            probe(data[:length])
    with pytest.raises(Undecodable, match=r"^damaged: 2 bytes follow the last value$"):
        probe(data + b"ab")
    giant = data.replace(b"(20, 30, 3), }", b"(9999999, 999999), }")
    with pytest.raises(Undecodable, match=r"^(damaged|truncated)"):
        probe(giant)


def test_npy_of_objects_is_refused_without_reading_them() -> None:
    file = io.BytesIO()
    np.save(file, np.array([[1, "a"]], object), allow_pickle=True)
    with pytest.raises(Undecodable, match=r"^object values"):
        probe(file.getvalue())
    with pytest.raises(Undecodable, match=r"^not a supported image: a Python pickle$"):
        probe(pickle.dumps([1]))


def test_wrong_number_of_channels_is_named() -> None:
    for stored, wanted in ((5, 3), (3, 5), (1, 4), (4, 1), (2, 3)):
        with pytest.raises(
            Undecodable, match=rf"^{stored} channels? cannot become the {wanted} of `channels`$"
        ):
            decode(drawn(channels=stored), DecodeOptions((8, 8), wanted))
        with pytest.raises(
            Undecodable, match=rf"^{stored} channels? cannot become the {wanted} of `channels`$"
        ):
            decode(drawn_16(8, 8, stored), DecodeOptions((8, 8), wanted))
