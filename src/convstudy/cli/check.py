"""``convstudy check``: problems in a study, before and after training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convstudy.cli.findings import (
    CHECKS_PAGE,
    findings_count,
    findings_json,
    findings_text,
    outcomes_text,
    strict_option,
    strict_status,
)
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
)
from convstudy.cli.output import print_json

if TYPE_CHECKING:
    from convstudy.checks import Findings
    from convstudy.history import History
    from convstudy.studyfile import Study


@click.command(
    epilog=examples(
        "convstudy check photos/", "convstudy check study.toml", "convstudy check study.toml --strict --json"
    )
)
@study_argument
@until_decided_option
@minutes_option
@runs_option
@strict_option
@json_option
@click.pass_context
def check(context: click.Context, source: str, runs: Path, strict: bool, as_json: bool) -> int:
    """Find problems in STUDY without training.

    Before a run, the command checks the plan: no-op layers, too few seeds, unequal tuning. After a run in --runs, it
    also checks the results: diverged fits, outlying seeds, differences within noise. A [suppress] table in the study
    file suppresses checks, each with a reason. The command also lists the checks that passed, and those that are not
    applicable, with the reason.

    Exit status: 0 success, 1 a check warns (with --strict), 2 wrong usage.
    """
    study = study_of(context, source)
    history = open_history(runs)
    run_id = history.run_id_of(study) if history and history.has_run(study) else None
    class_counts = check_labels(context, source, study) if run_id is None else ()
    findings = _findings(study, history, run_id, class_counts)
    if as_json:
        print_json({"study": study.name, "run": run_id, **findings_json(findings)})
    else:
        subject = f"run {run_id}" if run_id else "plan, nothing trained yet"
        parts = [f"{study.name} ({subject}): {findings_count(findings) or 'no findings'}"]
        if findings.reported or findings.suppressed:
            parts.append(findings_text(findings))
        parts += [outcomes_text(findings), CHECKS_PAGE]
        if not run_id:
            parts.append(f"next: {command_line(context, 'run', source)}")
        click.echo("\n\n".join(parts))
    return strict_status(findings, strict)


def _findings(
    study: Study, history: History | None, run_id: str | None, class_counts: tuple[int, ...]
) -> Findings:
    """Check the run of the study, or its plan if it has not been run."""
    from convstudy.checks import check_plan, check_run
    from convstudy.plan import resolve

    if history and run_id:
        from convstudy.analysis import analyse

        # The study file may have other [suppress] entries than at the time of the run.
        results = history.results(run_id)
        results = replace(results, study=study, plan=replace(results.plan, study=study))
        return check_run(analyse(results))
    planned, _ = resolve(study, history.outcomes(history.run_id_of(study)) if history else {})
    n_test_evaluations = history.n_test_evaluations(study.dataset) if history else 0
    return check_plan(planned, n_test_evaluations, class_counts)
