"""The end of a run: the answer first, then checks and report. A failure in one of them does not stop the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convstudy.cli.failed import failed_json, failed_text, unrestored_text
from convstudy.cli.failures import FAILED, INTERRUPTED, as_convstudy_error
from convstudy.cli.findings import findings_count, findings_json, strict_status
from convstudy.cli.options import runs_arguments
from convstudy.cli.output import print_json, print_messages
from convstudy.cli.reporting import write_files
from convstudy.cli.streams import NotPrinted, ReaderGone
from convstudy.errors import ConvstudyError, Location, Problem, StoreError

if TYPE_CHECKING:
    from convstudy.analysis import CandidateRow
    from convstudy.checks import Findings
    from convstudy.history import Results


class Outcome:
    """Print the answer of a run, then check the run and write its report. An error in a step is printed and stored.

    Args:
        results: the results of the run.
        runs: the runs folder.
        as_json: whether to print one JSON value at the end instead of text.
        again: the command that runs the study again.
        accepting: whether that command has ``--accept-failures``.
    """

    def __init__(self, results: Results, runs: Path, as_json: bool, again: str, accepting: bool) -> None:
        from convstudy.analysis import analyse
        from convstudy.report import answer, short_answer

        self._results, self._runs, self._as_json = results, runs, as_json
        self._report: Path | None = None
        self._findings: Findings | None = None
        self._errors: list[ConvstudyError] = []
        self._unprinted: Exception | None = None
        self._interrupted = False
        with self._step():
            if results.failed:
                print_messages(failed_text(results, again, accepting))
            if results.untested and not results.unfinished:
                print_messages(unrestored_text(again))
        self._analysis = analyse(results)
        self._answer = answer(self._analysis) if as_json else short_answer(self._analysis)
        self._print("\n".join(self._answer))

    def write_report(self) -> None:
        """Write the HTML report, unless the runs folder was deleted during the run."""
        if self._interrupted:
            return
        from convstudy.store import Layout

        hint = (
            f"`{self._report_command} --output DIR` writes it to another folder; all trained models are kept"
        )
        with self._step():
            folder = Layout(self._runs).report(self._results.run_id)
            self._check_presence()
            files, errors = write_files(self._analysis, self._findings, folder, ("html",), hint)
            self._check_presence()
            self._report = files[0] if files else None
            self._note(*errors)

    def _check_presence(self) -> None:
        """Raise :class:`StoreError` if the runs folder was deleted: the report would create an empty one."""
        from convstudy.history import History

        if not History.is_at(self._runs):
            raise StoreError(
                Problem("this runs folder was deleted after the run", where=Location(str(self._runs)))
            )

    def check(self) -> None:
        """Run the checks on the results."""
        if self._interrupted:
            return
        with self._step():
            from convstudy.checks import check_run

            self._findings = check_run(self._analysis)

    def end(self, checks: str, following: str, strict: bool) -> int:
        """Print where the report is and which checks found something, and return the exit status.

        Args:
            checks: the command that lists the findings of the checks.
            following: a command to suggest; empty for none.
            strict: whether a warning of a check gives exit status 1.

        Raises:
            NotPrinted, ReaderGone: if a part of the result could not be printed on stdout.
        """
        if self._as_json:
            print_json(self._json())
        self._print(f"report: {self._report or f'not written; `{self._report_command}` writes it'}")
        if not self._as_json:
            if self._findings is not None and self._findings.reported:
                print_messages(f"checks: {findings_count(self._findings)}; list them: {checks}")
            if following:
                print_messages(f"next:   {following}")
        if self._unprinted is not None:
            raise self._unprinted
        if self._interrupted:
            return INTERRUPTED
        if self._results.failed or not self._results.complete:
            return FAILED
        if self._errors:
            return self._errors[0].exit_status
        return strict_status(self._findings, strict) if self._findings is not None else 0

    @property
    def _report_command(self) -> str:
        return f"convstudy report {self._results.run_id}{runs_arguments(self._runs)}"

    @contextmanager
    def _step(self) -> Iterator[None]:
        """Print and keep the error of a step."""
        try:
            yield
        except KeyboardInterrupt:
            self._interrupted = True
            hint = f"`{self._report_command}` writes the report"
            self._note(ConvstudyError(Problem("interrupted; all fits are trained", hint=hint)))
        except Exception as error:
            self._note(as_convstudy_error(error))

    def _note(self, *errors: ConvstudyError) -> None:
        for error in errors:
            print_messages(str(error))
        self._errors += errors

    def _print(self, text: str) -> None:
        """Print a part of the result. If stdout fails, :meth:`end` raises the error, after all other steps."""
        if self._as_json or self._unprinted is not None:
            return
        try:
            click.echo(text)
        except (NotPrinted, ReaderGone) as error:
            self._unprinted = error

    def _json(self) -> dict[str, Any]:
        """Return the results as JSON values; ``errors`` is present only if a step failed."""
        results = self._results
        value: dict[str, Any] = {
            "run_id": results.run_id,
            "complete": results.complete,
            "report": str(self._report) if self._report else None,
            "answer": list(self._answer),
            "acceptances": [asdict(acceptance) for acceptance in results.acceptances],
            "n_test_evaluations": results.n_test_evaluations,
        }
        with self._step():
            rows = [row for stage_result in self._analysis.stage_results for row in stage_result.rows]
            value |= {"results": [_row(row) for row in rows], "failed": failed_json(results)}
        if self._findings is not None:
            value |= findings_json(self._findings)
        if self._errors:
            value["errors"] = [problem for error in self._errors for problem in error.as_json()]
        return value


def _row(row: CandidateRow) -> dict[str, Any]:
    return {**asdict(row), "n_done": row.n_done, "n_failed": row.n_failed, "n_missing": row.n_missing}
