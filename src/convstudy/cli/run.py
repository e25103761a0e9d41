"""``convstudy run``: everything that a study needs, and the answer."""

from __future__ import annotations

import shlex
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convstudy.cli.failures import INTERRUPTED
from convstudy.cli.findings import strict_option
from convstudy.cli.options import (
    Seconds,
    changes_of,
    check_labels,
    command_line,
    device_option,
    json_option,
    runs_option,
    runs_words,
    study_argument,
    study_of,
    workers_option,
)
from convstudy.cli.output import print_json, print_messages, program
from convstudy.errors import Problem
from convstudy.numbers import counted

if TYPE_CHECKING:
    from convstudy.history import Results
    from convstudy.run import Event, Listener
    from convstudy.run.progress import Progress

TASTE_OF_MNIST = "run mnist --subset 3000 --set recipe.epochs=2 --seeds 1"


@click.command()
@study_argument
@runs_option
@workers_option
@device_option
@json_option
@strict_option
@click.option(
    "--accept-failures",
    metavar="REASON",
    help="Count the fits that failed in earlier runs as failed for good; the report prints REASON.",
)
@click.option(
    "--fit-timeout",
    type=Seconds(),
    metavar="SECONDS",
    help="End a fit that sends no message for SECONDS (one follows each epoch); it counts as failed until another run "
    "succeeds.",
)
@click.option(
    "--events",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Append each event of the run to FILE as a line of JSON, at once; docs/running.md describes the lines.",
)
@click.option("--no-report", is_flag=True, help="Write no report; `convstudy report` does so later.")
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
) -> int:
    """Answer the questions of STUDY; go on where it stopped.

    Every fit that is done is kept in --runs, and no study trains it again. Ctrl-C stops at once; the same command
    resumes. Exit status: 0 fine, 1 failed fits or (with --strict, after all is trained) warnings, 2 usage or a
    report that cannot be written, 130 interrupted.
    """
    study = study_of(context, source)
    check_labels(context, source, study)
    from convstudy.cli.outcome import Outcome
    from convstudy.cli.progress import showing
    from convstudy.run import run_study
    from convstudy.run.progress import Progress

    progress, again = Progress(), shlex.join([program(), *context.obj])
    try:
        with _written(events) as write, showing(progress) as show:

            def listener(event: Event) -> None:
                show(event)
                write(event)

            results = run_study(study, runs, workers, listener, device, accept_failures, fit_timeout)
    except KeyboardInterrupt:
        return _interrupted(progress, runs, again, as_json)
    outcome = Outcome(results, runs, as_json, again, accepting=accept_failures is not None)
    outcome.look_over()
    if not no_report:
        outcome.write_report()
    return outcome.end(
        checks=command_line(context, "check", source),
        following=next_command(context, source, results),
        strict=strict,
    )


def _written(path: Path | None) -> AbstractContextManager[Listener]:
    """Return a listener that appends events to a file, or one that does nothing where there is no path."""
    from convstudy.run import JsonLines, silent

    return nullcontext(silent) if path is None else JsonLines(path, print_messages)


def next_command(context: click.Context, source: str, results: Results) -> str:
    """Return what to try next: failures first, then real images, the whole study, a report for a paper."""
    in_folder = runs_words(context.params["runs"])
    if results.unfinished or results.untested:
        return shlex.join([program(), *context.obj])
    if results.failed:
        words = f"status {results.run_id}{in_folder}"
    elif source == "digits":
        words = TASTE_OF_MNIST
    elif changes_of(context):
        words = f"plan {shlex.quote(source)}{in_folder}"
    else:
        words = f"report {results.run_id} --format pdf,csv{in_folder}"
    return f"{shlex.quote(program())} {words}"


def _interrupted(progress: Progress, runs: Path, again: str, as_json: bool) -> int:
    """Say what is kept and how to go on."""
    kept = "nothing was trained yet"
    if progress.plan is not None:
        kept = f"{progress.n_done:,} of {counted(progress.n_fits, 'fit')} are kept in {runs}"
        if progress.running:
            kept += "; those under way go on from their last whole epoch"
    print_messages(f"\nInterrupted: {kept}.\nGo on with the same command:\n  {again}")
    if as_json:
        print_json({"errors": [Problem("interrupted", got=kept, hint=again).as_json()]})
    return INTERRUPTED
