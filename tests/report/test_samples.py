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


def test_large_images_are_reduced_to_the_means_of_blocks() -> None:
    pixels = np.arange(200 * 130 * 3).reshape(200, 130, 3).astype(np.uint8)
    small = samples.reduced(pixels)
    assert small.shape == (66, 43, 3)
    assert small[5, 7].tolist() == np.rint(pixels[15:18, 21:24].mean(axis=(0, 1))).tolist()


def test_small_and_narrow_images_are_kept() -> None:
    for shape in ((96, 96, 1), (8, 8, 3), (400, 1, 1)):
        pixels = np.zeros(shape, np.uint8)
        assert samples.reduced(pixels) is pixels
