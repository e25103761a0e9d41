"""``convstudy check``: what a study should be told of, before it is trained and after."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convstudy.cli.findings import (
    WHERE_TOLD,
    findings_count,
    findings_json,
    findings_text,
    strict_option,
    strict_status,
)
from convstudy.cli.options import (
    check_labels,
    command_line,
    json_option,
    open_history,
    runs_option,
    study_argument,
    study_of,
)
from convstudy.cli.output import print_json

if TYPE_CHECKING:
    from convstudy.checks import Findings
    from convstudy.history import History
    from convstudy.studyfile import Study


@click.command()
@study_argument
@runs_option
@strict_option
@json_option
@click.pass_context
def check(context: click.Context, source: str, runs: Path, strict: bool, as_json: bool) -> int:
    """Point out mistakes in STUDY; train nothing.

    Before a run, it looks at the plan only. Once it was run in --runs, also what came of it: fits that diverged
    or were still improving, seeds far from the others, differences that are noise. Exit status: 0 fine, 1 warnings
    with --strict, 2 usage. [suppress] in the study file suppresses a check, with a reason.
    """
    study = study_of(context, source)
    history = open_history(runs)
    run_id = history.run_id_of(study) if history and history.has_run(study) else None
    if run_id is None:
        check_labels(context, source, study)
    findings = _findings(study, history, run_id)
    if as_json:
        print_json({"study": study.name, "run": run_id, **findings_json(findings)})
    else:
        seen = f"the run {run_id}" if run_id else "the plan; nothing is trained yet"
        parts = [f"{study.name}, {seen}: {findings_count(findings) or 'nothing to point out'}"]
        if findings.reported or findings.suppressed:
            parts += [findings_text(findings), f"{WHERE_TOLD}."]
        if not run_id:
            parts.append(f"next: {command_line(context, 'run', source)}")
        click.echo("\n\n".join(parts))
    return strict_status(findings, strict)


def _findings(study: Study, history: History | None, run_id: str | None) -> Findings:
    """Return what is found in the study's run, or in its plan where it was not run.

    What is suppressed is as this study has it, which may have changed since the run.
    """
    from convstudy.checks import check_plan, check_run
    from convstudy.plan import resolve

    if history and run_id:
        from convstudy.analysis import analyse

        results = history.results(run_id)
        results = replace(results, study=study, plan=replace(results.plan, study=study))
        return check_run(analyse(results))
    planned, _ = resolve(study, history.outcomes(history.run_id_of(study)) if history else {})
    return check_plan(planned, history.n_test_evaluations(study.dataset) if history else 0)
