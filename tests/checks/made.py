"""A study without findings and results of it; tests change one thing to make one check fire."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from convstudy.data import Fold
from convstudy.errors import Location, Problem, StoreError
from convstudy.history.access_log import Entry
from convstudy.history.results import Results
from convstudy.plan import Candidate, Fit
from convstudy.record import DeadRelus, Epoch, Evaluation, Record
from convstudy.studyfile import Ablate, Compare, NetworkPattern, Search, Study, Variant
from tests.plan.made import finished
from tests.scores import epoch_of, scores

ONE = NetworkPattern(layers=("conv 4 {kernel} relu stride=4", "flatten"), parameters={"kernel": 3})
TWO = NetworkPattern(layers=("conv 6 {kernel} relu stride=4", "flatten"), parameters={"kernel": 3})
N_EPOCHS = 12
N_TEST = 10_000
LEVELS = {"one": 0.985, "two": 0.96, "kernel=5": 0.97, "tanh": 0.93}
WAVE = (0.0004, -0.0003, 0.0002, -0.0004, 0.0003, -0.0002)

HistoryOf = Callable[[str, int], Sequence[Epoch]]
"""Candidate name, seed or fold -> history."""


def study(**changes: Any) -> Study:
    """Return a study on MNIST with searches, a comparison and an ablation, and without findings."""
    values: dict[str, Any] = {
        "name": "made",
        "dataset": "mnist",
        "seeds": 5,
        "recipe": {"epochs": N_EPOCHS},
        "network": {"one": ONE, "two": TWO},
        "search": {
            name: Search(network=name, parameters={"kernel": (3, 5)}, folds=5, recipe={"epochs": 3})
            for name in ("one", "two")
        },
        "compare": {"all": Compare(networks=("one", "two"))},
        "ablate": {"best": Ablate(network="best", variants={"tanh": Variant(activation="tanh")})},
    }
    return Study(**{**values, **changes})


def epoch(
    number: int, train: float, validation: float, loss: float | None = None, train_loss: float | None = None
) -> Epoch:
    """Return an epoch with these accuracies; losses default to three times the error."""
    train_loss = 3 * (1 - train) if train_loss is None else train_loss
    loss = 3 * (1 - validation) if loss is None else loss
    return epoch_of(number, 0.001, (train_loss, train), (loss, validation), 1.0, 0.1)


def settled(level: float, n_epochs: int = N_EPOCHS, gap: float = 0.005) -> list[Epoch]:
    """Return a history whose accuracy reaches its level quickly and then stays there."""
    return [
        epoch(
            number,
            min(1.0, level + gap - 0.2 * 0.1**number),
            level - 0.2 * 0.1**number + WAVE[number % len(WAVE)],
            train_loss=0.5 / number,
        )
        for number in range(1, n_epochs + 1)
    ]


def level_of(name: str, number: int) -> float:
    """Return the final accuracy of a candidate's fit."""
    return LEVELS.get(name, 0.965) + random.Random(f"{name} {number}").gauss(0, 0.0005)


