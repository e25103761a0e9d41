"""Synthetic results: seeded random records of a built-in study, for tests of statistics and report."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from convstudy.analysis import Analysis, analyse
from convstudy.checks import Findings, check_run
from convstudy.data import DatasetStatistics, split_sizes
from convstudy.data.audit.duplicates import Pair, Pairs
from convstudy.data.audit.statistics import PartStatistics
from convstudy.errors import Location, Problem, StoreError
from convstudy.history.results import Results
from convstudy.plan import Fit, Plan, resolve
from convstudy.record import Environment, Evaluation, Record
from convstudy.report.conclusions import conclusions
from convstudy.report.figure import Figure
from convstudy.report.report import Report, gather
from convstudy.report.section import Text
from convstudy.report.table import Table
from convstudy.studyfile import Study
from tests.scores import epoch_of, scores
from tests.three_questions import three_questions

HERE = Environment("Linux x86_64", "a synthetic CPU", 2, 1, "cpu", "3.11.2", "2.13.0", "2.4.6", "0.1.0")
N_ERROR_IMAGES = 12


def digest(text: str) -> str:
    """Return a synthetic digest of weights."""
    return hashlib.sha256(text.encode()).hexdigest()


def synthetic_record(fit: Fit, level: float, environment: Environment = HERE) -> Record:
    """Return the record of a fit with about this validation accuracy in its last epoch."""
    rng = random.Random(fit.trial_id)  # fits of one trial share their history
    n_train, n_validation = split_sizes(fit.dataset.n_train, fit.split)
    history = []
    for number in range(1, fit.n_epochs + 1):
        gap = 0.5 * 0.45**number + rng.gauss(0, 0.002)
        validation = min(1.0, level - gap + rng.gauss(0, 0.002))
        train = min(1.0, level + 0.012 - gap * 0.9)
        losses = ((1 - train) * 3 + 0.01, (1 - validation) * 3.4 + 0.02)
        history.append(
            epoch_of(number, fit.recipe.learning_rate, (losses[0], train), (losses[1], validation), 1.5, 0.25)
        )
    best = min(
        history, key=lambda epoch: (-epoch.validation["accuracy"], epoch.validation["log-loss"])
    ).number
    return Record(
        fit_id=fit.id,
        status="done",
        history=tuple(history),
        best_epoch=best,
        selected_epoch=best,
        n_train=n_train,
        n_validation=n_validation,
        n_parameters=5000,
        weights_digest=digest(fit.id),
        environment=environment,
    )


def failed_record(fit: Fit) -> Record:
    """Return the record of a fit that diverged."""
    return Record(
        fit.id,
        "failed",
        error_kind="diverged",
        error="the loss was not finite <after> epoch 2",
        environment=HERE,
    )


def synthetic_results(
    study: Study | None = None,
    *,
    fails: Collection[str] = (),
    stop_after: int | None = None,
    tested: bool = True,
    with_arrays: bool = True,
    level: Callable[[str], float] | None = None,
    environment: Callable[[int], Environment] = lambda n: HERE,
    n_test_evaluations_before: int = 0,
    images: bool = True,
) -> Results:
    """Return the results of a run.

    Args:
        study: the study; the built-in ``digits`` by default.
        fails: names of candidates whose first fit fails.
        stop_after: the number of fits after which the run stops; ``None`` for a complete run.
        tested: whether the test set was evaluated at the end.
        with_arrays: whether weights and predictions exist.
        level: candidate name -> the final accuracy of its fits.
        environment: number of the fit -> its environment.
        n_test_evaluations_before: the number of test-set evaluations of other runs.
        images: whether statistics of the images exist, if the test set was evaluated.
    """
    study = study or three_questions()
    records: dict[str, Record] = {}
    while True:
        plan, choices = resolve(study, records)
        missing = [
            (candidate.name, number, fit)
            for stage in plan.stages
            for candidate in stage.candidates
            if not candidate.depends_on
            for number, fit in enumerate(candidate.fits)
            if fit.id not in records
        ]
        if not missing or (stop_after is not None and len(records) >= stop_after):
            break
        for name, number, fit in missing[:1]:
            if name in fails and number == 0:
                records[fit.id] = failed_record(fit)
            else:
                wanted = level(name) if level else 0.95 + (len(name) * 7 % 11) * 0.003
                record = synthetic_record(fit, wanted, environment(len(records)))
                records[fit.id] = record
    targets = _test_targets(plan, records)
    test_evaluations = _evaluations(plan, records, study, targets) if tested and stop_after is None else {}

    def arrays(fit_id: str, what: str) -> dict[str, Any]:
        if not with_arrays or fit_id not in records:
            raise StoreError(Problem("there is no such file", Location(f"{fit_id}/{what}")))
        return synthetic_arrays(study, fit_id, what, targets.get(fit_id, 0.97))

    return Results(
        run_id=f"{study.name}-0a1b2c",
        study=study,
        plan=plan,
        choices=choices,
        records=records,
        test_evaluations=test_evaluations,
        n_test_evaluations=len(test_evaluations) + n_test_evaluations_before,
        n_test_evaluations_before=n_test_evaluations_before,
        created_at="2026-01-02T03:04:05Z",
        updated_at="2026-01-02T03:09:05Z",
        arrays=arrays,
        images=synthetic_statistics(study) if test_evaluations and images else None,
    )


def synthetic_statistics(study: Study) -> DatasetStatistics:
    """Return image statistics with two exact duplicates, one of them with different labels, and one near-duplicate."""
    info = study.dataset
    exact = (Pair(7, 3, 1, 1, 1.0), Pair(9, 5, 2, 1, 1.0))
    return DatasetStatistics(
        info.digest,
        PartStatistics(_counts(info.n_train, info.n_classes), 1, 4, 2),
        PartStatistics(_counts(info.n_test, info.n_classes), 0, 0, 0),
        Pairs(2, 2, 1, exact),
        Pairs(1, 1, 0, (Pair(11, 8, 4, 4, 0.9931),)),
    )


def _counts(n_images: int, n_classes: int) -> tuple[int, ...]:
    """Return class counts that sum to ``n_images``; the first class is the smallest, the last the largest."""
    counts = [(n_images // n_classes) - n_classes // 2 + label for label in range(n_classes)]
    return (*counts[:-1], n_images - sum(counts[:-1]))


def _test_targets(plan: Plan, records: dict[str, Record]) -> dict[str, float]:
    """Return fit id -> approximate test accuracy."""
    targets = {}
    for fit in plan.tested_fits:
        record = records.get(fit.id)
        if record is not None and record.done:
            rng = random.Random(f"test of {fit.id}")
            targets[fit.id] = min(1.0, record.selected.validation["accuracy"] + rng.gauss(0, 0.003))
    return targets


def _evaluations(
    plan: Plan, records: dict[str, Record], study: Study, targets: dict[str, float]
) -> dict[str, Evaluation]:
    """Return test-set evaluations whose scores match :func:`synthetic_arrays`."""
    test_evaluations = {}
    for number, fit in enumerate(plan.tested_fits):
        if fit.id not in targets:
            continue
        test = synthetic_arrays(study, fit.id, "test", targets[fit.id])
        labels, probabilities = test["labels"], test["probabilities"].astype(np.float64)
        test_evaluations[fit.id] = Evaluation(
            fit_id=fit.id,
            weights_digest=records[fit.id].weights_digest,
            purpose=study.name,
            evaluated_at=f"2026-01-02T03:08:{number:02d}Z",
            n_images=len(labels),
            scores=scores(
                float(-np.log(probabilities[np.arange(len(labels)), labels]).mean()),
                float((probabilities.argmax(axis=1) == labels).mean()),
            ),
            seconds=0.1,
        )
    return test_evaluations


def synthetic_arrays(study: Study, fit_id: str, what: str, accuracy: float = 0.97) -> dict[str, Any]:
    """Return the arrays of a fit: ``what`` is "weights", "validation" or "test".

    ``accuracy`` is the approximate proportion of correct predictions; the same images are hard for all models.
    """
    info = study.dataset
    rng = np.random.RandomState(int(fit_id[:6], 16))
    if what == "weights":
        return {
            "10.0.weight": rng.normal(size=(4, 2, 3, 3)).astype(np.float32),
            "0.0.weight": rng.normal(size=(8, info.image_shape[2], 5, 5)).astype(np.float32),
            "0.0.bias": np.zeros(8, np.float32),
        }
    n = info.n_test if what == "test" else 50
    labels = np.random.RandomState(1).randint(0, info.n_classes, n)
    probabilities = rng.dirichlet(np.full(info.n_classes, 0.05), n).astype(np.float32) * 0.2
    difficulty = np.random.RandomState(2).uniform(size=n) ** 0.2 + rng.normal(0, 0.1, n)
    is_wrong = np.zeros(n, dtype=bool)
    is_wrong[np.argsort(-difficulty)[: round((1 - accuracy) * n)]] = True
    predicted = np.where(is_wrong, (labels + rng.randint(1, info.n_classes, n)) % info.n_classes, labels)
    probabilities += 0.001
    probabilities[np.arange(n), predicted] += 0.79
    if what == "validation":
        return {"indices": np.arange(n), "probabilities": probabilities}
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    wrong = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:N_ERROR_IMAGES]
    pixels = rng.randint(0, 256, (len(wrong), *info.image_shape)).astype(np.uint8)
    return {
        "labels": labels,
        "probabilities": probabilities,
        "error_rows": wrong,
        "error_pixels": pixels,
    }


def analysed(results: Results) -> tuple[Analysis, Findings]:
    """Return the analysis and the findings of a run."""
    analysis = analyse(results)
    return analysis, check_run(analysis)


def gathered(results: Results) -> Report:
    """Return the report of a run."""
    return gather(*analysed(results))


def table_of(report: Report, name: str) -> Table:
    (table,) = [table for table in report.tables if table.name == name]
    return table


def figure_of(report: Report, name: str) -> Figure:
    (figure,) = [figure for figure in report.figures if figure.name == name]
    return figure


def texts_of(report: Report, section: str) -> list[str]:
    """Return the paragraphs of a section of a report."""
    (found,) = [each for each in report.sections if each.id == section]
    return [block.plain for block in found.every_block if isinstance(block, Text)]


def notes_of_first(results: Results) -> str:
    """Return the notes on the first conclusion as one text."""
    return " ".join(conclusions(analyse(results))[0].notes)
