"""The section on groups: images and groups per class in each fold, as the splits of the fits have them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from convstudy.analysis import analyse
from convstudy.data import (
    BUILT_IN_DATASETS,
    Dataset,
    Fold,
    PartCounts,
    part_counts,
    split_indices,
    validation_counts,
)
from convstudy.data.from_python.memory import MemorySource
from convstudy.errors import DataError, Problem
from convstudy.report import answer, short_answer
from convstudy.report.sections.protocol import images_table
from convstudy.studyfile import Study
from tests.report.synthetic import gathered, synthetic_results, table_of, texts_of
from tests.three_questions import three_questions


@cache
def grouped() -> Dataset:
    """Return the digits in 120 groups; each group has two classes."""
    digits = BUILT_IN_DATASETS["digits"].load()
    train, test = digits.train, digits.test.open(lambda: None)
    groups = train.labels // 2 + 5 * (np.arange(len(train)) % 24)
    return Dataset.from_arrays(train.pixels, train.labels, test.pixels, test.labels, groups=groups, name="d")


def study() -> Study:
    return three_questions().model_copy(update={"dataset": grouped()})


def test_tables_have_the_images_and_groups_of_each_fold() -> None:
    report = gathered(synthetic_results(study()))
    images, groups = table_of(report, "images-per-split-1"), table_of(report, "groups-per-split-1")
    assert images.title == "Images per class: 3 folds of search.kernel-size"
    assert [column.title for column in images.columns] == ["Class", "All", "Fold 1", "Fold 2", "Fold 3"]
    train = grouped().load().train
    assert train.groups is not None
    for index in range(3):
        _, rows = split_indices(train.labels, Fold(index, 3, 0), train.groups)
        counts = np.bincount(train.labels[rows], minlength=10).tolist()
        assert [row[2 + index] for row in images.rows] == [*counts, len(rows)]
        pairs = {(label, group) for label, group in zip(train.labels[rows], train.groups[rows], strict=True)}
        in_groups = np.bincount([label for label, _ in pairs], minlength=10).tolist()
        assert [row[2 + index] for row in groups.rows] == [*in_groups, len(set(train.groups[rows].tolist()))]
    assert images.rows[-1][:2] == ("all classes", 1437) and groups.rows[-1][:2] == ("all classes", 120)
    holdouts = table_of(report, "images-per-split-2")
    assert holdouts.title == "Images per class: 20 % held out of compare.architectures"
    assert [column.title for column in holdouts.columns[2:]] == ["Seed 0", "Seed 1", "Seed 2"]
    (text,) = texts_of(report, "groups")
    assert text.startswith(
        "The 1,437 training images are in 120 groups; some groups have images of several classes."
    )


def test_dataset_without_groups_has_no_section() -> None:
    assert not any(section.id == "groups" for section in gathered(synthetic_results()).sections)


def test_groups_that_cannot_be_read_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(self: MemorySource, part: str) -> None:
        raise DataError(Problem("the disk is gone"))

    monkeypatch.setattr(MemorySource, "read_groups", lost)
    section = next(each for each in gathered(synthetic_results(study())).sections if each.id == "groups")
    assert section.notes == ("The groups are not available: the disk is gone.",) and not section.blocks


def test_protocol_has_the_sizes_of_a_trained_fit() -> None:
    results = synthetic_results(study())
    first = results.plan.stages[0].candidates[0].fits[0]
    record = replace(results.records[first.id], n_train=950, n_validation=487)
    found = analyse(replace(results, records={**results.records, first.id: record})).protocol
    search = found.stages[0]
    assert (search.n_train, search.n_validation, found.n_groups) == (950, 487, 120)
    assert search.how == "3 stratified folds, the same for every candidate; no group is divided"
    assert "in 120 groups, which no split divides" in images_table(found).caption
    without = analyse(synthetic_results()).protocol
    assert without.n_groups == 0 and "group" not in images_table(without).caption


def test_counts_of_a_part_without_groups() -> None:
    labels = np.array([0, 2, 2, 0, 2])
    assert part_counts(labels, None, 4) == PartCounts((2, 0, 3, 0))
    folds = [Fold(index, 2, 0) for index in range(2)]
    first, second = validation_counts(labels, None, folds, 3)
    assert np.add(first.n_images, second.n_images).tolist() == [2, 0, 3]


def one_group_each() -> Study:
    """Return a study whose search has as many folds as there are groups."""
    train = grouped().load().train
    test = grouped().load().test.open(lambda: None)
    arrays = (train.pixels, train.labels, test.pixels, test.labels)
    data = Dataset.from_arrays(*arrays, groups=np.arange(len(train)) % 3, name="three")
    return three_questions().model_copy(update={"dataset": data})


def test_verdicts_over_one_group_per_fold_are_descriptive_only() -> None:
    results = synthetic_results(one_group_each())
    report = gathered(results)
    search, compare, _ = analyse(results).stage_results
    assert search.verdicts and all(each.descriptive and not each.clear for each in search.verdicts)
    assert all(each.difference.low is None and each.probabilities is None for each in search.verdicts)
    assert not search.fold_intervals and not any(each.descriptive for each in compare.verdicts)
    table = table_of(report, "verdicts")
    kinds = {(row[-1], row[1]) for row in table.rows}
    assert ("search.kernel-size", "descriptive only") in kinds
    assert all(kind == "descriptive only" for stage, kind in kinds if stage == "search.kernel-size")
    assert (
        "Verdicts of search.kernel-size are descriptive only, because each fold is one group" in table.caption
    )
    said = " ".join(answer(analyse(results)))
    assert "descriptive only, because each fold is one group (leave-one-group-out)" in said
    short = next(line for line in short_answer(analyse(results)) if "kernel-size" in line)
    assert "descriptive only" in short and "better" not in short
    # The same study without this property makes claims.
    assert not any(each.descriptive for each in analyse(synthetic_results(study())).stage_results[0].verdicts)


def test_all_verdicts_in_order_of_time_are_descriptive_only() -> None:
    train, test = grouped().load().train, grouped().load().test.open(lambda: None)
    arrays = (train.pixels, train.labels, test.pixels, test.labels)
    data = Dataset.from_arrays(*arrays, times=np.arange(len(train)), name="timed")
    results = synthetic_results(three_questions().model_copy(update={"dataset": data}))
    report, found = gathered(results), analyse(results)
    every = [each for result in found.stage_results for each in (*result.verdicts, *result.losses)]
    assert len(every) > 8 and all(each.descriptive and not each.clear and not each.ahead for each in every)
    assert not any(
        result.intervals or result.groups or result.fold_intervals for result in found.stage_results
    )
    table = table_of(report, "verdicts")
    assert {row[1] for row in table.rows} == {"descriptive only"}
    assert "are descriptive only, because splits are in order of time" in table.caption
    said = " ".join((*answer(found), *short_answer(found)))
    assert "descriptive only" in said
    assert not any(word in said for word in ("better than", "worse than", "equivalent within", "95 % CI"))
    search, compare, _ = found.protocol.stages
    assert search.how == "in order of time: 3 folds, each validates on the images after its training images"
    assert compare.how == "in order of time: the latest 20 % held out, the same for every seed"
