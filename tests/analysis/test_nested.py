"""Nested searches: the mean over outer folds, its interval, and the optimism of the search's own score."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from convstudy.analysis import analyse
from convstudy.data import Fold
from convstudy.history.results import Results
from convstudy.plan import Candidate, Fit
from convstudy.record import Record
from convstudy.report.document import document
from convstudy.report.markdown import markdown
from convstudy.stats.differences import t_quantile
from convstudy.stats.resampled import fold_mean
from convstudy.studyfile import Search, Study
from tests.plan.made import finished
from tests.report.synthetic import gathered, notes_of_first, synthetic_record, synthetic_results
from tests.scores import rescored
from tests.three_questions import three_questions

# kernel -> accuracy on each of three folds
SCORES = {3: (0.90, 0.94, 0.95), 5: (0.96, 0.93, 0.96)}


def _study(**search: Any) -> Study:
    base = three_questions()
    values: dict[str, Any] = {"parameters": {"kernel": (3, 5)}, "folds": 3, "nested": True, **search}
    return base.model_copy(
        update={"search": {"s": Search(network="two-conv", **values)}, "compare": {}, "ablate": {}}
    )


def _record(candidate: Candidate, fit: Fit) -> Record:
    """Return a record with these scores; kernel 3 wins without the first fold, kernel 5 otherwise."""
    kernel = int(candidate.values["kernel"])
    accuracy = 0.95
    if isinstance(fit.split, Fold) and fit.split.within is not None:
        accuracy = 0.92 if (kernel == 3) == (fit.split.within.index == 0) else 0.91
    elif isinstance(fit.split, Fold):
        accuracy = SCORES[kernel][fit.split.index] if fit.split.of == 3 else 0.9 + fit.split.index / 100
    made = synthetic_record(fit, 0.9)
    last = rescored(made.history[-1], accuracy=accuracy)
    history = (*made.history[:-1], last)
    return replace(made, history=history, selected_epoch=len(history))


def _results(study: Study, n_records: int | None = None) -> Results:
    plan, choices, records = finished(study, _record)
    made = synthetic_results(study, stop_after=0)
    return replace(made, plan=plan, choices=choices, records=dict(list(records.items())[:n_records]))


def test_winners_are_scored_on_outer_folds() -> None:
    results = _results(_study())
    found = analyse(results).stage_results[0].nested
    assert found is not None
    assert [fold.winner for fold in found.folds] == ["kernel=3", "kernel=5", "kernel=5"]
    assert [fold.score for fold in found.folds] == [0.90, 0.93, 0.96]
    assert [fold.searched for fold in found.folds] == [pytest.approx(0.92)] * 3
    assert found.score.mean == pytest.approx(0.93)
    # The search itself selected kernel 5 by (0.96 + 0.93 + 0.96) / 3 = 0.95.
    assert found.searched == pytest.approx(0.95)
    assert found.optimism == pytest.approx(0.02)
    assert found.winners == {"kernel=5": 2, "kernel=3": 1}
    assert found.same_budget
    # s = 0.03, and the corrected variance of the mean is (1/3 + 1/2) s².
    half = t_quantile(0.975, 2) * math.sqrt(5 / 6) * 0.03
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (pytest.approx(0.93 - half), 1.0)


def test_scored_epoch_is_the_median_of_the_inner_folds() -> None:
    study = _study(parameters={"kernel": (5,)})
    results = _results(study)
    records = dict(results.records)
    n_epochs = len(next(iter(records.values())).history)
    assert n_epochs >= 4
    for stage in results.plan.stages:
        for number, fit in enumerate(stage.fits):
            made = records[fit.id]
            best = {"inner": (2, 3, 3), "nested": (4, 4, 4)}.get(stage.question)
            if best is None or (stage.question == "inner" and fit.id in records and number > 2):
                continue
            history = tuple(rescored(each, accuracy=0.9 + each.number / 1000) for each in made.history[:4])
            records[fit.id] = replace(made, history=history, selected_epoch=best[number % 3])
    found = analyse(replace(results, records=records)).stage_results[0].nested
    assert found is not None
    # Epoch 4 is the best one on each outer fold and has the recorded weights.
    assert [(fold.epoch, fold.score) for fold in found.folds] == [(3, pytest.approx(0.903))] * 3
    short = {
        fit.id: replace(records[fit.id], history=records[fit.id].history[:2], selected_epoch=1)
        for fit in results.plan.stage("nested.s").fits
    }
    found = analyse(replace(results, records=records | short)).stage_results[0].nested
    assert found is not None
    assert [fold.epoch for fold in found.folds] == [2] * 3


def test_answer_and_report_show_the_nested_search() -> None:
    results = _results(_study())
    notes = notes_of_first(results)
    assert "Nested cross-validation with 3 outer folds gives 93.00 % (95 % CI 81.22 to" in notes
    assert (
        "on images that the search did not use, 2.00 pp less than the score of the search, 95.00 %" in notes
    )
    assert "the winners were kernel=5 in 2 of 3 and kernel=3 in 1." in notes
    assert "corrected for" not in notes
    contents = gathered(results)
    table = next(table for table in contents.tables if table.name == "nested-s")
    assert [row[1] for row in table.rows] == ["kernel=3", "kernel=5", "kernel=5"]
    assert "+2.00 pp" in table.caption
    assert "| 1 of 3 | kernel=3 | 92.00 % | 8 | 90.00 % | 958 | 479 |" in markdown(contents)
    values = document(contents)["searches"]["search.s"]["nested"]
    assert values["optimism"] == pytest.approx(0.02)
    protocol = analyse(results).protocol
    assert [row.stage for row in protocol.stages][-1] == "nested.s"
    assert [stage for stage, _ in protocol.choices] == ["search.s"]
    # One section per question, and one for the outer folds.
    ids = [section.id for section in contents.sections]
    assert [each for each in ids if each.partition("-")[0] in ("search", "final", "nested", "inner")] == [
        "final-two-conv",
        "search-s",
        "nested-s",
    ]
    fits = next(table for table in contents.tables if table.name == "results")
    assert sum(row[0].startswith("inner.s.") for row in fits.rows) == 3 * 6  # type: ignore[union-attr]


def test_search_with_one_candidate_has_no_optimism() -> None:
    study = _study(parameters={"kernel": (5,)})
    found = analyse(_results(study)).stage_results[0].nested
    assert found is not None
    assert found.optimism == 0
    assert "as much as the score of the search, 95.00 %" in notes_of_first(_results(study))
    assert "the winners were kernel=5 in all 3." in notes_of_first(_results(study))


def test_unfinished_outer_folds_have_no_estimate() -> None:
    full = _results(_study())
    unfinished = synthetic_results(_study(), stop_after=9)
    found = analyse(unfinished).stage_results[0].nested
    assert found is not None
    assert (found.score.mean, found.interval, found.optimism) == (None, None, None)
    assert "outer fold" not in notes_of_first(unfinished)
    contents = gathered(unfinished)
    table = next(table for table in contents.tables if table.name == "nested-s")
    assert "Not every outer fold has a score" in table.caption
    assert analyse(full).stage_results[0].nested != found


def test_caption_reports_different_numbers_of_training_images() -> None:
    results = _results(_study(outer_folds=2))
    found = analyse(results).stage_results[0].nested
    assert found is not None
    assert (found.n_train, found.n_train_searched) == (718, 958)
    caption = next(table for table in gathered(results).tables if table.name == "nested-s").caption
    assert "with 958 training images instead of 718" in caption


def test_search_without_nesting_has_no_estimate() -> None:
    assert analyse(_results(_study(nested=False))).stage_results[0].nested is None


def test_interval_of_mean_over_folds_equals_hand_computation() -> None:
    found = fold_mean([0.5, 0.6, 0.7, 0.6], [1000] * 4, 1 / 3)
    assert found is not None
    # The variance of the four is 0.02 / 3; corrected, the mean's is 7/12 of it.
    half = t_quantile(0.975, 3) * math.sqrt((1 / 4 + 1 / 3) * 0.02 / 3)
    assert (found.estimate, found.high - found.estimate) == (pytest.approx(0.6), pytest.approx(half))
    assert fold_mean([0.6], [1000], 1.0) is None
    assert fold_mean([], [], 1.0) is None
