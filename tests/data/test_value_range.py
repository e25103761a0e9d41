"""Which pixel values of an array become black and white."""

from __future__ import annotations

import numpy as np
import pytest

from convstudy.data.value_range import ImageBounds, ValueBounds, bounds_of, natural_range, range_text
from convstudy.errors import DataError


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([0, 250], np.uint8), None),
        (np.array([0, 900], np.uint16), None),
        (np.array([False, True]), None),
        (np.array([-3, 90], np.int8), (-128, 127)),
        (np.array([0.0, 0.7]), (0, 1)),
        (np.array([0.0, 0.0]), (0, 1)),
        (np.array([-0.5, 0.7]), (-1, 1)),
        (np.array([-1.5, 0.7]), (-1.5, 0.7)),
        (np.array([0.0, 3.0, 16.0]), (0, 16)),
        (np.array([0, 17]), (0, 255)),
        (np.array([0.0, 17.0]), (0, 255)),
        (np.array([0.5, 17.0]), (0.5, 17)),
        (np.array([0.5, 254.9]), (0, 255)),
        (np.array([0, 4000], np.int32), (0, 4095)),
        (np.array([0, 60_000], np.int32), (0, 65_535)),
        (np.array([0, 70_000], np.int32), (0, 70_000)),
        (np.array([-7, -7]), (-7, -6)),
        (np.array([0.0, np.nan, np.inf, 0.5]), (0, 1)),
        (np.array([np.nan]), (0, 1)),
    ],
)
def test_range_is_the_first_usual_one_that_contains_all_values(
    values: np.ndarray, expected: tuple[float, float] | None
) -> None:
    bounds = bounds_of([values[:1], values[1:]])
    assert natural_range(bounds) == expected
    assert ("becomes black" in range_text(bounds)) == (expected is not None)


def test_text_states_the_values_and_the_range() -> None:
    text = range_text(bounds_of([np.array([-1.0, 0.5])]))
    assert text == ("the training images have values from -1 to 0.5 (float64); -1 becomes black and 1 white")


@pytest.mark.parametrize(("highest", "most"), [(900, 1023), (4000, 4095), (32_767, 32_767), (200, 255)])
def test_text_warns_of_images_that_use_few_of_16_bits(highest: int, most: int) -> None:
    text = range_text(bounds_of([np.array([0, highest], np.uint16)]))
    assert f"values up to {highest:,} of 65,535, so they become dark; range = [0, {most}]" in text
    assert range_text(bounds_of([np.array([0, 40_000], np.uint16)])) == ""
    assert range_text(bounds_of([np.array([0, 9], np.uint8)])) == ""


def test_each_image_is_read_once_and_only_if_it_is_wanted() -> None:
    read = list[int]()

    def image(position: int) -> np.ndarray:
        read.append(position)
        if position == 3:
            raise DataError("damaged")
        return np.array([position / 2, -1.0])

    bounds = ImageBounds(image, 10, "float64")
    assert bounds([4, 2]) == ValueBounds(-1, 2, "float64", True)
    assert bounds([2, 3, 5]) == ValueBounds(-1, 2.5, "float64", False)
    assert bounds([3]) == bounds([]) == ValueBounds(0, 0, "float64", True)
    assert sorted(read) == [2, 3, 4, 5]
    assert ImageBounds(image, 10, "uint8")([0, 9]).dtype == "uint8"
    assert len(read) == 4
