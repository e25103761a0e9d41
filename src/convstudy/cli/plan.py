"""``convstudy plan``: what a study would do and cost, before anything trains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convstudy.cli.findings import WHERE_TOLD, findings_json, findings_text, strict_option, strict_status
from convstudy.cli.options import (
    check_labels,
    command_line,
    json_option,
    open_history,
    runs_option,
    study_argument,
    study_of,
    workers_option,
)
from convstudy.cli.words import operations, say_json, table
from convstudy.duration import duration
from convstudy.figures import counted

if TYPE_CHECKING:
    from convstudy.checks import Findings
    from convstudy.plan import Cost, Fit, Plan, Rung, Stage
    from convstudy.studyfile import Ablate

CALIBRATION_SECONDS = 3.0
_DRAWS = {"random": "at random", "tpe": "by tpe, a few at a time"}


@dataclass(frozen=True)
class StageWork:
    """What a stage has to do: ``n_fits`` in all, ``n_done`` of them done, ``left`` and ``seconds`` for the others.

    A fit that two stages share counts in the first. ``seconds`` are those of one worker; ``None`` if unknown.
    """

    stage: Stage
    n_fits: int
    n_done: int
    left: Cost
    seconds: float | None


@dataclass(frozen=True)
class Outlook:
    """A study's plan with its costs; the fits of open choices are counted with what stands in for them.

    ``interpolated`` is a sentence on what the expected time rests on, empty where every kind of step was timed.
    """

    plan: Plan
    stages: tuple[StageWork, ...]
    total: Cost
    left: Cost
    n_workers: int
    seconds: float | None
    findings: Findings
    interpolated: str


@click.command()
@study_argument
@runs_option
@workers_option
@json_option
@click.option(
    "--calibrate/--no-calibrate",
    default=True,
    help="Train a few steps of up to 24 networks to estimate the time; takes some seconds.",
)
@strict_option
@click.pass_context
def plan(
    context: click.Context,
    source: str,
    runs: Path,
    workers: int | None,
    as_json: bool,
    calibrate: bool,
    strict: bool,
) -> int:
    """Say what a run would train and cost; train nothing.

    It also says what is worth mending first. Fits that are done in --runs are not counted as work. Exit status: 0
    fine, 1 warnings with --strict, 2 usage.
    """
    study = study_of(context, source)
    check_labels(context, source, study)
    from convstudy.checks import check_plan
    from convstudy.plan import epochs_added, plan_cost, resolve
    from convstudy.run import default_workers

    history = open_history(runs)
    records = history.outcomes(history.run_id_of(study)) if history else {}
    planned, _ = resolve(study, records)
    stand_ins = planned.stand_ins
    known = [fit.id for fit in planned.fits if fit.id not in stand_ins]
    done = {fit_id for fit_id in known if fit_id in records and records[fit_id].final}
    left = [fit for fit in planned.fits if fit.id not in done]
    # Paused fits that left a checkpoint: whatever goes on from them has so many epochs less to train.
    paused = [
        fit
        for fit in planned.fits
        if fit.until and fit.id in done and history and history.has_checkpoint(fit)
    ]
    added = epochs_added(left, paused)
    expected, interpolated = _expected_seconds(left, added) if calibrate and left else ({}, "")
    stages = tuple(_works(planned, done, added, expected, known=calibrate))
    n_workers = workers or default_workers(study)
    n_openings = history.n_openings(study.dataset, history.run_id_of(study)) if history else 0
    outlook = Outlook(
        plan=planned,
        stages=stages,
        total=plan_cost(planned.fits),
        left=plan_cost(left, paused),
        n_workers=n_workers,
        seconds=_shared(expected.values(), n_workers) if calibrate else None,
        findings=check_plan(planned, n_openings),
        interpolated=interpolated,
    )
    if as_json:
        say_json(_json(outlook))
    else:
        click.echo(_text(outlook, runs, command_line(context, "run", source)))
    return strict_status(outlook.findings, strict)


def _expected_seconds(fits: list[Fit], epochs: Mapping[str, int]) -> tuple[Mapping[str, float], str]:
    """Return the seconds of each fit, and a sentence where some of them are interpolated."""
    from convstudy.engine.calibration import calibrate

    found = calibrate(fits, CALIBRATION_SECONDS)
    interpolated = ""
    if found.n_timed < found.n_kinds:
        interpolated = (
            f"{found.n_timed} of {found.n_kinds:,} kinds of steps were timed, the others are interpolated."
        )
    return {fit.id: found.seconds[fit.id] * epochs[fit.id] / fit.n_epochs for fit in fits}, interpolated


def _shared(seconds: Iterable[float], n_workers: int) -> float:
    """Return how long workers take together: no less than their share, and than the longest fit."""
    every = list(seconds)
    return max([sum(every) / n_workers, *every]) if every else 0.0


def _works(
    plan: Plan, done: set[str], added: Mapping[str, int], expected: Mapping[str, float], known: bool
) -> Iterable[StageWork]:
    from convstudy.plan import Cost, fit_cost

    seen: set[str] = set()
    for stage in plan.stages:
        fits = {fit.id: fit for fit in (*stage.fits, *stage.to_come)}
        left = [fit for fit in fits.values() if fit.id not in done and fit.id not in seen]
        seconds = sum(expected[fit.id] for fit in left) if known else None
        cost = sum((fit_cost(fit, added[fit.id]) for fit in left), Cost(0, 0, 0))
        yield StageWork(stage, len(fits), len(fits.keys() & done), cost, seconds)
        seen |= fits.keys()


def _text(outlook: Outlook, runs: Path, follow_up: str) -> str:
    """Return the outlook for a person."""
    study = outlook.plan.study
    images = f"{study.subset:,} training images" if study.subset else "all training images"
    head = f"{study.name}: {study.dataset}, {images}, {counted(study.seeds, 'seed')}"
    columns = ["stage", "candidates", "fits", "done", "images to train", "operations"]
    rows: list[list[object]] = [
        [
            work.stage.key,
            work.stage.n_candidates,
            work.n_fits,
            work.n_done,
            work.left.images,
            operations(work.left.operations),
        ]
        for work in outlook.stages
    ]
    n_done = outlook.total.n_fits - outlook.left.n_fits
    rows.append(
        ["in all", "", outlook.total.n_fits, n_done, outlook.left.images, operations(outlook.left.operations)]
    )
    if outlook.seconds is not None:
        columns.append("time, one worker")
        for row, work in zip(rows, outlook.stages, strict=False):
            row.append(duration(work.seconds or 0))
        rows[-1].append(duration(sum(work.seconds or 0 for work in outlook.stages)))
    parts = [head, table(columns, rows, right=range(1, len(columns)))]
    notes = []
    if sum(work.n_fits for work in outlook.stages) > outlook.total.n_fits:
        notes.append("A fit that two stages share is trained once, by the first.")
    open_choices = [
        f"  {work.stage.key}: {_names(work.stage, waits_for)} on {' and '.join(waits_for)}"
        for work in outlook.stages
        for waits_for in dict.fromkeys(c.waits_for for c in work.stage.candidates if c.waits_for)
    ]
    notes += [
        _method_text(work.stage, method)
        for work in outlook.stages
        if (method := _method(outlook.plan, work.stage))
    ]
    notes += [_nested_text(work.stage) for work in outlook.stages if work.stage.question == "nested"]
    notes += [_pairs_text(name, ablate) for name, ablate in study.ablate.items() if ablate.interactions]
    if open_choices:
        notes += ["Some hang on choices to come; their figures are those of what stands in:", *open_choices]
    if outlook.left.n_fits == 0:
        notes.append(f"Everything is trained; it lies in {runs}.")
    elif outlook.seconds is not None:
        notes.append(
            f"Expected here, with {counted(outlook.n_workers, 'worker')}: about {duration(outlook.seconds)}."
        )
        notes += [outlook.interpolated] if outlook.interpolated else []
    parts += ["\n".join(notes)] if notes else []
    if outlook.findings.heard or outlook.findings.silenced:
        parts.append(
            f"Worth knowing first ({WHERE_TOLD.removesuffix('.')}):\n{findings_text(outlook.findings, '  ')}"
        )
    parts.append(f"next: {follow_up}")
    return "\n\n".join(parts)


def _method(plan: Plan, stage: Stage) -> str:
    """Return the method of a search that is no plain grid, else nothing."""
    method = plan.study.search[stage.name].method if stage.question == "search" else "grid"
    return "" if method == "grid" else method


def _method_text(stage: Stage, method: str) -> str:
    """Return how a search goes about it, where it is not a plain grid: its rungs, or how its candidates are drawn."""
    from convstudy.plan import halving_epochs

    if method != "halving":
        text = f"{stage.key} draws {counted(stage.n_candidates, 'candidate')} {_DRAWS[method]}"
        return f"{text}; stand-ins take the place of those to come." if stage.to_come else f"{text}."
    rungs = [
        f"{rung.size.n_candidates} × {counted(rung.size.n_folds, 'fold')} × {counted(rung.size.n_epochs, 'epoch')}"
        for rung in stage.rungs
    ]
    epochs = halving_epochs(tuple(rung.size for rung in stage.rungs))
    share = (
        f", {100 * epochs / stage.grid_epochs:.0f} % of the grid's {stage.grid_epochs:,}"
        if stage.grid_epochs
        else ""
    )
    return f"{stage.key} halves its candidates: {', '.join(rungs)}; {epochs:,} epochs{share}."


def _nested_text(stage: Stage) -> str:
    """Return what judges a nested search."""
    n = len(stage.candidates)
    return (
        f"search.{stage.name} is nested: inner.{stage.name}.1 to .{n} do it anew without each of {n} outer folds, "
        f"{stage.key} scores their winners there."
    )


def _pairs_text(name: str, ablate: Ablate) -> str:
    """Return which variants of an ablation with interactions are trained together, and which are not."""
    from convstudy.studyfile import pairs_apart, pairs_of

    text = f"ablate.{name} trains {counted(len(pairs_of(ablate)), 'pair')} of its variants together too"
    apart = [
        f"{pair.first} and {pair.second} (both change {', '.join(pair.shared)})"
        for pair in pairs_apart(ablate)
    ]
    return f"{text}, but not {'; '.join(apart)}." if apart else f"{text}."


def _names(stage: Stage, waits_for: tuple[str, ...]) -> str:
    """Return the names of the candidates that wait for exactly these stages."""
    names = [candidate.name for candidate in stage.candidates if candidate.waits_for == waits_for]
    return "all" if len(names) == len(stage.candidates) else ", ".join(names)


def _json(outlook: Outlook) -> dict[str, Any]:
    """Return the outlook for a program."""
    study = outlook.plan.study
    return {
        "study": study.name,
        "dataset": study.dataset,
        "stages": [
            {
                "stage": work.stage.key,
                "question": work.stage.question,
                "n_fits": work.n_fits,
                "n_done": work.n_done,
                "left": asdict(work.left),
                "seconds": work.seconds,
                "waits_for": list(work.stage.waits_for),
                "method": outlook.plan.study.search[work.stage.name].method
                if work.stage.question == "search"
                else None,
                "grid_epochs": work.stage.grid_epochs,
                "to_come": [fit.id for fit in work.stage.to_come],
                "rungs": [_rung_json(rung) for rung in work.stage.rungs],
                "candidates": [
                    {
                        "name": candidate.name,
                        "network": candidate.network_name,
                        "layers": candidate.network.as_json(),
                        "fits": [fit.id for fit in candidate.fits],
                        "waits_for": list(candidate.waits_for),
                        "combines": list(candidate.combines),
                    }
                    for candidate in work.stage.candidates
                ],
            }
            for work in outlook.stages
        ],
        "total": asdict(outlook.total),
        "left": asdict(outlook.left),
        "workers": outlook.n_workers,
        "seconds": outlook.seconds,
        **findings_json(outlook.findings),
    }


def _rung_json(rung: Rung) -> dict[str, Any]:
    """Return a rung for a program."""
    return {
        **asdict(rung.size),
        "took_part": list(rung.took_part),
        "went_on": list(rung.went_on),
        "decided": rung.decided,
        "fits": [fit.id for fit in rung.fits],
    }
