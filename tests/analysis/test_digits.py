"""The verdicts of the study digits from fixed results: the validation accuracies and test errors of one run.

Another machine gives slightly different errors. Replace the file when the study changes.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from convstudy.analysis import Analysis, analyse
from convstudy.history.results import Results
from convstudy.stats import Kind
from convstudy.studyfile import load_study
from tests.analysis.known import Wrong, with_test_errors
from tests.report.synthetic import synthetic_results
from tests.scores import rescored

RESULTS = Path(__file__).with_name("digits-results.json")


def digits_results() -> Results:
    """Return the results of the study with the validation accuracies and test errors of the file."""
    kept: dict[str, dict[str, Any]] = json.loads(RESULTS.read_text("utf-8"))
    accuracies, errors = kept["validation_accuracies"], kept["test_errors"]
    means = {name: float(np.mean(values)) for name, values in accuracies.items()}
    made = synthetic_results(load_study("digits"), level=means.__getitem__)
    records = dict(made.records)
    for stage in made.plan.stages:
        for candidate in stage.candidates:
            for fit, accuracy in zip(candidate.fits, accuracies.get(candidate.name, ()), strict=False):
                record = records[fit.id]
                history = tuple(rescored(epoch, accuracy=accuracy) for epoch in record.history)
                records[fit.id] = replace(record, history=history)

    def wrong(name: str) -> Wrong:
        return lambda seed: np.array(errors[name][seed], dtype=np.int64)

    return with_test_errors(replace(made, records=records), {name: wrong(name) for name in errors})


def kinds_of(analysis: Analysis) -> dict[str, Kind]:
    """Return the kind of each verdict, by the two candidates."""
    return {
        f"{verdict.first}, {verdict.second}": verdict.kind
        for stage_result in analysis.stage_results
        for verdict in stage_result.verdicts
    }


def test_the_answer_of_digits_contains_each_kind_of_verdict() -> None:
    assert kinds_of(analyse(digits_results())) == {
        "kernel=5, kernel=1": "better",
        "block=7, block=14": "better",
        "one-conv, no-conv": "better",
        "tanh, unmodified network": "equivalent",
        "short, unmodified network": "inconclusive",
    }
