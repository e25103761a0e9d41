"""The file of a first study is valid for any images, its networks fit them, and its size follows from the time."""

from __future__ import annotations

import doctest
import tomllib
from itertools import product

import numpy as np
import pytest

from convstudy.checks import check_plan
from convstudy.data import Dataset
from convstudy.networks import layer_table
from convstudy.plan import make_plan
from convstudy.studyfile import (
    NetworkPattern,
    StudyText,
    check_classes,
    first_networks,
    first_size,
    first_study,
)
from convstudy.studyfile.first_networks import LINEAR, MAX_LINEAR_WEIGHTS, RESNET_SIZES
from convstudy.studyfile.first_size import START_SECONDS, EpochSeconds
from convstudy.studyfile.first_study import FirstFacts, first_study_file

SIDES = (1, 2, 3, 4, 5, 7, 8, 9, 16, 28, 31, 32, 41, 64, 81, 96, 128)
MEASURED = EpochSeconds(2.0, 1.5, dict(zip(RESNET_SIZES, (40.0, 10.0, 5.0, 3.0), strict=True)))


def facts(
    train: tuple[int, ...] = (48, 47, 49),
    test: tuple[int, ...] = (12, 12, 12),
    names: tuple[str, ...] | None = None,
    shape: tuple[int, int, int] = (28, 28, 1),
) -> FirstFacts:
    return FirstFacts(
        name="shapes",
        command="convstudy run shapes",
        image_shape=shape,
        class_names=names or tuple(f"class-{number}" for number in range(len(train))),
        train_counts=train,
        test_counts=test,
        keys=[("path", "shapes", "")],
    )


def size(n_train: int = 144, seconds: float = 500) -> first_size.FirstSize:
    return first_size.first_size(n_train, n_train // 3, MEASURED, 2, seconds)


def text_of(given: FirstFacts) -> str:
    return first_study_file(given, size(), 10, 2)


@pytest.mark.parametrize("module", [first_networks, first_size, first_study])
def test_examples_in_docstrings_give_their_results(module: object) -> None:
    failed, tried = doctest.testmod(module)  # type: ignore[arg-type]  # typed as a module only
    assert failed == 0 and tried > 0


def test_networks_fit_every_shape_and_number_of_classes_without_idle_layers() -> None:
    n_checked = 0
    for side, channels, n_classes, resnet in product(SIDES, (1, 3, 12), (2, 1000), RESNET_SIZES):
        for shape in ((side, side, channels), (side, 2 * side + 1, channels), (3 * side, side, channels)):
            for network in first_networks.first_networks(shape, n_classes, resnet):
                pattern = NetworkPattern.model_validate(network.document())
                table = layer_table(pattern.network(), shape, n_classes)
                assert not any(row.no_op_reason for row in table.rows), (shape, network.name)
                if network.name == LINEAR:
                    assert table.n_parameters <= MAX_LINEAR_WEIGHTS + n_classes or side < 2
                n_checked += 1
    assert n_checked == len(SIDES) * 3 * 2 * len(RESNET_SIZES) * 3 * 3


@pytest.mark.parametrize("side", [8, 28, 64, 128])
def test_small_images_cost_no_more_than_large_ones(side: int) -> None:
    """The first layers reduce large images, so that a training step on 128 × 128 is affordable."""
    costs = []
    for network in first_networks.first_networks((side, side, 3), 10, RESNET_SIZES[0]):
        pattern = NetworkPattern.model_validate(network.document())
        costs.append(layer_table(pattern.network(), (side, side, 3), 10).macs)
    assert costs[0] < costs[1] < costs[2] < 120e6


def test_more_time_never_gives_a_smaller_study() -> None:
    chosen = [size(20_000, seconds) for seconds in (1, 30, 60, 120, 300, 600, 6000)]
    images = [(each.subset or 20_000) * each.seeds * each.epochs for each in chosen]
    assert images == sorted(images) and len(set(images)) > 3
    assert chosen[-1].subset is None and chosen[-1].seeds == 5 and chosen[-1].resnet == RESNET_SIZES[0]
    assert chosen[0].seeds == 3 and chosen[0].subset is not None


@pytest.mark.parametrize("seconds", [90, 200, 600])
def test_size_is_within_the_time_if_any_is(seconds: float) -> None:
    assert size(20_000, seconds).seconds <= seconds


def test_estimate_is_that_of_the_slowest_fit_if_there_are_more_workers_than_fits() -> None:
    chosen = first_size.first_size(144, 48, MEASURED, 1_000, 1e6)
    assert chosen.seconds == START_SECONDS + chosen.epochs * MEASURED.resnet[RESNET_SIZES[0]]


def test_subset_leaves_images_of_the_smallest_class() -> None:
    chosen = first_size.first_size(100_000, 20, MEASURED, 1, 1)
    assert chosen.subset == 50_000


@pytest.mark.parametrize(
    ("train", "metric"),
    [((90, 30, 30), "accuracy"), ((91, 30, 30), "balanced-accuracy"), ((48, 48), "accuracy")],
)
def test_metric_follows_from_the_class_balance_of_training_images(
    train: tuple[int, ...], metric: str
) -> None:
    given = facts(train, (5,) * len(train))
    assert given.metric[0] == metric
    assert tomllib.loads(text_of(given))["study"]["metric"] == metric


def test_metric_of_a_test_part_without_a_class_is_accuracy() -> None:
    metric, reason = facts((90, 10), (5, 0)).metric
    assert metric == "accuracy" and "test images of each class" in reason


def test_file_is_a_study_without_findings_and_repeats_the_reasons() -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (180, 28, 28), "uint8"), np.arange(180) % 3
    dataset = Dataset.from_arrays(images[:144], labels[:144], images[144:], labels[144:])
    text = text_of(facts())
    study = StudyText(text, "shapes.toml").study(dataset=dataset)
    assert list(study.network) == ["linear", "small-cnn", "resnet"] and study.compare
    findings = check_plan(make_plan(study))
    assert [each.code for each in findings.reported if each.level == "warning"] == []
    assert "class-1" in text and "1.0 times the training images of the smallest" in text


