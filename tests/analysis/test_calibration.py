"""Calibration, compared with hand computations, exact sums, and models of known calibration."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from convstudy.analysis.calibration import calibration_of, mean_distance_of_binomial
from convstudy.analysis.predictions import predictions_in
from convstudy.stats.intervals import proportion_interval


def model(confidence: list[float] | npt.NDArray[np.float64], right: Any) -> dict[str, npt.NDArray[Any]]:
    """Return predictions for three classes; the true class is 0, and errors predict class 1."""
    confidences, is_correct = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=bool)
    rest = (1 - confidences) / 2
    probabilities = np.column_stack(
        (np.where(is_correct, confidences, rest), np.where(is_correct, rest, confidences), rest)
    )
    return {"labels": np.zeros(len(confidences), dtype=np.int64), "probabilities": probabilities}


def test_calibration_of_six_predictions_equals_hand_computation() -> None:
    # Bins are 1/15 wide: 0.5 and 0.53 in (7/15, 8/15], 0.9 and 0.92 in (13/15, 14/15], 0.95 and 1.0 in the last.
    found = calibration_of(
        map(predictions_in, [model([0.5, 0.53, 0.9, 0.92, 0.95, 1.0], [1, 0, 1, 1, 0, 1])])
    )
    assert found is not None
    full = {i: b for i, b in enumerate(found.bins) if b.n}
    assert list(full) == [7, 13, 14]
    assert [(b.n, b.n_images) for b in full.values()] == [(2, 2)] * 3
    assert [b.accuracy for b in full.values()] == [0.5, 1.0, 0.5]
    assert [b.confidence for b in full.values()] == pytest.approx([0.515, 0.91, 0.975])
    assert full[7].interval == proportion_interval(0.5, 2)
    assert (full[7].low, full[7].high) == (7 / 15, 8 / 15)
    assert found.error.mean == pytest.approx((0.015 + 0.09 + 0.475) / 3)
    assert found.largest.mean == pytest.approx(0.475)
    # With fewer predictions than bins of equal mass, each has its own bin.
    assert found.equal_mass.mean == pytest.approx((0.5 + 0.53 + 0.1 + 0.08 + 0.95 + 0) / 6)
    assert found.confidence.mean == pytest.approx(0.8)
    assert found.gap == pytest.approx(0.8 - 4 / 6)
    assert not found.is_miscalibrated
    # Correct with 0.5: (1 − 0.5)² + 2 · 0.25². Wrong with 0.53: 0.53² + (1 − 0.235)² + 0.235².
    right = [(1 - c) ** 2 + 2 * ((1 - c) / 2) ** 2 for c in (0.5, 0.9, 0.92, 1.0)]
    wrong = [c**2 + (1 - (1 - c) / 2) ** 2 + ((1 - c) / 2) ** 2 for c in (0.53, 0.95)]
    assert found.brier.mean == pytest.approx(sum(right + wrong) / 6)
    truth = [0.5, 0.235, 0.9, 0.92, 0.025, 1.0]
    assert found.loss.mean == pytest.approx(-sum(map(math.log, truth)) / 6)


def test_equal_mass_error_equals_hand_computation() -> None:
    # 30 predictions, two in each bin by rank: 0.50 and 0.51, 0.52 and 0.53, ...; every second one is right.
    confidence = np.arange(50, 80) / 100
    found = calibration_of(map(predictions_in, [model(confidence, [1, 0] * 15)]))
    assert found is not None
    gaps = [abs((confidence[i] + confidence[i + 1]) / 2 - 0.5) for i in range(0, 30, 2)]
    assert found.equal_mass.mean == pytest.approx(sum(gaps) / 15)


def test_confidence_at_a_bin_limit_is_in_the_lower_bin() -> None:
    found = calibration_of(map(predictions_in, [model([0.6, 1.0, 0.999], [1, 1, 1])]))
    assert found is not None
    assert [i for i, b in enumerate(found.bins) if b.n] == [8, 14]


def test_bins_of_several_models_count_distinct_images() -> None:
    one, two = model([0.95, 0.99, 0.99], [1, 0, 1]), model([0.97, 0.9, 0.99], [1, 1, 0])
    found = calibration_of(map(predictions_in, [one, two]))
    assert found is not None
    assert (found.n_models, found.n_images) == (2, 3)
    last = found.bins[-1]
    assert (last.n, last.n_images) == (5, 3)
    assert last.interval == proportion_interval(3 / 5, 3)
    each = [calibration_of(map(predictions_in, [one])), calibration_of(map(predictions_in, [two]))]
    errors = [single.error.mean for single in each if single]
    assert (found.error.minimum, found.error.maximum) == (min(errors), max(errors))


@pytest.mark.parametrize(("n", "p"), [(1, 0.3), (7, 0.5), (20, 0.99), (300, 0.001), (10_000, 0.9949)])
def test_mean_distance_of_binomial_equals_sum_over_its_distribution(n: int, p: float) -> None:
    logs = [
        math.lgamma(n + 1)
        - math.lgamma(k + 1)
        - math.lgamma(n - k + 1)
        + k * math.log(p)
        + (n - k) * math.log1p(-p)
        for k in range(n + 1)
    ]
    slow = math.fsum(math.exp(log) * abs(k - n * p) for k, log in enumerate(logs))
    assert mean_distance_of_binomial(n, p) == pytest.approx(slow, rel=1e-9)
    assert mean_distance_of_binomial(n, 0.0) == mean_distance_of_binomial(n, 1.0) == 0


def _confidences(n: int, random: np.random.RandomState) -> npt.NDArray[np.float64]:
    """Draw typical confidences of a good network: most near 1, some uniform above 0.4."""
    return np.where(
        random.uniform(size=n) < 0.9, 1 - 0.01 * random.uniform(size=n), random.uniform(0.4, 1, n)
    )


@pytest.mark.parametrize("n", [200, 1000])
def test_calibrated_models_have_the_error_by_chance_and_are_rarely_flagged(n: int) -> None:
    """For 200 calibrated models, the mean error equals that by chance, and at most 5 % are flagged."""
    random = np.random.RandomState(n)
    found = []
    for _ in range(200):
        confidence = _confidences(n, random)
        found.append(
            calibration_of(map(predictions_in, [model(confidence, random.uniform(size=n) < confidence)]))
        )
    known = [each for each in found if each is not None]
    assert len(known) == 200
    for error, chance in (("error", "by_chance"), ("equal_mass", "equal_mass_by_chance")):
        shown = np.mean([getattr(each, error).mean for each in known])
        expected = np.mean([getattr(each, chance).mean for each in known])
        assert shown > 0.004  # even a calibrated model has a positive error
        assert shown == pytest.approx(expected, rel=0.1)
    assert sum(each.is_miscalibrated for each in known) / 200 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 200)


def test_overconfident_models_are_flagged() -> None:
    random = np.random.RandomState(4)
    confidence = np.stack([_confidences(3000, random)] * 3)
    overconfident = [model(1 - (1 - c) / 3, random.uniform(size=3000) < c) for c in confidence]
    found = calibration_of(map(predictions_in, overconfident))
    assert found is not None
    assert found.is_miscalibrated
    assert found.gap == pytest.approx(2 / 3 * (1 - confidence.mean()), abs=0.01)
    assert found.error.mean is not None
    assert found.by_chance.mean is not None
    assert found.error.mean > 2 * found.by_chance.mean


@pytest.mark.parametrize("value", [math.nan, -0.1, 1.5])
def test_invalid_probabilities_have_no_calibration(value: float) -> None:
    invalid = model([0.9, 0.8], [1, 1])
    invalid["probabilities"][0, 2] = value
    assert calibration_of(map(predictions_in, [invalid])) is None


def test_models_with_different_labels_have_no_calibration() -> None:
    valid = model([0.9, 0.8], [1, 1])
    assert calibration_of(map(predictions_in, [])) is None
    assert calibration_of(map(predictions_in, [valid])) is not None
    assert calibration_of(map(predictions_in, [valid, model([0.9, 0.8, 0.7], [1, 1, 1])])) is None
    assert calibration_of(map(predictions_in, [{**valid, "labels": np.array([0, 3])}])) is None
    assert calibration_of(map(predictions_in, [{**valid, "labels": np.array([0, 1, 1])}])) is None
    assert calibration_of(map(predictions_in, [model([0.9], [1])])) is None
