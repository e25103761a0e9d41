"""Collapsed seeds: their rates, the verdicts among seeds that trained, and who wins over pairs of seeds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convstudy.analysis import StageCollapse, StageResult
from convstudy.metrics import metric_named
from convstudy.numbers import counted, listed
from convstudy.report.claim_text import ADJUSTED_P, CLAIM, claim_text, p_values
from convstudy.report.collapse_text import RULE, collapse_notes
from convstudy.report.metric_text import difference_kind, value_kind
from convstudy.report.questions_text import low_title
from convstudy.report.section import Items, Material, Section, Text, Topic
from convstudy.report.stages import stage_title
from convstudy.report.table import Column, Table, Value
from convstudy.report.verdict_notes import verdict_note
from convstudy.stats import Interval, Verdict


def sections(material: Material) -> Iterator[Section]:
    """Yield a section for each stage with a collapsed seed."""
    for stage_result in _affected(material):
        collapse = stage_result.collapse
        assert collapse is not None  # see _affected
        affected = [verdict for verdict in stage_result.verdicts if verdict.n_collapsed]
        notes = (*map(verdict_note, affected), *collapse_notes(stage_result))
        tables = [rates_table(stage_result, collapse), pairs_table(stage_result, collapse)]
        yield Section(
            f"collapse-{stage_result.question}-{stage_result.name}",
            f"Collapsed seeds: {stage_title(stage_result)}",
            (Text((RULE,)), *(table for table in tables if table.rows), Items(notes)),
        )


def data(material: Material) -> dict[str, Any]:
    """Return the collapsed seeds of each stage."""
    found = {result.stage: result.collapse for result in _affected(material)}
    return {"collapsed_seeds": {stage: _as_json(each) for stage, each in found.items() if each is not None}}


def rates_table(stage_result: StageResult, collapse: StageCollapse) -> Table:
    """Return a table of the rate of collapse of each candidate."""
    metric = metric_named(collapse.metric)
    columns = (
        Column("candidate", "Candidate"),
        Column("collapsed", "Collapsed", "count"),
        Column("seeds", "Seeds", "count"),
        Column("rate", "Rate", "percent"),
        Column("low", "95 % CI from", "percent"),
        Column("high", "to", "percent"),
        Column("which", "Which"),
        Column("highest", f"Highest validation {metric.title} of these", value_kind(metric)),
    )
    rows: list[tuple[Value, ...]] = []
    for each in collapse.candidates:
        scores = [seed.score for seed in each.seeds if seed.score is not None]
        which = [f"{seed.part}{'' if seed.score is not None else ' (diverged)'}" for seed in each.seeds]
        rows.append(
            (
                each.candidate,
                len(each.seeds),
                each.n_seeds,
                *_cells(each.rate),
                listed(which),
                max(scores, default=None),
            )
        )
    caption = "Interval: Clopper and Pearson’s, exact."
    near = [each.candidate for each in collapse.affected if each.may_be_weak]
    if near:
        caption += (
            f" It is not exact for {listed(near)}: close to chance, all seeds of a candidate cross the limit of the "
            "rule together."
        )
    title = f"{stage_title(stage_result)}: rates of collapse"
    return Table(f"collapse-rates-{stage_result.name}", title, caption, columns, tuple(rows))


def pairs_table(stage_result: StageResult, collapse: StageCollapse) -> Table:
    """Return a table of the pairs with a collapsed seed."""
    metric = stage_result.metric
    kind = difference_kind(metric)
    columns = (
        Column("first", "Candidate"),
        Column("verdict", "Verdict among seeds that trained"),
        Column("second", "Compared with"),
        Column("difference", "Difference", kind),
        Column("low", low_title([pair.trained for pair in collapse.pairs if pair.trained]), kind),
        Column("high", "to", kind),
        Column("pairs", "Pairs", "count"),
        CLAIM,
        ADJUSTED_P,
        Column("wins", "Random seed wins", "percent"),
        Column("wins_low", "95 % CI from", "percent"),
        Column("wins_high", "to", "percent"),
        Column("p_equal_rates", "p, equal rates of collapse", "p"),
    )
    rows: list[tuple[Value, ...]] = []
    for pair in collapse.pairs:
        found = pair.trained or stage_result.verdict_of(pair.first, pair.second)
        # Without completed collapsed fits, the ordinary verdict is the one among seeds that trained.
        trained = found if found is not None and not found.n_collapsed else None
        rows.append(
            (
                pair.first,
                _kind(trained),
                pair.second,
                *_difference(trained),
                *_cells(pair.wins),
                pair.fisher_p,
            )
        )
    n_all = max((v.n_comparisons for v in stage_result.verdicts), default=0)
    n_extra = sum(pair.trained is not None for pair in collapse.pairs)
    extra = (
        f" They add {counted(n_extra, 'claim')} to the stage: Holm’s correction counts {n_all} for all its verdicts."
        if n_extra
        else ""
    )
    caption = (
        "Verdicts among seeds that trained use the pairs of seeds of which neither collapsed: they are about seeds "
        f"that train, not about all seeds.{extra} Random seed wins: the probability that a random seed of the "
        f"candidate has a better test {metric.title} than a random seed of the other on these test images; a tie "
        "counts half. Rates of collapse: Fisher’s exact test, uncorrected; not for two "
        "candidates that are both close to chance."
    )
    title = f"{stage_title(stage_result)}: pairs with collapsed seeds"
    return Table(f"collapse-pairs-{stage_result.name}", title, caption, columns, tuple(rows))


def _affected(material: Material) -> list[StageResult]:
    return [
        result
        for result in material.analysis.main_results
        if result.collapse is not None and result.collapse.affected
    ]


def _kind(verdict: Verdict | None) -> str:
    if verdict is None:
        return "too few to say"
    return "descriptive only" if verdict.descriptive else verdict.kind


def _difference(verdict: Verdict | None) -> tuple[Value, ...]:
    if verdict is None:
        return (None,) * 6
    difference = verdict.difference
    of_claim = (claim_text(verdict), p_values(verdict)[1])
    return (difference.mean, difference.low, difference.high, difference.n, *of_claim)


def _cells(found: Interval | None) -> tuple[Value, ...]:
    return (found.estimate, found.low, found.high) if found is not None else (None, None, None)


def _interval_json(found: Interval | None) -> dict[str, float] | None:
    if found is None:
        return None
    return {"estimate": found.estimate, "low": found.low, "high": found.high, "confidence": found.confidence}


def _as_json(collapse: StageCollapse) -> dict[str, Any]:
    return {
        "metric": collapse.metric,
        "candidates": [
            {
                "candidate": each.candidate,
                "n_seeds": each.n_seeds,
                "seeds": [{"part": s.part, "score": s.score, "learned": s.learned} for s in each.seeds],
                "rate": _interval_json(each.rate),
            }
            for each in collapse.candidates
        ],
        "pairs": [
            {
                "first": pair.first,
                "second": pair.second,
                "p_equal_rates_of_collapse": pair.fisher_p,
                "wins": _interval_json(pair.wins),
                "trained": _verdict_json(pair.trained),
            }
            for pair in collapse.pairs
        ],
    }


def _verdict_json(verdict: Verdict | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    keys = ("difference", "low", "high", "pairs", "claim", "adjusted_p_claim")
    return {"kind": verdict.kind, **dict(zip(keys, _difference(verdict), strict=True))}


SECTION = Topic(22, sections, data)
