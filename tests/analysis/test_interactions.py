"""Interactions, compared with hand computations, symmetries and a simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit

from benchmarks.statistics import interaction_simulation as simulation
from convstudy.analysis import analyse
from convstudy.analysis.interactions import interaction_values, two_way_interaction
from convstudy.history.results import Results
from convstudy.studyfile import Ablate, Study, Variant
from tests.analysis.known import Wrong, ablation_of, results_of


def correct(n_images: int, *wrong: int) -> np.ndarray:
    """Return the values of one seed with errors on these images, shape (1, n_images)."""
    values = np.ones((1, n_images))
    values[0, list(wrong)] = 0
    return values


def test_interaction_equals_hand_computation() -> None:
    # 98 images. Both together fail on images 0 to 3, the unmodified network on image 3, the second variant on image 4.
    values = interaction_values(correct(98, 0, 1, 2, 3), correct(98), correct(98, 4), correct(98, 3))
    assert values[0, :6].tolist() == [-1, -1, -1, -2, 1, 0]
    found = two_way_interaction(values)
    # With 2 and −2 added: 100 values, sum −4, sum of squares 3 + 4 + 1 + 8 = 16; (16 − 0.16) / 99 = 0.16.
    assert found.mean == pytest.approx(-4 / 98)
    assert found.centre == pytest.approx(-0.04)
    assert found.high is not None
    assert found.high - (-0.04) == pytest.approx(stdtrit(99, 0.975) * math.sqrt(0.16 / 100))
    assert found.n_images == 98


def test_variance_between_seeds_equals_hand_computation() -> None:
    # Two seeds, 8 images and the two added ones: sums 4 and 0, means 0.4 and 0, variance 0.08.
    values = np.zeros((2, 8))
    values[0, :4] = 1
    found = two_way_interaction(values)
    assert found.pairs == (0.5, 0.0)
    (seeds,) = (source for source in found.sources if source.name == "seeds")
    assert seeds.half_width(0.95) == pytest.approx(stdtrit(1, 0.975) * math.sqrt(0.08 / 2))
    assert found.half_width_of("seeds") == 2.0  # no interaction is larger


@pytest.mark.parametrize("n_seeds", [1, 5])
def test_four_equal_models_have_an_interval_of_positive_width(n_seeds: int) -> None:
    found = two_way_interaction(np.zeros((n_seeds, 1000)))
    # Two images at ±2 give √8 / n, for any number of seeds.
    assert found.high == pytest.approx(1.962 * math.sqrt(8) / 1000, rel=0.01)
    assert found.low == pytest.approx(-found.high)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.integers(2, 30), st.integers(0, 10**6))
def test_interval_is_symmetric_in_variants_and_sign(n_seeds: int, n: int, seed: int) -> None:
    random = np.random.RandomState(seed)
    both, first, second, base = random.randint(0, 2, (4, n_seeds, n)).astype(float)
    found = two_way_interaction(interaction_values(both, first, second, base))
    swapped = two_way_interaction(interaction_values(both, second, first, base))
    assert (swapped.low, swapped.high) == (found.low, found.high)
    turned = two_way_interaction(interaction_values(first, both, base, second))
    assert found.low is not None and turned.high == pytest.approx(-found.low)


# Whole studies


def study(seeds: int = 5, names: tuple[str, ...] = ("one", "two")) -> Study:
    """Return an ablation of network a with interactions; each variant changes another key."""
    changes = dict(zip(names, ({"learning_rate": 0.02}, {"epochs": 3}, {"batch_size": 10}), strict=False))
    variants = {name: Variant(recipe=change) for name, change in changes.items()}
    asked = Ablate(network="a", interactions=True, variants=variants)
    return ablation_of("mnist", names, seeds).model_copy(update={"ablate": {"a": asked}})


def some(n_wrong: int, salt: int) -> Wrong:
    """Return ``n_wrong`` indices of wrong predictions among 300 images, different for each seed."""
    return lambda seed: np.random.RandomState(1000 * salt + seed).permutation(300)[:n_wrong]


def known(together: int = 60, seeds: int = 5, **more: bool) -> Results:
    """Return results with 20, 30 and 40 errors for "unmodified network" and each variant, and ``together`` for both."""
    wrong = {
        "unmodified network": some(20, 1),
        "one": some(30, 2),
        "two": some(40, 3),
        "one + two": some(together, 4),
    }
    return results_of(study(seeds), wrong, **more)


def test_larger_joint_loss_of_accuracy_is_a_worse_interaction() -> None:
    (stage_result,) = analyse(known(together=150)).stage_results
    (found,) = stage_result.interactions
    assert (found.first, found.second, found.kind) == ("one", "two", "worse")
    assert found.difference.mean == pytest.approx(-(150 - 30 - 40 + 20) / 10_000)
    assert found.difference.high is not None and found.difference.high < -0.001
    assert len(found.evidence.fit_ids) == 20


def test_additive_effects_have_no_interaction() -> None:
    (stage_result,) = analyse(known(together=50, seeds=20)).stage_results
    (found,) = stage_result.interactions
    assert found.kind in ("equivalent", "inconclusive")
    assert found.difference.mean == pytest.approx(0)
    assert found.difference.low is not None and found.difference.low < 0


def test_verdicts_of_the_ablation_do_not_depend_on_interactions() -> None:
    """Combinations are not variants: the ablation does not compare them, and its correction does not count them."""
    wrong = {
        "unmodified network": some(20, 1),
        "one": some(30, 2),
        "two": some(40, 3),
        "one + two": some(50, 4),
    }
    asked = study()
    quiet = asked.model_copy(
        update={"ablate": {"a": asked.ablate["a"].model_copy(update={"interactions": False})}}
    )
    (with_them,), (without,) = (
        analyse(results_of(asked, wrong)).stage_results,
        analyse(results_of(quiet, wrong)).stage_results,
    )
    assert with_them.verdicts == without.verdicts
    assert with_them.losses == without.losses
    assert without.interactions == ()
    assert [row.name for row in with_them.rows] == ["unmodified network", "one", "two", "one + two"]


def test_holm_correction_treats_interactions_as_a_separate_family() -> None:
    names = ("one", "two", "three")
    wrong = {"unmodified network": some(20, 1)} | {name: some(30, 2 + n) for n, name in enumerate(names)}
    pairs = ("one + two", "one + three", "two + three")
    wrong |= {name: some(n, 9 + n) for name, n in zip(pairs, (41, 150, 44), strict=True)}
    (stage_result,) = analyse(results_of(study(names=names), wrong)).stage_results
    assert [(v.first, v.second) for v in stage_result.interactions] == [
        ("one", "two"), ("one", "three"), ("two", "three")
    ]  # fmt: skip
    assert {v.n_comparisons for v in stage_result.interactions} == {3}
    assert all(v.adjusted_p >= v.p for v in stage_result.interactions)
    assert stage_result.interactions[1].kind == "worse"


def test_inconclusive_interaction_has_a_required_sample_size() -> None:
    def swinging(seed: int) -> np.ndarray:
        return some((10, 120, 60, 90, 20)[seed], 9)(seed)

    wrong = {"unmodified network": some(20, 1), "one": some(30, 2), "two": some(40, 3), "one + two": swinging}
    (found,) = analyse(results_of(study(), wrong)).stage_results[0].interactions
    assert found.kind == "inconclusive"
    assert found.required is not None and found.required.better is not None
    assert found.required.pairs == "seeds" and found.required.better.unit == "seeds"
    assert found.required.better.fewest is None
    assert found.required.shows is not None and found.required.shows > 0.005


def test_one_seed_is_too_few_for_an_interaction() -> None:
    (found,) = analyse(known(together=300, seeds=1)).stage_results[0].interactions
    assert found.kind == "too few to say"


def test_interaction_uses_seeds_common_to_all_four() -> None:
    (found,) = analyse(known(seeds=4, fails=["one"])).stage_results[0].interactions
    assert found.difference.n == 3


def test_interaction_without_predictions_has_only_a_mean() -> None:
    (found,) = analyse(known(together=300, lost=True)).stage_results[0].interactions
    assert found.difference.mean == pytest.approx(-(300 - 30 - 40 + 20) / 10_000)
    assert (found.difference.low, found.kind, found.required) == (None, "inconclusive", None)


def test_no_interaction_before_the_test_set_evaluation() -> None:
    (found,) = analyse(results_of(study(), {}, tested=False)).stage_results[0].interactions
    assert (found.difference.mean, found.kind) == (None, "too few to say")


# The simulation behind a table in docs/statistics.md


@pytest.mark.parametrize("n_seeds", [1, 2, 5])
def test_simulation_computes_the_same_intervals(n_seeds: int) -> None:
    n_images = 800
    table, truth = simulation.interaction_values(
        np.random.default_rng(3), simulation.TWICE, 6, n_seeds, n_images
    )
    covers, above, half = simulation.coverage(
        np.random.default_rng(3), simulation.TWICE, 6, n_seeds, n_images
    )
    for number in range(6):
        values = np.zeros((n_seeds, n_images))
        values[:, : table.shape[-1]] = table[number]
        found = two_way_interaction(values)
        assert found.low is not None and found.high is not None
        assert (found.high - found.low) / 2 == pytest.approx(half[number])
        assert covers[number] == (found.low <= truth[number] <= found.high)
        assert above[number] == (found.low > truth[number])


def proportions(world: str, n_seeds: int, n_images: int, n_studies: int) -> tuple[float, float]:
    """Return the proportions of intervals that cover the truth and that are entirely above it."""
    chosen = next(each for each in simulation.TRUTHS if each.name == world)
    found = [
        simulation.coverage(np.random.default_rng([part, n_seeds]), chosen, 250, n_seeds, n_images)
        for part in range(n_studies // 250)
    ]
    covers, above = (np.concatenate([each[i] for each in found]).mean() for i in (0, 1))
    return float(covers), float(above)


NAMES = [world.name for world in simulation.TRUTHS]


def test_simulation_has_four_scenarios() -> None:
    assert len(set(NAMES)) == 4


@pytest.mark.parametrize("world", NAMES)
def test_intervals_cover_the_truth(world: str) -> None:
    covers, above = proportions(world, n_seeds=5, n_images=2000, n_studies=1000)
    assert covers > 0.93  # 0.95 minus three standard errors of 1,000 studies
    assert above < 0.04


@pytest.mark.slow
@pytest.mark.parametrize("world", NAMES)
@pytest.mark.parametrize("n_images", [1000, 10_000])
@pytest.mark.parametrize("n_seeds", [2, 5, 10])
def test_intervals_cover_the_truth_in_ten_thousand_ablations(world: str, n_images: int, n_seeds: int) -> None:
    covers, above = proportions(world, n_seeds, n_images, 10_000)
    assert covers > 0.94
    assert above < 0.03  # 2.5 % plus three standard errors
