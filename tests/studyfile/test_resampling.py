"""The key ``resample`` of ``[study]``: its splits, and the studies that it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convstudy.data import Dataset, Holdout, split_indices, split_sizes
from convstudy.errors import DataError, StudyError
from convstudy.plan import make_plan
from convstudy.plan.fit import Fit
from convstudy.studyfile import Study, check_study
from tests.three_questions import three_questions


def _study(**changes: Any) -> Study:
    return three_questions().model_copy(update={"resample": "training", "seeds": 4, **changes})


def test_each_two_seeds_share_validation_images_and_a_half() -> None:
    study = _study()
    splits = [study.holdout(seed) for seed in range(4)]
    assert [(split.seed, split.half) for split in splits] == [(0, 0), (0, 0), (1, 1), (1, 1)]
    plan = make_plan(study)
    stage = plan.stage("compare.architectures")
    assert [fit.split for fit in stage.candidates[0].fits] == splits
    assert len({fit.id for fit in stage.candidates[0].fits}) == 4
    fit = stage.candidates[0].fits[2]
    assert Fit.from_json(fit.as_json(), study.dataset) == fit
    plain = make_plan(three_questions()).stage("compare.architectures").candidates[0].fits[0]
    assert "half" not in plain.as_json()["split"]


@pytest.mark.parametrize("n_images", [100, 101, 103])
def test_half_is_stratified_and_drawn_after_the_validation_images(n_images: int) -> None:
    labels = np.arange(n_images, dtype=np.int64) % 4
    whole, held_out = split_indices(labels, Holdout(0.2, seed=3))
    found = []
    for half in (0, 1):
        split = Holdout(0.2, seed=3, half=half)
        train, validation = split_indices(labels, split)
        assert np.array_equal(validation, held_out) and set(train) < set(whole)
        assert (len(train), len(validation)) == split_sizes(n_images, split)
        assert np.ptp(np.bincount(labels[train])) <= 1 and np.all(np.diff(train) > 0)
        found.append(train)
    assert not np.array_equal(*found)


def test_half_has_whole_groups() -> None:
    groups = np.arange(240, dtype=np.int64) // 6
    labels = groups % 2
    train, validation = split_indices(labels, Holdout(0.2, seed=0, half=0), groups)
    whole, _ = split_indices(labels, Holdout(0.2, seed=0), groups)
    assert set(np.bincount(groups[train])) == {0, 6}
    assert abs(len(train) - len(whole) / 2) <= 6 and not set(groups[train]) & set(groups[validation])


def test_half_with_too_few_groups_is_one_error() -> None:
    labels, groups = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 1, 2, 3, 4, 5])
    with pytest.raises(DataError, match="half of the training images"):
        split_indices(labels, Holdout(0.3, seed=0, half=0), groups)


@pytest.mark.parametrize(
    ("seeds", "expected"), [(2, "4 or more"), (3, "an even number"), (7, "each 2 seeds share a training set")]
)
def test_number_of_seeds_is_even(seeds: int, expected: str) -> None:
    with pytest.raises(StudyError, match=expected) as caught:
        check_study(_study(seeds=seeds))
    assert f"got {seeds}" in str(caught.value) and len(caught.value.problems) == 1


def test_study_without_comparison_is_refused() -> None:
    with pytest.raises(StudyError, match="only the networks of a comparison or an ablation"):
        check_study(_study(compare={}, ablate={}))
    check_study(_study())


def test_study_in_order_of_time_is_refused() -> None:
    images = np.random.default_rng(0).integers(0, 256, (200, 8, 8), dtype=np.uint8)
    study = _study(dataset=Dataset.from_arrays(images, np.arange(200) % 2, times=np.arange(200)))
    with pytest.raises(StudyError, match="splits are in order of time"):
        check_study(study)
