"""The embedded digits: their sizes, their enlargement and their test part."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import zoom
from sklearn.datasets import load_digits

from convstudy.data import BUILT_IN_DATASETS
from convstudy.data.digits import enlarge, is_test, read_digits
from convstudy.data.images import Images
from convstudy.errors import DataError


def test_parts_have_the_expected_sizes_and_are_stratified() -> None:
    dataset = BUILT_IN_DATASETS["digits"].load()
    assert dataset.train.pixels.shape == (1_437, 28, 28, 1)
    test = dataset.test.open(lambda: None)
    assert test.pixels.shape == (360, 28, 28, 1)
    counts = np.bincount(load_digits().target)
    proportions = np.bincount(test.labels) / counts
    assert np.abs(proportions - 360 / 1_797).max() < 0.005
    assert (np.bincount(dataset.train.labels) + np.bincount(test.labels) == counts).all()


def test_both_parts_have_all_digits_in_order() -> None:
    labels = load_digits().target.astype(np.int64)
    mask = is_test(labels)
    assert read_digits("test").labels.tolist() == labels[mask].tolist()
    assert read_digits("train").labels.tolist() == labels[~mask].tolist()


def test_enlarge_equals_scipy_zoom_within_rounding() -> None:
    values = load_digits().images[:50].astype(np.int64)
    expected = [
        zoom(image * 255 / 16, 28 / 8, order=1, mode="nearest", grid_mode=True)
        for image in values.astype(float)
    ]
    assert np.abs(enlarge(values) - np.stack(expected)).max() <= 0.5 + 1e-9  # rounding to integers


def test_enlarge_keeps_constant_images_constant() -> None:
    for value, pixel in ((0, 0), (8, 128), (16, 255)):
        assert (enlarge(np.full((1, 8, 8), value)) == pixel).all()


def test_load_of_changed_digits_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    images = read_digits("train")
    changed = images.pixels.copy()
    changed[0, 0, 0, 0] ^= 1
    monkeypatch.setattr("convstudy.data.digits.read_digits", lambda part: Images(changed, images.labels))
    with pytest.raises(DataError, match="the train set has changed"):
        BUILT_IN_DATASETS["digits"].load()
