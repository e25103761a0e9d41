"""Studies for tests of planning, and records without training."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from convstudy.plan import Candidate, Choice, Fit, Plan, resolve
from convstudy.record import Record
from convstudy.studyfile import Ablate, Compare, NetworkPattern, Search, Study, Variant
from tests.scores import epoch_of

ONE = NetworkPattern(layers=("conv 4 {kernel} relu stride=4", "flatten"), parameters={"kernel": 3})
TWO = NetworkPattern(layers=("average-pool 4", "flatten", "dense 6 tanh"))
THREE = NetworkPattern(layers=("max-pool 4", "flatten"))


def study(**changes: Any) -> Study:
    """Return a study with a search, a comparison and an ablation."""
    values: dict[str, Any] = {
        "name": "made",
        "dataset": "digits",
        "seeds": 2,
        "network": {"one": ONE, "two": TWO, "three": THREE},
        "search": {"kernel": Search(network="one", parameters={"kernel": (3, 5)}, folds=2)},
        "compare": {"all": Compare(networks=("one", "two", "three"))},
        "ablate": {"best": Ablate(network="best", variants={"sgd": Variant(recipe={"optimizer": "sgd"})})},
    }
    return Study(**{**values, **changes})


def record(fit: Fit, accuracy: float = 0.5, loss: float = 1.0, n_parameters: int = 10) -> Record:
    """Return the record of a fit with these validation scores."""
    epoch = epoch_of(1, 0.1, (0.2, 0.99), (loss, accuracy), 1.0, 1.0)
    return Record(fit.id, "done", (epoch,), 1, 1, 80, 20, n_parameters, "digest")


def failed(fit: Fit) -> Record:
    """Return the record of a diverged fit."""
    return Record(fit.id, "failed", error_kind="diverged", error="the loss is not finite")


def finished(
    asked: Study, make: Callable[[Candidate, Fit], Record]
) -> tuple[Plan, tuple[Choice, ...], dict[str, Record]]:
    """Return plan, choices and records after all fits, including those that depend on choices."""
    records: dict[str, Record] = {}
    while True:
        plan, choices = resolve(asked, records)
        candidates: Iterable[Candidate] = [
            c for stage in plan.stages for c in stage.candidates if not c.depends_on
        ]
        missing = [(c, fit) for c in candidates for fit in c.fits if fit.id not in records]
        if not missing:
            return plan, choices, records
        for candidate, fit in missing:
            records.setdefault(fit.id, make(candidate, fit))
