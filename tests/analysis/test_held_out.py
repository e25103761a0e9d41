"""Validation predictions of a search: pooled by image, or bounded by error rates if they are missing."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from convstudy.analysis import analyse
from convstudy.analysis.held_out import HeldOutReader, bound_of_pooled_images, pooled_images
from convstudy.history.results import Results
from convstudy.metrics import metric_named
from convstudy.report.conclusions import conclusions
from convstudy.report.verdict_notes import verdict_note
from convstudy.stats.intervals import bonett_price
from convstudy.stats.two_way import images_of
from convstudy.studyfile import Search
from tests.report.synthetic import gathered, synthetic_results, table_of
from tests.scores import rescored
from tests.three_questions import three_questions

ACCURATE = metric_named("accuracy")

FOLDS = 5


def searched(wrong: dict[str, int | tuple[int, ...]], labels: bool = True) -> Results:
    """Return a search with five folds of 1,437 images and a number of errors per candidate and fold."""

    def n_wrong(name: str, fold: int) -> int:
        found = wrong[name]
        return found if isinstance(found, int) else found[fold]

    study = three_questions()
    search = Search(network="two-conv", parameters={"kernel": (3, 5)}, folds=FOLDS)
    results = synthetic_results(
        study.model_copy(update={"search": {"s": search}, "compare": {}, "ablate": {}})
    )
    stage = results.plan.stages[0]
    named = {fit.id: (c.name, n) for c in stage.candidates for n, fit in enumerate(c.fits)}
    records = dict(results.records)
    for fit_id, (name, fold) in named.items():
        record = records[fit_id]
        accuracy = 1 - n_wrong(name, fold) / record.n_validation
        history = tuple(rescored(epoch, accuracy=accuracy) for epoch in record.history)
        records[fit_id] = replace(record, history=history)

    def arrays(fit_id: str, what: str) -> dict[str, Any]:
        if what != "validation" or fit_id not in named:
            return results.arrays(fit_id, what)
        name, fold = named[fit_id]
        n = records[fit_id].n_validation
        truth = np.zeros(n, dtype=np.int64)
        probabilities = np.tile(np.array([0.9, 0.1], dtype=np.float32), (n, 1))
        probabilities[: n_wrong(name, fold)] = (0.1, 0.9)
        found = {"indices": np.arange(n) + 1000 * fold, "probabilities": probabilities}
        return {**found, "labels": truth} if labels else found

    return replace(results, records=records, arrays=arrays)


def test_pooled_validation_images_count_by_group() -> None:
    """Images of one group that all differ count like one image; the group spans folds if folds are repeated."""
    results = searched({"kernel=3": 20, "kernel=5": 0})

    def arrays(fit_id: str, what: str) -> dict[str, Any]:
        found = results.arrays(fit_id, what)
        return {**found, "groups": found["indices"] // 20} if what == "validation" else found

    plain, grouped = (
        analyse(each).stage_results[0].verdicts[0].difference
        for each in (results, replace(results, arrays=arrays))
    )
    assert plain.groups is None and grouped.groups is not None
    assert grouped.groups.n_images == 1437 and grouped.groups.n_groups == 75
    assert plain.floor is not None and grouped.floor is not None
    # 5 of 75 groups differ, instead of 100 of 1,437 images.
    assert grouped.floor.variance > 10 * plain.floor.variance and grouped.floor.degrees == 74
    assert 70 < grouped.groups.n_effective < 90 and grouped.n_images == int(grouped.groups.n_effective)
    intervals = [
        analyse(each).stage_results[0].fold_intervals["kernel=3"]
        for each in (results, replace(results, arrays=arrays))
    ]
    widths = [each.high - each.low for each in intervals]
    assert widths[1] > 2 * widths[0] and intervals[1].groups is not None


def test_one_image_more_per_fold_is_inconclusive() -> None:
    """Equal differences in all folds have no variance between folds, but the images still vary."""
    results = searched({"kernel=3": 3, "kernel=5": 2})
    sizes = {record.n_validation for record in results.records.values() if record.n_validation < 300}
    assert sizes == {287, 288}
    stage_result = analyse(results).stage_results[0]
    (verdict,) = stage_result.verdicts
    assert (verdict.kind, verdict.bounded) == ("inconclusive", False)
    counts = (5, 0) if verdict.first == "kernel=5" else (0, 5)
    expected = bonett_price(*counts, 1437)
    assert verdict.difference.low is not None and verdict.difference.high is not None
    assert verdict.difference.high - verdict.difference.low >= expected.high - expected.low
    assert verdict.difference.low == pytest.approx(expected.low, abs=2e-5)
    assert verdict.p > 0.05
    chance = verdict.probabilities
    assert chance is not None and max(chance.better, chance.worse) < 0.975


def test_few_folds_require_more_folds_first() -> None:
    """The variance of few folds would require millions of images, mostly because of Student's t."""
    results = searched({"kernel=3": (12, 2, 20, 5, 15), "kernel=5": 11})
    (verdict,) = analyse(results).stage_results[0].verdicts
    required = verdict.required
    assert required and (required.pairs, required.n_pairs, required.n_images) == ("folds", 5, 1437)
    text = conclusions(analyse(results))[0].text
    assert "use more folds" in text
    numbers = [int(each.replace(",", "")) for each in re.findall(r"\d[\d,]*(?= images)", text)]
    assert all(each <= 14_370 for each in numbers)
    (alike,) = conclusions(analyse(searched({"kernel=3": 12, "kernel=5": 11})))[:1]
    assert "; use more folds first: 5 folds of 1,437 images can show a true difference of about" in alike.text


