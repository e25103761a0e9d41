"""No test image is read while a choice is open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convstudy.data import Fold
from convstudy.engine import fit as engine_fit
from convstudy.plan import Fit
from tests.run.studies import ran, small_study, started


def fail_for_a_while(monkeypatch: pytest.MonkeyPatch, fails: Callable[[Fit], bool]) -> None:
    """Patch the training so that each fit for which ``fails`` is true ends with an error that is not permanent."""
    original = engine_fit._start

    def start(fit: Fit, *rest: Any) -> Any:
        if fails(fit):
            raise RuntimeError("the driver was busy")
        return original(fit, *rest)

    monkeypatch.setattr(engine_fit, "_start", start)


def test_test_set_stays_locked_while_a_choice_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        fail_for_a_while(patch, lambda fit: isinstance(fit.split, Fold))
        results, _ = ran(small_study(), tmp_path)
    assert (len(results.failed), dict(results.test_evaluations), results.n_test_evaluations) == (4, {}, 0)
    results, events = ran(small_study(), tmp_path)
    assert len(started(events)) == 4 + 1 + 2
    assert results.complete
