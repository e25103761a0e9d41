"""A run with another metric: its choices, scores and texts, checked against scikit-learn on the predictions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss

from convstudy.analysis import analyse
from convstudy.report.conclusions import answer
from convstudy.report.write import FORMATS, write_report
from convstudy.run import run_study
from tests.run.studies import small_study

REFERENCE: dict[str, Callable[[Any, Any], float]] = {
    "balanced-accuracy": lambda y, p: balanced_accuracy_score(y, p.argmax(axis=1)),
    "macro-f1": lambda y, p: f1_score(y, p.argmax(axis=1), average="macro", zero_division=0),
    # scikit-learn warns about float32 rows, which sum to 1 only within their precision.
    "log-loss": lambda y, p: log_loss(
        y, p.astype(np.float64) / p.sum(axis=1, keepdims=True, dtype=np.float64), labels=range(10)
    ),
}
TITLES = {"balanced-accuracy": "balanced accuracy", "macro-f1": "macro-F1", "log-loss": "loss"}


@pytest.mark.parametrize("metric", REFERENCE)
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_run_with_another_metric_chooses_and_reports_by_it(metric: str, tmp_path: Path) -> None:
    recipe = small_study().recipe.varied({"checkpoint": "best"})
    results = run_study(small_study(metric=metric, recipe=recipe), runs=tmp_path / "runs", workers=0)
    assert results.complete
    reference, lower = REFERENCE[metric], metric == "log-loss"
    for fit in results.plan.fits:
        record = results.records[fit.id]
        found = results.arrays(fit.id, "validation")
        scored = reference(found["labels"], found["probabilities"])
        assert record.selected.validation[metric] == pytest.approx(scored, rel=1e-5)
        curve = [epoch.validation[metric] for epoch in record.history]
        assert record.selected.validation[metric] == (min if lower else max)(curve)
    assert len(results.test_evaluations) == 4
    for fit_id, test_evaluation in results.test_evaluations.items():
        found = results.arrays(fit_id, "test")
        assert test_evaluation.scores is not None
        assert set(test_evaluation.scores) == {"log-loss", "accuracy", metric}
        assert test_evaluation.scores[metric] == pytest.approx(
            reference(found["labels"], found["probabilities"]), rel=1e-5
        )
    for choice in results.choices:
        values = {score.name: score.value for score in choice.scores}
        assert values[choice.chosen] == (min if lower else max)(v for v in values.values() if v is not None)
    analysis = analyse(results)
    lines = answer(analysis)
    assert all(TITLES[metric] in line and "accuracy" in line for line in lines[:3])
    written = write_report(
        analysis, None, tmp_path / "report", FORMATS if metric == "macro-f1" else FORMATS[:4]
    )
    assert len(written) >= 3
    assert TITLES[metric] in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
