"""Warnings about files that differ within a dataset; files of one form give none."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from convstudy.data.audit.originals import original_warnings
from convstudy.data.preparing.summary import OriginalImages, PartSummary, PreparedSummary

PLAIN = OriginalImages(
    heights=(20, 30, 40),
    widths=(30, 30, 30),
    modes={"L": 60},
    n_frames=0,
    n_rotated=0,
    gamma_by_class=(0, 0, 0),
    deep_by_class=(0, 0, 0),
    n_enlarged=0,
    n_elongated=0,
)


def warnings(**changes: Any) -> tuple[str, ...]:
    """Return the warnings of 20 training images of each of three classes."""
    parts = {"train": PartSummary((20,) * 3, None), "test": PartSummary((5,) * 3, None)}
    originals = replace(PLAIN, **changes)
    return original_warnings(
        PreparedSummary("folder", (), ("a", "b", "c"), parts, originals, (), 0)  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    "changes",
    [{}, {"deep_by_class": (20, 20, 20)}, {"gamma_by_class": (20, 20, 20)}, {"gamma_by_class": (3, 4, 3)}],
)
def test_files_of_one_form_in_all_classes_give_no_warning(changes: dict[str, Any]) -> None:
    assert warnings(**changes) == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"deep_by_class": (20, 0, 0)},
            r"^20 of 60 training images have more than 8 bits per value, only in “a”:",
        ),
        ({"deep_by_class": (1, 1, 1)}, r"^3 of 60 training images have more than 8 bits per value: "),
        ({"gamma_by_class": (20, 0, 19)}, r"^39 of 60 .* gamma or sRGB chunk, only in “a” and “c”:"),
        ({"n_enlarged": 2}, r"^2 of 60 training images have less than half"),
        ({"n_elongated": 1}, r"^1 of 60 training images have one side over 3 times"),
    ],
)
def test_each_difference_gives_one_sentence(changes: dict[str, Any], expected: str) -> None:
    (warning,) = warnings(**changes)
    assert re.search(expected, warning)
