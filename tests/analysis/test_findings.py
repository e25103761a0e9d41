from __future__ import annotations

from itertools import combinations

import pytest

from convstudy.analysis import TEST, VALIDATION, analyse
from tests.report.synthetic import synthetic_results
from tests.three_questions import three_questions

LEVELS = {"two-conv": 0.97, "one-conv": 0.96, "three-conv": 0.93, "kernel=7": 0.97, "kernel=3": 0.96}


def level(name: str) -> float:
    return LEVELS.get(name, 0.9)


def test_selected_candidate_is_best_and_second_best_is_runner_up() -> None:
    search, compare, ablate = analyse(synthetic_results(level=level)).stage_results
    assert search.best and search.runner_up and compare.best and compare.runner_up and ablate.best
    assert (search.best.name, search.runner_up.name) == ("kernel=7", "kernel=3")
    assert (compare.best.name, compare.runner_up.name) == ("two-conv", "one-conv")
    assert [(v.first, v.second) for v in compare.verdicts] == [
        ("two-conv", "one-conv"),
        ("two-conv", "three-conv"),
        ("one-conv", "three-conv"),
    ]
    assert ablate.best.name == "unmodified network"
    assert [v.first for v in ablate.verdicts] == ["plain", "tanh-glorot", "rmsprop"]
    assert {v.kind for v in ablate.verdicts} == {"worse"}


def test_search_is_measured_on_validation_and_comparison_on_test() -> None:
    search, compare, ablate = analyse(synthetic_results()).stage_results
    assert search.measure == VALIDATION
    assert compare.measure == ablate.measure == TEST


def test_verdicts_pair_common_seeds() -> None:
    results = synthetic_results(level=level, fails=["one-conv"])
    compare = analyse(results).stage_results[1]
    verdict = compare.verdict_on("one-conv")
    assert verdict and compare.best
    mine = compare.best.scores(TEST)
    other = next(row for row in compare.rows if row.name == "one-conv").scores(TEST)
    assert verdict.difference.pairs == pytest.approx([mine[s] - other[s] for s in ("seed 1", "seed 2")])
    assert set(verdict.evidence.fit_ids) >= {fit.fit_id for fit in compare.best.fits}


def test_stage_without_successful_candidates_has_no_best() -> None:
    results = synthetic_results(fails=["one-conv", "two-conv", "three-conv"])
    compare = analyse(results).stage_results[1]
    assert (compare.best, compare.runner_up, compare.verdicts_on_best) == (None, None, ())
    assert analyse(results).headline is None


def test_stage_without_best_compares_all_pairs_on_common_seeds() -> None:
    names = ["one-conv", "two-conv", "three-conv"]
    compare = analyse(synthetic_results(level=level, fails=names)).stage_results[1]
    assert [(v.first, v.second) for v in compare.verdicts] == list(combinations(names, 2))
    assert {(v.difference.n, v.n_comparisons) for v in compare.verdicts} == {(2, 3)}
    assert [(v.first, v.second) for v in compare.losses] == list(combinations(names, 2))
    assert sorted(row.name for row in compare.ranking) == sorted(names)
    untested = analyse(synthetic_results(tested=False, fails=names)).stage_results[1]
    assert (untested.verdicts, untested.losses, untested.groups) == ((), (), ())


def test_headline_is_the_last_comparison_or_the_final_network() -> None:
    chosen = analyse(synthetic_results(level=level)).headline
    assert chosen and (chosen.stage.key, chosen.candidate.name) == ("compare.architectures", "two-conv")
    study = three_questions().model_copy(update={"compare": {}, "ablate": {}})
    final = analyse(synthetic_results(study)).headline
    assert final and (final.stage.key, final.candidate.name) == ("final.two-conv", "two-conv")
    assert analyse(synthetic_results(stop_after=3)).headline is None
