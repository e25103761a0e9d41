"""Prediction files that are invalid or contradict their records are ignored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from convstudy.analysis import PredictionReader, analyse
from convstudy.history.results import Results
from convstudy.report.page import page
from tests.report.synthetic import gathered, synthetic_results, table_of, texts_of

Spoil = Callable[[dict[str, Any]], dict[str, Any]]


def without(key: str) -> Spoil:
    return lambda test: {name: values for name, values in test.items() if name != key}


def changed(key: str, change: Callable[[Any], Any]) -> Spoil:
    return lambda test: {**test, key: change(test[key])}


def one_label(value: int) -> Callable[[Any], Any]:
    return lambda labels: np.concatenate([[value], labels[1:]])


def in_another_order(test: dict[str, Any]) -> dict[str, Any]:
    """Return predictions with the recorded accuracy, but in another order of images."""
    return {**test, **{name: test[name][::-1] for name in ("labels", "probabilities")}}


SPOILT: dict[str, Spoil] = {
    "no labels": without("labels"),
    "no probabilities": without("probabilities"),
    "nothing": lambda test: {},
    "labels are not integers": changed("labels", lambda labels: labels.astype(np.float32)),
    "probabilities are integers": changed("probabilities", lambda values: np.rint(values).astype(np.int64)),
    "labels for each class": changed("labels", lambda labels: np.eye(10, dtype=np.int64)[labels]),
    "probabilities of one class": changed("probabilities", lambda values: values[:, 0]),
    "a class too few": changed("probabilities", lambda values: values[:, :9]),
    "an image too few": lambda test: {
        **test,
        **{name: test[name][1:] for name in ("labels", "probabilities")},
    },
    "labels for fewer images": changed("labels", lambda labels: labels[1:]),
    "a label above all classes": changed("labels", one_label(10)),
    "a label below 0": changed("labels", one_label(-1)),
    "a probability that is NaN": changed(
        "probabilities", lambda values: np.where(values > 0.7, np.nan, values)
    ),
    "probabilities above 1": changed("probabilities", lambda values: 2 * values),
    "images in another order": in_another_order,
}


def spoilt(results: Results, spoil: Spoil, index: int = 1) -> tuple[Results, str]:
    """Spoil one test file of the headline's candidate; return the results and the id of its fit."""
    head = analyse(results).headline
    assert head is not None
    fit_id = head.candidate.fits[index].id

    def arrays(asked: str, what: str) -> dict[str, Any]:
        found = results.arrays(asked, what)
        return spoil(found) if (asked, what) == (fit_id, "test") else found

    return replace(results, arrays=arrays), fit_id


@pytest.mark.parametrize("what", SPOILT)
def test_invalid_test_predictions_are_left_out(what: str) -> None:
    results, fit_id = spoilt(synthetic_results(), SPOILT[what])
    found = gathered(results)
    assert any("(2 seeds)." in text for text in texts_of(found, "misclassified"))
    assert table_of(found, "class-accuracy").rows and table_of(found, "misclassified").rows
    assert "calibration" not in [section.id for section in found.sections]
    (note,) = found.notes[:1]
    assert note == f"The test predictions of fit {fit_id} do not match its record and are left out."
    # Verdicts on this candidate are computed from scores, with a bound.
    compare = analyse(results).stage_results[1]
    assert compare.best is not None
    assert all(v.bounded == (compare.best.name in (v.first, v.second)) for v in compare.verdicts)


@pytest.mark.parametrize("what", ["nothing", "a label above all classes", "images in another order"])
def test_page_is_written_despite_invalid_predictions(what: str) -> None:
    results, fit_id = spoilt(synthetic_results(), SPOILT[what])
    assert fit_id in page(gathered(results))


@pytest.mark.parametrize(
    "spoil",
    [
        without("error_rows"),
        without("error_pixels"),
        changed("error_rows", lambda rows: rows + 360),
        changed("error_rows", lambda rows: rows.astype(np.float64)),
        changed("error_rows", lambda rows: rows[1:]),
        changed("error_pixels", lambda pixels: pixels[..., 0]),
        changed("error_pixels", lambda pixels: pixels.astype(np.float32)),
    ],
)
def test_invalid_error_images_are_not_shown(spoil: Spoil) -> None:
    whole, found = gathered(synthetic_results()), gathered(spoilt(synthetic_results(), spoil)[0])
    assert table_of(found, "confusion") == table_of(whole, "confusion")
    misclassified = table_of(found, "misclassified").rows
    assert 0 < len(misclassified) <= len(table_of(whole, "misclassified").rows)
    assert misclassified != table_of(whole, "misclassified").rows


def test_files_with_other_labels_than_the_first_are_ignored() -> None:
    results, _ = spoilt(synthetic_results(), in_another_order, index=0)
    reader = PredictionReader(results)
    head = analyse(results).headline
    assert head is not None
    assert [reader.of(fit.id) is not None for fit in head.candidate.fits] == [True, False, False]
