"""The protocol of a run: the images of each stage, the selections, and the test-set evaluations."""

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
from convstudy.studyfile.study import RUNG_METHODS


@dataclass(frozen=True)
class StageImages:
    """The images that a stage uses.

    Attributes:
        stage: its key.
        n_candidates, n_fits: the numbers of its candidates and fits.
        how: a description of the split.
        n_train, n_validation: the numbers of images of its first fit; with groups, those of its first trained fit, and
            approximate before that.
        n_test: the number of test images; 0 if the stage does not use them.
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
    """A test-set evaluation that this run uses, with the seed of its fit and the candidates that have this fit."""

    candidates: tuple[str, ...]
    part: str
    test_evaluation: Evaluation


@dataclass(frozen=True)
class AcceptanceRow:
    """An accepted failure: the candidates and the seed or fold of its fit, and whether the fit has succeeded since."""

    candidates: tuple[str, ...]
    part: str
    acceptance: Acceptance
    done_since: bool


@dataclass(frozen=True)
class Protocol:
    """The use of images by a run.

    Attributes:
        n_train, n_test: the numbers of images of the dataset.
        n_groups: the number of groups of the training images; 0 without groups.
        stages: the images that each stage uses.
        choices: (stage, selected candidate) in order; the candidate is empty if all failed.
        test_evaluations: the test-set evaluations that this run uses, by time.
        n_test_evaluations: the number of evaluations in the runs folder, by all studies.
        n_test_evaluations_before: the number of evaluations before the first one of this run.
        n_evaluated: the number of evaluations that this run made itself; for other models it reuses existing scores.
        others: the evaluations that this run does not use, in order: those of other runs, and those of this run for
            models that are no longer in its plan.
        n_hypotheses: the number of hypotheses tested on the test set in this runs folder. A hypothesis is a network, a
            recipe and a set of training images (:mod:`convstudy.history.access_log`).
        n_hypotheses_elsewhere: the number of hypotheses that other runs tested. It includes those whose scores this run
            uses, because the study may have been changed after its author saw these scores.
        acceptances: the failures that this run accepted, in order.
        kept: the stages whose records have changed, but whose selection stays, because a model has a test score.
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
    n_groups: int = 0


def protocol(results: Results) -> Protocol:
    """Collect the protocol of a run."""
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
    # A fit that was trained twice, for example on another device, can have evaluations of other weights.
    used = {(row.test_evaluation.fit_id, row.test_evaluation.weights_digest) for row in test_evaluations}
    scored = [entry for entry in results.access_log if entry.is_scored]
    others = [
        entry
        for entry in scored
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
        n_hypotheses=len({entry.hypothesis for entry in scored}),
        n_hypotheses_elsewhere=len({entry.hypothesis for entry in scored if entry.run_id != results.run_id}),
        acceptances=tuple(_acceptances(results)),
        kept=tuple(choice.stage for choice in results.choices if choice.kept),
        n_groups=info.n_groups,
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
    if info.n_groups or info.has_times:  # sizes depend on groups or times, which only a trained fit has seen
        done = (results.records.get(fit.id) for fit in stage.candidates[0].fits)
        record = next((each for each in done if each is not None and each.done), None)
        if record is not None:
            n_train, n_validation = record.n_train, record.n_validation
    if stage.question == "nested":
        how = "the winner of each inner search, scored on its outer fold"
    elif info.has_times:
        how = "in order of time: "
        if isinstance(split, Fold):
            how += f"{split.of} folds, each validates on the images after its training images"
        else:
            how += f"the latest {shortest_percent(split.fraction)} held out, the same for every seed"
    elif isinstance(split, Fold):
        how = f"{split.of} stratified folds, the same for every candidate"
        if split.within is not None:
            how += f", of the training images of outer fold {split.within.index + 1} of {split.within.of}"
    else:
        new = "a new sample per seed"
        if split.half is not None:
            new = "a new sample for each two seeds; each two train on a random half of the other images"
        how = f"{shortest_percent(split.fraction)} held out, stratified, {new}"
    if info.n_groups:
        how += "; no group is divided"
    if stage.rungs:
        first, last = (stage.rungs[place].size.n_folds for place in (0, -1))
        rungs = f"{len(stage.rungs)} rungs, the first on {first} and the last on {last} of the folds"
        method = results.study.search[stage.nested_search or stage.name].method
        how += f"; {RUNG_METHODS[method]} in {rungs}"
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
