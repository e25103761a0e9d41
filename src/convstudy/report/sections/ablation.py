"""Ablations: scores, and the effect of each change."""

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
    for stage_result in material.analysis.main_results:
        if stage_result.question != "ablate":
            continue
        title, candidates = (
            stage_title(stage_result),
            list(trained(results, results.plan.stage(stage_result.stage))),
        )
        changes = [(verdict.first, verdict) for verdict in stage_result.verdicts]
        found = [
            forest_chart(f"effects-{stage_result.name}", title, "Effects", changes),
            scores_chart(stage_result),
            overview_chart(table_name(stage_result), title, candidates, stage_result.metric)
            if len(candidates) > 1
            else None,
        ]
        figures = tuple(figure for figure in found if figure is not None)
        yield Section(table_name(stage_result), title, (scores_table(stage_result), *figures))


SECTION = Topic(34, sections)
