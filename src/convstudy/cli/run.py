"""``convstudy run``: train a study and print its answer."""

from __future__ import annotations

import shlex
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convstudy.cli.failures import INTERRUPTED
from convstudy.cli.findings import strict_option
from convstudy.cli.options import (
    PositiveNumber,
    check_labels,
    command_line,
    device_option,
    examples,
    json_option,
    minutes_option,
    runs_option,
    study_argument,
    study_of,
    until_decided_option,
    workers_option,
    write_study_file,
)
from convstudy.cli.output import print_json, print_messages, program
from convstudy.errors import Problem
from convstudy.numbers import counted

if TYPE_CHECKING:
    from convstudy.history import Results
    from convstudy.run import Event, Listener
    from convstudy.run.progress import Progress

SHORT_MNIST = "run mnist --subset 3000 --set recipe.epochs=2 --seeds 1"


@click.command(
    epilog=examples(
        "convstudy run digits",
        "convstudy run photos/ --minutes 20",
        "convstudy run study.toml --seeds 10 --set recipe.epochs=30",
        "convstudy run study.toml --until-decided --max-seeds 20",
        "convstudy run study.toml -v",
    )
)
@study_argument
@until_decided_option
@minutes_option
@runs_option
@workers_option
@device_option
@json_option
@strict_option
@click.option(
    "--accept-failures",
    metavar="REASON",
    help="Do not retrain fits that failed in earlier runs; select among the others. The report prints REASON.",
)
@click.option(
    "--fit-timeout",
    type=PositiveNumber("seconds"),
    metavar="SECONDS",
    help="Stop a fit if one epoch takes longer than SECONDS; a later run can train it again.",
)
@click.option(
    "--events",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Append each event of the run to FILE as one line of JSON (see docs/running.md).",
)
@click.option(
    "--no-report", is_flag=True, help="Do not write the report; `convstudy report` writes it later."
)
@click.option("-v", "--verbose", is_flag=True, help="Print a line for each fit and each test-set evaluation.")
@click.pass_context
def run(
    context: click.Context,
    source: str,
    runs: Path,
    workers: int | None,
    device: str,
    as_json: bool,
    strict: bool,
    accept_failures: str | None,
    fit_timeout: float | None,
    events: Path | None,
    no_report: bool,
    verbose: bool,
) -> int:
    """Train the missing fits of a study and report the results.

    The command prints one line per question of STUDY and the path of the report. A fit is one training of one network.
    All finished fits are kept in --runs and are never trained again. Ctrl-C stops the run; the same command resumes it.

    If STUDY is a path of images, the command writes a study file into the current folder, such as photos.toml, and runs
    it: three networks, sized to the images and to --minutes. The same command uses that file from then on.

    Exit status: 0 success, 1 a fit failed or (with --strict) a check warns, 2 wrong usage or a report that cannot
    be written, 130 interrupted.
    """
    study = study_of(context, source)
    check_labels(context, source, study)
    write_study_file(context)
    from convstudy.cli.outcome import Outcome
    from convstudy.cli.progress import show_progress
    from convstudy.run import run_study
    from convstudy.run.progress import Progress

    progress, again = Progress(), shlex.join([program(), *context.obj])
    try:
        with _written(events) as write, show_progress(progress, verbose) as show:

            def listener(event: Event) -> None:
                show(event)
                write(event)

            results = run_study(study, runs, workers, listener, device, accept_failures, fit_timeout)
    except KeyboardInterrupt:
        return _interrupted(progress, runs, again, as_json)
    outcome = Outcome(results, runs, as_json, again, accepting=accept_failures is not None)
    outcome.check()
    if not no_report:
        outcome.write_report()
    return outcome.end(
        checks=command_line(context, "check", source),
        following=next_command(source, results),
        strict=strict,
    )


def _written(path: Path | None) -> AbstractContextManager[Listener]:
    """Return a listener that appends events to the file; it does nothing without a path."""
    from convstudy.run import JsonLines, ignore_events

    return nullcontext(ignore_events) if path is None else JsonLines(path, print_messages)


def next_command(source: str, results: Results) -> str:
    """Return the command to suggest after the built-in study: the same questions on a part of MNIST."""
    return f"{shlex.quote(program())} {SHORT_MNIST}" if source == "digits" and results.complete else ""


def _interrupted(progress: Progress, runs: Path, again: str, as_json: bool) -> int:
    kept = "nothing was trained yet"
    if progress.plan is not None:
        kept = f"{progress.n_done:,} of {counted(progress.n_fits, 'fit')} are kept in {runs}"
        if progress.running:
            kept += "; running fits resume after their last full epoch"
    print_messages(f"\nInterrupted: {kept}.\nTo resume, run the same command again:\n  {again}")
    if as_json:
        print_json({"errors": [Problem(f"interrupted; {kept}", hint=again).as_json()]})
    return INTERRUPTED
