"""A report on classes of very different sizes shows balanced accuracy next to accuracy, and first."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from convstudy import Compare, Dataset, Network, Search, Study, run_study
from convstudy.analysis import analyse
from convstudy.checks import check_run
from convstudy.data.audit.statistics import PartStatistics
from convstudy.history.results import Results
from convstudy.report import answer, short_answer
from tests.report.synthetic import gathered, synthetic_results, table_of
from tests.three_questions import three_questions

COUNTS = (400, *[140] * 8, 97)  # 4.1 : 1


def imbalanced(counts: tuple[int, ...] = COUNTS, study: Study | None = None) -> Results:
    """Return results whose training part has these class counts."""
    made = synthetic_results(study or three_questions())
    assert made.images is not None
    return replace(made, images=replace(made.images, train=PartStatistics(counts, 0, 0, 0)))


def mean_scores(results: Results, stage: str, name: str) -> tuple[str, str]:
    """Return balanced accuracy and accuracy of a candidate on the test images, computed by scikit-learn."""
    found = []
    for fit in results.plan.stage(stage).candidate(name).fits:
        arrays = results.arrays(fit.id, "test")
        pair = arrays["labels"], arrays["probabilities"].argmax(axis=1)
        found.append((balanced_accuracy_score(*pair), accuracy_score(*pair)))
    balanced, accuracy = np.mean(found, axis=0)
    return f"{100 * balanced:.2f} %", f"{100 * accuracy:.2f} %"


def test_first_lines_have_balanced_accuracy_before_accuracy() -> None:
    results = imbalanced()
    compared = next(stage for stage in results.plan.stages if stage.question == "compare")
    choice = results.choice(compared.key)
    assert choice is not None
    balanced, accuracy = mean_scores(results, compared.key, choice.chosen)
    assert balanced != accuracy
    line = short_answer(analyse(results))[1]
    assert f"(balanced accuracy {balanced}, accuracy {accuracy} on test)" in line
    sentence = answer(analyse(results))[1]
    assert f"({balanced} mean test balanced accuracy, {accuracy} mean test accuracy, " in sentence


def test_note_names_the_classes_and_the_metric_that_selects() -> None:
    note = (
        "class 0 has 4.1 times the training images of class 9, so balanced accuracy is shown too; accuracy selected, "
        "and the verdicts compare it."
    )
    assert f"Note: {note}" in short_answer(analyse(imbalanced()))
    assert f"C{note[1:]}" in answer(analyse(imbalanced()))


def test_note_says_if_a_class_has_no_test_images() -> None:
    results = imbalanced()
    assert results.images is not None
    counts = (0, *results.images.test.class_counts[1:])
    images = replace(results.images, test=replace(results.images.test, class_counts=counts))
    (note,) = [
        line
        for line in short_answer(analyse(replace(results, images=images)))
        if line.startswith("Note: class")
    ]
    assert "so balanced accuracy (on test: over the classes that have test images) is shown too" in note


def test_choices_and_verdicts_stay_those_of_the_metric_of_the_study() -> None:
    plain, other = analyse(synthetic_results(three_questions())), analyse(imbalanced())
    for first, second in zip(plain.stage_results, other.stage_results, strict=True):
        assert first.verdicts == second.verdicts
        assert (first.best and first.best.name) == (second.best and second.best.name)


@pytest.mark.parametrize(
    ("counts", "is_shown"),
    [((300, *[150] * 8, 100), False), ((301, *[150] * 8, 100), True), ((0, *[9] * 9), True)],
)
def test_balanced_accuracy_is_shown_if_the_ratio_is_above_three(
    counts: tuple[int, ...], is_shown: bool
) -> None:
    lines = " ".join((*short_answer(analyse(imbalanced(counts))), *answer(analyse(imbalanced(counts)))))
    assert ("balanced accuracy" in lines) == is_shown


def test_table_of_scores_starts_with_balanced_accuracy_and_its_interval() -> None:
    table = table_of(gathered(imbalanced()), "compare-architectures")
    keys = [column.key for column in table.columns]
    assert keys[:5] == [
        "candidate",
        "test_balanced_accuracy",
        "balanced_accuracy_low",
        "balanced_accuracy_high",
        "test_accuracy",
    ]
    for row in table.rows:
        _, mean, low, high, *_ = row
        assert low < mean.mean < high  # type: ignore[operator, union-attr]
    plain = table_of(gathered(synthetic_results(three_questions())), "compare-architectures")
    assert "test_balanced_accuracy" not in [column.key for column in plain.columns]


def test_study_with_balanced_accuracy_shows_accuracy_next_to_it(tmp_path: Path) -> None:
    results = _trained(tmp_path, metric="balanced-accuracy")
    lines = short_answer(analyse(results))
    assert re.search(r"selected, balanced accuracy [\d.]+ %, accuracy [\d.]+ % on validation", lines[0])
    assert re.search(r"balanced accuracy [\d.]+ %, accuracy [\d.]+ % on test", lines[1])
    assert not any(line.startswith("Note: class") for line in lines)
    keys = [column.key for column in table_of(gathered(results), "compare-all").columns]
    assert keys.count("test_balanced_accuracy") == 1
    assert "accuracy-on-imbalanced-classes" not in [
        each.check for each in check_run(analyse(results)).reported
    ]


def test_run_on_imbalanced_arrays_shows_both_accuracies_and_a_warning(tmp_path: Path) -> None:
    results = _trained(tmp_path)
    lines = short_answer(analyse(results))
    found = re.search(r"selected, balanced accuracy ([\d.]+) %, accuracy ([\d.]+) % on validation", lines[0])
    assert found and found[1] != found[2]
    assert re.search(r"\(balanced accuracy [\d.]+ %, accuracy [\d.]+ % on test\)", lines[1])
    warnings = {each.check: each for each in check_run(analyse(results)).warnings}
    assert warnings["accuracy-on-imbalanced-classes"].where == "study.metric"
    assert warnings["accuracy-on-imbalanced-classes"].what.startswith(
        "class cat has 10.0 times the training images of class dog (100 and 10), and accuracy selects"
    )


def _trained(folder: Path, **changes: Any) -> Results:
    """Train two small networks on images of two classes, 100 and 10."""
    random = np.random.default_rng(0)

    def drawn(n_cats: int, n_dogs: int) -> tuple[Any, Any]:
        labels = np.repeat([0, 1], [n_cats, n_dogs])
        images = random.normal(100 + 25 * labels[:, None, None], 40, (len(labels), 6, 6))
        return images.clip(0, 255).astype(np.uint8), labels

    study = Study(
        name="pets",
        dataset=Dataset.from_arrays(
            *drawn(100, 10), *drawn(100, 10), class_names=("cat", "dog"), name="pets"
        ),
        seeds=2,
        validation=0.3,
        recipe={"epochs": 2, "batch_size": 20, "learning_rate": 0.01},
        network={"linear": Network.read(["flatten"]), "hidden": Network.read(["flatten", "dense 4 relu"])},
        search={"batch": Search(network="linear", parameters={"batch_size": (10, 20)}, folds=3)},
        compare={"all": Compare(networks=("linear", "hidden"))},
        **changes,
    )
    return run_study(study, folder, workers=0)
