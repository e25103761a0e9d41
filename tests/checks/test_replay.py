"""The checks on real records: the notebook's study on MNIST, run again (docs/notebook-replay/replay.json)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from convstudy.checks import check_plan, check_results
from convstudy.errors import Problem, StoreError
from convstudy.plan import Fit, resolve
from convstudy.record import Epoch, Opening, Record
from convstudy.spec import study_of
from convstudy.stats import contests
from convstudy.store.results import Results

REPLAY = Path(__file__).resolve().parents[2] / "docs" / "notebook-replay" / "replay.json"


def results_of(run: dict[str, Any]) -> Results:
    """Return a run as it was exported; what lay beside its records is lost."""
    study = study_of(run["study"])
    records, openings = {}, {}
    for fit, values in [(Fit.from_json(f["fit"]), f) for each in run["candidates"] for f in each["fits"]]:
        history = tuple(Epoch(**epoch) for epoch in values["history"])
        ended = {key: values[key] for key in ("best_epoch", "counted_epoch", "n_train", "n_validation")}
        digest = values["weights_digest"]
        records[fit.id] = Record(fit.id, "done", history, n_parameters=1, weights_digest=digest, **ended)
        if values["test_accuracy"] is not None:
            scores = {"loss": values["test_loss"], "accuracy": values["test_accuracy"]}
            openings[fit.id] = Opening(fit.id, digest, "replay", "", 10_000, **scores)

    def lost(fit_id: str, what: str) -> Any:
        raise StoreError(Problem("there is no such file"))

    plan, choices = resolve(study, records)
    n = len(openings)
    return Results(run["run_id"], study, plan, choices, records, openings, n, 0, "", "", lost)


@cache
def found_in(number: int) -> frozenset[tuple[str, str]]:
    """Return (check, where) of what is found in one of the three runs."""
    results = results_of(json.loads(REPLAY.read_text("utf-8"))[number])
    assert results.complete
    findings = check_plan(results.plan) + check_results(results, contests(results))
    return frozenset((each.check, each.where) for each in findings.heard)


def test_the_notebooks_study_is_told_its_mistakes() -> None:
    assert found_in(0) == {
        ("idle-layer", "network.six-conv"),
        ("shared-learning-rate", "ablate.five-conv.rmsprop"),
        ("unequal-tuning", "compare.architectures"),
        ("single-seed", "study.seeds"),
        ("still-improving", "ablate.five-conv: augmented"),
        ("difference-within-noise", "search.kernel-size"),
        ("difference-within-noise", "compare.architectures"),
    }


def test_five_seeds_of_two_variants_show_the_seed_that_fell() -> None:
    assert found_in(2) == {
        ("still-improving", "ablate.five-conv: as it is"),
        ("seed-outlier", "ablate.five-conv: tanh-glorot"),
    }
