"""Baselines: reduced pixels, the three predictions against reference implementations, and the images that they use."""

from __future__ import annotations

import doctest

import numpy as np
import numpy.typing as npt
import pytest

from convstudy.data import BUILT_IN_DATASETS, Fold, Holdout, Images, Outer, split_indices
from convstudy.data.audit import baselines
from convstudy.data.audit.baselines import (
    BaselinePredictions,
    baseline_key,
    baseline_predictions,
    reduced_values,
)


def images_of(seed: int, n: int, n_classes: int = 3, side: int = 6, noise: float = 60) -> Images:
    """Return images of one pattern per class with noise."""
    patterns = np.random.RandomState(7).randint(0, 256, (n_classes, side, side, 2))
    random = np.random.RandomState(seed)
    labels = random.randint(0, n_classes, n)
    pixels = patterns[labels] + random.normal(0, noise, (n, side, side, 2))
    return Images(np.clip(pixels, 0, 255).astype(np.uint8), labels.astype(np.int64))


def accuracies(found: BaselinePredictions) -> list[float]:
    return [float((each == found.labels).mean()) for each in found.predicted]


def neighbours(train: Images, test: Images, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the majority of the five nearest training images, in plain NumPy; the smallest class wins a tie."""
    a, b = (reduced_values(each.pixels).astype(np.float64) for each in (test, train.take(rows)))
    distances = ((a[:, None] - b[None]) ** 2).sum(axis=2)
    nearest = train.labels[rows][np.argsort(distances, axis=1, kind="stable")[:, :5]]
    return np.array([np.bincount(each).argmax() for each in nearest])


def least_squares(train: Images, test: Images, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the predictions of ridge regression on ±1 with an unpenalised intercept."""
    x, z = (reduced_values(each.pixels) / 255.0 for each in (train.take(rows), test))
    y = np.where(np.arange(3) == train.labels[rows][:, None], 1.0, -1.0)
    centred = x - x.mean(axis=0)
    weights = np.linalg.solve(
        centred.T @ centred + baselines.RIDGE * np.eye(x.shape[1]), centred.T @ (y - y.mean(axis=0))
    )
    return ((z - x.mean(axis=0)) @ weights + y.mean(axis=0)).argmax(axis=1)


@pytest.mark.parametrize("noise", [60, 200])
def test_predictions_equal_those_of_reference_implementations(noise: float) -> None:
    train, test = images_of(0, 101, noise=noise), images_of(1, 53, noise=noise)
    found = baseline_predictions(train, test, Holdout(0.2, 3))
    rows = np.arange(101)
    assert found.predicted[0].tolist() == [int(np.bincount(train.labels).argmax())] * 53
    assert found.predicted[1].tolist() == least_squares(train, test, rows).tolist()
    assert found.predicted[2].tolist() == neighbours(train, test, rows).tolist()
    assert found.images.tolist() == list(range(53)) and found.labels.tolist() == test.labels.tolist()
    assert found.n_train == (101, 101, 101)
    assert accuracies(found)[1] > 0.5


def test_fold_predicts_its_validation_images_from_its_training_images() -> None:
    train, test = images_of(0, 100), images_of(1, 50)
    fold = Fold(1, 4, seed=0)
    rows, held_out = split_indices(train.labels, fold)
    found = baseline_predictions(train, test, fold)
    assert found.images.tolist() == held_out.tolist()
    assert found.labels.tolist() == train.labels[held_out].tolist()
    assert found.predicted[2].tolist() == neighbours(train, train.take(held_out), rows).tolist()
    assert found.n_train == (75, 75, 75)


def test_holdout_uses_the_images_of_the_subset_whatever_its_seed_and_half() -> None:
    train, test = images_of(0, 300), images_of(1, 50)
    found = [
        baseline_predictions(train, test, Holdout(0.2, seed, 120, half)) for seed, half in ((0, None), (5, 3))
    ]
    assert found[0].n_train == found[1].n_train == (120, 120, 120)
    assert found[0].predicted.tolist() == found[1].predicted.tolist()


def test_large_training_sets_are_sampled_with_their_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = images_of(0, 300), images_of(1, 50)
    monkeypatch.setattr(baselines, "MAX_LINEAR", 200)
    monkeypatch.setattr(baselines, "MAX_DISTANCES", 50 * 90)
    assert baseline_predictions(train, test, Holdout(0.2, 0)).n_train == (300, 200, 90)
    # All folds of a search together compute no more distances than the test set.
    assert baseline_predictions(train, test, Fold(0, 5, 0)).n_train == (240, 200, 15)
    rows = baselines.sampled(np.arange(300), train.labels, 90)
    assert len(set(rows.tolist())) == 90
    assert np.abs(np.bincount(train.labels[rows]) / 90 - np.bincount(train.labels) / 300).max() < 0.02


def test_one_class_in_the_sample_is_predicted_for_every_image() -> None:
    train = images_of(0, 40, n_classes=1)
    found = baseline_predictions(train, images_of(1, 10, n_classes=1), Holdout(0.2, 0))
    assert found.predicted.tolist() == [[0] * 10] * 3


@pytest.mark.parametrize(
    ("shape", "n_values"),
    [
        ((16, 16, 1), 256),
        ((28, 28, 1), 196),
        ((32, 32, 3), 192),
        ((1, 1000, 1), 250),
        ((2, 2, 100), 100),
        ((224, 200, 3), 9 * 8 * 3),
    ],
)
def test_images_are_reduced_to_at_most_256_values(shape: tuple[int, int, int], n_values: int) -> None:
    pixels = np.random.RandomState(0).randint(0, 256, (3, *shape)).astype(np.uint8)
    found = reduced_values(pixels)
    assert found.shape == (3, n_values) and found.dtype == np.float32
    assert (found == np.rint(found)).all() and found.min() >= 0 and found.max() <= 255


def test_reduced_values_are_rounded_means_of_blocks() -> None:
    pixels = np.random.RandomState(0).randint(0, 256, (2, 50, 50, 1)).astype(np.uint8)
    means = pixels[:, :48, :48].reshape(2, 16, 3, 16, 3, 1).astype(np.float64).mean(axis=(2, 4))
    assert np.abs(reduced_values(pixels).reshape(2, 16, 16, 1) - means).max() <= 0.5


def test_keys_separate_what_gives_other_predictions() -> None:
    splits = [
        Holdout(0.2, 0),
        Holdout(0.2, 0, 100),
        Fold(0, 5, 0),
        Fold(1, 5, 0),
        Fold(0, 4, 0),
        Fold(0, 5, 1),
        Fold(0, 5, 0, 100),
        Fold(0, 5, 0, None, Outer(2, 3)),
    ]
    assert len({baseline_key(split) for split in splits}) == len(splits)
    assert baseline_key(Holdout(0.2, 0)) == baseline_key(Holdout(0.3, 4, half=2))


def test_accuracies_on_digits_are_those_of_the_docs() -> None:
    loaded = BUILT_IN_DATASETS["digits"].load()
    found = baseline_predictions(loaded.train, loaded.test.open(lambda: None), Holdout(0.2, 0))
    assert [round(100 * each, 2) for each in accuracies(found)] == [10.28, 93.89, 99.72]


def test_examples_in_docstrings_run() -> None:
    results = doctest.testmod(baselines)
    assert results.attempted > 0 and results.failed == 0
