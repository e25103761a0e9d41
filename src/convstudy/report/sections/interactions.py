"""The interactions of an ablation: what two variants do together, against what each does alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from convstudy.analysis import Contest
from convstudy.numbers import shortest
from convstudy.report.interaction_words import SHORT, worded
from convstudy.report.section import Material, Section, Topic
from convstudy.report.stages import stage_title
from convstudy.report.table import Column, Table, Value
from convstudy.report.verdict_words import in_points, needed_short, over_seeds
from convstudy.stats import Verdict


def sections(material: Material) -> Iterator[Section]:
    """Yield a section for each ablation with interactions that are measured."""
    for contest in material.analysis.asked:
        table = interactions_table(contest)
        if table is not None:
            yield Section(table.name, table.title, (table,))


def interactions_table(contest: Contest) -> Table | None:
    """Return an ablation's interactions; ``None`` where it asks for none, or none is measured yet."""
    found = contest.interactions
    if all(verdict.difference.mean is None for verdict in found):
        return None
    scores = {row.name: row.test["accuracy"] for row in contest.rows}
    columns = (
        Column("first", "Variant"),
        Column("second", "with"),
        Column("verdict", "Verdict"),
        Column("interaction", "Interaction", "points"),
        Column("low", "From", "points"),
        Column("high", "To", "points"),
        Column("seeds", "Seeds", "count"),
        Column("adjusted_p", "p, Holm", "p"),
        Column("needed", f"To tell {shortest(found[0].region * 100)}"),
        Column("as_it_is", "As it is", "percent"),
        Column("first_alone", "Variant alone", "percent"),
        Column("second_alone", "Other alone", "percent"),
        Column("together", "Together", "percent"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            verdict.first,
            verdict.second,
            worded(verdict, SHORT),
            verdict.difference.mean,
            verdict.difference.low,
            verdict.difference.high,
            verdict.difference.n,
            verdict.adjusted_p,
            needed_short(verdict),
            contest.leader.test["accuracy"] if contest.leader else None,
            scores[verdict.first],
            scores[verdict.second],
            scores[f"{verdict.first} + {verdict.second}"],
        )
        for verdict in found
    ]
    name, title = f"interactions-{contest.name}", f"{stage_title(contest)}: interactions"
    return Table(name, title, _caption(found), columns, tuple(rows))


def _caption(found: Sequence[Verdict]) -> str:
    region = in_points(found[0].region)
    holm = "" if len(found) == 1 else f", after Holm’s correction for all {len(found)} interactions"
    lost = any(verdict.difference.n > 1 and verdict.difference.low is None for verdict in found)
    return (
        "Test accuracy with both variants, minus that with each alone, plus that of the network as it is: by how many "
        "points both together come out above (+) or below (−) what their two differences add up to, with 95 % "
        "intervals. "
        f"{over_seeds(found)} “More” and “less” need the whole interval beyond ±{region}, "
        f"“none” needs it within{holm}. Points of accuracy near 100 % leave little room for two gains to add up."
        f"{' Where predictions are lost, there is no interval.' if lost else ''}"
    )


SECTION = Topic(36, sections)
