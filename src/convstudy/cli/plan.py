"""``convstudy plan``: what a study would train, and the estimated cost and time."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convstudy.cli.findings import CHECKS_PAGE, findings_json, findings_text, strict_option, strict_status
from convstudy.cli.options import (
    check_labels,
    command_line,
    examples,
    json_option,
    minutes_option,
    open_history,
    runs_option,
    study_argument,
    study_of,
    until_decided_option,
    workers_option,
)
from convstudy.cli.output import print_json, table
from convstudy.numbers import counted, duration, flops, listed, percent

if TYPE_CHECKING:
    from convstudy.checks import Findings
    from convstudy.plan import Plan, Rung, Stage
    from convstudy.run.estimate import Estimate, StageEstimate
    from convstudy.studyfile import Ablate

_DRAWS = {"random": "at random", "tpe": "with TPE, a few at a time"}


@click.command(
    epilog=examples(
        "convstudy plan mnist",
        "convstudy plan photos/ --minutes 30",
        "convstudy plan study.toml --seeds 10 --no-estimate-time",
    )
)
@study_argument
@until_decided_option
@minutes_option
@runs_option
@workers_option
@json_option
@click.option(
    "--estimate-time/--no-estimate-time",
    default=True,
    help="Measure the time of a few training steps of up to 24 networks, to estimate the run time.",
)
@strict_option
@click.pass_context
def plan(
    context: click.Context,
    source: str,
    runs: Path,
    workers: int | None,
    as_json: bool,
    estimate_time: bool,
    strict: bool,
) -> int:
    """Show what a run would train, with costs and checks.

    A table lists the number of fits, training images and floating-point operations (FLOPs) of each stage, and the
    estimated time. Fits that are done in --runs cost nothing. The findings of the checks follow. Nothing is trained
    or written.

    Exit status: 0 success, 1 a check warns (with --strict), 2 wrong usage.
    """
    study = study_of(context, source)
    class_counts = check_labels(context, source, study)
    from convstudy.checks import check_plan
    from convstudy.run.estimate import CALIBRATION_SECONDS, estimate

    history = open_history(runs)
    estimated = estimate(study, history, workers, CALIBRATION_SECONDS if estimate_time else None)
    n_test_evaluations = history.n_test_evaluations(study.dataset, history.run_id_of(study)) if history else 0
    findings = check_plan(estimated.plan, n_test_evaluations, class_counts)
    if as_json:
        print_json({**_json(estimated), **findings_json(findings)})
    else:
        click.echo(_text(estimated, findings, runs, command_line(context, "run", source)))
    return strict_status(findings, strict)


def _text(estimated: Estimate, findings: Findings, runs: Path, follow_up: str) -> str:
    from convstudy.stats.sequential import FIRST_LOOK

    study = estimated.plan.study
    images = f"{study.subset:,} training images" if study.subset else "all training images"
    seeds = (
        counted(study.seeds, "seed")
        if study.max_seeds is None
        else f"{FIRST_LOOK} to {study.max_seeds} seeds"
    )
    head = f"{study.name}: dataset {study.dataset.name}, {images}, {seeds}"
    columns = ["stage", "candidates", "fits", "done", "images to train", "FLOPs"]
    rows: list[list[object]] = [
        [
            work.stage.key,
            work.stage.n_candidates,
            work.n_fits,
            work.n_done,
            work.left.images,
            flops(work.left.flops),
        ]
        for work in estimated.stages
    ]
    n_done = estimated.total.n_fits - estimated.left.n_fits
    rows.append(
        [
            "total",
            "",
            estimated.total.n_fits,
            n_done,
            estimated.left.images,
            flops(estimated.left.flops),
        ]
    )
    if estimated.seconds is not None:
        columns.append("time with 1 worker")
        for row, work in zip(rows, estimated.stages, strict=False):
            row.append(duration(work.seconds or 0))
        rows[-1].append(duration(sum(work.seconds or 0 for work in estimated.stages)))
    parts = [head, table(columns, rows, right=range(1, len(columns)))]
    notes = []
    if sum(work.n_fits for work in estimated.stages) > estimated.total.n_fits:
        notes.append("Some stages share fits; a shared fit is trained once.")
    open_choices = [
        f"  {work.stage.key}: depends on {listed(depends_on)} (for {_names(work.stage, depends_on)})"
        for work in estimated.stages
        for depends_on in dict.fromkeys(c.depends_on for c in work.stage.candidates if c.depends_on)
    ]
    notes += [
        _method_text(work.stage, method)
        for work in estimated.stages
        if (method := _method(estimated.plan, work.stage))
    ]
    notes += [_added_seeds_text(work) for work in estimated.stages if work.stage.max_seeds is not None]
    notes += [_nested_text(work.stage) for work in estimated.stages if work.stage.question == "nested"]
    notes += [_pairs_text(name, ablate) for name, ablate in study.ablate.items() if ablate.interactions]
    if open_choices:
        notes += [
            "The costs of these stages are those of placeholders, because earlier results are pending:",
            *open_choices,
        ]
    if estimated.left.n_fits == 0:
        notes.append(f"All fits are trained; they are in {runs}.")
    elif estimated.seconds is not None:
        times = list(dict.fromkeys(map(duration, (estimated.least_seconds or 0, estimated.seconds))))
        notes.append(
            f"Estimated run time with {counted(estimated.n_workers, 'worker')}: about {' to '.join(times)}."
        )
        if estimated.n_timed < estimated.n_kinds:
            timed = f"{estimated.n_timed} of {estimated.n_kinds:,} kinds of training steps are timed"
            notes.append(f"{timed}; the others are interpolated.")
    parts += ["\n".join(notes)] if notes else []
    if findings.reported or findings.suppressed:
        parts.append(f"Findings of the checks:\n{findings_text(findings, '  ')}\n{CHECKS_PAGE}")
    parts.append(f"next: {follow_up}")
    return "\n\n".join(parts)


def _method(plan: Plan, stage: Stage) -> str:
    """Return the method of a search; empty for a grid and for other stages."""
    method = plan.study.search[stage.name].method if stage.question == "search" else "grid"
    return "" if method == "grid" else method


def _method_text(stage: Stage, method: str) -> str:
    """Describe how a search without a grid proceeds: its rungs, or how it draws candidates."""
    from convstudy.plan import halving_epochs

    if not stage.rungs:
        text = f"{stage.key} draws {counted(stage.n_candidates, 'candidate')} {_DRAWS[method]}"
        return f"{text}; placeholders replace those not drawn yet." if stage.pending else f"{text}."
    rungs = [
        f"{rung.size.n_candidates} × {counted(rung.size.n_folds, 'fold')} × {counted(rung.size.n_epochs, 'epoch')}"
        for rung in stage.rungs
    ]
    epochs = halving_epochs(tuple(rung.size for rung in stage.rungs))
    of_grid = (
        f", {percent(epochs / stage.grid_epochs, 0)} of the grid's {stage.grid_epochs:,}"
        if stage.grid_epochs
        else ""
    )
    verb = "halves" if method == "halving" else "screens"
    return f"{stage.key} {verb} its candidates in rungs: {', '.join(rungs)}; {epochs:,} epochs in total{of_grid}."


def _added_seeds_text(work: StageEstimate) -> str:
    """Describe the seeds that a stage adds, and the range of its fits."""
    from convstudy.stats.sequential import looks

    stage = work.stage
    rule = "adds seeds until validation scores decide each pair"
    if not stage.pending:
        return f"{stage.key} {rule}; it needs no more seeds: {counted(work.n_fits, 'fit')} in total."
    least = len(stage.fits)
    sizes = ", ".join(str(look.n_seeds) for look in looks(stage.max_seeds or 0))
    return f"{stage.key} {rule}: {least:,} to {counted(work.n_fits, 'fit')}, with looks after {sizes} seeds."


def _nested_text(stage: Stage) -> str:
    n = len(stage.candidates)
    return (
        f"search.{stage.name} is nested: inner.{stage.name}.1 to .{n} each repeat the search without one of {n} outer "
        f"folds; {stage.key} scores the candidate that each selects on that fold."
    )


def _pairs_text(name: str, ablate: Ablate) -> str:
    """List the pairs of variants that an ablation with interactions trains, and those it cannot."""
    from convstudy.studyfile import conflicting_pairs, pairs_of

    text = f"ablate.{name} also trains {counted(len(pairs_of(ablate)), 'pair')} of variants"
    excluded = [
        f"{pair.first} and {pair.second} (both change {', '.join(pair.shared)})"
        for pair in conflicting_pairs(ablate)
    ]
    return f"{text}, but not {'; '.join(excluded)}." if excluded else f"{text}."


def _names(stage: Stage, depends_on: tuple[str, ...]) -> str:
    """List the candidates that depend on exactly these stages."""
    names = [candidate.name for candidate in stage.candidates if candidate.depends_on == depends_on]
    return "all candidates" if len(names) == len(stage.candidates) else ", ".join(names)


def _json(estimated: Estimate) -> dict[str, Any]:
    study = estimated.plan.study
    return {
        "study": study.name,
        "dataset": study.dataset.name,
        "stages": [
            {
                "stage": work.stage.key,
                "question": work.stage.question,
                "n_fits": work.n_fits,
                "n_done": work.n_done,
                "left": asdict(work.left),
                "seconds": work.seconds,
                "depends_on": list(work.stage.depends_on),
                "method": estimated.plan.study.search[work.stage.name].method
                if work.stage.question == "search"
                else None,
                "grid_epochs": work.stage.grid_epochs,
                "pending": [fit.id for fit in work.stage.pending],
                "rungs": [_rung_json(rung) for rung in work.stage.rungs],
                "max_seeds": work.stage.max_seeds,
                "looks": [asdict(look) for look in work.stage.looks],
                "candidates": [
                    {
                        "name": candidate.name,
                        "network": candidate.network_name,
                        "layers": candidate.network.as_json(),
                        "fits": [fit.id for fit in candidate.fits],
                        "depends_on": list(candidate.depends_on),
                        "combines": list(candidate.combines),
                    }
                    for candidate in work.stage.candidates
                ],
            }
            for work in estimated.stages
        ],
        "total": asdict(estimated.total),
        "left": asdict(estimated.left),
        "least": asdict(estimated.least),
        "least_left": asdict(estimated.least_left),
        "least_seconds": estimated.least_seconds,
        "workers": estimated.n_workers,
        "seconds": estimated.seconds,
    }


def _rung_json(rung: Rung) -> dict[str, Any]:
    return {
        **asdict(rung.size),
        "evaluated": list(rung.evaluated),
        "promoted": list(rung.promoted),
        "decided": rung.decided,
        "fits": [fit.id for fit in rung.fits],
    }
