"""``convstudy status``, ``runs`` and ``report``: what was run, how far it is, and its report again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convstudy.cli.options import json_option, open_history, runs_option, runs_words
from convstudy.cli.output import print_json, print_messages, table
from convstudy.cli.reporting import write_files
from convstudy.errors import Location, Problem, StoreError, UsageError, unknown
from convstudy.metrics import metric_named
from convstudy.numbers import counted, moment, score_text

if TYPE_CHECKING:
    from convstudy.history import Results, RunSummary

# As convstudy.report.FORMATS, which a test compares: --help is not to load it.
FORMATS = ("html", "csv", "markdown", "json", "svg", "pdf", "png")
HOW_TO_START = "start one: convstudy run digits"


@click.command()
@click.argument("run", required=False)
@runs_option
@json_option
def status(run: str | None, runs: Path, as_json: bool) -> None:
    """Show how far a run is, stage by stage.

    RUN is a run's id or a study's name; the latest run, if it is not given.
    """
    history = open_history(runs)
    summaries = history.runs() if history else ()
    if run is None and not summaries:
        _say_nothing_there(runs, as_json, empty={"run": None})
        return
    if history is None:
        raise UsageError(
            Problem("there are no runs here", where=Location(str(runs)), got=run or "", hint=HOW_TO_START)
        )
    results = history.results(run if run is not None else summaries[-1].run_id)
    summary = next(each for each in summaries if each.run_id == results.run_id)
    if as_json:
        print_json(_json(results, summary))
    else:
        click.echo(_text(results, summary, runs))


@click.command()
@runs_option
@json_option
def runs(runs: Path, as_json: bool) -> None:
    """List the runs in a folder, the latest last."""
    history = open_history(runs)
    summaries = history.runs() if history else ()
    if as_json:
        print_json([asdict(summary) for summary in summaries])
    elif not summaries:
        _say_nothing_there(runs)
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
        click.echo(
            table(("run", "dataset", "status", "done", "failed", "last worked on"), rows, right=(3, 4))
        )
        for each in summaries:
            if each.status == "unreadable":
                click.echo(
                    f"why {each.run_id} cannot be read: convstudy status {each.run_id}{runs_words(runs)}"
                )


@click.command()
@click.argument("run")
@runs_option
@click.option(
    "--format",
    "formats",
    multiple=True,
    metavar="FORMAT",
    help=f"What to write: {', '.join(FORMATS)}; several with commas, or the option several times.  [default: html]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where to write it; beside the run, if not given.",
)
@click.pass_context
def report(
    context: click.Context, run: str, runs: Path, formats: tuple[str, ...], output: Path | None
) -> int:
    """Write the report of a run, in any format.

    The answer is told and the paths are printed. RUN is a run's id or a study's name (its latest run). html is a
    page, markdown and csv are tables, svg, pdf and png are figures, json is everything. A file that cannot be
    written is an error (exit status 2); the others are still written.
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
        analysis, check_run(analysis), folder, wanted, hint="--output DIR writes it elsewhere"
    )
    for error in errors:
        print_messages(str(error))
    for path in files:
        click.echo(path)
    return errors[0].exit_status if errors else 0


def _outdated(results: Results, runs: Path) -> StoreError:
    """Return the error of a run that has no report in this version: an emptier one would replace its own."""
    found = f"{len(results.records):,} of its {counted(len(results.plan.fits), 'fit')}"
    what = f"another version of convstudy trained this run, and this one has {found}"
    hint = (
        "run the study again to train them with this version; "
        "until then, the report and the files of the other version stay as they are"
    )
    return StoreError(Problem(what, Location(subject=f"{results.run_id} in {runs}"), hint=hint))


def _say_nothing_there(runs: Path, as_json: bool = False, empty: object = None) -> None:
    if as_json:
        print_json(empty)
    else:
        click.echo(f"No runs in {runs} yet; {HOW_TO_START}")


@dataclass(frozen=True)
class StageProgress:
    """How far a stage is: its fits, the rungs of a search that halves, what it chose and by which score."""

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

    @property
    def outcome(self) -> str:
        """What it chose, or what it waits for, in words."""
        if self.depends_on:
            return f"waits for {', '.join(self.depends_on)}"
        if self.chosen and self.validation_score is not None:
            return f"{self.chosen} ({score_text(self.validation_score, metric_named(self.metric).unit)})"
        return f"{self.n_rungs_decided} of {self.n_rungs} rungs are done" if self.n_rungs_decided else ""


def _stages(results: Results) -> tuple[StageProgress, ...]:
    """Return how far each stage is."""
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
            )
        )
    return tuple(stages)


def _json(results: Results, summary: RunSummary) -> dict[str, Any]:
    """Return how far a run is, for a program."""
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
    """Return how far a run is, for a person."""
    from convstudy.cli.failed import failed_text

    rows = [(each.stage, each.n_fits, each.n_done, each.n_failed, each.outcome) for each in _stages(results)]
    parts = [
        f"{summary.run_id}: {summary.status}, {summary.n_done:,} of {counted(summary.n_fits, 'fit')} done\n"
        f"begun {moment(summary.created_at)}, last worked on {moment(summary.updated_at)} UTC",
        table(
            (
                "stage",
                "fits",
                "done",
                "failed",
                f"chose (validation {metric_named(results.study.metric).title})",
            ),
            rows,
            right=(1, 2, 3),
        ),
        f"The test set of {summary.dataset} was opened {counted(results.n_test_evaluations, 'time')} in this folder, "
        f"{len(results.test_evaluations):,} of them for models of this run.",
    ]
    if results.failed:
        parts.append(failed_text(results))
    if summary.status == "interrupted":
        parts.append("The command that began it goes on with it: convstudy run ...")
    elif summary.status == "outdated":
        parts.append(
            "Another version of convstudy trained this run; the command that began it trains what is missing: "
            "convstudy run ..."
        )
    elif summary.status != "running":
        parts.append(f"next: convstudy report {summary.run_id}{runs_words(runs)}")
    return "\n\n".join(parts)
