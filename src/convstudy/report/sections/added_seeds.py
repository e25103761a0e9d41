"""Seeds that are added until validation scores decide each pair: the looks, their decisions, and the seeds trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from convstudy.analysis import StageResult
from convstudy.numbers import counted, listed, percent
from convstudy.plan import Stage
from convstudy.report.added_seeds_text import decisions_text, growing_stages, how_it_ended
from convstudy.report.metric_text import margin_text
from convstudy.report.section import Block, Material, Section, Text, Topic
from convstudy.report.stages import stage_title
from convstudy.report.table import Column, Table, Value
from convstudy.stats import Share
from convstudy.stats.sequential import ERROR_LEVEL, LEAST_CHANCE, looks


def sections(material: Material) -> Iterator[Section]:
    """Yield a section for each stage that adds seeds."""
    plan, in_groups = material.results.plan, material.results.dataset.n_groups > 0
    for stage_result in material.analysis.main_results:
        stage = plan.stage(stage_result.stage)
        if stage.max_seeds is None:
            continue
        blocks: list[Block] = [
            Text((explanation(stage, stage_result, material.results.study.margin, in_groups),)),
            seeds_table(stage, stage_result),
        ]
        if stage.looks:
            blocks.insert(1, looks_table(stage, stage_result))
        name = f"seeds-{stage.question}-{stage.name}"
        yield Section(name, f"Added seeds of {_lower_first(stage_title(stage_result))}", tuple(blocks))


def data(material: Material) -> dict[str, Any]:
    """Return the looks of each stage that adds seeds."""
    stages = growing_stages(material.results.plan)
    return (
        {"looks": {stage.key: [asdict(look) for look in stage.looks] for stage in stages}} if stages else {}
    )


def explanation(stage: Stage, stage_result: StageResult, margin: float | Share, in_groups: bool) -> str:
    """Describe the rule, its result, and what it means for the verdicts."""
    most = counted(stage.max_seeds or 0, "seed")
    metric = stage_result.metric
    beyond = f" by more than {margin_text(metric, margin)}" if margin else ""
    training = "groups of training images" if in_groups else "training images"
    return (
        f"Seeds were added until validation {metric.title} decided each pair, up to {most}. {how_it_ended(stage)} "
        "The looks used validation scores only; no test score entered them. The probability of any wrong decision "
        f"over all looks is at most {percent(ERROR_LEVEL, 0)}, if the differences of seeds are normally distributed. A "
        f"decision is about seeds and splits of these {training}, not about others. "
        f"A candidate that is worse than another one{beyond} is dropped. A pair is out of reach if a decision with "
        f"{most} has a probability below {percent(LEAST_CHANCE, 0)}. Decisions on validation are not verdicts: "
        "verdicts compare test images, with the seeds that both candidates have. Mean test scores of candidates with "
        "different numbers of seeds are means over different seeds."
    )


def looks_table(stage: Stage, stage_result: StageResult) -> Table:
    """Return a table with one row per look."""
    parts = {look.n_seeds: look.part for look in looks(stage.max_seeds or 0)}
    columns = (
        Column("seeds", "Seeds", "count"),
        Column("error_level", "Error level", "rate"),
        Column("candidates", "Candidates", "prose"),
        Column("decided", "Decided on validation", "prose"),
        Column("out_of_reach", "Out of reach", "prose"),
        Column("dropped", "Dropped", "prose"),
        Column("continued", "More seeds for", "prose"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            look.n_seeds,
            parts[look.n_seeds] * ERROR_LEVEL,
            listed(look.evaluated),
            decisions_text(look, ("better", "worse", "equivalent")),
            decisions_text(look, ("out of reach",)),
            listed(look.dropped) if look.dropped else "",
            listed(look.continued) if look.continued else "",
        )
        for look in stage.looks
    ]
    caption = "One row per look. Holm’s correction applies to all pairs at each look, at its part of the error level."
    title = f"Looks of {_lower_first(stage_title(stage_result))}"
    return Table(f"looks-{stage.question}-{stage.name}", title, caption, columns, tuple(rows))


def seeds_table(stage: Stage, stage_result: StageResult) -> Table:
    """Return a table with the number of seeds of each candidate and the look that dropped it."""
    dropped = {name: look.n_seeds for look in stage.looks for name in look.dropped}
    columns = (
        Column("candidate", "Candidate"),
        Column("seeds", "Seeds", "count"),
        Column("dropped_after", "Dropped after seeds", "count"),
    )
    rows = tuple((each.name, len(each.fits), dropped.get(each.name)) for each in stage.candidates)
    title = f"Seeds of {_lower_first(stage_title(stage_result))}"
    return Table(f"added-seeds-{stage.question}-{stage.name}", title, "", columns, rows)


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


SECTION = Topic(38, sections, data)
