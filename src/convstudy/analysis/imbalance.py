"""Balanced accuracy next to accuracy, if the training classes of a dataset have very different sizes.

Accuracy then says little about small classes. The metric of the study still selects and compares; only the report shows
the balanced accuracy first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from convstudy.analysis.candidates import CandidateRow
from convstudy.analysis.held_out import HeldOutReader
from convstudy.analysis.predictions import PredictionReader
from convstudy.history.results import Results
from convstudy.metrics import BALANCED_ACCURACY, metric_named
from convstudy.stats.classes import balance_of
from convstudy.stats.measure import Part
from convstudy.stats.summary import Summary, summarise


def has_imbalanced_classes(results: Results) -> bool:
    """Return whether the largest class has over 3 times the training images of the smallest; false if not known yet."""
    return results.images is not None and balance_of(results.images.train.class_counts).is_imbalanced


def balanced_scores(
    results: Results,
    rows: Iterable[CandidateRow],
    part: Part,
    predictions: PredictionReader,
    held_out: HeldOutReader,
) -> Mapping[str, Summary]:
    """Return the balanced accuracy of candidates, over their seeds or folds.

    Args:
        results: the results of the run.
        rows: the candidates.
        part: the images that the stage compares on: ``"validation"`` or ``"test"``.
        predictions: the reader of test predictions.
        held_out: the reader of validation predictions.

    Returns:
        Candidate -> summary, for candidates whose predictions are all available. Empty if the classes are not
        imbalanced, or the study has this metric anyway.
    """
    if results.study.metric == BALANCED_ACCURACY or not has_imbalanced_classes(results):
        return {}
    found: dict[str, Summary] = {}
    for row in rows:
        fits = [fit for fit in row.fits if (fit.test if part == "test" else fit.validation) is not None]
        values = [
            _on_test(predictions, fit.fit_id) if part == "test" else _on_validation(held_out, fit.fit_id)
            for fit in fits
        ]
        known = [value for value in values if value is not None]
        # A mean over some of the fits would not belong to the other scores of the candidate.
        if known and len(known) == len(values):
            found[row.name] = summarise(known)
    return found


def _on_test(predictions: PredictionReader, fit_id: str) -> float | None:
    found = predictions.of(fit_id)
    values = None if found is None else found.metric_values(metric_named(BALANCED_ACCURACY))
    return None if values is None else float(values.mean())


def _on_validation(held_out: HeldOutReader, fit_id: str) -> float | None:
    found = held_out.of(fit_id)
    return None if found is None else found.balanced_accuracy
