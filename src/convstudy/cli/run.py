"""``convstudy run``: everything that a study needs, and the answer."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convstudy.cli.failures import FAILED, INTERRUPTED
from convstudy.cli.findings import findings_count, findings_json, strict_option, strict_status
from convstudy.cli.options import (
    changes_of,
    command_line,
    device_option,
    json_option,
    runs_option,
    runs_words,
    study_argument,
    study_of,
    workers_option,
)
from convstudy.cli.words import program, say_json, tell
from convstudy.errors import Problem
from convstudy.figures import counted

if TYPE_CHECKING:
    from convstudy.checks import Findings
    from convstudy.cli.tally import Tally
    from convstudy.stats import CandidateRow, Contest
    from convstudy.store import Results

TASTE_OF_MNIST = "run mnist --subset 3000 --set recipe.epochs=2 --seeds 1"


@click.command()
@study_argument
@runs_option
@workers_option
@device_option
@json_option
@strict_option
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
    no_report: bool,
) -> int:
    """Answer the questions of STUDY; go on where it stopped.

    Every fit that is done is kept in --runs, and no study trains it again. Ctrl-C stops at once; the same command
    goes on. Exit status: 0 fine, 1 failed fits or (with --strict, after all is trained) warnings, 2 usage, 130
    interrupted.
    """
    study = study_of(context, source)
    from convstudy.checks import check_run
    from convstudy.cli.failed import failed_text
    from convstudy.cli.progress import progress
    from convstudy.cli.tally import Tally
    from convstudy.run import run_study
    from convstudy.stats import contests

    tally = Tally()
    try:
        with progress(tally) as listener:
            results = run_study(study, runs, workers, listener, device)
        report = None if no_report else _write_report(results, runs)
        found = contests(results)
        findings = check_run(results, found)
    except KeyboardInterrupt:
        return _interrupted(tally, runs, shlex.join([program(), *context.obj]), as_json)
    if results.failed:
        tell(failed_text(results))
    if as_json:
        say_json(_json(results, found, findings, report))
    else:
        _say(results, found, report, runs)
        if told := findings_count(findings):
            click.echo(f"checks: {told}; {command_line(context, 'check', source)}")
        click.echo(f"next:   {next_command(context, source, results)}")
    return FAILED if results.failed or not results.complete else strict_status(findings, strict)


def next_command(context: click.Context, source: str, results: Results) -> str:
    """Return what to try next: failures first, then real images, the whole study, a report for a paper."""
    in_folder = runs_words(context.params["runs"])
    if results.failed:
        words = f"status {results.run_id}{in_folder}"
    elif source == "digits":
        words = TASTE_OF_MNIST
    elif changes_of(context):
        words = f"plan {shlex.quote(source)}{in_folder}"
    else:
        words = f"report {results.run_id} --format pdf,csv{in_folder}"
    return f"{shlex.quote(program())} {words}"


def _write_report(results: Results, runs: Path) -> Path:
    """Write the report and return the path of its page."""
    from convstudy.report import write_report
    from convstudy.store import Layout

    return write_report(results, Layout(runs).report(results.run_id))[0]


def _say(results: Results, found: tuple[Contest, ...], report: Path | None, runs: Path) -> None:
    """Print the answer, and where the report is."""
    from convstudy.report import answer

    click.echo("\n".join(answer(results, found)))
    click.echo()
    how = f"`convstudy report {results.run_id}{runs_words(runs)}`"
    click.echo(f"report: {report or f'none written; {how} does so'}")


def _json(
    results: Results, found: tuple[Contest, ...], findings: Findings, report: Path | None
) -> dict[str, Any]:
    """Return what the run came to, for a program."""
    from convstudy.cli.failed import failed_json
    from convstudy.report import answer
    from convstudy.stats import candidate_rows

    return {
        "run_id": results.run_id,
        "complete": results.complete,
        "report": str(report) if report else None,
        "answer": list(answer(results, found)),
        "results": [_row(row) for stage in results.plan.stages for row in candidate_rows(results, stage)],
        "failed": failed_json(results),
        **findings_json(findings),
        "n_openings": results.n_openings,
    }


def _row(row: CandidateRow) -> dict[str, Any]:
    """Return a row of the results table, for a program."""
    return {**asdict(row), "n_done": row.n_done, "n_failed": row.n_failed, "n_missing": row.n_missing}


def _interrupted(tally: Tally, runs: Path, again: str, as_json: bool) -> int:
    """Say what is kept and how to go on."""
    kept = "nothing was trained yet"
    if tally.plan is not None:
        kept = f"{tally.n_done:,} of {counted(tally.n_fits, 'fit')} are kept in {runs}"
        if tally.running:
            kept += "; those under way go on from their last whole epoch"
    tell(f"\nInterrupted: {kept}.\nGo on with the same command:\n  {again}")
    if as_json:
        say_json({"errors": [asdict(Problem("interrupted", got=kept, mend=again))]})
    return INTERRUPTED
