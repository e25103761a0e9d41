"""Estimates of costs and times against values worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from convstudy.engine.run_time import Expected
from convstudy.errors import StudyError, UsageError
from convstudy.history import History
from convstudy.plan import Cost, Fit, make_plan
from convstudy.run import estimate_study
from convstudy.run.estimate import parallel_seconds
from tests.plan.made import ONE, record, study


@pytest.fixture
def calibrated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patch the time measurement so that each fit takes 10 seconds."""

    def estimate_run_time(fits: list[Fit], seconds: float) -> Expected:
        return Expected({fit.id: 10.0 for fit in fits}, n_kinds=1_250, n_timed=24)

    monkeypatch.setattr("convstudy.engine.run_time.estimate_run_time", estimate_run_time)


def test_estimate_before_training_has_all_fits(calibrated: None, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    found = estimate_study(study(), runs, workers=4)
    assert not runs.exists()
    assert [(each.stage.key, each.n_fits, each.n_done) for each in found.stages] == [
        ("search.kernel", 4, 0),
        ("compare.all", 6, 0),
        ("ablate.best", 4, 0),
    ]
    # The unchanged network of the ablation is also in the comparison, so its two fits count once.
    assert [each.seconds for each in found.stages] == [40, 60, 20]
    assert (found.total.n_fits, found.left, found.n_workers) == (12, found.total, 4)
    assert found.seconds == 120 / 4
    assert (found.n_kinds, found.n_timed) == (1_250, 24)
    assert sum((each.left for each in found.stages), Cost(0, 0, 0)) == found.total


def test_fits_with_a_record_cost_nothing(calibrated: None, tmp_path: Path) -> None:
    history = History.open(tmp_path, create=True)
    for fit in make_plan(study()).stages[0].fits:
        with history.writing():
            history.save_record(fit, record(fit))
    history.close()
    found = estimate_study(study(), tmp_path, workers=1)
    assert [each.n_done for each in found.stages] == [4, 0, 0]
    assert found.stages[0].left == Cost(0, 0, 0)
    assert (found.left.n_fits, found.seconds) == (8, 80)


def test_estimate_without_calibration_has_costs_and_no_times(tmp_path: Path) -> None:
    found = estimate_study(study(), tmp_path / "runs", calibration_seconds=None)
    assert found.total.flops > 0
    assert [found.seconds, *(each.seconds for each in found.stages)] == [None] * 4
    assert (found.n_kinds, found.n_timed) == (0, 0)


def test_run_time_is_at_least_that_of_the_longest_fit() -> None:
    assert parallel_seconds([10, 10, 10, 10], 3) == pytest.approx(40 / 3)
    assert parallel_seconds([30, 1, 1], 3) == 30
    assert parallel_seconds([], 3) == 0


def test_study_that_cannot_be_run_is_not_estimated(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="workers must be 0"):
        estimate_study(study(), tmp_path / "runs", workers=-1)
    with pytest.raises(StudyError):
        estimate_study(study(network={"one": ONE}), tmp_path / "runs")


def test_study_passed_by_name_is_one_error(tmp_path: Path) -> None:
    by_name: Any = "digits"
    with pytest.raises(UsageError, match="study must be a Study, such as load_study"):
        estimate_study(by_name, tmp_path, calibration_seconds=None)
