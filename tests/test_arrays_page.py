"""The part of docs/sources.md on arrays says what the sources of arrays do: names, shapes, ranges, limits."""

from __future__ import annotations

import re

import numpy as np
import pytest

from convstudy.data.array_files.labels import image_form
from convstudy.data.array_files.roles import CLASS_WORDS, IMAGE_WORDS, LABEL_WORDS
from convstudy.data.folders.part_words import PART_WORDS
from convstudy.data.sources import LISTED_SOURCES, npz
from convstudy.data.value_range import bounds_of, natural_range
from convstudy.errors import DataError, Location
from tests.test_sources_page import PAGE, code, rows

SECTION = PAGE[PAGE.index("## Arrays and binary files") :]


KINDS = ("npz", "npy", "idx", "cifar", "stl10", "pixels", "huggingface")


def test_table_of_sources_names_every_kind() -> None:
    listed = {name.strip('"') for cells in rows("at the path") for name in code(cells[1])}
    assert set(KINDS) <= listed


def test_names_of_arrays_are_those_of_the_code() -> None:
    cells = rows("names of images")[2]
    assert {name.lower() for name in code(cells[0])} == set(IMAGE_WORDS)
    assert set(code(cells[1])) == set(LABEL_WORDS)
    for word in (*CLASS_WORDS, *PART_WORDS):
        assert f"`{word}`" in SECTION


SHAPES = {
    "(n, height, width), (n, height, width, channels)": [(5, 8, 9), (5, 8, 9, 3), (5, 8, 9, 7)],
    "(n, 1, 3 or 4, height, width) with height and width above 4": [(5, 1, 8, 9), (5, 3, 5, 5), (5, 4, 8, 9)],
    "(n, side²)": [(5, 49)],
    "(n, other number)": [(5, 48), (5, 3072)],
    "(n, k, k, k) with k above 4": [(5, 28, 28, 28)],
}


def test_shapes_mean_what_the_page_says() -> None:
    assert [cells[0] for cells in rows("shape of the images")] == list(SHAPES)
    for shape, meaning in rows("shape of the images"):
        for each in SHAPES[shape]:
            if meaning.startswith("an error"):
                with pytest.raises(DataError):
                    image_form(each, np.uint8, Location())
            else:
                assert bool(image_form(each, np.uint8, Location()).note) == ("printed" in meaning)


RANGES: dict[str, list[tuple[np.ndarray, tuple[float, float] | None]]] = {
    "8 bits, 16 bits without a sign, booleans": [
        (np.array([3], dtype), None) for dtype in ("uint8", "uint16", "bool")
    ],
    "8 bits with a sign": [(np.array([3], "int8"), (-128, 127))],
    "from 0 to 1": [(np.array([0.2, 0.9]), (0, 1))],
    "from −1 to 1": [(np.array([-0.2, 0.9]), (-1, 1))],
    "integers from 0 to 16": [(np.array([3, 15]), (0, 16))],
    "integers from 0 to 255; other numbers from 0 to 255, some above 127": [
        (np.array([3, 17]), (0, 255)),
        (np.array([3.5, 128]), (0, 255)),
    ],
    "integers up to 1,023, 4,095, 16,383, 32,767 or 65,535": [
        (np.array([3, most - 1]), (0, most)) for most in (1023, 4095, 16_383, 32_767, 65_535)
    ],
    "others": [(np.array([3.5, 100]), (3.5, 100)), (np.array([-7, 9]), (-7, 9))],
}


def test_ranges_are_those_of_the_page() -> None:
    assert [cells[0] for cells in rows("training images")] == list(RANGES)
    for examples in RANGES.values():
        for values, expected in examples:
            assert natural_range(bounds_of([values])) == expected


def test_limit_of_verified_checksums_is_that_of_the_code() -> None:
    assert f"verified up to {npz.MAX_VERIFIED_BYTES >> 30} GiB" in " ".join(SECTION.split())


def test_every_option_of_these_sources_is_named() -> None:
    for name in KINDS:
        for option in LISTED_SOURCES[name].options:
            assert re.search(rf"`{option}[`= ]", SECTION), f"{option} of {name}"
