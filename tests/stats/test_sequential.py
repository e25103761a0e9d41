"""Adding seeds until each pair is decided: looks, decisions, dropped candidates, simulated error rates."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from benchmarks.statistics import sequential_designs, until_decided
from convstudy.stats.measure import Measure
from convstudy.stats.sequential import (
    ERROR_LEVEL,
    LOOK_SIZES,
    PairDecision,
    SeedRule,
    looks,
    next_look,
    take_looks,
)
from convstudy.stats.two_way import two_way_difference
from convstudy.stats.verdicts import corrected, make_verdict

NAMES = ("a", "b", "c")


def scores(*means: float, n: int = 30, sd: float = 0.001) -> dict[str, list[float | None]]:
    """Return scores around these means; the deviations differ between candidates and add up to almost nothing."""
    random = np.random.default_rng(5)
    return {
        name: list(mean + sd * random.standard_normal(n)) for name, mean in zip(NAMES, means, strict=False)
    }


def rule(n: int = 3, max_seeds: int = 30, **values: object) -> SeedRule:
    return SeedRule(NAMES[:n], max_seeds, **{"margin": 0.001, **values})  # type: ignore[arg-type]


@pytest.mark.parametrize("max_seeds", [3, 4, 5, 12, 30, 31, 200, 1000])
def test_looks_end_at_the_maximum_and_spend_at_most_the_whole_error_level(max_seeds: int) -> None:
    found = looks(max_seeds)
    assert [look.n_seeds for look in found[:-1]] == [size for size in LOOK_SIZES if size < max_seeds]
    assert found[-1].n_seeds == max_seeds
    assert sum(look.part for look in found) <= 1 + 1e-12
    assert all(look.part > 0 for look in found)


def test_earlier_looks_are_the_same_for_a_larger_maximum() -> None:
    assert looks(10) == looks(30)[:4]


def test_looks_below_the_first_one_are_refused() -> None:
    with pytest.raises(ValueError, match=r"max_seeds must be 3 or more; got 2"):
        looks(2)


def test_a_clearly_worse_candidate_is_dropped_and_the_others_continue() -> None:
    found = take_looks(scores(0.98, 0.9798, 0.97, n=5), rule())
    first, second = found
    assert (first.n_seeds, second.n_seeds) == (3, 5)
    assert second.dropped == ("c",)
    assert PairDecision("a", "c", "better", second.decisions[0].mean) == second.decisions[0]
    assert "c" not in second.continued
    assert second.continued == ("a", "b")
    following = next_look(found, rule())
    assert following is not None and following.n_seeds == 7


def test_a_lower_loss_is_better() -> None:
    found = take_looks(scores(0.1, 0.5, n=5), rule(2, lower_is_better=True))
    assert found[-1].dropped == ("b",)
    assert [each.kind for each in found[-1].decisions] == ["better"]


def test_equivalent_candidates_get_no_more_seeds() -> None:
    found = take_looks(scores(0.98, 0.98, n=30, sd=0.0001), rule(2))
    assert [each.kind for each in found[-1].decisions] == ["equivalent"]
    assert found[-1].continued == () and found[-1].dropped == ()


def test_a_pair_that_no_allowed_number_of_seeds_decides_is_out_of_reach() -> None:
    found = take_looks(scores(0.98, 0.9803, n=30, sd=0.02), rule(2, max_seeds=10))
    assert [each.kind for look in found for each in look.decisions] == ["out of reach"]
    assert found[-1].n_seeds < 10
    assert next_look(found, rule(2, max_seeds=10)) is None


def test_three_seeds_do_not_put_a_pair_out_of_reach() -> None:
    values: dict[str, list[float | None]] = {"a": [0.984, 0.98, 0.976], "b": [0.98] * 3}
    (first,) = take_looks(values, rule(2, max_seeds=5))
    assert first.decisions == () and first.continued == ("a", "b")


def test_the_last_look_never_reports_out_of_reach_or_continues() -> None:
    # A difference near the border of a decision: the rule looks until the maximum.
    found = take_looks(scores(0.98, 0.9785, n=30, sd=0.0006), rule(2, max_seeds=7))
    assert found[-1].n_seeds == 7
    assert found[-1].continued == ()
    assert not any(each.kind == "out of reach" for each in found[-1].decisions)


def test_an_ablation_compares_with_its_reference_and_never_drops_it() -> None:
    values = scores(0.90, 0.98, 0.9003, n=30)
    found = take_looks(values, rule(3, reference="a", max_seeds=30))
    every = [each for look in found for each in look.decisions]
    assert {(each.first, each.second) for each in every} <= {("b", "a"), ("c", "a")}
    assert ("b", "better") in [(each.first, each.kind) for each in every]
    assert not any("a" in look.dropped for look in found)
    assert any(look.evaluated == ("a", "c") for look in found)


def test_more_scores_than_asked_for_change_nothing() -> None:
    values = scores(0.98, 0.90, 0.91)
    found = take_looks(values, rule())
    asked = {name: max(look.n_seeds for look in found if name in look.evaluated) for name in NAMES}
    assert take_looks({name: each[: asked[name]] for name, each in values.items()}, rule()) == found
    assert min(asked.values()) < 30


def test_no_look_is_taken_while_a_score_is_missing() -> None:
    values = scores(0.98, 0.90, 0.91, n=5)
    values["b"] = values["b"][:4]
    found = take_looks(values, rule())
    assert [look.n_seeds for look in found] == [3]


def test_failed_seeds_are_left_out_and_a_candidate_without_scores_is_out_of_reach() -> None:
    values = scores(0.98, 0.90, n=5)
    values["a"][0] = None
    (*_, last) = take_looks(values, rule(2))
    assert last.dropped == ("b",)
    values["b"] = [None] * 5
    (only,) = take_looks(values, rule(2))
    assert [(each.kind, each.mean) for each in only.decisions] == [("out of reach", None)]


def test_equal_differences_of_a_few_seeds_are_not_certain() -> None:
    """One image more of 100 with each of three seeds: without the images' variance, p would be 0."""
    values: dict[str, list[float | None]] = {"a": [0.98] * 5, "b": [0.97] * 5}
    found = take_looks(values, rule(2, images_per_seed=100, n_images=1000, proportion=True))
    assert not any(each.kind in ("better", "worse") for look in found for each in look.decisions)


