"""``convstudy status``, ``runs`` and ``report``: the runs in a folder, their progress, and their reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convstudy.cli.options import examples, json_option, open_history, runs_arguments, runs_option
from convstudy.cli.output import print_json, print_messages, table
from convstudy.cli.reporting import write_files
from convstudy.errors import Location, Problem, StoreError, UsageError, unknown
from convstudy.metrics import metric_named
from convstudy.numbers import counted, moment, score_text

if TYPE_CHECKING:
    from convstudy.history import Results, RunSummary

# A copy of convstudy.report.FORMATS, because --help must not import it; a test compares both.
FORMATS = ("html", "csv", "markdown", "json", "svg", "pdf", "png")
HOW_TO_START = "start one with: convstudy run digits"


@click.command(epilog=examples("convstudy status", "convstudy status digits --json"))
@click.argument("run", required=False)
@runs_option
@json_option
def status(run: str | None, runs: Path, as_json: bool) -> None:
    """Show the progress of a run, stage by stage.

    RUN is the id of a run or the name of a study (its latest run); the default is the latest run in the folder.

    Exit status: 0 success, 2 no such run or a damaged folder.
    """
    history = open_history(runs)
    summaries = history.runs() if history else ()
    if run is None and not summaries:
        _print_no_runs(runs, as_json, empty={"run": None})
        return
    if history is None:
        raise UsageError(Problem("the folder has no runs", where=Location(str(runs)), hint=HOW_TO_START))
    results = history.results(run if run is not None else summaries[-1].run_id)
    summary = next(each for each in summaries if each.run_id == results.run_id)
    if as_json:
        print_json(_json(results, summary))
    else:
        click.echo(_text(results, summary, runs))


@click.command(epilog=examples("convstudy runs", "convstudy runs --runs /data/runs --json"))
@runs_option
@json_option
def runs(runs: Path, as_json: bool) -> None:
    """List the runs in a folder, oldest first.

    Shows the dataset, status, number of fits and time of the last change of each run.

    Exit status: 0 success, 2 a damaged folder.
    """
    history = open_history(runs)
    summaries = history.runs() if history else ()
    if as_json:
        print_json([asdict(summary) for summary in summaries])
    elif not summaries:
        _print_no_runs(runs)
    else:
        rows = [
            (
                each.run_id,
                each.dataset,
                each.status,
                f"{each.n_done:,} of {each.n_fits:,}",
                each.n_failed,
                f"{moment(each.updated_at)} UTC",
            )
            for each in summaries
        ]
        click.echo(table(("run", "dataset", "status", "done", "failed", "last change"), rows, right=(3, 4)))
        for each in summaries:
            if each.status == "unreadable":
                click.echo(
                    f"{each.run_id} cannot be read; to see why: convstudy status {each.run_id}{runs_arguments(runs)}"
                )


@click.command(
    epilog=examples("convstudy report digits", "convstudy report study --format pdf,csv --output paper/")
)
@click.argument("run")
@runs_option
@click.option(
    "--format",
    "formats",
    multiple=True,
    metavar="FORMAT",
    help=f"The formats, separated by commas: {', '.join(FORMATS)}.  [default: html]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="The folder of the report.  [default: the run's folder]",
)
@click.pass_context
def report(
    context: click.Context, run: str, runs: Path, formats: tuple[str, ...], output: Path | None
) -> int:
    """Write the report of a run.

    RUN is the id of a run or the name of a study (its latest run). The formats are html (one page
    that works offline), markdown (text and tables), csv (tables), svg, pdf and png (charts), and json (everything).
    The verdicts go to stderr and the paths of the files to stdout.

    Exit status: 0 success, 2 wrong usage or a file that cannot be written; the other files are still written.
    """
    wanted = tuple(dict.fromkeys(name.strip() for text in formats for name in text.split(","))) or ("html",)
    where = Location(subject=f"{context.command_path} --format")
    problems = [unknown("format", name, FORMATS, where) for name in wanted if name not in FORMATS]
    if problems:
        raise UsageError(*problems)
    from convstudy.history import History

    history = History.open(runs)
    results = history.results(run)
    if history.is_outdated(results):
        raise _outdated(results, runs)
    from convstudy.analysis import analyse
    from convstudy.checks import check_run
    from convstudy.report import short_answer

    analysis = analyse(results)
    print_messages("\n".join(short_answer(analysis)))
    folder = output or history.report_folder(results.run_id)
    files, errors = write_files(
        analysis, check_run(analysis), folder, wanted, hint="--output DIR writes it to another folder"
    )
    for error in errors:
        print_messages(str(error))
    for path in files:
        click.echo(path)
    return errors[0].exit_status if errors else 0


def _outdated(results: Results, runs: Path) -> StoreError:
    """Return the error for a run of another version, whose report must not be replaced by an empty one."""
    found = f"{len(results.records):,} of {counted(len(results.plan.fits), 'fit')}"
    what = f"another version of convstudy trained this run; this version has {found}"
    hint = "run the study again to train its fits with this version; until then, the old report is kept"
    return StoreError(Problem(what, Location(subject=f"{results.run_id} in {runs}"), hint=hint))


def _print_no_runs(runs: Path, as_json: bool = False, empty: object = None) -> None:
    if as_json:
        print_json(empty)
    else:
        click.echo(f"The folder {runs} has no runs yet; {HOW_TO_START}")


@dataclass(frozen=True)
class StageProgress:
    """The progress of a stage: fits, rungs or looks, selected candidate and its validation score."""

    stage: str
    n_fits: int
    n_done: int
    n_failed: int
    depends_on: tuple[str, ...]
    n_rungs: int
    n_rungs_decided: int
    chosen: str | None
    metric: str
    validation_score: float | None
    n_looks: int = 0

    @property
    def outcome(self) -> str:
        """The selected candidate with its score, the stages it waits for, or the rungs that are done."""
        if self.depends_on:
            return f"waits for {', '.join(self.depends_on)}"
        if self.chosen and self.validation_score is not None:
            return f"{self.chosen} ({score_text(self.validation_score, metric_named(self.metric).unit)})"
        if self.n_looks:
            return f"{counted(self.n_looks, 'look')} done"
        return f"{self.n_rungs_decided} of {self.n_rungs} rungs done" if self.n_rungs_decided else ""


def _stages(results: Results) -> tuple[StageProgress, ...]:
    stages = []
    for stage in results.plan.stages:
        known = {fit.id for fit in stage.fits}
        records = [results.records[fit_id] for fit_id in known if fit_id in results.records]
        choice = results.choice(stage.key)
        score = next((s for s in choice.scores if s.name == choice.chosen), None) if choice else None
        stages.append(
            StageProgress(
                stage=stage.key,
                n_fits=len(known | {fit.id for fit in stage.pending}),
                n_done=sum(record.done for record in records),
                n_failed=sum(not record.done for record in records),
                depends_on=stage.depends_on,
                n_rungs=len(stage.rungs),
                n_rungs_decided=sum(rung.decided for rung in stage.rungs),
                chosen=choice.chosen if choice else None,
                metric=results.study.metric,
                validation_score=score.value if score else None,
                n_looks=len(stage.looks),
            )
        )
    return tuple(stages)


def _json(results: Results, summary: RunSummary) -> dict[str, Any]:
    from convstudy.cli.failed import failed_json

    return {
        "run": asdict(summary),
        "stages": [asdict(stage) for stage in _stages(results)],
        "failed": failed_json(results),
        "acceptances": [asdict(acceptance) for acceptance in results.acceptances],
        "n_tested": len(results.test_evaluations),
        "n_test_evaluations": results.n_test_evaluations,
    }


def _text(results: Results, summary: RunSummary, runs: Path) -> str:
    from convstudy.cli.failed import failed_text

    rows = [(each.stage, each.n_fits, each.n_done, each.n_failed, each.outcome) for each in _stages(results)]
    parts = [
        f"{summary.run_id}: {summary.status}, {summary.n_done:,} of {counted(summary.n_fits, 'fit')} done\n"
        f"started {moment(summary.created_at)}, last change {moment(summary.updated_at)} UTC",
        table(
            (
                "stage",
                "fits",
                "done",
                "failed",
                f"selected (validation {metric_named(results.study.metric).title})",
            ),
            rows,
            right=(1, 2, 3),
        ),
        f"Models evaluated on the test set of {summary.dataset}: {results.n_test_evaluations:,} in this folder, "
        f"{len(results.test_evaluations):,} in this run.",
    ]
    if results.failed:
        parts.append(failed_text(results))
    if summary.status == "interrupted":
        parts.append("To resume it, run the command that started it.")
    elif summary.status == "outdated":
        parts.append(
            "Another version of convstudy trained this run. The command that started it trains it with this version."
        )
    elif summary.status != "running":
        parts.append(f"next: convstudy report {summary.run_id}{runs_arguments(runs)}")
    return "\n\n".join(parts)
