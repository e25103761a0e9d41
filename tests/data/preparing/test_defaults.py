from __future__ import annotations

import pytest

from convstudy.data.preparing.defaults import SIDES, default_channels, default_size


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(8, 8)] * 3, (8, 8)),
        ([(28, 40)] * 3, (28, 40)),
        ([(128, 128)] * 3, (128, 128)),
        ([(129, 129)] * 3, (128, 128)),
        ([(5, 9), (6, 9), (7, 9)], (16, 16)),
        ([(60, 90), (70, 50), (500, 400)], (48, 48)),
        ([(375, 500), (500, 375)], (128, 128)),
        ([(63, 63), (64, 64), (65, 65), (66, 66)], (64, 64)),
    ],
)
def test_size_is_kept_if_it_is_the_same_and_else_follows_the_median(
    sizes: list[tuple[int, int]], expected: tuple[int, int]
) -> None:
    assert default_size(sizes) == expected


def test_size_of_any_images_is_from_16_to_128_if_they_differ() -> None:
    for side in (1, 15, 17, 100, 10_000):
        height, width = default_size([(side, side + 1), (side, side + 2)])
        assert height == width and height in SIDES


def test_one_colour_image_makes_all_images_colour() -> None:
    assert default_channels([1, 1, 1]) == 1
    assert default_channels([1, 3, 1]) == 3
    assert default_channels([5, 5, 5]) == 5
    assert default_channels([5, 5, 1]) == 5
