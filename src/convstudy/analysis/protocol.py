"""Who saw which images, which choices were made by them, and when the test set was opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from convstudy.analysis.candidates import part_text
from convstudy.data import Fold, split_sizes
from convstudy.history.access_log import Entry
from convstudy.history.results import Results
from convstudy.numbers import shortest_percent
from convstudy.plan import Stage
from convstudy.record import Acceptance, Evaluation


@dataclass(frozen=True)
class StageImages:
    """Which images a stage uses: per fit ``n_train`` train and ``n_validation`` validate (the first fit's
    numbers).
    """

    stage: str
    n_candidates: int
    n_fits: int
    how: str
    n_train: int
    n_validation: int
    n_test: int


@dataclass(frozen=True)
class EvaluationRow:
    """One opening of the test set by this run: for which fit of which candidates."""

    candidates: tuple[str, ...]
    part: str
    test_evaluation: Evaluation


@dataclass(frozen=True)
class AcceptanceRow:
    """A failure that the run accepted: of which fit of which candidates, and whether it was trained since."""

    candidates: tuple[str, ...]
    part: str
    acceptance: Acceptance
    done_since: bool


@dataclass(frozen=True)
class Protocol:
    """How the run went about its images.

    Attributes:
        n_train, n_test: images of the dataset.
        stages: which images each stage uses.
        choices: stage and chosen candidate (empty where all failed), in order.
        test_evaluations: this run's openings of the test set, by time.
        n_test_evaluations: openings in the whole runs folder so far, by any study.
        n_test_evaluations_before: how many of them came before this run's first.
        n_evaluated: how many of them this run made itself; scores that were there already it has taken as they are.
        others: openings that this run does not use, in order: by other runs, and its own of models that have left its
            plan.
        n_hypotheses: how many questions the test set has answered in the whole runs folder
            (:mod:`convstudy.history.access_log`).
        n_hypotheses_elsewhere: how many of them other runs have asked, those among them whose answers this run uses:
            somebody may have looked at these answers before this study was written as it is.
        acceptances: the failures that this run has accepted, in order.
        kept: the stages whose choice stays as it was made, because a model has a test score, although the records that
            it rests on have changed.
    """

    n_train: int
    n_test: int
    stages: tuple[StageImages, ...]
    choices: tuple[tuple[str, str], ...]
    test_evaluations: tuple[EvaluationRow, ...]
    n_test_evaluations: int
    n_test_evaluations_before: int
    n_evaluated: int
    others: tuple[Entry, ...]
    n_hypotheses: int
    n_hypotheses_elsewhere: int
    acceptances: tuple[AcceptanceRow, ...] = ()
    kept: tuple[str, ...] = ()


def protocol(results: Results) -> Protocol:
    """Return the protocol of a run."""
    info = results.dataset
    names: dict[str, list[str]] = {}
    parts: dict[str, str] = {}
    for stage in results.plan.stages:
        if not stage.tested:
            continue
        for candidate in stage.candidates:
            for fit in candidate.fits:
                names.setdefault(fit.id, []).append(f"{stage.key}: {candidate.name}")
                parts[fit.id] = part_text(fit)
    test_evaluations = [
        EvaluationRow(tuple(names[fit_id]), parts[fit_id], test_evaluation)
        for fit_id, test_evaluation in results.test_evaluations.items()
        if fit_id in names
    ]
    test_evaluations.sort(key=lambda row: (row.test_evaluation.evaluated_at, row.test_evaluation.fit_id))
    used = {(row.test_evaluation.fit_id, row.test_evaluation.weights_digest) for row in test_evaluations}
    answered = [entry for entry in results.access_log if entry.is_scored]
    others = [
        entry
        for entry in answered
        if (entry.test_evaluation.fit_id, entry.test_evaluation.weights_digest) not in used
    ]
    return Protocol(
        n_train=info.n_train,
        n_test=info.n_test,
        stages=tuple(_stage_images(results, stage) for stage in results.plan.stages),
        choices=tuple(
            (c.stage, c.chosen) for c in results.choices if results.plan.stage(c.stage).question != "inner"
        ),
        test_evaluations=tuple(test_evaluations),
        n_test_evaluations=results.n_test_evaluations,
        n_test_evaluations_before=results.n_test_evaluations_before,
        n_evaluated=sum(entry.run_id == results.run_id for entry in results.access_log),
        others=tuple(others),
        n_hypotheses=len({entry.hypothesis for entry in answered}),
        n_hypotheses_elsewhere=len(
            {entry.hypothesis for entry in answered if entry.run_id != results.run_id}
        ),
        acceptances=tuple(_acceptances(results)),
        kept=tuple(choice.stage for choice in results.choices if choice.kept),
    )


def _acceptances(results: Results) -> Iterator[AcceptanceRow]:
    names: dict[str, list[str]] = {}
    parts: dict[str, str] = {}
    for stage in results.plan.stages:
        owners = stage.owners
        for fit in stage.fits:
            names.setdefault(fit.id, []).append(f"{stage.key}: {owners[fit.id]}")
            parts[fit.id] = part_text(fit)
    for each in results.acceptances:
        record = results.records.get(each.fit_id)
        done = record is not None and record.done
        yield AcceptanceRow(tuple(names.get(each.fit_id, ())), parts.get(each.fit_id, ""), each, done)


def _stage_images(results: Results, stage: Stage) -> StageImages:
    info = results.dataset
    split = stage.candidates[0].fits[0].split
    n_train, n_validation = split_sizes(info.n_train, split)
    if stage.question == "nested":
        how = "the winner of each inner search on its outer fold"
    elif isinstance(split, Fold):
        how = f"{split.of} stratified folds, the same for every candidate"
        if split.within is not None:
            how += f", of what trains outside of outer fold {split.within.index + 1} of {split.within.of}"
    else:
        how = f"{shortest_percent(split.fraction)} held out, stratified, drawn anew by each seed"
    if stage.rungs:
        how += (
            f"; halved in {len(stage.rungs)} rungs, the first on {stage.rungs[0].size.n_folds} of the folds"
        )
    if split.subset is not None:
        how += f"; a subset of {split.subset:,} training images"
    return StageImages(
        stage=stage.key,
        n_candidates=len(stage.candidates),
        n_fits=len(stage.fits) if stage.rungs else sum(len(candidate.fits) for candidate in stage.candidates),
        how=how,
        n_train=n_train,
        n_validation=n_validation,
        n_test=info.n_test if stage.tested else 0,
    )
