"""An ablation: its scores, and what each change does."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.report.curves import overview_chart
from convstudy.report.effects import forest_chart
from convstudy.report.scores import scores_table
from convstudy.report.section import Material, Section, Topic
from convstudy.report.stages import scores_chart, stage_title, table_name, trained


def sections(material: Material) -> Iterator[Section]:
    """Yield a section for each ablation."""
    results = material.results
    for contest in material.analysis.asked:
        if contest.question != "ablate":
            continue
        title, candidates = stage_title(contest), list(trained(results, results.plan.stage(contest.stage)))
        changes = [(verdict.first, verdict) for verdict in contest.verdicts]
        found = [
            forest_chart(f"effects-{contest.name}", title, "Effects", changes),
            scores_chart(contest),
            overview_chart(table_name(contest), title, candidates, contest.metric)
            if len(candidates) > 1
            else None,
        ]
        figures = tuple(figure for figure in found if figure is not None)
        yield Section(table_name(contest), title, (scores_table(contest), *figures))


SECTION = Topic(34, sections)
