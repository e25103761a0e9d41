"""The section on compute: times and throughput worked out by hand from records."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convstudy.report.table import as_records
from tests.report.synthetic import HERE, gathered, synthetic_results, table_of, texts_of


def test_times_and_images_per_second_come_from_the_records() -> None:
    results = synthetic_results()
    rows = {
        (row["stage"], row["candidate"]): row for row in as_records(table_of(gathered(results), "compute"))
    }
    assert len(rows) == 3 + 3 + 4
    row = rows["Comparison architectures", "two-conv"]
    stage = results.plan.stage("compare.architectures")
    records = results.records_of(stage.candidate("two-conv"))
    # Synthetic epochs take 1.5 seconds of training and 0.25 seconds of evaluation.
    n_epochs = len(records[0].history)
    assert row["fits"] == 3 and row["epochs"] == n_epochs
    assert row["seconds_mean"] == pytest.approx(n_epochs * 1.75)
    assert row["training"] == pytest.approx(records[0].n_train / 1.5)
    assert row["evaluation_fraction"] == pytest.approx(0.25 / 1.75)


def test_hardware_is_named_and_energy_is_stated_as_not_measured() -> None:
    (text,) = texts_of(gathered(synthetic_results()), "compute")
    assert text.startswith("The fits ran on a synthetic CPU, 2 cores, Linux x86_64. ")
    assert "Energy is not measured." in text
    gpu = replace(HERE, device="NVIDIA H100")
    moved = gathered(synthetic_results(environment=lambda number: HERE if number < 20 else gpu))
    (text,) = texts_of(moved, "compute")
    assert " and NVIDIA H100 (a synthetic CPU, 2 cores, Linux x86_64). " in text


def test_report_without_trained_fit_has_no_compute_section() -> None:
    report = gathered(synthetic_results(stop_after=0))
    assert "compute" not in [section.id for section in report.sections]
