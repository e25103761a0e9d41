"""One analysis serves the answer, the checks and all formats: nothing is read or computed twice."""

from __future__ import annotations

import importlib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convstudy.analysis import analyse
from convstudy.checks import check_run
from convstudy.report import answer, write_report
from tests.report.synthetic import synthetic_results


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the computations of each part of an analysis."""
    # The package has a function of the same name, so the module is imported by name.
    module = importlib.import_module("convstudy.analysis.analyse")
    counts: Counter[str] = Counter()
    for name in ("stage_result", "protocol", "headline", "biased_estimates"):
        original = getattr(module, name)

        def counted(*arguments: Any, name: str = name, original: Any = original) -> Any:
            counts[f"stage result {arguments[1].key}" if name == "stage_result" else name] += 1
            return original(*arguments)

        monkeypatch.setattr(module, name, counted)
    return counts


def test_each_file_is_read_once_and_each_stage_result_computed_once(
    computed: Counter[str], tmp_path: Path
) -> None:
    made = synthetic_results()
    read: Counter[tuple[str, str]] = Counter()

    def arrays(fit_id: str, what: str) -> dict[str, Any]:
        read[fit_id, what] += 1
        return made.arrays(fit_id, what)

    analysis = analyse(replace(made, arrays=arrays))
    assert not read and not computed  # parts are computed on first access
    assert len(answer(analysis)) == 3
    findings = check_run(analysis)
    write_report(analysis, findings, tmp_path, ("html", "csv", "markdown", "json"))
    assert {what for _, what in read} == {"test", "validation", "weights"}
    assert len([fit_id for fit_id, what in read if what == "test"]) == len(made.test_evaluations) == 18
    assert set(read.values()) == {1}
    assert computed == dict.fromkeys(
        [f"stage result {stage.key}" for stage in made.plan.stages]
        + ["protocol", "headline", "biased_estimates"],
        1,
    )
