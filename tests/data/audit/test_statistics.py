"""Statistics of a dataset's images, and the validation of their JSON form."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from convstudy.data import BUILT_IN_DATASETS, Dataset, DatasetStatistics, Images, dataset_statistics
from convstudy.data.audit.statistics import PartStatistics


@pytest.fixture(scope="module")
def info() -> Dataset:
    return BUILT_IN_DATASETS["digits"]


@pytest.fixture(scope="module")
def statistics(info: Dataset) -> DatasetStatistics:
    """Return the statistics of the digits, with two training images and a constant one in the test part."""
    data = BUILT_IN_DATASETS["digits"].load()
    test = data.test.open(lambda: None)
    test.pixels[[5, 6]] = data.train.pixels[[100, 101]]
    test.pixels[7] = 9
    return dataset_statistics(info, data.train, test)


def test_statistics_find_planted_duplicates_and_a_constant_image(
    statistics: DatasetStatistics, info: Dataset
) -> None:
    data = BUILT_IN_DATASETS["digits"].load()
    assert statistics.digest == info.digest
    assert statistics.train == PartStatistics(tuple(np.bincount(data.train.labels).tolist()), 0, 0, 0)
    assert (statistics.test.n_images, statistics.test.n_constant, statistics.test.n_repeated) == (360, 1, 0)
    assert [(pair.train_row, pair.test_row) for pair in statistics.exact.shown] == [(100, 5), (101, 6)]
    assert statistics.near_duplicates is not None
    assert [(pair.train_row, pair.test_row) for pair in statistics.near_duplicates.shown] == [(1169, 304)]


def test_statistics_survive_json(statistics: DatasetStatistics, info: Dataset) -> None:
    assert DatasetStatistics.from_json(json.loads(json.dumps(statistics.as_json())), info) == statistics
    without = {**statistics.as_json(), "near_duplicates": None}
    again = DatasetStatistics.from_json(json.loads(json.dumps(without)), info)
    assert again.near_duplicates is None
    assert again.exact == statistics.exact


def _at(*path: str | int, value: object) -> Callable[[dict[str, Any]], object]:
    def damage(values: Any) -> object:
        for key in path[:-1]:
            values = values[key]
        values[path[-1]] = value
        return None

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        _at("version", value=99),
        _at("digest", value="0" * 64),
        _at("train", value=None),
        _at("train", "class_counts", value=[1437]),
        _at("train", "class_counts", 0, value=7),
        _at("train", "class_counts", 0, value=144.0),
        _at("test", "n_constant", value=-1),
        _at("test", "n_constant", value=True),
        _at("test", "n_repeated", value=361),
        _at("exact", "n_pairs", value=10**30),
        _at("exact", "n_test", value=3),
        _at("exact", "shown", value={}),
        _at("exact", "shown", 0, "test_row", value=360),
        _at("exact", "shown", 0, "train_label", value=10),
        _at("exact", "shown", 0, "correlation", value=float("nan")),
        _at("exact", "shown", 0, "correlation", value="1"),
        _at("exact", "shown", 0, "more", value=1),
        _at("near_duplicates", "n_pairs", value=0),
        _at("near_duplicates", value=[]),
        _at("fingerprints", value=[]),
        _at("fingerprints", "pixels", value="00" * 8),
    ],
)
def test_from_json_of_impossible_values_raises(
    statistics: DatasetStatistics, info: Dataset, damage: Callable[[dict[str, Any]], object]
) -> None:
    values = copy.deepcopy(json.loads(json.dumps(statistics.as_json())))
    damage(values)
    with pytest.raises(ValueError, match=r"expected|statistics of another"):
        DatasetStatistics.from_json(values, info)


@pytest.mark.parametrize("values", [None, [], "", 3, {}])
def test_from_json_of_other_types_raises(info: Dataset, values: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        DatasetStatistics.from_json(values, info)


def test_class_without_images_has_count_0(info: Dataset) -> None:
    some = Images(np.arange(28 * 28 * 2).astype(np.uint8).reshape(2, 28, 28, 1), np.array([3, 3]))
    assert dataset_statistics(info, some, some).train.class_counts == (0, 0, 0, 2, 0, 0, 0, 0, 0, 0)
