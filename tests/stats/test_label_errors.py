"""Suspected label errors: the rule on small tables, and recall and precision on digits with flipped labels."""

from __future__ import annotations

import doctest

import numpy as np
import numpy.typing as npt
import pytest

from convstudy.data import BUILT_IN_DATASETS
from convstudy.data.audit.baselines import reduced_values
from convstudy.stats import label_errors
from convstudy.stats.label_errors import suspected_labels

Table = npt.NDArray[np.float64]


def found(labels: list[int], *models: list[list[float]]) -> list[tuple[int, int]]:
    """Return (row, predicted class) of the suspected images; each model has a probability per image and class."""
    table, true = np.array(models), np.array(labels)
    own = table[:, np.arange(len(true)), true]
    rows = np.arange(len(true)) + 100
    suspects = suspected_labels(rows, true, table.argmax(axis=2), table.max(axis=2), own)
    return [(each.row - 100, each.predicted) for each in suspects]


SURE, UNSURE = [[0.96, 0.04], [0.94, 0.06]], [[0.6, 0.4]]


def test_confident_disagreement_is_suspected_and_hesitant_disagreement_is_not() -> None:
    ones = [[0.03, 0.97], [0.05, 0.95]]
    assert found([0, 0, 1, 1, 1], [*SURE, *ones, [0.98, 0.02]]) == [(4, 0)]
    assert found([0, 0, 1, 1, 1], [*SURE, *ones, [0.6, 0.4]]) == []
    # At least 90 %, whatever the threshold of the class: 89 % is above the mean of class 0 here.
    weak = [[0.7, 0.3], [0.7, 0.3]]
    assert found([0, 0, 1, 1, 1], [*weak, *ones, [0.89, 0.11]]) == []
    assert found([0, 0, 1, 1, 1], [*weak, *ones, [0.9, 0.1]]) == [(4, 0)]


def test_threshold_is_the_mean_probability_of_the_predicted_class_on_its_own_images() -> None:
    ones = [[0.03, 0.97], [0.05, 0.95]]
    assert found([0, 0, 1, 1, 1], [[0.98, 0.02], [0.96, 0.04], *ones, [0.971, 0.029]]) == [(4, 0)]
    assert found([0, 0, 1, 1, 1], [[0.98, 0.02], [0.96, 0.04], *ones, [0.969, 0.031]]) == []


def test_all_models_must_agree_on_the_same_class() -> None:
    zeros, ones, twos = [[0.95, 0.03, 0.02]] * 2, [[0.02, 0.95, 0.03]] * 2, [[0.02, 0.03, 0.95]] * 2
    to_zero, to_two = [0.99, 0.01, 0.0], [0.0, 0.01, 0.99]
    labels = [0, 0, 1, 1, 2, 2, 1]
    base = [*zeros, *ones, *twos]
    assert found(labels, [*base, to_zero], [*base, to_zero]) == [(6, 0)]
    assert found(labels, [*base, to_zero], [*base, to_two]) == []
    assert found(labels, [*base, to_zero], [*base, [0.01, 0.99, 0.0]]) == []
    # The mean of the probabilities decides: (0.99 + 0.80) / 2.
    assert found(labels, [*base, to_zero], [*base, [0.8, 0.2, 0.0]]) == []


def test_most_suspect_images_come_first() -> None:
    table = [*SURE, [0.03, 0.97], [0.01, 0.99], [0.97, 0.03], [0.99, 0.01], [0.02, 0.98]]
    assert found([0, 0, 1, 1, 1, 1, 0], table)[:2] == [(5, 0), (6, 1)]


def test_class_without_images_is_never_suggested() -> None:
    assert found([0, 0], [[0.02, 0.98, 0.0], [0.9, 0.05, 0.05]]) == []


def out_of_fold(labels: npt.NDArray[np.int64], features: npt.NDArray[np.float32]) -> Table:
    """Return the probabilities of an RBF kernel classifier, each image predicted without the images of its fold."""
    probabilities = np.zeros((len(labels), 10))
    squares = (features**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * features @ features.T
    kernel = np.exp(-distances / np.median(distances) * 20)
    fold = np.arange(len(labels)) % 5
    for number in range(5):
        train, held_out = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        votes = kernel[np.ix_(held_out, train)] @ np.eye(10)[labels[train]] + 1e-12
        probabilities[held_out] = votes / votes.sum(axis=1, keepdims=True)
    return probabilities


def test_one_percent_of_flipped_labels_of_digits_are_found() -> None:
    """Twenty flips of 14 labels: the search finds most of them, and few other images."""
    images = BUILT_IN_DATASETS["digits"].load().train
    features = reduced_values(images.pixels) / np.float32(255)
    n, counts = len(images), np.zeros(3)
    for seed in range(20):
        random = np.random.RandomState(seed)
        rows = random.choice(n, 14, replace=False)
        labels = images.labels.copy()
        labels[rows] = (labels[rows] + random.randint(1, 10, 14)) % 10
        table = out_of_fold(labels, features)
        own = table[np.arange(n), labels]
        suspects = suspected_labels(
            np.arange(n), labels, table.argmax(axis=1)[None], table.max(axis=1)[None], own[None]
        )
        flipped = labels != images.labels
        counts += [sum(bool(flipped[each.row]) for each in suspects), len(suspects), 14]
    recall, precision = counts[0] / counts[2], counts[0] / counts[1]
    # Measured: 78 % and 99.5 %; the bounds are four standard errors lower.
    assert recall > 0.67 and precision > 0.95


def test_examples_in_docstrings_run() -> None:
    results = doctest.testmod(label_errors)
    assert results.attempted > 0 and results.failed == 0


@pytest.mark.parametrize("n_models", [1, 3])
def test_clean_labels_of_a_certain_model_have_no_suspects(n_models: int) -> None:
    labels = np.random.RandomState(0).randint(0, 10, 500)
    sure = np.full((n_models, 500), 0.99)
    assert suspected_labels(np.arange(500), labels, np.stack([labels] * n_models), sure, sure) == ()
