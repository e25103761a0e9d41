"""The required sample sizes of inconclusive verdicts, with all their values."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.analysis import StageResult
from convstudy.numbers import shortest_percent
from convstudy.report.section import Details, Material, Section, Topic
from convstudy.report.table import Column, Table, Value
from convstudy.stats.sample_size import MAX_EXTRAPOLATION, POWER, RUN_FIRST


def sections(material: Material) -> Iterator[Section]:
    table = sample_size_table(material.analysis.stage_results)
    if table.rows:
        yield Section("sample-sizes", table.title, (Details("Each inconclusive verdict", (table,)),))


def sample_size_table(stage_results: tuple[StageResult, ...]) -> Table:
    """Return a table with one row per inconclusive verdict and true difference."""
    columns = (
        Column("first", "Candidate"),
        Column("second", "Compared with"),
        Column("verdict", "Verdict to reach"),
        Column("true_difference", "True difference", "points"),
        Column("present_pairs", "Present seeds or folds", "count"),
        Column("present_images", "Present images", "count"),
        Column("unit", "Unit"),
        Column("fewest", "Required, from", "count"),
        Column("most", "to", "count"),
        Column("with_pairs", "with seeds or folds", "count"),
        Column("shows", "Present data show", "points"),
        Column("run_first", "Run first", "count"),
        Column("stage", "Stage"),
    )
    rows: list[tuple[Value, ...]] = []
    for stage_result in stage_results:
        for verdict in stage_result.verdicts:
            found = verdict.required
            if found is None:
                continue
            present = (found.n_pairs, found.n_images)
            pair = (verdict.first, verdict.second)
            if found.run_first is not None:
                rest = (found.pairs, None, None, None, None, found.run_first, stage_result.stage)
                rows.append((*pair, "any", None, *present, *rest))
            rows += [
                (
                    *pair,
                    each.kind,
                    each.difference,
                    *present,
                    each.unit,
                    each.fewest,
                    each.most,
                    each.n_pairs,
                    found.shows if each.kind == "better" else None,
                    None,
                    stage_result.stage,
                )
                for each in found.requirements
            ]
    caption = (
        f"The sample size with which {shortest_percent(POWER)} of such studies would reach the verdict, if the true "
        "difference were the given one. The lower end of a range uses the estimated variances; the upper end uses "
        "their upper 80 % limits; docs/statistics.md shows how often it is still too small. Seeds and folds are "
        "planned for the present images. If images are required, “with seeds or folds” is the number to use with them. "
        f"“–” for “from”: more than {MAX_EXTRAPOLATION} times the present data; “present data show” is then the "
        "smallest true difference that they would show. “–” only for “to”: there is no upper end at the upper limits. "
        f"From three seeds or folds or fewer nothing can be planned: run {RUN_FIRST} first."
    )
    return Table("sample-sizes", "Required sample sizes", caption, columns, tuple(rows))


SECTION = Topic(21, sections)