def test_missing_predictions_are_bounded_by_error_rates_and_marked() -> None:
    with_labels, lost = (searched({"kernel=3": 3, "kernel=5": 2}, labels) for labels in (True, False))
    (known,), (bounded,) = (analyse(each).stage_results[0].verdicts for each in (with_labels, lost))
    assert bounded.bounded
    most, least = bounded.difference.half_width_of("images"), known.difference.half_width_of("images")
    # The bound counts 25 errors of both candidates, the predictions 5 images with a difference.
    assert most and least and most == pytest.approx(1.96 * (27**0.5) / 1437, rel=0.01) and most > least
    assert "upper bound" in verdict_note(bounded) and "upper bound" not in verdict_note(known)
    tables = [table_of(gathered(each), "verdicts") for each in (with_labels, lost)]
    assert ["upper bound" in table.caption for table in tables] == [False, True]
    assert [any("upper bound" in row for row in table.rows) for table in tables] == [False, True]


def test_image_of_repeated_folds_counts_once() -> None:
    results = searched({"kernel=3": 3, "kernel=5": 2})
    first, second = analyse(results).stage_results[0].rows
    reader = HeldOutReader(results)
    pairs = list(zip(first.fits, second.fits, strict=True))
    once, n_once, _ = pooled_images(pairs, reader, ACCURATE) or (None, 0, None)
    twice, n_twice, _ = pooled_images(pairs + pairs, reader, ACCURATE) or (None, 0, None)
    assert n_once == n_twice == 1437
    assert once == twice == images_of(np.array([-1.0] * 5 + [0.0] * 1432))
    assert bound_of_pooled_images(pairs) == bound_of_pooled_images(pairs + pairs)


def test_predictions_of_different_images_are_not_paired() -> None:
    results = searched({"kernel=3": 3, "kernel=5": 2})
    other = analyse(results).stage_results[0].rows[1].fits[0].fit_id

    def arrays(fit_id: str, what: str) -> dict[str, Any]:
        found = results.arrays(fit_id, what)
        return (
            {**found, "indices": found["indices"] + 1} if fit_id == other and what == "validation" else found
        )

    (verdict,) = analyse(replace(results, arrays=arrays)).stage_results[0].verdicts
    assert verdict.bounded
