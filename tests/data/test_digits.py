"""The embedded digits are the same images on every machine, with a test part of their own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import zoom
from sklearn.datasets import load_digits

from convstudy.data import BUILT_IN_DATASETS
from convstudy.data.digits import enlarge, is_test, read_digits
from convstudy.data.images import Images
from convstudy.errors import DataError


def test_sizes_and_classes() -> None:
    dataset = BUILT_IN_DATASETS["digits"].load()
    assert dataset.train.pixels.shape == (1_437, 28, 28, 1)
    test = dataset.test.open(lambda: None)
    assert test.pixels.shape == (360, 28, 28, 1)
    counts = np.bincount(load_digits().target)
    shares = np.bincount(test.labels) / counts
    assert np.abs(shares - 360 / 1_797).max() < 0.005
    assert (np.bincount(dataset.train.labels) + np.bincount(test.labels) == counts).all()


def test_both_parts_together_are_all_digits_in_order() -> None:
    labels = load_digits().target.astype(np.int64)
    mask = is_test(labels)
    assert read_digits("test").labels.tolist() == labels[mask].tolist()
    assert read_digits("train").labels.tolist() == labels[~mask].tolist()


def test_scaling_agrees_with_scipy() -> None:
    values = load_digits().images[:50].astype(np.int64)
    expected = [
        zoom(image * 255 / 16, 28 / 8, order=1, mode="nearest", grid_mode=True)
        for image in values.astype(float)
    ]
    assert np.abs(enlarge(values) - np.stack(expected)).max() <= 0.5 + 1e-9  # the rounding, and no more


def test_flat_images_stay_flat() -> None:
    for value, pixel in ((0, 0), (8, 128), (16, 255)):
        assert (enlarge(np.full((1, 8, 8), value)) == pixel).all()


def test_another_content_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    images = read_digits("train")
    changed = images.pixels.copy()
    changed[0, 0, 0, 0] ^= 1
    monkeypatch.setattr("convstudy.data.digits.read_digits", lambda part: Images(changed, images.labels))
    with pytest.raises(DataError, match="train part is not the known one"):
        BUILT_IN_DATASETS["digits"].load()
