"""The final training of a study without comparisons: its scores."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.report.scores import scores_table
from convstudy.report.section import Block, Material, Section, Topic
from convstudy.report.stages import scores_chart, stage_title, table_name


def sections(material: Material) -> Iterator[Section]:
    """Yield a section for each final training."""
    for stage_result in material.analysis.main_results:
        if stage_result.question == "final":
            blocks: list[Block | None] = [scores_table(stage_result), scores_chart(stage_result)]
            shown = tuple(block for block in blocks if block is not None)
            yield Section(table_name(stage_result), stage_title(stage_result), shown)


SECTION = Topic(32, sections)
