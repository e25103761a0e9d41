"""Studies that run in a second, and the results of a run without times, dates and the machine."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from convstudy.history import History, Results
from convstudy.report.write import write_report
from convstudy.run import Event, FitStarted, run_study
from convstudy.studyfile import Ablate, Compare, NetworkPattern, Recipe, Search, Study, Variant
from tests.report.synthetic import analysed

NETWORKS = {
    "one": NetworkPattern(
        layers=("conv 4 {kernel} relu stride=4", "max-pool 2", "batch-norm", "dropout 0.3", "flatten"),
        parameters={"kernel": 3},
    ),
    "two": NetworkPattern(layers=("average-pool 4", "flatten", "dense 6 tanh", "dropout 0.2")),
}


def small_study(**changes: Any) -> Study:
    """Return a study of eight fits of two epochs on 100 images: search, compare, ablate the best."""
    values: dict[str, Any] = {
        "name": "small",
        "dataset": "digits",
        "seeds": 1,
        "validation": 0.2,
        "subset": 100,
        "recipe": Recipe(epochs=2, batch_size=40, learning_rate=0.01),
        "network": NETWORKS,
        "search": {"kernel": Search(network="one", parameters={"kernel": (3, 5)}, folds=2)},
        "compare": {"networks": Compare(networks=("one", "two"))},
        "ablate": {
            "best": Ablate(
                network="best",
                variants={
                    "plain": Variant(without=("dropout",)),
                    "rmsprop": Variant(recipe={"optimizer": "rmsprop"}),
                },
            )
        },
    }
    return Study(**{**values, **changes})


N_FITS = 4 + 2 + 2
KERNELS = (1, 2, 3, 4, 5)


def halving_study(**search: Any) -> Study:
    """Return the small study with five kernels that are halved: 5 × 1 fold × 1 epoch, 3 × 1 × 3, 2 × 2 × 3."""
    values: dict[str, Any] = {
        "parameters": {"kernel": KERNELS},
        "method": "halving",
        "recipe": {"epochs": 4},
        **search,
    }
    if values["method"] == "halving":
        values = {"budget": 0.5, **values}
    return small_study(search={"kernel": Search(network="one", folds=2, **values)})


STUDIES = {"small": small_study, "halving": halving_study}


def ran(study: Study, runs: Path, workers: int = 0, **options: Any) -> tuple[Results, list[Event]]:
    """Run a study; return its results and its events."""
    events: list[Event] = []
    return run_study(study, runs, workers, events.append, **options), events


def started(events: list[Event]) -> list[str]:
    """Return the ids of the started fits, in order."""
    return [event.fit.id for event in events if isinstance(event, FitStarted)]


def statistics(results: Results) -> str:
    """Return the results of a run as JSON, without seconds, dates and the machine."""

    def record(fit_id: str) -> dict[str, Any]:
        values = results.records[fit_id].as_json()
        del values["environment"]
        for epoch in values["history"]:
            del epoch["train_seconds"], epoch["evaluation_seconds"]
        return values

    test_evaluations = {
        fit_id: [test_evaluation.weights_digest, test_evaluation.scores, test_evaluation.n_images]
        for fit_id, test_evaluation in results.test_evaluations.items()
    }
    plan = [
        [
            stage.key,
            candidate.name,
            candidate.values,
            list(candidate.depends_on),
            [fit.id for fit in candidate.fits],
        ]
        for stage in results.plan.stages
        for candidate in stage.candidates
    ]
    values = {
        "run": results.run_id,
        "plan": plan,
        "choices": [asdict(choice) for choice in results.choices],
        "records": {fit_id: record(fit_id) for fit_id in sorted(results.records)},
        "test_evaluations": test_evaluations,
    }
    return json.dumps(values, sort_keys=True, indent=1)


def results_table(results: Results, folder: Path) -> bytes:
    """Return the report's table of every fit, byte for byte."""
    write_report(*analysed(results), folder, ["csv"])
    return (folder / "tables" / "results.csv").read_bytes()


def stored(runs: Path, study: Study) -> Results:
    """Return the results of a study in a runs folder."""
    history = History.open(runs)
    try:
        results = history.results(History.run_id_of(study))
        # Read the arrays before the database is closed.
        return results
    finally:
        history.close()


def drop_record(history: History, fit_id: str) -> None:
    """Delete the record of a fit, as a damaged database can lose it."""
    with closing(sqlite3.connect(history.layout.database)) as connection, connection:
        connection.execute("DELETE FROM fits WHERE id = ?", (fit_id,))
    history.records.forget(fit_id)
    history.record_summaries.forget(fit_id)


def worker_pids(runs: Path) -> list[int]:
    """Return the ids of the worker processes of a runs folder, including zombies.

    A child of a worker has the command line of the worker until it executes another program; it does not count.
    """
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                arguments = (entry / "cmdline").read_bytes().split(b"\0")
                _, parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:2]
            except OSError:
                continue  # the process has just ended
            if b"convstudy.run.worker" in arguments and os.fsencode(runs) in arguments:
                parents[int(entry.name)] = int(parent)
    return [pid for pid, parent in parents.items() if parent not in parents]


def zombie_children() -> list[int]:
    """Return the ids of the zombie children of this process."""
    zombies = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:2]
            except OSError:
                continue
            if state == "Z" and int(parent) == os.getpid():
                zombies.append(int(entry.name))
    return zombies
