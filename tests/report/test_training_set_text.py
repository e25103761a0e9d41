"""Sentences say for which training sets a verdict on test images holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from convstudy.analysis import analyse
from convstudy.report import answer, short_answer
from convstudy.report.training_set_text import HALVES, THIS, training_set_scope
from convstudy.report.verdict_notes import verdict_note
from tests.analysis.known import results_of, study_of
from tests.report.synthetic import synthetic_results

RIGHT = {"a": lambda seed: np.arange(40 + seed), "b": lambda seed: np.arange(92 + seed)}


@pytest.mark.parametrize(("resample", "scope"), [(None, THIS), ("training", HALVES)])
def test_answers_name_the_training_set(resample: str | None, scope: str) -> None:
    study = study_of("mnist", seeds=10).model_copy(update={"resample": resample})
    analysis = analyse(results_of(study, RIGHT))
    (line,) = short_answer(analysis)
    (statement,) = answer(analysis)
    assert line.endswith(f", {scope}.") and f". {scope.capitalize()}, it is " in statement
    (verdict,) = analysis.stage_results[0].verdicts
    assert f"a significant difference {scope}" in verdict_note(verdict)
    assert verdict.difference.n == (5 if resample else 10)
    assert (verdict.difference.half_width_of("training sets") is None) == (resample is None)


def test_searches_and_verdicts_without_interval_have_no_training_set() -> None:
    search, *_ = analyse(synthetic_results()).stage_results
    assert search.question == "search" and training_set_scope(search.verdicts) == ""
    one_seed = analyse(results_of(study_of("mnist", seeds=1), RIGHT)).stage_results[0].verdicts
    assert training_set_scope(one_seed) == "" == training_set_scope([])
    assert training_set_scope([replace(one_seed[0], no_interval=True)]) == ""


def test_pairs_of_training_sets_are_not_called_seeds() -> None:
    study = study_of("mnist", seeds=10).model_copy(update={"resample": "training"})
    (statement,) = answer(analyse(results_of(study, RIGHT)))
    assert "5 of 10 seeds" not in statement and "10 seeds" in statement
