"""What being the best of several adds to a score: by hand, by a slow twin, and in a world of known truth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from convstudy.analysis import analyse
from convstudy.analysis.selection import DRAWS, SEED, optimism
from convstudy.history.results import Results
from convstudy.studyfile import Search, load_study
from tests.report.synthetic import notes_of_first, synthetic_results

Array = npt.NDArray[np.float32]


def _no_losses(right: Array) -> Array:
    return np.zeros_like(right)


def test_where_every_draw_chooses_the_winner_nothing_is_too_good() -> None:
    always = np.stack([np.ones(20), np.zeros(20)], axis=1).astype(np.float32)
    assert optimism(always, _no_losses(always), 0) == 0
    alike = np.stack([np.arange(20) % 2] * 3, axis=1).astype(np.float32)
    assert optimism(alike, _no_losses(alike), 0) == 0


def reference_implementation(right: Array, losses: Array, winner: int) -> float:
    """Return what ``optimism`` does, draw by draw and image by image."""
    n, n_candidates = right.shape
    draws = np.random.RandomState(SEED)
    found = []
    for _ in range(DRAWS):
        rows = draws.randint(0, n, n)
        outside = [row for row in range(n) if row not in set(rows.tolist())]
        ranks = [
            (-int(right[rows, c].sum()), float(losses[rows, c].sum(dtype=np.float64)), c)
            for c in range(n_candidates)
        ]
        chosen = min(ranks)[2]
        found.append(float(right[outside, winner].mean() - right[outside, chosen].mean()))
    return float(np.mean(found))


def test_of_two_with_as_many_right_answers_the_lower_loss_is_chosen_then_the_first() -> None:
    """Each is right where the other is not: a quarter of the draws holds five images of either kind."""
    split = np.stack([np.arange(10) < 5, np.arange(10) >= 5], axis=1).astype(np.float32)
    losses = [np.array([pair] * 10, dtype=np.float32) for pair in ((0.1, 0.2), (0.2, 0.1), (0.1, 0.1))]
    found = [optimism(split, each, 0) for each in losses]
    assert found == pytest.approx([reference_implementation(split, each, 0) for each in losses], abs=1e-7)
    # So the rule does matter here: another one would give another figure.
    assert found[0] == found[2]
    assert abs(found[0] - found[1]) > 1e-4


def test_the_slow_twin_agrees() -> None:
    random = np.random.default_rng(3)
    right = (random.random((60, 4)) < (0.7, 0.75, 0.8, 0.7)).astype(np.float32)
    losses = random.random((60, 4)).astype(np.float32)
    winner = int(right.sum(axis=0).argmax())
    assert optimism(right, losses, winner) == pytest.approx(
        reference_implementation(right, losses, winner), abs=1e-7
    )


def test_the_best_of_equal_candidates_is_brought_back_to_what_all_of_them_are() -> None:
    """Eight candidates right on 80 % of all images each: the best of 300 seems two points better or more."""
    random = np.random.default_rng(1)
    naive, corrected = [], []
    for _ in range(60):
        right = (random.random((300, 8)) < 0.8).astype(np.float32)
        scores = right.mean(axis=0)
        winner = int(scores.argmax())
        naive.append(float(scores[winner]) - 0.8)
        corrected.append(naive[-1] - optimism(right, _no_losses(right), winner))
    assert np.mean(naive) > 0.025
    assert abs(float(np.mean(corrected))) < 0.005


def _with_predictions(results: Results, labels: bool = True) -> Results:
    """Return results whose validation files say what the records say."""
    fits = {fit.id: fit for fit in results.plan.fits}

    def arrays(fit_id: str, what: str) -> dict[str, Any]:
        if what != "validation":
            return results.arrays(fit_id, what)
        record = results.records[fit_id]
        n = record.n_validation
        wrong = np.random.RandomState(int(fit_id[:6], 16)).permutation(n)
        wrong = wrong[: n - round(record.selected.validation["accuracy"] * n)]
        truth = np.arange(n) % 2
        probabilities = np.full((n, 2), 0.1, dtype=np.float32)
        probabilities[np.arange(n), truth] = 0.9
        probabilities[wrong] = probabilities[wrong, ::-1]
        found = {"indices": np.arange(n) + 1000 * fits[fit_id].seed, "probabilities": probabilities}
        return {**found, "labels": truth} if labels else found

    return replace(results, arrays=arrays)


def _searching(**search: Any) -> Any:
    study = load_study("digits")
    values: dict[str, Any] = {"parameters": {"kernel": (2, 3, 4, 5, 6)}, "folds": 3, **search}
    return study.model_copy(update={"search": {"s": Search(network="two-conv", **values)}})


def test_the_answer_corrects_the_score_of_a_search() -> None:
    results = _with_predictions(synthetic_results(_searching(), level=lambda name: 0.96))
    found = analyse(results).stage_results[0].selection
    assert found is not None
    assert (found.n_candidates, found.unknown) == (5, "")
    assert found.corrected is not None
    assert 0.95 < found.corrected < found.score
    assert found.optimism == pytest.approx(found.score - found.corrected)
    notes = notes_of_first(results)
    assert f"The score of {found.score * 100:.2f} % is optimistic, because the search selected" in notes
    assert "; corrected for this selection" in notes
    assert f"it is about {found.corrected * 100:.2f} %." in notes


def test_what_is_not_known_is_said() -> None:
    older = _with_predictions(synthetic_results(_searching()), labels=False)
    found = analyse(older).stage_results[0].selection
    assert found is not None
    assert (found.optimism, found.unknown) == (None, "no predictions")
    assert "selected the candidate by it; these records do not show by how much" in notes_of_first(older)
    lost = analyse(synthetic_results(_searching(), with_arrays=False)).stage_results[0].selection
    assert lost is not None
    assert lost.unknown == "no predictions"
    alone = synthetic_results(_searching(parameters={"kernel": (3,)}))
    found = analyse(alone).stage_results[0].selection
    assert found is not None
    assert (found.unknown, found.n_candidates) == ("alone", 1)
    assert "optimistic" not in notes_of_first(alone)


def test_predictions_that_are_not_those_of_the_record_do_not_count() -> None:
    results = _with_predictions(synthetic_results(_searching()))
    best = analyse(results).stage_results[0].best
    assert best is not None
    spoiled = best.fits[0].fit_id

    def arrays(fit_id: str, what: str) -> dict[str, Any]:
        found = results.arrays(fit_id, what)
        wrong = fit_id == spoiled and what == "validation"
        return {**found, "labels": 1 - found["labels"]} if wrong else found

    found = analyse(replace(results, arrays=arrays)).stage_results[0].selection
    assert found is not None
    assert found.unknown == "no predictions"


def test_only_the_last_rung_counts_where_a_search_halves() -> None:
    study = _searching(method="halving", budget=0.5, recipe={"epochs": 4})
    results = _with_predictions(synthetic_results(study))
    stage = results.plan.stages[0]
    found = analyse(results).stage_results[0].selection
    assert found is not None
    assert found.n_candidates == len(stage.finalists) < 5
    assert (
        f"the last rung of {found.n_candidates} candidates selected the candidate by it; corrected"
        in notes_of_first(results)
    )
