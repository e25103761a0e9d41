"""Every interval that a report prints covers the truth in at least 93 % of the studies of each world."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.statistics import intervals
from benchmarks.statistics.intervals import ENOUGH, REGISTRY, Line
from benchmarks.statistics.worlds import FOLD_WORLDS, WORLDS

ANALYSIS = Path(__file__).parents[2] / "src" / "convstudy" / "analysis"
SIMULATIONS = tuple((ANALYSIS.parents[2] / "benchmarks" / "statistics").glob("*.py"))
DEMAND = 0.93


def _at_least(line: Line) -> None:
    """Test the coverage with a threshold of four Monte-Carlo standard errors."""
    error = math.sqrt(DEMAND * (1 - DEMAND) / len(line.ends))
    assert line.coverage > DEMAND - 4 * error, line


@pytest.mark.parametrize(("name", "n_images"), [("99.5 %", 100), ("99.9 %", 1000), ("99.5 and 99 %", 100)])
def test_accuracy_of_one_model_with_one_expected_error_is_covered(name: str, n_images: int) -> None:
    """Wilson's interval covers 90 to 92 % of these."""
    worlds = {name: intervals.ONE_SEED[name]}
    for line in intervals.over_seeds(
        np.random.default_rng(1), 2000, worlds, intervals.one_model_interval, (1,), ((1, n_images),)
    ):
        _at_least(line)
        assert line.coverage > 0.945


def test_mean_brier_score_of_a_good_candidate_is_covered() -> None:
    """Without the added image, the interval covers 88 %, and is above the truth in none of the other studies."""
    (line,) = intervals.over_losses(
        np.random.default_rng(2), 2000, ("brier 0.01",), intervals.brier, sizes=((10, 360),)
    )
    _at_least(line)
    assert line.named == 1 and line.ratio(same_degrees=False) < 1.25


def test_difference_of_candidates_that_err_alike_is_covered_and_narrow() -> None:
    worlds = {"candidates err alike": WORLDS["candidates err alike"]}
    (line,) = intervals.over_seeds(
        np.random.default_rng(3), 400, worlds, intervals.difference, (1, -1), ((10, 3000),)
    )
    _at_least(line)
    assert line.expected > ENOUGH and line.ratio(same_degrees=True) < 1.25


@pytest.mark.parametrize("k", [2, 3, 10])
def test_difference_over_few_and_unequal_folds_is_covered(k: int) -> None:
    worlds = {"training matters": FOLD_WORLDS["training matters"]}
    (line,) = intervals.over_folds(np.random.default_rng(k), 400, intervals.of_two, True, worlds, ((k, 361),))
    _at_least(line)


@pytest.mark.slow
@pytest.mark.parametrize("name", REGISTRY)
def test_every_interval_covers_93_percent_in_every_world(name: str) -> None:
    for line in REGISTRY[name](np.random.default_rng(4), 500):
        if line.named < 0.5 and "collapses" not in line.world:
            _at_least(line)


def test_registry_has_every_interval_that_an_analysis_computes() -> None:
    """A new method needs a function that simulates it."""
    makers = {
        "two_way_difference": "difference",
        "seeds_only_difference": "difference-without-predictions",
        "accuracy_interval": "accuracy",
        "two_way_interaction": "interaction",
        "mean_interval": "loss",
        "fold_difference": "fold-difference",
        "fold_mean": "fold-mean",
        "proportion_interval": "one-model",
    }
    # Intervals with a simulation of their own.
    simulated_elsewhere = {
        "corrected_interval": "search_scores",
        "grouped_mean": "group_simulation",
        "ratio_interval": "share_simulation",
        "set_interval": "set_metric_simulation",
    }
    elsewhere = {"bonett_price", "newcombe", "wilson", "paired_difference"}
    imported = {
        alias.name
        for path in ANALYSIS.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("convstudy.stats.")
        for alias in node.names
    }
    found = {name for name in imported if name.endswith(("_interval", "_difference", "_mean"))}
    assert found <= {*makers, *simulated_elsewhere}, found - {*makers}
    assert {f"{name}.py" for name in simulated_elsewhere.values()} <= {path.name for path in SIMULATIONS}
    assert set(makers.values()) <= {*REGISTRY} and not elsewhere & imported
