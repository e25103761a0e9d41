"""Images that are shown are spread over classes."""

from __future__ import annotations

import doctest

import numpy as np

from convstudy.report import samples


def test_examples_in_docstrings_give_their_results() -> None:
    failed, tried = doctest.testmod(samples)
    assert failed == 0 and tried == 4


def test_rows_in_turn_are_different_and_as_balanced_as_the_classes_allow() -> None:
    labels = np.repeat(np.arange(5), (100, 1, 40, 0, 3))
    rows = samples.rows_in_turn(labels, 5, 24)
    counts = np.bincount(labels[rows], minlength=5).tolist()
    assert len(set(rows)) == 24 and counts == [10, 1, 10, 0, 3]


def test_rows_in_turn_of_more_classes_than_rows_are_of_different_classes() -> None:
    labels = np.repeat(np.arange(1000), 3)
    rows = samples.rows_in_turn(labels, 1000, 25)
    assert labels[rows].tolist() == list(range(25))
