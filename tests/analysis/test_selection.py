"""The selection bias of a score, compared with a reference implementation and simulated truth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from convstudy.analysis import analyse
from convstudy.analysis.selection import DRAWS, SEED, optimism
from convstudy.history.results import Results
from convstudy.studyfile import Search
from tests.report.synthetic import notes_of_first, synthetic_results
from tests.report.test_groups import one_group_each
from tests.three_questions import three_questions

Array = npt.NDArray[np.float32]


def _no_losses(correct: Array) -> Array:
    return np.zeros_like(correct)


def test_optimism_is_zero_if_every_draw_selects_the_winner() -> None:
    always = np.stack([np.ones(20), np.zeros(20)], axis=1).astype(np.float32)
    assert optimism(always, _no_losses(always), 0) == 0
    alike = np.stack([np.arange(20) % 2] * 3, axis=1).astype(np.float32)
    assert optimism(alike, _no_losses(alike), 0) == 0


def reference_implementation(correct: Array, losses: Array, winner: int) -> float:
    """Compute ``optimism`` with loops over draws and candidates."""
    n, n_candidates = correct.shape
    draws = np.random.RandomState(SEED)
    found = []
    for _ in range(DRAWS):
        rows = draws.randint(0, n, n)
        outside = [row for row in range(n) if row not in set(rows.tolist())]
        ranks = [
            (-int(correct[rows, c].sum()), float(losses[rows, c].sum(dtype=np.float64)), c)
            for c in range(n_candidates)
        ]
        selected = min(ranks)[2]
        found.append(float(correct[outside, winner].mean() - correct[outside, selected].mean()))
    return float(np.mean(found))


def test_ties_of_accuracy_are_resolved_by_loss_then_order() -> None:
    """The candidates are correct on complementary images, so that a quarter of the draws are ties."""
    split = np.stack([np.arange(10) < 5, np.arange(10) >= 5], axis=1).astype(np.float32)
    losses = [np.array([pair] * 10, dtype=np.float32) for pair in ((0.1, 0.2), (0.2, 0.1), (0.1, 0.1))]
    found = [optimism(split, each, 0) for each in losses]
    assert found == pytest.approx([reference_implementation(split, each, 0) for each in losses], abs=1e-7)
    # The rule matters here: another rule gives another value.
    assert found[0] == found[2]
    assert abs(found[0] - found[1]) > 1e-4


def test_optimism_equals_reference_implementation() -> None:
    random = np.random.default_rng(3)
    correct = (random.random((60, 4)) < (0.7, 0.75, 0.8, 0.7)).astype(np.float32)
    losses = random.random((60, 4)).astype(np.float32)
    winner = int(correct.sum(axis=0).argmax())
    assert optimism(correct, losses, winner) == pytest.approx(
        reference_implementation(correct, losses, winner), abs=1e-7
    )


def test_corrected_score_of_equal_candidates_is_unbiased() -> None:
    """Eight candidates have 80 % accuracy; on 300 images the best one appears at least 2 pp better."""
    random = np.random.default_rng(1)
    naive, corrected = [], []
    for _ in range(60):
        correct = (random.random((300, 8)) < 0.8).astype(np.float32)
        scores = correct.mean(axis=0)
        winner = int(scores.argmax())
        naive.append(float(scores[winner]) - 0.8)
        corrected.append(naive[-1] - optimism(correct, _no_losses(correct), winner))
    assert np.mean(naive) > 0.025
    assert abs(float(np.mean(corrected))) < 0.005


def test_optimism_of_groups_equals_reference_implementation() -> None:
    """A draw consists of whole groups: images outside a draw are of other groups."""
    random = np.random.default_rng(4)
    correct = (random.random((60, 4)) < (0.7, 0.75, 0.8, 0.7)).astype(np.float32)
    groups, losses = (
        random.permutation(np.repeat(np.arange(12), 5)),
        random.random((60, 4)).astype(np.float32),
    )
    winner, draws, found = 2, np.random.RandomState(SEED), []
    for _ in range(DRAWS):
        drawn = draws.randint(0, 12, 12)
        rows = np.concatenate([np.flatnonzero(groups == group) for group in drawn])
        outside = ~np.isin(groups, drawn)
        ranks = [
            (-int(correct[rows, c].sum()), float(losses[rows, c].sum(dtype=np.float64)), c) for c in range(4)
        ]
        selected = min(ranks)[2]
        found.append(float(correct[outside, winner].mean() - correct[outside, selected].mean()))
    assert optimism(correct, losses, winner, groups) == pytest.approx(float(np.mean(found)), abs=1e-6)


def test_corrected_score_of_grouped_images_is_less_biased_with_drawn_groups() -> None:
    """Eight equal candidates with effects on each of 30 groups: drawing images misses most of the bias."""
    random = np.random.default_rng(2)
    groups = np.repeat(np.arange(30), 10)
    by_images, by_groups = [], []
    for _ in range(40):
        chance = random.beta(0.8, 0.2, (30, 8))[groups]
        correct = (random.random((300, 8)) < chance).astype(np.float32)
        scores = correct.mean(axis=0)
        winner = int(scores.argmax())
        bias = float(scores[winner]) - 0.8
        by_images.append(bias - optimism(correct, _no_losses(correct), winner))
        by_groups.append(bias - optimism(correct, _no_losses(correct), winner, groups))
    assert abs(float(np.mean(by_groups))) < 0.02 < 0.03 < float(np.mean(by_images))


def _with_predictions(results: Results, labels: bool = True) -> Results:
    """Return results with validation predictions that match the records."""
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
    study = three_questions()
    values: dict[str, Any] = {"parameters": {"kernel": (2, 3, 4, 5, 6)}, "folds": 3, **search}
    return study.model_copy(update={"search": {"s": Search(network="two-conv", **values)}})


def test_answer_has_the_corrected_score_of_a_search() -> None:
    results = _with_predictions(synthetic_results(_searching(), level=lambda name: 0.96))
    found = analyse(results).stage_results[0].selection
    assert found is not None
    assert (found.n_candidates, found.unknown) == (5, "")
    assert found.corrected is not None
    assert 0.95 < found.corrected < found.score
    assert found.optimism == pytest.approx(found.score - found.corrected)
    notes = notes_of_first(results)
    assert f"The score of {found.score * 100:.2f} % may be optimistic, because the search selected" in notes
    assert ". Corrected for this selection" in notes
    assert found.interval is not None and found.interval.low < found.corrected < found.interval.high
    ends = f"{found.interval.low * 100:.2f} to {found.interval.high * 100:.2f} %"
    assert (
        f"it is about {found.corrected * 100:.2f} % (95 % CI {ends}; this interval accounts for the" in notes
    )
    assert "not for the variation between trainings" in notes


def test_descriptive_search_has_no_interval_of_the_corrected_score() -> None:
    found = analyse(_with_predictions(synthetic_results(one_group_each()))).stage_results[0].selection
    assert found is not None and found.corrected is not None
    assert found.interval is None


def test_unknown_optimism_has_a_reason() -> None:
    older = _with_predictions(synthetic_results(_searching()), labels=False)
    found = analyse(older).stage_results[0].selection
    assert found is not None
    assert (found.optimism, found.unknown) == (None, "no predictions")
    assert "selected the candidate by this score. These records do not show by how much" in notes_of_first(
        older
    )
    lost = analyse(synthetic_results(_searching(), with_arrays=False)).stage_results[0].selection
    assert lost is not None
    assert lost.unknown == "no predictions"
    alone = synthetic_results(_searching(parameters={"kernel": (3,)}))
    found = analyse(alone).stage_results[0].selection
    assert found is not None
    assert (found.unknown, found.n_candidates) == ("alone", 1)
    assert "optimistic" not in notes_of_first(alone)


def test_predictions_that_contradict_the_record_are_not_used() -> None:
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


def test_successive_halving_corrects_for_the_last_rung_only() -> None:
    study = _searching(method="halving", budget=0.5, recipe={"epochs": 4})
    results = _with_predictions(synthetic_results(study))
    stage = results.plan.stages[0]
    found = analyse(results).stage_results[0].selection
    assert found is not None
    assert found.n_candidates == len(stage.finalists) < 5
    assert (
        f"the last rung selected one of {found.n_candidates} candidates by this score. Corrected"
        in notes_of_first(results)
    )
