"""The checks on real records: the notebook's study on MNIST, replayed (docs/notebook-replay/replay.json)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from convstudy.analysis import Analysis, analyse
from convstudy.checks import check_plan, check_results
from convstudy.errors import Problem, StoreError
from convstudy.history.results import Results
from convstudy.plan import Fit, resolve
from convstudy.record import Epoch, Evaluation, Record
from convstudy.stats import Verdict
from convstudy.studyfile import study_of
from tests.scores import scores

REPLAY = Path(__file__).resolve().parents[2] / "docs" / "notebook-replay" / "replay.json"


def results_of(run: dict[str, Any]) -> Results:
    """Return an exported run; its arrays (predictions, weights) are not part of the export."""
    study = study_of(run["study"])
    records, test_evaluations = {}, {}
    for values in (fit for each in run["candidates"] for fit in each["fits"]):
        fit = Fit.from_json(values["fit"], study.dataset)
        history = tuple(Epoch.from_json(epoch) for epoch in values["history"])
        ended = {key: values[key] for key in ("best_epoch", "selected_epoch", "n_train", "n_validation")}
        digest = values["weights_digest"]
        records[fit.id] = Record(fit.id, "done", history, n_parameters=1, weights_digest=digest, **ended)
        if values["test_accuracy"] is not None:
            scored = scores(values["test_loss"], values["test_accuracy"])
            test_evaluations[fit.id] = Evaluation(fit.id, digest, "replay", "", 10_000, scored)

    def lost(fit_id: str, what: str) -> Any:
        raise StoreError(Problem("there is no such file"))

    plan, choices = resolve(study, records)
    n = len(test_evaluations)
    return Results(run["run_id"], study, plan, choices, records, test_evaluations, n, 0, "", "", lost)


@cache
def run_of(number: int) -> Analysis:
    """Return the analysis of one of the three exported runs."""
    results = results_of(json.loads(REPLAY.read_text("utf-8"))[number])
    assert results.complete
    return analyse(results)


def found_in(number: int) -> frozenset[tuple[str, str]]:
    """Return (check, where) of each finding in one of the three runs."""
    analysis = run_of(number)
    findings = check_plan(analysis.results.plan) + check_results(analysis)
    return frozenset((each.check, each.where) for each in findings.reported)


def verdicts_of(number: int, stage: str) -> dict[tuple[str, str], Verdict]:
    """Return the verdicts of a stage of one of the three runs by (first, second) candidate."""
    (stage_result,) = (each for each in run_of(number).stage_results if each.stage == stage)
    return {(each.first, each.second): each for each in stage_result.verdicts}


def test_errors_of_the_notebook_are_reported() -> None:
    assert found_in(0) == {
        ("no-op-layer", "network.six-conv"),
        ("shared-learning-rate", "ablate.five-conv.rmsprop"),
        ("unequal-tuning", "compare.architectures"),
        ("single-seed", "study.seeds"),
        ("still-improving", "ablate.five-conv: augmented"),
        ("difference-within-noise", "search.kernel-size"),
        ("no-better-than-first", "search.kernel-size"),
        ("difference-within-noise", "compare.architectures"),
    }


def test_outlying_seed_of_the_replay_is_reported() -> None:
    assert found_in(2) == {
        ("still-improving", "ablate.five-conv: unmodified network"),
        ("seed-outlier", "ablate.five-conv: tanh-glorot"),
    }


def test_verdicts_from_one_seed_are_too_few_to_say() -> None:
    compared, ablated = (verdicts_of(0, stage) for stage in ("compare.architectures", "ablate.five-conv"))
    assert (len(compared), len(ablated)) == (3, 4)
    assert {each.kind for each in (*compared.values(), *ablated.values())} == {"too few to say"}
    # The interval of the largest difference excludes 0, but it holds for these two models, not for new seeds.
    largest = ablated["tanh-glorot", "unmodified network"]
    assert largest.difference.pairs == pytest.approx((-0.0081,))
    assert largest.difference.high is not None and largest.difference.high < -0.004


def test_kernel_sizes_are_inconclusive_with_five_folds() -> None:
    searched = verdicts_of(0, "search.kernel-size")
    assert list(searched) == [("kernel=5", f"kernel={size}") for size in (2, 3, 7, 11)]
    assert {each.kind for each in searched.values()} == {"inconclusive"}
    # Two of the intervals exclude 0, but not after the correction for ten pairs.
    above = [
        each for each in searched.values() if each.difference.low is not None and each.difference.low > 0
    ]
    assert [(each.second, each.n_comparisons, each.ahead) for each in above] == [
        ("kernel=2", 10, False),
        ("kernel=11", 10, False),
    ]


def test_five_seeds_with_one_outlier_are_inconclusive() -> None:
    (verdict,) = verdicts_of(2, "ablate.five-conv").values()
    assert (verdict.kind, verdict.difference.n, verdict.bounded) == ("inconclusive", 5, True)
    assert verdict.difference.mean == pytest.approx(-0.00968)
    assert verdict.difference.low is not None and verdict.difference.low < -0.026
    assert verdict.difference.high is not None and verdict.difference.high > 0.007
