"""Which predictions examine the labels of training and test images, and why none does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convstudy import Dataset
from convstudy.analysis import analyse
from convstudy.analysis.held_out import HeldOut
from convstudy.analysis.label_errors import label_errors_of_test, label_errors_of_training
from convstudy.checks import check_run
from convstudy.data import BUILT_IN_DATASETS
from convstudy.report.document import document
from convstudy.report.page import page
from convstudy.report.report import gather
from convstudy.report.sections.label_errors import summary_text
from convstudy.run import run_study
from convstudy.studyfile import Study
from tests.checks.made import N_TEST, results, study
from tests.report.synthetic import table_of, texts_of

WRONG = (3, 40, 77)


class Folds:
    """Predictions of 100 training images in five folds; ``wrong`` are confidently predicted as the other class."""

    def __init__(self, wrong: tuple[int, ...] = WRONG, missing: int = -1, repeated: bool = False) -> None:
        self.wrong, self.missing, self.repeated = wrong, missing, repeated
        self.folds: dict[str, int] = {}

    def of(self, fit_id: str) -> HeldOut | None:
        fold = self.folds.setdefault(fit_id, len(self.folds) % 5)
        if fold == self.missing:
            return None
        images = np.arange(0 if self.repeated else fold, 100, 5)
        labels = images % 2
        is_wrong = np.isin(images, self.wrong)
        predicted = np.where(is_wrong, 1 - labels, labels)
        confidence = np.full(len(images), 0.97, np.float32)
        own = np.where(is_wrong, 0.03, 0.95)
        losses = -np.log(own).astype(np.float32)
        return HeldOut(images, ~is_wrong, losses, labels, predicted, confidence)


def test_training_images_are_examined_by_the_models_that_held_them_out() -> None:
    found = label_errors_of_training(analyse(results()).main_results, Folds())  # type: ignore[arg-type]
    assert [each.row for each in found.found] == list(WRONG)
    assert [(each.label, each.predicted) for each in found.found] == [(1, 0), (0, 1), (1, 0)]
    assert (found.n_images, found.n_models, found.rate) == (100, 1, 0.03)
    assert found.accuracy == 0.97
    # The winner of search.one has 97 % on validation images, as that of search.two: the first one counts.
    assert found.source in ("search.one: kernel=5", "search.two: kernel=5")


@pytest.mark.parametrize(
    ("folds", "unknown"),
    [
        (Folds(missing=2), "no predictions"),
        (Folds(repeated=True), "no predictions"),
        (Folds(wrong=tuple(range(21))), "low accuracy"),
    ],
)
def test_incomplete_repeated_or_poor_predictions_examine_nothing(folds: Folds, unknown: str) -> None:
    found = label_errors_of_training(analyse(results()).main_results, folds)  # type: ignore[arg-type]
    assert (found.unknown, found.found, found.rate) == (unknown, (), 0.0)


def test_study_without_a_search_holds_no_training_image_out() -> None:
    made = analyse(results(study(search={})))
    assert label_errors_of_training(made.main_results, Folds()).unknown == "no search"  # type: ignore[arg-type]


def test_seeds_must_agree_on_a_test_image() -> None:
    made = results()
    head = analyse(made).headline
    assert head is not None
    ids = [fit.id for fit in head.candidate.fits]

    def arrays(fit_id: str, what: str) -> Any:
        test = dict(made.arrays(fit_id, what))
        probabilities = np.zeros((N_TEST, 10), np.float32)
        probabilities[:, 0] = 1.0
        rows = np.arange(round((1 - made.test_evaluations[fit_id].scores["accuracy"]) * N_TEST))  # type: ignore[index]
        probabilities[rows, 0], probabilities[rows, 1] = 0.0, 1.0
        # Class 1 has no test images. Two of them get its label, so that the class has a threshold.
        labels = test["labels"].copy()
        labels[-2:] = 1
        probabilities[-2:] = np.eye(10)[1]
        if fit_id == ids[0]:
            probabilities[0] = np.eye(10)[2]
        return {**test, "labels": labels, "probabilities": probabilities}

    analysis = analyse(replace(made, arrays=arrays))
    found = label_errors_of_test(head, analysis.tested_fit_ids(head.candidate), analysis.predictions)
    fewest = min(
        round((1 - made.test_evaluations[fit_id].scores["accuracy"]) * N_TEST)  # type: ignore[index]
        for fit_id in ids
    )
    assert [each.row for each in found.found] == list(range(1, fewest))
    assert (found.n_models, found.n_images, found.unknown) == (5, N_TEST, "")
    one = label_errors_of_test(head, tuple(ids[:1]), analysis.predictions)
    assert one.unknown == "one seed"
    assert label_errors_of_test(None, (), analysis.predictions).unknown == "no predictions"


def test_checks_and_report_list_the_suspected_labels_and_the_margin() -> None:
    analysis = analyse(results())
    training = label_errors_of_training(analysis.main_results, Folds())  # type: ignore[arg-type]
    test = analysis.label_errors[1]
    assert test.found == () and test.unknown == ""
    analysis.__dict__["label_errors"] = (training, test)
    found = {each.check: each for each in check_run(analysis).reported}
    assert found["likely-label-errors"].what.startswith("3 training images of 100 (3.00 %) have suspected")
    margin = found["margin-below-label-errors"]
    assert (
        "0.1 percentage points, is below the rate of suspected label errors of the training images, 3.00 %"
        in (margin.what)
    )
    report = gather(analysis, check_run(analysis))
    texts = texts_of(report, "label-errors")
    assert any(text.startswith("3 images of 100 (3.00 %) are suspected.") for text in texts)
    assert any(
        text.startswith("No image is suspected. The images were predicted by the 5 models") for text in texts
    )
    assert [row[:4] for row in table_of(report, "label-errors").rows] == [
        ("training", 3, "1", "0"),
        ("training", 40, "0", "1"),
        ("training", 77, "1", "0"),
    ]
    assert document(report)["label_errors"]["training"] == {"images": 100, "suspected": 3, "rate": 0.03}
    assert 'id="label-errors"' in page(report)


def test_wide_margin_is_not_below_the_rate_of_label_errors() -> None:
    analysis = analyse(results(study(equivalence_margin=3.5)))
    training = label_errors_of_training(analysis.main_results, Folds())  # type: ignore[arg-type]
    analysis.__dict__["label_errors"] = (training, analysis.label_errors[1])
    assert "margin-below-label-errors" not in {each.check for each in check_run(analysis).reported}


def test_parts_that_were_not_examined_say_why() -> None:
    analysis = analyse(replace(results(study(search={})), test_evaluations={}))
    training, test = analysis.label_errors
    assert summary_text(training) == "Not examined, because no search with folds has selected a candidate."
    assert summary_text(test).startswith("Not examined, because there are no predictions of models")
    outcomes = {each.check: each for each in check_run(analysis).outcomes}
    assert outcomes["likely-label-errors"].status == "not applicable"
    assert outcomes["likely-label-errors"].reason.startswith("training images: no search")


@pytest.mark.slow
def test_flipped_labels_of_digits_are_found_in_a_run(tmp_path: Path) -> None:
    """1 % of the labels of both parts are flipped; docs/statistics.md has recall and precision over ten flips."""
    loaded = BUILT_IN_DATASETS["digits"].load()
    train, test = loaded.train, loaded.test.open(lambda: None)
    random = np.random.RandomState(0)
    labels, flips = [], []
    for part in (train, test):
        rows = random.choice(len(part), round(0.01 * len(part)), replace=False)
        changed = part.labels.copy()
        changed[rows] = (changed[rows] + random.randint(1, 10, len(rows))) % 10
        labels.append(changed)
        flips.append(set(rows.tolist()))
    data = Dataset.from_arrays(train.pixels, labels[0], test.pixels, labels[1], name="flipped")
    values = {
        "name": "flipped",
        "dataset": data,
        "seeds": 5,
        "recipe": {"epochs": 12, "learning_rate": 0.01, "schedule": "cosine", "batch_size": 50},
        "network": {
            "conv": {
                "layers": ["conv 24 {k} relu stride=2", "max-pool 4", "batch-norm momentum=0.9", "flatten"],
                "k": 5,
            }
        },
        "search": {"k": {"network": "conv", "parameters": {"k": [5, 3]}, "folds": 5}},
        "ablate": {"conv": {"network": "conv", "variants": {"tanh": {"activation": "tanh"}}}},
    }
    analysis = analyse(run_study(Study(**values), tmp_path, workers=0))
    found = [{each.row for each in errors.found} for errors in analysis.label_errors]
    assert len(found[0] & flips[0]) >= 8 and len(found[0] - flips[0]) <= 6
    assert len(found[1] & flips[1]) >= 1 and len(found[1] - flips[1]) <= 1
    report = gather(analysis, check_run(analysis))
    assert page(report).count("labelled ") >= len(found[0]) + len(found[1])
