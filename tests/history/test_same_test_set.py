"""A test set keeps its identity if an image is added, or if it is decoded in another way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convstudy.data.audit.fingerprints import Fingerprints
from convstudy.history.same_test_set import is_same_test_set


def of(*values: int) -> Fingerprints:
    return Fingerprints(np.array(values, dtype=np.uint64), None)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (range(100), range(101), True),  # one image added
        (range(100), range(90, 190), True),  # ten of a hundred shared
        (range(100), range(91, 191), False),
        (range(100), range(50, 60), True),  # a part of the test set
        (range(1000), range(995, 1095), False),
        (range(10_000), range(9_990, 10_090), True),  # a tenth of the smaller one
    ],
)
def test_test_sets_are_the_same_if_they_share_a_tenth_of_the_smaller_one(
    first: Any, second: Any, same: bool
) -> None:
    assert is_same_test_set(of(*first), of(*second)) is same
    assert is_same_test_set(of(*second), of(*first)) is same


def test_test_set_without_fingerprints_is_not_recognised() -> None:
    assert not is_same_test_set(None, of(1)) and not is_same_test_set(of(1), None)
