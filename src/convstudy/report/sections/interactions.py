"""Interactions in ablations: the effect of two variants together compared with the sum of their effects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from convstudy.analysis import StageResult
from convstudy.report.claim_text import ADJUSTED_P, CLAIM, claim_text, p_values
from convstudy.report.interaction_text import SHORT, interaction_verdict
from convstudy.report.metric_text import difference_kind, margin_of, metric_of, value_kind
from convstudy.report.questions_text import low_title, more_caption, more_columns, more_values
from convstudy.report.sample_size_text import required_cells
from convstudy.report.section import Material, Section, Topic
from convstudy.report.stages import stage_title
from convstudy.report.table import Column, Table, Value
from convstudy.report.verdict_text import over_seeds, reliable_ends, without_interval
from convstudy.stats import Verdict


def sections(material: Material) -> Iterator[Section]:
    """Yield a section for each ablation with measured interactions."""
    for stage_result in material.analysis.main_results:
        table = interactions_table(stage_result)
        if table is not None:
            yield Section(table.name, table.title, (table,))


def interactions_table(stage_result: StageResult) -> Table | None:
    """Return a table of an ablation's interactions; ``None`` without a measured one."""
    found = stage_result.interactions
    if all(verdict.difference.mean is None for verdict in found):
        return None
    scores = {row.name: row.summary(stage_result.measure) for row in stage_result.rows}
    metric = stage_result.metric
    more = more_columns(found, difference_kind(metric))
    kind, value = difference_kind(metric), value_kind(metric)
    columns = (
        Column("first", "Variant"),
        Column("second", "with"),
        Column("verdict", "Verdict"),
        Column("interaction", "Interaction", kind),
        Column("low", low_title(found), kind),
        Column("high", "to", kind),
        *more,
        Column("seeds", "Seeds", "count"),
        CLAIM,
        ADJUSTED_P,
        Column("required_better", "Required if it is twice the margin"),
        Column("required_equivalent", "Required if it is 0"),
        Column("unmodified", "Unmodified network", value),
        Column("first_alone", "Variant alone", value),
        Column("second_alone", "Other alone", value),
        Column("together", "Both", value),
    )
    rows: list[tuple[Value, ...]] = [
        (
            verdict.first,
            verdict.second,
            interaction_verdict(verdict, SHORT),
            verdict.difference.mean,
            *reliable_ends(verdict),
            *more_values(verdict, more),
            verdict.difference.n,
            claim_text(verdict),
            p_values(verdict)[1],
            *required_cells(verdict),
            stage_result.best.summary(stage_result.measure) if stage_result.best else None,
            scores[verdict.first],
            scores[verdict.second],
            scores[f"{verdict.first} + {verdict.second}"],
        )
        for verdict in found
    ]
    name, title = f"interactions-{stage_result.name}", f"{stage_title(stage_result)}: interactions"
    return Table(name, title, f"{_caption(found)}{more_caption(more)}", columns, tuple(rows))


def _caption(found: Sequence[Verdict]) -> str:
    margin, metric = margin_of(found[0]), metric_of(found[0])
    holm = "" if len(found) == 1 else f", after Holm’s correction for {len(found)} interactions"
    near_100 = " Near 100 % accuracy there is little room for two gains to add up." if metric.counts else ""
    lost = any(verdict.difference.n > 1 and verdict.difference.low is None for verdict in found)
    return (
        f"Interaction: test {metric.title} with both variants, minus that with the first alone, minus that with the "
        "second alone, plus that of the unmodified network. It is positive if the effect of both exceeds the sum of "
        f"their two effects. {over_seeds(found)} “More” or “less”: the whole interval is beyond ±{margin}{holm}. "
        f"“None”: the whole interval is within ±{margin}{holm}. p (claim): the p-value of the test of “Tested "
        f"claim”, where the difference is the interaction.{near_100}"
        f"{' Without predictions there is no interval.' if lost else ''}{without_interval(found)}"
    )


SECTION = Topic(36, sections)
