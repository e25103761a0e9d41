"""Checks during training: each fires on histories made for it, not on clean histories and not on noise."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from convstudy.analysis import analyse
from convstudy.checks import Finding, check_results
from convstudy.checks.chance import chance_level
from convstudy.checks.check import N_STANDARD_ERRORS
from convstudy.checks.learning_curves import (
    gain_of,
    largest_fall,
    rise_of,
    window,
)
from convstudy.data import DatasetStatistics
from convstudy.data.audit.duplicates import Pairs
from convstudy.data.audit.statistics import PartStatistics
from convstudy.history.results import Results
from convstudy.record import DeadRelus, Epoch, Record
from convstudy.studyfile import Ablate, NetworkPattern, Recipe, Variant
from tests.checks.made import ONE, HistoryOf, epoch, level_of, results, settled, study
from tests.scores import rescored


def reported(made: Results) -> tuple[Finding, ...]:
    return check_results(analyse(made)).reported


def rising(level: float, n_epochs: int = 12, step: float = 0.004) -> list[Epoch]:
    """Return a history that gains ``step`` of accuracy per epoch, up to ``level``."""
    return [
        epoch(number, level + 0.01, level - step * (n_epochs - number), train_loss=0.5 / number)
        for number in range(1, n_epochs + 1)
    ]


def losing(level: float, lowest: int = 4, factor: float = 1.6) -> list[Epoch]:
    """Return a settled history whose validation loss is lowest at epoch ``lowest`` and rises ``factor`` times."""
    history = settled(level)
    losses = [0.1 * (1 + 0.2 * (lowest - each.number)) for each in history[:lowest]]
    n_left = len(history) - lowest
    losses += [0.1 * (1 + (factor - 1) * (i + 1) / n_left) for i in range(n_left)]
    return [rescored(each, loss=loss) for each, loss in zip(history, losses, strict=True)]


def swinging(level: float, fall: float = 0.03) -> list[Epoch]:
    """Return a settled history with a drop in accuracy in the last epoch but one."""
    history = settled(level)
    history[-2] = rescored(history[-2], accuracy=history[-2].validation["accuracy"] - fall)
    return history


def at_chance(n_epochs: int = 12) -> list[Epoch]:
    return [epoch(number, 0.11, 0.1, loss=2.3, train_loss=2.3) for number in range(1, n_epochs + 1)]


def only(name: str, make: Callable[[float], list[Epoch]], seeds: Sequence[int] = range(5)) -> HistoryOf:
    """Return settled histories, but those of some seeds of one candidate made by ``make``."""

    def trace(candidate: str, number: int) -> list[Epoch]:
        level = level_of(candidate, number)
        return make(level) if candidate == name and number in seeds else settled(level)

    return trace


FIRES: dict[str, tuple[Callable[[], Results], tuple[str, ...]]] = {
    "diverged-fit": (
        lambda: results(fails=lambda name, seed: "diverged" if (name, seed) == ("tanh", 2) else ""),
        ("ablate.best: tanh",),
    ),
    "collapsed-fit": (
        lambda: results(
            trace=only("tanh", lambda level: at_chance()),
            test=lambda name, seed: 0.1 if name == "tanh" else level_of(name, seed) - 0.0005,
        ),
        ("ablate.best: tanh",),
    ),
    "dead-relus": (
        lambda: results(
            dead=lambda name, seed: [DeadRelus((1,), 3, 6)] if name == "two" and seed < 3 else []
        ),
        ("compare.all: two",),
    ),
    "still-improving": (lambda: results(trace=only("two", rising)), ("compare.all: two",)),
    "early-overfitting": (lambda: results(trace=only("one", losing)), ("compare.all: one",)),
    "unstable-end": (lambda: results(trace=only("one", swinging)), ("compare.all: one",)),
}


def test_clean_histories_have_no_findings() -> None:
    assert reported(results()) == ()


@pytest.mark.parametrize("check", FIRES)
def test_only_this_check_fires_on_histories_made_for_it(check: str) -> None:
    make, where = FIRES[check]
    found = reported(make())
    assert [(each.check, each.where) for each in found] == [(check, each) for each in where]
    assert all(each.what and each.hint for each in found)


# diverged-fit and collapsed-fit


def test_crashed_fit_is_not_reported_as_diverged() -> None:
    found = reported(results(fails=lambda name, seed: "crashed" if (name, seed) == ("tanh", 2) else ""))
    assert [each.check for each in found] == ["failed-fit"]


def test_diverged_fit_of_a_search_is_named_by_its_fold() -> None:
    found = reported(
        results(fails=lambda name, number: "diverged" if (name, number) == ("kernel=3", 1) else "")
    )
    assert {(each.check, each.where) for each in found} >= {
        ("diverged-fit", "search.one: kernel=3"),
        ("diverged-fit", "search.two: kernel=3"),
    }
    assert "fold 2" in found[0].what


@pytest.mark.parametrize(
    ("majority", "level"), [(1 / 10, 0.15), (1 / 2, 0.55), (1 / 100, 0.015), (0.9, 0.91), (1.0, 1.0)]
)
def test_chance_level(majority: float, level: float) -> None:
    assert chance_level(majority) == pytest.approx(level)


def with_validation_labels(made: Results, counts: Sequence[int]) -> Results:
    """Return results with recorded validation labels, ``counts[i]`` images of class i in each fit."""
    labels = np.repeat(np.arange(len(counts)), counts)
    validation = {"labels": labels, "probabilities": np.full((len(labels), 10), 0.1, np.float32)}

    def arrays(fit_id: str, what: str) -> Any:
        return validation if what == "validation" else made.arrays(fit_id, what)

    return replace(made, arrays=arrays)


def always_the_largest(accuracy: float) -> Results:
    """Return results with one variant at this training and validation accuracy in every epoch."""
    same = [epoch(number, accuracy, accuracy, loss=1.1, train_loss=1.1) for number in range(1, 13)]
    return results(trace=only("tanh", lambda level: same))


@pytest.mark.parametrize(("accuracy", "collapsed"), [(0.7, True), (0.72, True), (0.74, False)])
def test_chance_level_of_imbalanced_classes_is_the_majority_baseline(
    accuracy: float, collapsed: bool
) -> None:
    uneven = with_validation_labels(always_the_largest(accuracy), (70, 20, 10))
    found = [each for each in reported(uneven) if each.check == "collapsed-fit"]
    assert [each.where for each in found] == ["ablate.best: tanh"] * collapsed
    assert all(
        "always predicting the largest class reaches 70.00 % on the validation images" in each.what
        for each in found
    )


def test_chance_level_without_recorded_labels_uses_class_counts_of_training_images() -> None:
    part = PartStatistics((42_000, 18_000), 0, 0, 0)
    none = Pairs(0, 0, 0, ())
    seen = replace(always_the_largest(0.7), images=DatasetStatistics("digest", part, part, none, none))
    assert "collapsed-fit" in {each.check for each in reported(seen)}
    assert "collapsed-fit" not in {each.check for each in reported(replace(seen, images=None))}


def test_one_collapsed_seed_is_named() -> None:
    made = results(trace=only("tanh", lambda level: at_chance(), seeds=[3]))
    (finding,) = [each for each in reported(made) if each.check == "collapsed-fit"]
    assert "1 of 5 fits (seed 3) ended at chance level" in finding.what
    assert "11.00 %" in finding.what


def test_hint_for_collapse_with_batch_norm_over_one_value_is_a_larger_batch() -> None:
    norm = NetworkPattern(layers=("flatten", "dense 4", "batch-norm"))
    case = study(network={"one": ONE, "two": norm}, recipe={"epochs": 12, "batch_size": 1}, search={})
    made = results(case, trace=only("two", lambda level: at_chance()))
    (finding,) = [each for each in reported(made) if each.check == "collapsed-fit"]
    assert finding.where == "compare.all: two"
    assert finding.hint.startswith("set batch_size = 2 or more")
    (usual,) = [each for each in reported(FIRES["collapsed-fit"][0]()) if each.check == "collapsed-fit"]
    assert usual.hint.startswith("lower learning_rate")


def test_bad_fit_above_chance_level_has_not_collapsed() -> None:
    slow = only("tanh", lambda level: [epoch(number, 0.2, 0.16) for number in range(1, 13)])
    assert "collapsed-fit" not in {each.check for each in reported(results(trace=slow))}


# still-improving


def test_gain_and_standard_error_worked_by_hand() -> None:
    gain, error = gain_of([[0.1, 0.2, 0.4, 0.5]])
    assert gain == pytest.approx(0.3)
    # squares of 0.1, 0.2, 0.1: mean 0.02, half 0.01; two means of two epochs: 0.01 × 2 / 2
    assert error == pytest.approx(0.1)


def test_false_positive_rate_of_still_improving_on_a_plateau_is_below_two_percent() -> None:
    """docs/checks.md states the rate; here 3 seeds of 8 epochs, 3 of 20, and 1 of 20."""
    rng = random.Random(0)
    for n_epochs, n_fits in ((8, 3), (20, 3), (20, 1)):
        k = window(n_epochs)
        n_wrong = 0
        for _ in range(2000):
            gain, error = gain_of([[rng.gauss(0.98, 0.003) for _ in range(2 * k)] for _ in range(n_fits)])
            n_wrong += gain > max(0.001, N_STANDARD_ERRORS * error)
        assert n_wrong / 2000 < 0.02, (n_epochs, n_fits)


def test_gain_within_the_margin_is_not_reported() -> None:
    trace = only("two", lambda level: rising(level, step=0.0002))  # 3 epochs later: 0.06 pp
    assert reported(results(trace=trace)) == ()
    assert [each.check for each in reported(results(study(equivalence_margin=0.05), trace=trace))] == [
        "still-improving"
    ]


def test_decayed_schedule_and_early_stopping_are_not_still_improving() -> None:
    def annealed(level: float) -> list[Epoch]:
        return [replace(each, learning_rate=0.001 * (12.5 - each.number) / 12) for each in rising(level)]

    assert reported(results(trace=only("two", annealed))) == ()
    stopped = only("two", lambda level: rising(level, n_epochs=9))
    assert reported(results(study(recipe=Recipe(epochs=12, patience=2)), trace=stopped)) == ()


def test_short_histories_are_not_still_improving() -> None:
    short = study(recipe=Recipe(epochs=5))
    assert reported(results(short, trace=lambda name, seed: rising(level_of(name, seed), n_epochs=5))) == ()


def test_rising_accuracy_with_rising_loss_is_not_still_improving() -> None:
    def worse(level: float) -> list[Epoch]:
        return [rescored(each, loss=0.1 + 0.001 * each.number) for each in rising(level)]

    assert reported(results(trace=only("two", worse))) == ()


# early-overfitting


def record(history: Sequence[Epoch]) -> Record:
    return Record("made", "done", tuple(history))


def test_epoch_of_lowest_loss_and_its_rise_worked_by_hand() -> None:
    losses = [0.5, 0.2, 0.1, 0.1, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.2, 0.2]
    history = [epoch(n, 0.9, 0.9, loss=loss, train_loss=1 / n) for n, loss in enumerate(losses, start=1)]
    assert rise_of(record(history)) == (
        4,
        pytest.approx(2.0),
    )  # means of 3 epochs: 0.1 at 3 to 5, 0.2 at 10 to 12


def test_small_or_late_rise_or_constant_training_loss_is_no_early_overfitting() -> None:
    assert rise_of(record(losing(0.98))) is not None
    assert rise_of(record(losing(0.98, factor=1.2))) is None
    assert rise_of(record(losing(0.98, lowest=9))) is None
    stuck = [rescored(each, train_loss=0.1) for each in losing(0.98)]
    assert rise_of(record(stuck)) is None
    assert rise_of(record(losing(0.98)[:5])) is None, "too short"


def test_early_overfitting_needs_most_seeds() -> None:
    assert reported(results(trace=only("one", losing, seeds=[0, 1]))) == ()
    (finding,) = reported(results(trace=only("one", losing, seeds=[0, 1, 4])))
    assert finding.check == "early-overfitting"
    assert finding.level == "note"


# unstable-end


@pytest.mark.parametrize(("values", "fall"), [([1.0, 2.0, 3.0], 0.0), ([3.0, 1.0, 2.0], 2.0), ([], 0.0)])
def test_largest_fall(values: list[float], fall: float) -> None:
    assert largest_fall(values) == fall


def test_unstable_end_needs_a_fall_above_noise_and_above_the_tested_difference() -> None:
    assert reported(results(trace=only("one", lambda level: swinging(level, 0.008)))) == ()
    # "two" is 2.5 pp behind: a fall of 2 pp does not matter for that difference, one of 4 pp does
    assert reported(results(trace=only("two", lambda level: swinging(level, 0.02)))) == ()
    assert [e.check for e in reported(results(trace=only("two", lambda level: swinging(level, 0.04))))] == [
        "unstable-end"
    ]
    assert reported(results(trace=only("one", swinging, seeds=[1, 3]))) == (), "two of five seeds"


def test_network_that_is_compared_and_ablated_is_reported_once() -> None:
    found = reported(results(trace=only("one", swinging)))
    assert [each.where for each in found] == ["compare.all: one"]
    ablate = {"one": Ablate(network="one", variants={"tanh": Variant(activation="tanh")})}
    alone = study(compare={}, search={}, ablate=ablate, network={"one": study().network["one"]})
    found = reported(results(alone, trace=only("unmodified network", swinging)))
    assert [each.where for each in found] == ["ablate.one: unmodified network"]


# dead-relus


@pytest.mark.parametrize(
    ("dead", "found"),
    [
        ([3, 3, 3, 0, 0], "3 of 6 units"),
        ([6, 3, 4, 0, 5], "4 of 6 units"),
        ([3, 3, 0, 0, 0], ""),
        ([2, 2, 2, 2, 2], ""),
    ],
)
def test_dead_relus_are_reported_if_the_median_fit_has_half_a_layer_dead(dead: list[int], found: str) -> None:
    def units(name: str, seed: int) -> list[DeadRelus]:
        return [DeadRelus((1,), dead[seed], 6)] if name == "two" and dead[seed] else []

    findings = [each for each in reported(results(dead=units)) if each.check == "dead-relus"]
    assert len(findings) == bool(found)
    for each in findings:
        assert each.what.startswith(f'{found} of layer 1, "conv 6 5 relu stride=4",')
        assert "(median of 5 fits)" in each.what
