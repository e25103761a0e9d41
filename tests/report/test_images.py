"""What the report says of the images and of calibration stands on the facts, and says what is not known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convstudy.analysis import calibration_of
from convstudy.analysis.predictions import predictions_in
from convstudy.data import BUILT_IN_DATASETS
from convstudy.data.audit.duplicates import Pairs
from convstudy.report.document import document
from convstudy.report.sections.calibration import bins_table, calibration_words
from convstudy.report.sections.images import duplicates_table, image_words, parts_table
from convstudy.report.table import as_records
from convstudy.stats import Interval
from convstudy.studyfile import load_study
from tests.report.synthetic import (
    gathered,
    synthetic_arrays,
    synthetic_results,
    synthetic_statistics,
    table_of,
    texts_of,
)

STUDY, INFO = load_study("digits"), BUILT_IN_DATASETS["digits"]
FACTS = synthetic_statistics(STUDY)
NONE = Pairs(0, 0, 0, ())


def test_what_was_found_is_said_in_words() -> None:
    said = image_words(FACTS, INFO)
    assert said[0] == (
        "2 test images are training images too, pixel by pixel, in 2 pairs, 1 of them with two labels: on these a "
        "model may remember the answer."
    )
    assert said[1] == "1 test image is nearly a training image (pixels correlate by 0.99 or more), in 1 pair."
    assert said[2] == "4 training images repeat the pixels of an earlier one, 2 of them with another label."
    assert said[3] == "1 training image holds one value only and shows nothing."
    assert said[4].startswith("The largest class (9) has 1.2 times the training images of the smallest (0)")
    share = FACTS.test.class_counts[9] / 360
    assert said[5] == f"Always saying 9 would get {100 * share:.2f} % of the test images right."


def test_images_without_fault_are_said_to_be() -> None:
    part = replace(FACTS.train, n_constant=0, n_repeated=0, n_repeated_otherwise=0)
    clean = replace(FACTS, train=part, exact=NONE, near_duplicates=NONE)
    said = image_words(clean, INFO)
    assert said[:2] == (
        "No test image is a training image too, pixel by pixel.",
        "None is nearly one either (no pixels correlate by 0.99 or more).",
    )
    assert len(said) == 4
    assert not duplicates_table(clean, INFO).rows
    assert "could not be looked for" in image_words(replace(clean, near_duplicates=None), INFO)[1]


def test_a_class_without_images_is_pointed_out_and_has_no_ratio() -> None:
    empty = replace(FACTS, train=replace(FACTS.train, class_counts=(0, *[100] * 9)))
    assert "The class 0 has no training image at all." in image_words(empty, INFO)
    assert as_records(parts_table(empty, INFO))[0]["ratio"] is None


def test_tables_hold_the_facts() -> None:
    train, test = as_records(parts_table(FACTS, INFO))
    assert (train["images"], train["constant"], train["repeated_otherwise"]) == (1437, 1, 2)
    assert (test["images"], test["smallest"], test["largest"]) == (360, "0", "9")
    found = as_records(duplicates_table(FACTS, INFO))
    assert [(row["kind"], row["test_image"], row["train_image"]) for row in found] == [
        ("the same", 3, 7),
        ("the same", 5, 9),
        ("nearly the same", 8, 11),
    ]
    more = replace(
        FACTS, near_duplicates=replace(FACTS.near_duplicates, n_pairs=99) if FACTS.near_duplicates else None
    )
    assert duplicates_table(more, INFO).caption.endswith("The first 3 of 101 pairs.")


def test_images_that_nobody_looked_over_are_no_clean_images() -> None:
    contents = gathered(synthetic_results(images=False))
    assert "were not looked over" in texts_of(contents, "data")[1]
    assert document(contents)["images"] is None
    assert document(gathered(synthetic_results()))["images"] == FACTS.as_json()


def test_calibration_stands_for_every_candidate_and_the_bins_of_the_best() -> None:
    results = synthetic_results()
    contents = gathered(results)
    table = table_of(contents, "calibration")
    stage = results.plan.stage("compare.architectures")
    assert [row["candidate"] for row in as_records(table)] == [each.name for each in stage.candidates]
    chosen = stage.candidate(str(table.rows[next(iter(table.marked))][0]))
    own = calibration_of(map(predictions_in, [results.arrays(fit.id, "test") for fit in chosen.fits]))
    assert own is not None
    assert table_of(contents, "calibration-bins") == bins_table(own, chosen.name)
    assert texts_of(contents, "calibration") == [calibration_words(own)]
    assert sum(row["predictions"] for row in as_records(bins_table(own, "x"))) == 360 * own.n_models


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.5, 0.6, "they are surer than they should be"),
        (0.99, 1.0, "they could be surer than they are"),
        (0.5, 1.0, "these test images do not tell the two apart"),
    ],
)
def test_what_is_said_of_calibration_follows_from_the_interval(low: float, high: float, said: str) -> None:
    made = calibration_of(map(predictions_in, [synthetic_arrays(STUDY, "ab12cd34", "test")]))
    assert made is not None
    assert made.confidence.mean is not None
    assert 0.6 < made.confidence.mean < 0.99
    assert said in calibration_words(replace(made, accuracy=Interval((low + high) / 2, low, high)))
