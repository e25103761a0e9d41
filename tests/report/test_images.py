"""The report's sections on the dataset and on calibration."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convstudy.analysis import calibration_of
from convstudy.analysis.predictions import predictions_in
from convstudy.data import BUILT_IN_DATASETS
from convstudy.data.audit.duplicates import Pairs
from convstudy.report.document import document
from convstudy.report.sections.calibration import bins_table, calibration_text
from convstudy.report.sections.images import duplicates_table, image_text, parts_table
from convstudy.report.table import as_records
from convstudy.stats import Interval
from tests.report.synthetic import (
    gathered,
    synthetic_arrays,
    synthetic_results,
    synthetic_statistics,
    table_of,
    texts_of,
)
from tests.three_questions import three_questions

STUDY, INFO = three_questions(), BUILT_IN_DATASETS["digits"]
STATISTICS = synthetic_statistics(STUDY)
NONE = Pairs(0, 0, 0, ())


def test_image_text_describes_duplicates_constant_images_and_balance() -> None:
    text = image_text(STATISTICS, INFO)
    assert text[0] == (
        "2 test images are exact copies of training images; in 1 of 2 pairs, the labels differ. A model may have "
        "memorised their labels."
    )
    assert text[1] == (
        "1 test image is a near-duplicate of a training image (pixel correlation of 0.99 or more)."
    )
    assert (
        text[2]
        == "4 training images have the same pixels as an earlier training image, 2 of them with another label."
    )
    assert text[3] == "1 training image is constant: all pixels have one value."
    assert text[4].startswith(
        "The largest class, “9”, has 1.2 times the number of training images of the smallest, “0”"
    )
    proportion = STATISTICS.test.class_counts[9] / 360
    assert text[5] == f"Always predicting “9” would reach a test accuracy of {100 * proportion:.2f} %."


def test_image_text_without_duplicates_states_that() -> None:
    part = replace(STATISTICS.train, n_constant=0, n_repeated=0, n_repeated_otherwise=0)
    clean = replace(STATISTICS, train=part, exact=NONE, near_duplicates=NONE)
    text = image_text(clean, INFO)
    assert text[:2] == (
        "No test image is an exact copy of a training image.",
        "No test image is a near-duplicate (pixel correlation of 0.99 or more).",
    )
    assert len(text) == 4
    assert not duplicates_table(clean, INFO).rows
    assert "Too many images look alike" in image_text(replace(clean, near_duplicates=None), INFO)[1]


def test_class_without_images_is_reported_and_has_no_ratio() -> None:
    empty = replace(STATISTICS, train=replace(STATISTICS.train, class_counts=(0, *[100] * 9)))
    assert "Class 0 has no training images." in image_text(empty, INFO)
    assert as_records(parts_table(empty, INFO))[0]["ratio"] is None


def test_tables_contain_the_statistics() -> None:
    train, test = as_records(parts_table(STATISTICS, INFO))
    assert (train["images"], train["constant"], train["repeated_otherwise"]) == (1437, 1, 2)
    assert (test["images"], test["smallest"], test["largest"]) == (360, "0", "9")
    found = as_records(duplicates_table(STATISTICS, INFO))
    assert [(row["kind"], row["test_image"], row["train_image"]) for row in found] == [
        ("exact copy", 3, 7),
        ("exact copy", 5, 9),
        ("near-duplicate", 8, 11),
    ]
    more = replace(
        STATISTICS,
        near_duplicates=replace(STATISTICS.near_duplicates, n_pairs=99)
        if STATISTICS.near_duplicates
        else None,
    )
    assert duplicates_table(more, INFO).caption.endswith("The first 3 of 101 pairs.")


def test_report_without_image_statistics_states_that_duplicates_are_unknown() -> None:
    contents = gathered(synthetic_results(images=False))
    assert texts_of(contents, "data")[1] == "A run searches for duplicates after its test-set evaluations."
    assert document(contents)["images"] is None
    assert document(gathered(synthetic_results()))["images"] == STATISTICS.as_json()


def test_calibration_has_every_candidate_and_the_bins_of_the_best() -> None:
    results = synthetic_results()
    contents = gathered(results)
    table = table_of(contents, "calibration")
    stage = results.plan.stage("compare.architectures")
    assert [row["candidate"] for row in as_records(table)] == [each.name for each in stage.candidates]
    chosen = stage.candidate(str(table.rows[next(iter(table.marked))][0]))
    own = calibration_of(map(predictions_in, [results.arrays(fit.id, "test") for fit in chosen.fits]))
    assert own is not None
    assert table_of(contents, "calibration-bins") == bins_table(own, chosen.name)
    assert texts_of(contents, "calibration") == [calibration_text(own)]
    assert sum(row["predictions"] for row in as_records(bins_table(own, "x"))) == 360 * own.n_models


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.5, 0.6, "the models are overconfident"),
        (0.99, 1.0, "the models are underconfident"),
        (0.5, 1.0, "the difference is not significant on these test images"),
    ],
)
def test_calibration_text_follows_from_the_interval(low: float, high: float, text: str) -> None:
    made = calibration_of(map(predictions_in, [synthetic_arrays(STUDY, "ab12cd34", "test")]))
    assert made is not None
    assert made.confidence.mean is not None
    assert 0.6 < made.confidence.mean < 0.99
    assert text in calibration_text(replace(made, accuracy=Interval((low + high) / 2, low, high)))
