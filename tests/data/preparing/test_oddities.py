from __future__ import annotations

from dataclasses import replace

import pytest

from convstudy.data.decoding import DecodeOptions, ImageHeader
from convstudy.data.preparing.oddities import warnings_on_files

PLAIN = ImageHeader(100, 100, "RGB", 3, "PNG")
OPTIONS = DecodeOptions((64, 64), 3)
NAMES = ("cat", "dog")


def warnings(cats: list[ImageHeader], dogs: list[ImageHeader], options: DecodeOptions = OPTIONS) -> str:
    return "\n".join(warnings_on_files([*cats, *dogs], [0] * len(cats) + [1] * len(dogs), NAMES, options))


def test_equal_files_have_no_warning() -> None:
    assert warnings([PLAIN] * 9, [PLAIN] * 9) == ""


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"has_gamma": True}, "have a gamma or sRGB chunk"),
        ({"bits": 16}, "have more than 8 bits per value"),
        ({"is_rotated": True}, "are rotated by their EXIF data"),
        ({"has_alpha": True}, "have transparency"),
        ({"channels": 1}, "are grey"),
        ({"format": "JPEG"}, "are JPEG files"),
    ],
)
def test_a_property_of_one_class_only_is_named_with_the_class(change: dict[str, object], text: str) -> None:
    changed = replace(PLAIN, **change)  # type: ignore[arg-type]
    found = warnings([changed] * 9, [PLAIN] * 9)
    assert f'90% or more of the training images of "cat" {text}, and 10% or less of those of "dog"' in found
    assert "90%" in warnings([changed] * 19 + [PLAIN], [PLAIN] * 20)
    assert "90%" not in warnings([changed, PLAIN] * 5, [PLAIN, changed] * 5)
    assert "90%" not in warnings([changed, *[PLAIN] * 8], [PLAIN] * 9)


def test_a_class_of_few_images_says_nothing() -> None:
    assert warnings([replace(PLAIN, has_gamma=True)] * 4, [PLAIN] * 9) == ""


def test_deep_small_and_cut_images_are_counted() -> None:
    odd = [
        replace(PLAIN, bits=16),
        replace(PLAIN, height=20, width=20),
        replace(PLAIN, height=100, width=250),
    ]
    found = warnings([*odd, *[PLAIN] * 7], [PLAIN] * 10)
    assert "1 of 20 training images have more than 8 bits per value" in found
    assert "1 of 20 training images have less than half the height or width" in found
    assert "1 of 20 training images lose more than half" in found
    assert "lose more" not in warnings(odd, [PLAIN] * 9, replace(OPTIONS, fit="pad"))
    assert warnings([replace(PLAIN, bits=16)] * 9, [replace(PLAIN, bits=16)] * 9) == ""