def test_few_validation_images_cannot_show_equivalence() -> None:
    values: dict[str, list[float | None]] = {"a": [0.98] * 30, "b": [0.98] * 30}
    few = take_looks(values, rule(2, images_per_seed=50, n_images=500, proportion=True))
    many = take_looks(values, rule(2, images_per_seed=20_000, n_images=200_000, proportion=True))
    assert [each.kind for look in few for each in look.decisions] == ["out of reach"]
    assert [each.kind for look in many for each in look.decisions] == ["equivalent"]


def test_simulated_verdicts_equal_those_of_a_study() -> None:
    """The vectorised verdicts of the benchmark are those of the package."""
    world = until_decided.World((0.005, 0.01, 0.015, 0.02, 0.02))
    random = np.random.default_rng(0)
    n = until_decided.N_TEST
    tables = random.random((5, 5, n)) < np.array([0.005, 0.01, 0.015, 0.02, 0.02])[:, None, None]
    wrong = tables[:, :, tables.any(axis=(0, 1))]
    squares = until_decided._squares(wrong.transpose(1, 0, 2)[None].astype(np.float32))
    found = until_decided.verdicts(
        until_decided.Studies(np.zeros((1, 5, 30)), squares), np.full((1, 5), 5), world.margin
    )
    verdicts = corrected(
        [
            make_verdict(
                "", "", Measure("test", "accuracy"),
                two_way_difference(1.0 - tables[a], 1.0 - tables[b]), world.margin,
            )
            for a, b in until_decided.PAIRS
        ]
    )  # fmt: skip
    codes = {"better": 1, "worse": -1, "equivalent": 0, "inconclusive": until_decided.INCONCLUSIVE}
    assert found[0].tolist() == [codes[each.kind] for each in verdicts]
    assert len(set(found[0])) > 1


def test_recursive_levels_are_those_of_published_tables() -> None:
    """Five equally spaced looks with O'Brien and Fleming's spending: DeMets and Lan (1994), table 1."""
    sizes = (1, 2, 3, 4, 5)
    levels = sequential_designs.recursive(sequential_designs.obrien_fleming(0.05, sizes), sizes)
    limits = -ndtri(np.array(levels) / 2)
    assert limits == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=0.005)


def test_wrong_decisions_at_any_look_stay_below_the_error_level() -> None:
    """Equal candidates; without spending, 20 % are decided wrongly at some look."""
    random = np.random.default_rng(1)
    t = np.abs(sequential_designs.t_values(random, 20_000, 0.0))
    wrong = {
        name: (t > sequential_designs.DESIGNS[name](ERROR_LEVEL)).any(axis=1).mean()
        for name in ("parts", "equal 5 %")
    }
    limit = 4 * (0.05 * 0.95 / 20_000) ** 0.5
    assert wrong["parts"] < 0.05 + limit
    assert wrong["equal 5 %"] > 0.18


def test_simulated_comparisons_save_fits_and_make_few_false_claims() -> None:
    random = np.random.default_rng(2)
    world = until_decided.WORLDS["one better, by 1 pp"]
    studies = until_decided.simulate(random, world, 150)
    found = until_decided.outcome(studies, world, 10)
    error = 4 * (0.05 * 0.95 / 150) ** 0.5
    assert max(found.false, found.wrong) < 0.05 + error
    assert found.fits < 0.66
    assert found.agrees > 0.95
    equal = until_decided.HARDEST["five equal, margin 0"]
    studies = until_decided.simulate(random, equal, 100)
    assert until_decided.outcome(studies, equal, 10).false < 0.05 + 1.25 * error
    assert (
        until_decided.ever_false(studies, equal) > 0.1
    )  # the old way: look at the test set until it is clear
