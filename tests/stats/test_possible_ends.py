"""No end of an interval is a value that the quantity cannot have, whatever the data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convstudy.analysis.interactions import interaction_values, two_way_interaction
from convstudy.stats.counts import verdict_on_counts
from convstudy.stats.differences import Difference
from convstudy.stats.intervals import newcombe, proportion_interval
from convstudy.stats.resampled import fold_difference, fold_mean, probabilities
from convstudy.stats.skewed import mean_interval
from convstudy.stats.two_way import (
    accuracy_interval,
    bound_of_images,
    images_of,
    seeds_only_difference,
    two_way_difference,
)

CONFIDENCES = st.sampled_from([0.5, 0.95, 0.999999])


@st.composite
def tables(draw: st.DrawFn, n_candidates: int) -> np.ndarray:
    """Correctness, shape (candidates, seeds, images): all right, none right, equal seeds, or any."""
    n_seeds, n_images = draw(st.integers(1, 4)), draw(st.sampled_from([2, 3, 5, 40]))
    kind = draw(st.sampled_from(["ones", "zeros", "equal seeds", "opposite", "any"]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (n_candidates, n_seeds, n_images)
    if kind == "opposite":
        return np.broadcast_to((np.arange(n_candidates) % 2.0)[:, None, None], shape).copy()
    if kind == "equal seeds":
        one = random.random((n_candidates, 1, n_images)) < random.random()
        return np.repeat(one, n_seeds, axis=1).astype(np.float64)
    share = {"ones": 1.0, "zeros": 0.0}.get(kind, random.random())
    return (random.random(shape) < share).astype(np.float64)


def _inside(found: Difference, limit: float) -> None:
    assert found.low is not None and found.high is not None
    assert -limit <= found.low <= found.high <= limit
    for source in found.sources:
        half = found.half_width_of(source.name)
        assert half is not None and 0 <= half <= limit


@settings(max_examples=200, deadline=None)
@given(tables(2), CONFIDENCES)
def test_ends_of_differences_of_accuracies(right: np.ndarray, confidence: float) -> None:
    _inside(two_way_difference(*right, confidence=confidence), 1)
    first, second = (tuple(each.mean(axis=1).tolist()) for each in right)
    _inside(seeds_only_difference(first, second, right.shape[2], confidence), 1)


@settings(max_examples=200, deadline=None)
@given(tables(1), CONFIDENCES, st.booleans())
def test_ends_of_accuracies(right: np.ndarray, confidence: float, is_weighted: bool) -> None:
    weights = None
    if is_weighted:
        weights = np.linspace(0.2, 1.8, right.shape[2])
        right = right * weights
    found = accuracy_interval(right[0], confidence, weights)
    assert 0 <= found.low <= found.estimate + 1e-12 and found.estimate - 1e-12 <= found.high <= 1
    assert found.low < found.high


@settings(max_examples=100, deadline=None)
@given(tables(4), CONFIDENCES)
def test_ends_of_interactions(right: np.ndarray, confidence: float) -> None:
    unmodified, first, second, both = right
    _inside(two_way_interaction(interaction_values(both, first, second, unmodified), confidence), 2)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 5), min_size=4, max_size=8),
    st.sampled_from([0.0, 1e-30, 0.3, 100.0, 103.3]),
    CONFIDENCES,
)
def test_ends_of_losses_are_not_below_zero_nor_above_the_largest(
    cells: list[int], size: float, confidence: float
) -> None:
    losses = np.array(cells[: len(cells) // 2 * 2], dtype=np.float64).reshape(2, -1) / 5 * size
    found = mean_interval(losses, confidence=confidence)
    assert 0 <= found.low <= found.estimate <= found.high <= 103.3 + 1e-9
    assert math.isfinite(found.high) and found.high > 0


@settings(max_examples=200, deadline=None)
@given(st.integers(2, 6), st.integers(1, 5), st.integers(0, 2**32 - 1), CONFIDENCES)
def test_ends_over_folds(k: int, size: int, seed: int, confidence: float) -> None:
    random = np.random.default_rng(seed)
    sizes = [size + (fold % 2) for fold in range(k)]
    right = [random.integers(0, n + 1, 2) for n in sizes]
    first, second = ([float(each[side] / n) for each, n in zip(right, sizes, strict=True)] for side in (0, 1))
    found = fold_mean(first, sizes, 1 / (k - 1), confidence)
    assert found is not None and 0 <= found.low <= found.estimate <= found.high <= 1
    for images in (
        images_of(random.integers(-1, 2, sum(sizes)).astype(float)),
        bound_of_images(2, sum(sizes)),
    ):
        difference = fold_difference(first, second, 1 / (k - 1), confidence, images, sum(sizes))
        _inside(difference, 1)
        chances = probabilities(difference, 0.001)
        if chances is not None:
            assert all(0 <= each <= 1 for each in (chances.better, chances.same, chances.worse))


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 50), st.data(), CONFIDENCES)
def test_ends_of_counts(n: int, data: st.DataObject, confidence: float) -> None:
    first, second = data.draw(st.integers(0, n)), data.draw(st.integers(0, n))
    both = data.draw(st.one_of(st.none(), st.integers(max(0, first + second - n), min(first, second))))
    found = verdict_on_counts(first, second, n, both_right=both)
    for each in found.accuracies:
        assert 0 <= each.low <= each.estimate <= each.high <= 1
    for each in (found.difference, found.narrowest, found.widest):
        assert each is None or -1 <= each.low <= each.high <= 1
    unpaired = newcombe(first, second, n, confidence)
    assert -1 - 1e-12 <= unpaired.low <= unpaired.high <= 1 + 1e-12
    one = proportion_interval(first / n, n, confidence)
    assert 0 <= one.low <= one.estimate <= one.high <= 1


def test_two_images_of_two_seeds_do_not_exceed_100_percentage_points() -> None:
    """The interval was -109 to 209 percentage points, and the half-widths of its sources still were as wide."""
    found = two_way_difference(np.array([[1.0, 1.0], [1.0, 0.0]]), np.zeros((2, 2)))
    assert (found.low, found.high) == (-1, 1)
    assert found.half_width_of("seeds") == 1 and found.half_width(0.95) > 1
    with pytest.raises(ValueError, match="two images"):
        two_way_difference(np.ones((2, 1)), np.zeros((2, 1)))
