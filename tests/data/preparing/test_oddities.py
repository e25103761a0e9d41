from __future__ import annotations

from dataclasses import replace

import pytest

from convstudy.data.decoding import DecodeOptions, ImageHeader
from convstudy.data.preparing.oddities import notes_on_files

PLAIN = ImageHeader(100, 100, "RGB", 3, "PNG")
OPTIONS = DecodeOptions((64, 64), 3)
NAMES = ("cat", "dog")


def notes(cats: list[ImageHeader], dogs: list[ImageHeader], options: DecodeOptions = OPTIONS) -> str:
    return "\n".join(notes_on_files([*cats, *dogs], [0] * len(cats) + [1] * len(dogs), NAMES, options))


def test_equal_files_have_no_note() -> None:
    assert notes([PLAIN] * 9, [PLAIN] * 9) == ""


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
    found = notes([changed] * 9, [PLAIN] * 9)
    assert f'All training images of "cat" {text}, and none of "dog"' in found
    assert text not in notes([changed, PLAIN] * 5, [PLAIN, changed] * 5).replace("are scaled", "")[-1:]
    assert "All training images" not in notes([changed, *[PLAIN] * 8], [PLAIN] * 9)


def test_a_class_of_few_images_says_nothing() -> None:
    assert notes([replace(PLAIN, has_gamma=True)] * 4, [PLAIN] * 9) == ""


def test_deep_animated_small_and_cut_images_are_counted() -> None:
    odd = [
        replace(PLAIN, bits=16),
        replace(PLAIN, n_frames=7),
        replace(PLAIN, height=20, width=20),
        replace(PLAIN, height=100, width=250),
    ]
    found = notes([*odd, *[PLAIN] * 6], [PLAIN] * 10)
    assert "1 of 20 training images have more than 8 bits per value; the others have 8" in found
    assert "1 of 20 training images have several frames" in found
    assert "1 of 20 training images are smaller than 64 × 64" in found
    assert "1 of 20 training images lose more than half" in found
    assert "lose more" not in notes(odd, [PLAIN] * 9, replace(OPTIONS, fit="pad"))


def test_arrays_of_floats_have_no_note_on_bits_because_their_range_has_one() -> None:
    array = replace(PLAIN, format="array", mode="float64", bits=64, low=0.0, high=254.0)
    assert "8 bits" not in notes([array] * 9, [array] * 9)
    assert "8 bits" in notes([replace(array, bits=16, low=None)] * 9, [PLAIN] * 9)