def test_commented_questions_are_valid() -> None:
    text = text_of(facts())
    head, mark, questions = text.partition("# Questions to ask next")
    head = head.replace('\naugment = "light" ', '\n# augment = "light" ').replace(
        '# augment = "light flip', 'augment = "light flip'
    )
    lines = [line.removeprefix("# ").removeprefix("#") for line in questions.splitlines()[1:]]
    images, labels = np.zeros((180, 28, 28), "uint8"), np.arange(180) % 3
    dataset = Dataset.from_arrays(images[:144], labels[:144], images[144:], labels[144:])
    study = StudyText(head + "\n".join(lines), "shapes.toml").study(dataset=dataset)
    assert mark and study.search and study.ablate and "flip" in study.recipe.augment


@pytest.mark.parametrize("name", ['a"b', "two\nlines", "back\\slash", "\x7f", "#", "ünï", "x" * 900])
def test_any_class_name_gives_a_valid_file(name: str) -> None:
    given = facts((48, 47), (12, 12), (name, "other"))
    assert tomllib.loads(text_of(given))["study"]["name"] == "shapes"
    assert max(map(len, text_of(given).splitlines())) < 200


def test_file_of_many_classes_lists_a_few() -> None:
    given = facts((30,) * 1_000, (5,) * 1_000)
    assert "and 980 more" in text_of(given)
    assert len(text_of(given).splitlines()) < 100


def test_mirror_images_are_only_suggested() -> None:
    text = text_of(facts())
    assert tomllib.loads(text)["recipe"]["augment"] == "light"
    assert '# augment = "light flip=horizontal"' in text


@pytest.mark.parametrize(("n_classes", "of_a_class"), [(2, 10), (3, 2), (40, 3), (300, 3)])
def test_few_images_of_many_classes_give_a_valid_study(n_classes: int, of_a_class: int) -> None:
    labels = np.arange(n_classes * of_a_class) % n_classes
    images = np.zeros((len(labels), 8, 8), "uint8")
    dataset = Dataset.from_arrays(images, labels, images[:n_classes], labels[:n_classes])
    given = facts((of_a_class,) * n_classes, (1,) * n_classes, shape=(8, 8, 1))
    chosen = size(len(labels))
    study = StudyText(first_study_file(given, chosen, 10, 2), "few.toml").study(dataset=dataset)
    check_classes(study, labels)
