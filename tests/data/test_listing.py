from __future__ import annotations

from typing import Any

import pytest

from convstudy.data.listing import Listing, Stamp, class_order
from convstudy.errors import DataError


class NoReader:
    def stamp(self, position: int) -> Stamp:
        raise NotImplementedError

    def read(self, position: int) -> bytes:
        raise NotImplementedError

    def as_json(self) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize("column", ["labels", "parts", "groups", "times", "weights"])
def test_a_column_of_another_length_is_an_error_that_names_it(column: str) -> None:
    columns: dict[str, Any] = {"labels": ["a", "b"], column: ["a"]}
    with pytest.raises(DataError, match=f"1 {column} for 2 images"):
        Listing(NoReader(), ("1.png", "2.png"), **columns)


def test_a_listing_without_images_is_an_error() -> None:
    with pytest.raises(DataError, match="no image"):
        Listing(NoReader(), (), ())


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"2", "10", "1"}, ("1", "2", "10")),
        ({"-1", "1", "0"}, ("-1", "0", "1")),
        ({"1", "01"}, ("01", "1")),
        ({"1", "1.5"}, ("1", "1.5")),
        ({"²", "1"}, ("1", "²")),
        ({"b", "B", "a"}, ("B", "a", "b")),
    ],
)
def test_numeric_class_names_sort_as_numbers_and_others_as_text(
    names: set[str], expected: tuple[str, ...]
) -> None:
    assert class_order(names) == expected
