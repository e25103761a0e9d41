"""Fast rows of the simulations of metrics per set and of a rare class; thresholds are four standard errors away."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.statistics import rare_class_simulation, set_metric_simulation

STUDIES = 150
LEAST = 0.95 - 4 * (0.95 * 0.05 / STUDIES) ** 0.5


@pytest.mark.parametrize("n_seeds", [2, 3])
def test_intervals_of_metrics_per_set_keep_their_coverage_with_a_rare_class(n_seeds: int) -> None:
    """Without pseudo-observations, the interval of ROC AUC covers 78 % here."""
    world = set_metric_simulation.WORLDS[4]
    assert world.name.startswith("opposite on a class of 10")
    random = np.random.default_rng(n_seeds)
    found = set_metric_simulation.line(random, ("roc-auc", "kappa"), world, n_seeds, STUDIES)
    assert found["roc-auc"]["without"].covered < LEAST
    for lines in found.values():
        assert lines["with"].covered >= LEAST
        assert lines["with"].false <= 0.05 + 4 * (0.05 * 0.95 / STUDIES) ** 0.5
        assert lines["candidate"].covered >= LEAST


def test_two_way_bootstrap_of_two_seeds_is_too_narrow() -> None:
    world = set_metric_simulation.WORLDS[0]
    found = set_metric_simulation.line(np.random.default_rng(1), ("macro-f1",), world, 2, STUDIES, True)
    lines = found["macro-f1"]
    assert lines["bootstrap"].covered < LEAST <= lines["with"].covered
    assert lines["bootstrap"].width < lines["with"].width / 2


def test_balanced_accuracy_shows_a_class_that_accuracy_does_not_show() -> None:
    world, random = rare_class_simulation.WORLDS[0], np.random.default_rng(3)
    found, _ = rare_class_simulation.balanced_line(random, world, 5, 25)
    assert found["covers"] >= 22 and found["better"] >= 20 and found["worse"] == 0
    equal, _ = rare_class_simulation.loss_line(random, "log-loss", 3, STUDIES)
    assert equal["covers"] / STUDIES >= LEAST and equal["false"] / STUDIES < 0.12


@pytest.mark.parametrize("name", set_metric_simulation.METRICS[:3])
def test_simulated_truth_equals_the_metric_on_many_images(name: str) -> None:
    """The truth of the simulation is the value of the metric on a large test set, as a mean over many seeds."""
    world = set_metric_simulation.World("", (40_000, 30_000, 30_000), (0.1, 0.2), (0.3, 0.1), seed=0.0)
    labels, predicted = set_metric_simulation.draw(np.random.default_rng(0), world, 2)
    metric = set_metric_simulation.metric_named(name)
    expected = set_metric_simulation.truths(name, world)
    for candidate in range(2):
        values = [metric.value(labels, np.eye(3)[each]) for each in predicted[candidate]]
        assert np.mean(values) == pytest.approx(expected[candidate], abs=0.004)


def test_simulated_area_equals_the_metric_on_many_images() -> None:
    world = set_metric_simulation.World("", (9_000, 1_000), (0.05, 0.1), seed=0.0)
    random = np.random.default_rng(1)
    labels, predicted = set_metric_simulation.draw(random, world, 2)
    scores = set_metric_simulation.probabilities_of(random, "roc-auc", world, predicted)
    expected = set_metric_simulation.truths("roc-auc", world)
    for candidate in range(2):
        values = [
            set_metric_simulation.metric_named("roc-auc").value(labels, each) for each in scores[candidate]
        ]
        assert np.mean(values) == pytest.approx(expected[candidate], abs=0.012)
