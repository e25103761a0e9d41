"""Verdicts: by accuracy, by loss, as probabilities over folds, and model against model."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.analysis import StageResult
from convstudy.analysis.methods import holds
from convstudy.metrics import ACCURACY, Metric, metric_named
from convstudy.numbers import counted
from convstudy.report.metric_text import difference_kind, margin_text, unit_words, width_kind
from convstudy.report.section import Details, Material, Section, Text, Topic
from convstudy.report.table import Column, Table, Value
from convstudy.report.verdict_text import over_seeds, required_short
from convstudy.stats import Verdict

_MOST_OPEN = 60
"""The number of verdicts that a reader sees without opening them; 30 networks have 435."""


def sections(material: Material) -> Iterator[Section]:
    """Yield the one section."""
    study, stage_results = material.results.study, material.analysis.stage_results
    metric, margin = metric_named(study.metric), study.margin
    more = (
        loss_table(stage_results),
        probability_table(stage_results, metric, margin),
        models_table(stage_results),
    )
    verdicts = verdict_table(stage_results, metric, margin)
    if verdicts.rows:
        is_long = len(verdicts.rows) > _MOST_OPEN
        first = Details(f"All {counted(len(verdicts.rows), 'verdict')}", (verdicts,)) if is_long else verdicts
        yield Section(
            "verdicts",
            verdicts.title,
            (first, *(Details(table.title, (table,)) for table in more if table.rows)),
        )
    else:
        yield Section("verdicts", verdicts.title, (Text(("There is nothing to compare yet.",)),))


def verdict_table(stage_results: tuple[StageResult, ...], metric: Metric, margin: float) -> Table:
    """Return every verdict of the run.

    Args:
        stage_results: the stage results.
        metric: the study's.
        margin: its equivalence margin, in the metric's own values.
    """
    border, kind, width = margin_text(metric, margin), difference_kind(metric), width_kind(metric)
    has_required = holds("sample size", metric)
    unit = (
        "percentage points of accuracy" if metric.name == ACCURACY else f"{metric.title}{unit_words(metric)}"
    )
    bounded = any(verdict.bounded for stage_result in stage_results for verdict in stage_result.verdicts)
    columns = (
        Column("first", "Candidate"),
        Column("verdict", "is"),
        Column("second", "against"),
        Column("difference", "Difference", kind),
        Column("low", "From", kind),
        Column("high", "To", kind),
        Column("half_width_seeds", "± seeds or folds", width),
        Column("half_width_images", "± images", width),
        *((Column("images_part", "Images’ part"),) if bounded else ()),
        Column("pairs", "Pairs", "count"),
        Column("p", "p", "p"),
        Column("adjusted_p", "p, Holm", "p"),
        *((Column("required", f"To tell {border.split()[0]}"),) if has_required else ()),
        Column("measure", "Measure"),
        Column("stage", "Question"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            verdict.first,
            verdict.kind,
            verdict.second,
            verdict.difference.mean,
            verdict.difference.low,
            verdict.difference.high,
            _width(verdict, "folds" if stage_result.question == "search" else "seeds"),
            _width(verdict, "images"),
            *(("upper bound" if verdict.bounded else "measured",) if bounded else ()),
            verdict.difference.n,
            None if verdict.no_interval else verdict.p,
            None if verdict.no_interval else verdict.adjusted_p,
            *((required_short(verdict),) if has_required else ()),
            f"{verdict.measure.part} {metric.title}",
            stage_result.stage,
        )
        for stage_result in stage_results
        for verdict in stage_result.verdicts
    ]
    lost = (
        "Some predictions are missing: there the images’ part is an upper bound, the sum of both error rates. "
        if bounded
        else ""
    )
    caption = (
        f"Differences, the candidate minus the other, in {unit}, with 95 % intervals. “Better” "
        f"and “worse” need the whole interval beyond ±{border}, “tie” needs it within, and this must hold "
        "after Holm’s correction for all comparisons of the question. "
        f"{over_seeds([v for c in stage_results if c.question != 'search' for v in c.verdicts])} “±” is how wide the "
        "interval would be for one of its sources alone. Over folds it is Nadeau and Bengio’s, which counts that folds "
        "share training images, and never narrower than the validation images of all folds together allow. "
        f"{lost}p is how often chance alone would bring the difference this far beyond the nearest "
        f"border of the region, or this far within.{_what_it_takes(metric, margin) if has_required else ''}"
    )
    if metric.kind == "per set":
        caption = (
            f"Differences of {metric.title}, the candidate minus the other. There is no interval for this metric, so "
            "no verdict says more than “too few to say”."
        )
    return Table("verdicts", "Verdicts", caption, columns, tuple(rows))


def _what_it_takes(metric: Metric, margin: float) -> str:
    """Return what the column of needed seeds or images says, with a space before it."""
    border = margin_text(metric, margin)
    if not margin:
        return (
            " With a margin of 0 no smallest difference is named, and so not what it would take to tell it."
        )
    return (
        f" “To tell {border.split()[0]}” is a rough range of what it takes to tell a difference of {border} from none "
        "in four studies of five; beyond ten times the data at hand it names the difference that these data can show."
    )


def loss_table(stage_results: tuple[StageResult, ...]) -> Table:
    """Return every verdict by test loss."""
    columns = (
        Column("first", "Candidate"),
        Column("verdict", "is"),
        Column("second", "against"),
        Column("difference", "Difference of test losses", "change"),
        Column("low", "From", "change"),
        Column("high", "To", "change"),
        Column("adjusted_p", "p, Holm", "p"),
        Column("stage", "Question"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            verdict.first,
            verdict.kind,
            verdict.second,
            verdict.difference.mean,
            verdict.difference.low,
            verdict.difference.high,
            verdict.adjusted_p,
            stage_result.stage,
        )
        for stage_result in stage_results
        for verdict in stage_result.losses
    ]
    caption = (
        "The candidate’s mean cross-entropy on the test images minus the other’s. "
        f"{over_seeds([v for c in stage_results for v in c.losses])} "
        "There is no margin here: “better” says that the loss "
        "is lower, by however little."
    )
    return Table("loss-verdicts", "Verdicts by test loss", caption, columns, tuple(rows))


def probability_table(stage_results: tuple[StageResult, ...], metric: Metric, margin: float) -> Table:
    """Return the Bayesian reading of the searches."""
    border = margin_text(metric, margin)
    columns = (
        Column("first", "Candidate"),
        Column("second", "against"),
        Column("better", "Better", "percent"),
        Column("same", "As good", "percent"),
        Column("worse", "Worse", "percent"),
        Column("stage", "Question"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            verdict.first,
            verdict.second,
            verdict.probabilities.better,
            verdict.probabilities.same,
            verdict.probabilities.worse,
            stage_result.stage,
        )
        for stage_result in stage_results
        for verdict in stage_result.verdicts
        if verdict.probabilities is not None
    ]
    caption = (
        f"How probable it is that the candidate is better by more than {border}, as good within ±{border}, "
        "or worse, by the Bayesian correlated t-test (Benavoli et al. 2017) on the folds. The candidate was "
        "chosen by these folds and no correction is made for that: read each line by itself, and not as a promise."
    )
    return Table("probabilities", "Probabilities over folds", caption, columns, tuple(rows))


def models_table(stage_results: tuple[StageResult, ...]) -> Table:
    """Return on how many test images the trained models differ, pair by pair and seed by seed."""
    columns = (
        Column("first", "Candidate"),
        Column("second", "against"),
        Column("pair", "Models", "count"),
        Column("both", "Both right", "count"),
        Column("first_only", "Only the candidate", "count"),
        Column("second_only", "Only the other", "count"),
        Column("neither", "Neither", "count"),
        Column("exact_p", "McNemar’s exact p", "p"),
        Column("stage", "Question"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            verdict.first,
            verdict.second,
            number,
            pair.both,
            pair.first_only,
            pair.second_only,
            pair.neither,
            pair.exact_p,
            stage_result.stage,
        )
        for stage_result in stage_results
        for verdict in stage_result.verdicts
        for number, pair in enumerate(verdict.models, start=1)
    ]
    metrics = {stage_result.metric.name: stage_result.metric.title for stage_result in stage_results}
    right = "".join(f"“Right” is by {title}. " for name, title in metrics.items() if name != ACCURACY)
    caption = (
        f"Test images by which of two trained models gets them right, for each seed that both have. {right}"
        "McNemar’s p is "
        "about these two models alone, without a region and uncorrected: another seed gives other models."
    )
    return Table("models", "Model against model", caption, columns, tuple(rows))


def _width(verdict: Verdict, source: str) -> float | None:
    return verdict.difference.half_width_of(source)


SECTION = Topic(20, sections)