def results(
    case: Study | None = None,
    trace: HistoryOf = lambda name, number: settled(level_of(name, number)),
    test: Callable[[str, int], float] = lambda name, number: level_of(name, number) - 0.0005,
    fails: Callable[[str, int], str] = lambda name, number: "",
    n_hypotheses_elsewhere: int = 0,
    dead: Callable[[str, int], Sequence[DeadRelus]] = lambda name, number: (),
    weights: Callable[[str, int, str], str] = lambda name, number, fit_id: f"weights of {fit_id}",
) -> Results:
    """Return results of a complete run.

    Args:
        case: the study; :func:`study` by default.
        trace: returns the history of a fit.
        test: returns the test accuracy of a fit.
        fails: returns the kind of error of a failed fit, "" for others.
        n_hypotheses_elsewhere: the number of hypotheses in the access log that belong to another run.
        dead: returns the dead ReLUs of a fit.
        weights: returns the digest of a fit's weights from candidate, seed or fold, and fit id.
    """
    names: dict[str, tuple[str, int]] = {}

    def make(candidate: Candidate, fit: Fit) -> Record:
        number = getattr(fit.split, "index", fit.seed)
        name, _ = names.setdefault(fit.id, (candidate.name, number))
        if kind := fails(name, number):
            return Record(fit.id, "failed", error_kind=kind, error="it went wrong")
        history = tuple(trace(name, number)[: fit.n_epochs])
        best = max(history, key=lambda each: each.validation["accuracy"]).number
        return Record(
            fit.id,
            "done",
            history,
            best,
            best,
            54_000,
            6_000,
            5_000,
            weights(name, number, fit.id),
            dead_relus=tuple(dead(name, number)),
        )

    plan, choices, records = finished(case or study(), make)
    tested = {fit.id: test(*names[fit.id]) for fit in plan.tested_fits if records[fit.id].done}
    test_evaluations = {
        fit_id: Evaluation(
            fit_id,
            records[fit_id].weights_digest,
            "made",
            "",
            N_TEST,
            scores(0.1, 1 - _n_wrong(accuracy) / N_TEST),
        )
        for fit_id, accuracy in tested.items()
    }

    def arrays(fit_id: str, what: str) -> Any:
        if what != "test" or fit_id not in tested:
            raise StoreError(Problem("there is no such file", Location(f"{fit_id}/{what}")))
        return predictions(fit_id, tested[fit_id])

    return Results(
        run_id="made-0a1b2c",
        study=plan.study,
        plan=plan,
        choices=choices,
        records=records,
        test_evaluations=test_evaluations,
        n_test_evaluations=len(test_evaluations) + n_hypotheses_elsewhere,
        n_test_evaluations_before=0,
        created_at="2026-01-02T03:04:05Z",
        updated_at="2026-01-02T03:09:05Z",
        arrays=arrays,
        access_log=tuple(_entries(test_evaluations.values(), n_hypotheses_elsewhere)),
    )


def with_baselines(made: Results, accuracy: float) -> Results:
    """Return results with baselines of which the nearest neighbours have this accuracy on the test images."""
    n_wrong = _n_wrong(accuracy)
    predicted = np.ones((3, N_TEST), np.int64)  # every true class is 0
    predicted[2, np.arange(N_TEST) * 7919 % N_TEST >= n_wrong] = 0
    predicted[1, : N_TEST // 2] = 0
    arrays: dict[str, Any] = {
        "images": np.arange(N_TEST),
        "labels": np.zeros(N_TEST, np.int64),
        "predicted": predicted,
        "n_train": np.array([60_000, 60_000, 50_000]),
        "seconds": np.array([0.0, 1.0, 2.0]),
    }
    # The made log has a hypothesis per seed, so that seeds would look as if they were added one by one.
    return replace(made, baseline=lambda split: None if isinstance(split, Fold) else arrays, access_log=())


def _entries(own: Iterable[Evaluation], n_elsewhere: int) -> Iterator[Entry]:
    """Yield access-log entries of this run's evaluations, then of ``n_elsewhere`` hypotheses of another run."""
    for test_evaluation in own:
        yield Entry(test_evaluation, "made-0a1b2c", test_evaluation.fit_id)
    for number in range(n_elsewhere):
        test_evaluation = Evaluation(
            f"other {number}", "other weights", "another", "", N_TEST, scores(0.1, 0.9)
        )
        yield Entry(test_evaluation, "another-1", f"question {number}")


def predictions(fit_id: str, accuracy: float) -> dict[str, Any]:
    """Return predictions on the test images; the same images are hard for all models."""
    difficulty = np.random.RandomState(1).uniform(size=N_TEST)
    difficulty += np.random.RandomState(int(fit_id[:6], 16)).normal(0, 0.1, N_TEST)
    # Confidence equals accuracy, so the model is calibrated.
    probabilities = np.zeros((N_TEST, 10), dtype=np.float32)
    probabilities[:, :2] = (accuracy, 1 - accuracy)
    probabilities[np.argsort(-difficulty)[: _n_wrong(accuracy)], :2] = (1 - accuracy, accuracy)
    return {"labels": np.zeros(N_TEST, dtype=np.int64), "probabilities": probabilities}


def _n_wrong(accuracy: float) -> int:
    return round((1 - accuracy) * N_TEST)
