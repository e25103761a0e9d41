"""Verdicts by the study's metric and by loss, Bayesian comparisons, and McNemar's tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convstudy.analysis import StageResult
from convstudy.analysis.methods import holds
from convstudy.metrics import ACCURACY, LOG_LOSS, Metric, metric_named
from convstudy.numbers import count, counted, listed, shortest_percent
from convstudy.report.balance_text import rare_class_note
from convstudy.report.claim_text import ADJUSTED_P, CLAIM, CLAIM_CAPTION, P, claim_text, p_values
from convstudy.report.error_ratios import error_ratio_table
from convstudy.report.group_text import UNKNOWN
from convstudy.report.metric_text import difference_kind, margin_text, unit_words, width_kind, within_text
from convstudy.report.questions_text import (
    false_claims_bound,
    false_claims_text,
    families,
    low_title,
    more_caption,
    more_columns,
    more_values,
)
from convstudy.report.sample_size_text import required_cells
from convstudy.report.section import Details, Material, Section, Text, Topic
from convstudy.report.table import Column, Table, Value
from convstudy.report.training_set_text import resamples
from convstudy.report.verdict_text import over_seeds, reliable_ends, without_interval
from convstudy.stats import Share, Verdict
from convstudy.stats.sample_size import POWER

_MAX_UNFOLDED = 60
"""A longer table of verdicts is folded; 30 networks have 435 verdicts."""


def sections(material: Material) -> Iterator[Section]:
    study, stage_results = material.results.study, material.analysis.stage_results
    metric, margin = metric_named(study.metric), study.margin
    more = (
        error_ratio_table(stage_results, metric, margin),
        loss_table(stage_results, study.margin_of(LOG_LOSS)),
        probability_table(stage_results, metric, margin),
        models_table(stage_results),
    )
    verdicts = verdict_table(stage_results, metric, margin)
    note = rare_class_note(material.analysis, metric)
    if verdicts.rows:
        bound = false_claims_text(stage_results, material.analysis.baselines)
        is_long = len(verdicts.rows) > _MAX_UNFOLDED
        first = Details(f"All {counted(len(verdicts.rows), 'verdict')}", (verdicts,)) if is_long else verdicts
        yield Section(
            "verdicts",
            verdicts.title,
            (
                *((Text((note,)),) if note else ()),
                first,
                *((Text((bound,)),) if bound else ()),
                *(Details(table.title, (table,)) for table in more if table.rows),
            ),
        )
    else:
        yield Section("verdicts", verdicts.title, (Text(("No verdicts yet.",)),))


def data(material: Material) -> dict[str, Any]:
    """Return the families of verdicts, and the largest expected number of families with a false claim."""
    found = families(material.analysis.stage_results, material.analysis.baselines)
    return {"false_claims": {"families": list(found), "expected_at_most": false_claims_bound(len(found))}}


def verdict_table(stage_results: tuple[StageResult, ...], metric: Metric, margin: float | Share) -> Table:
    """Return a table of all verdicts of the run.

    Args:
        stage_results: the results of all stages.
        metric: the study's metric.
        margin: the equivalence margin, in the metric's own values (a fraction for accuracy).
    """
    kind, width = difference_kind(metric), width_kind(metric)
    # A margin that is a share of the errors has no required sample size.
    planned = None if isinstance(margin, Share) or not holds("sample size", metric) else margin
    unit = (
        "percentage points of accuracy" if metric.name == ACCURACY else f"{metric.title}{unit_words(metric)}"
    )
    bounded = any(verdict.bounded for stage_result in stage_results for verdict in stage_result.verdicts)
    verdicts = [verdict for stage_result in stage_results for verdict in stage_result.verdicts]
    more = more_columns(verdicts, kind)
    resampled = any(resamples(verdict) for verdict in verdicts)
    grouped = any(v.difference.groups is not None for result in stage_results for v in result.verdicts)
    columns = (
        Column("first", "Candidate"),
        Column("verdict", "Verdict"),
        Column("second", "Compared with"),
        Column("difference", "Difference", kind),
        Column("low", low_title(verdicts), kind),
        Column("high", "to", kind),
        *more,
        Column("half_width_seeds", "± seeds or folds", width),
        *((Column("half_width_training_sets", "± training sets", width),) if resampled else ()),
        Column("half_width_images", "± images", width),
        *((Column("images_part", "± images is"),) if bounded else ()),
        *((Column("groups", "Groups", "count"), Column("effective", "Images count like")) if grouped else ()),
        Column("pairs", "Pairs", "count"),
        CLAIM,
        P,
        ADJUSTED_P,
        *(() if planned is None else _required_columns(metric, planned)),
        Column("measure", "Measure"),
        Column("stage", "Stage"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            verdict.first,
            _kind(verdict),
            verdict.second,
            verdict.difference.mean,
            *reliable_ends(verdict),
            *more_values(verdict, more),
            _width(verdict, "folds" if stage_result.question == "search" else "seeds"),
            *((_width(verdict, "training sets"),) if resampled else ()),
            _width(verdict, "images"),
            *(("upper bound" if verdict.bounded else "measured",) if bounded else ()),
            *(_groups(verdict) if grouped else ()),
            verdict.difference.n,
            claim_text(verdict),
            *p_values(verdict),
            *(() if planned is None else required_cells(verdict)),
            f"{verdict.measure.part} {metric.title}",
            stage_result.stage,
        )
        for stage_result in stage_results
        for verdict in stage_result.verdicts
    ]
    lost = (
        "Where predictions are missing, “± images” is an upper bound, computed from the sum of both error rates. "
        if bounded
        else ""
    )
    caption = (
        f"“Difference”: candidate minus the other, in {unit}. {_rule(metric, margin)} "
        "These verdicts must hold after Holm’s correction for all "
        "comparisons of the stage. "
        f"{over_seeds([v for c in stage_results if c.question != 'search' for v in c.verdicts])} “± seeds or folds” "
        "and “± images”: the half-width that the interval would have if this were the only source of variation. Over "
        "folds the interval is Nadeau and Bengio’s, because folds share training images. It is never narrower than the "
        "paired interval over the pooled validation images of all folds, which accounts only for their sampling. "
        f"{lost}{_GROUPED if grouped else ''}{CLAIM_CAPTION} Holm’s correction is for all comparisons of the stage."
        f"{more_caption(more)}{'' if planned is None else _required_text(metric, planned)}"
    )
    if any(verdict.no_interval and not verdict.descriptive for verdict in verdicts):
        caption += (
            " Where predictions are missing, there is no interval, and the verdict is “too few to say”."
        )
    caption += without_interval([v for result in stage_results for v in result.verdicts])
    described = [result for result in stage_results if any(v.descriptive for v in result.verdicts)]
    if described:
        why = described[0].verdicts[0].descriptive
        names = listed([result.stage for result in described])
        caption += f" Verdicts of {names} are descriptive only, because {why}: they make no claim."
    return Table("verdicts", "Verdicts", caption, columns, tuple(rows))


def _rule(metric: Metric, margin: float | Share) -> str:
    """Return sentences on the condition of each verdict."""
    if isinstance(margin, Share):
        if metric.higher_is_better:
            fewer = f"one of the two makes over {margin.text} fewer errors than the other"
        else:
            fewer = f"the {metric.title} of one of the two is over {margin.text} lower"
        return f"Better or worse: {fewer}. Equivalent: neither is the case."
    bound = margin_text(metric, margin)
    return f"Better or worse: the whole interval is beyond ±{bound}. Equivalent: the whole interval is within ±{bound}."


_GROUPED = (
    "Images are in groups: intervals are for new groups, and “± images” is from the sampling of groups. “Images count "
    "like”: the number of independent images with the same variance (number of images divided by the design effect). "
    "More images of the same groups change little: no required number is given. "
)


def _groups(verdict: Verdict) -> tuple[Value, Value]:
    """Return the cells of the columns of groups."""
    groups = verdict.difference.groups
    if groups is None:
        return None, ""
    if not groups.is_known:
        return None, UNKNOWN
    return groups.n_groups, f"{count(groups.n_effective)} of {groups.n_images:,}"


def _required_columns(metric: Metric, margin: float) -> tuple[Column, ...]:
    twice = margin_text(metric, 2 * margin).split()[0]
    return (
        Column("required_better", f"Required if the true difference is {twice}"),
        Column("required_equivalent", "Required if it is 0"),
    )


def _required_text(metric: Metric, margin: float) -> str:
    """Return a sentence, with a space before it, on the columns of required sample sizes."""
    if not margin:
        return " With a margin of 0 no smallest difference matters, and there is no required sample size."
    return (
        f" Required: the sample size that gives “better” or “worse” if the true difference is "
        f"{margin_text(metric, 2 * margin)}, and “equivalent” if it is 0, each with a power of "
        f"{shortest_percent(POWER)}. “–”: the verdict is clear, or the size is unknown."
    )


def loss_table(stage_results: tuple[StageResult, ...], margin: float | Share = 0.0) -> Table:
    """Return a table of all verdicts by test loss; ``margin`` is that of log-loss."""
    verdicts = [verdict for stage_result in stage_results for verdict in stage_result.losses]
    more = more_columns(verdicts, "change")
    columns = (
        Column("first", "Candidate"),
        Column("verdict", "Verdict"),
        Column("second", "Compared with"),
        Column("difference", "Difference", "change"),
        Column("low", low_title(verdicts), "change"),
        Column("high", "to", "change"),
        *more,
        CLAIM,
        ADJUSTED_P,
        Column("stage", "Stage"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            verdict.first,
            _kind(verdict),
            verdict.second,
            verdict.difference.mean,
            *reliable_ends(verdict),
            *more_values(verdict, more),
            claim_text(verdict),
            p_values(verdict)[1],
            stage_result.stage,
        )
        for stage_result in stage_results
        for verdict in stage_result.losses
    ]
    rule = "The margin is 0: “better” means a lower loss, even if the difference is small."
    if margin:
        rule = _rule(metric_named(LOG_LOSS), margin)
    caption = (
        "Mean cross-entropy on the test images, candidate minus the other. "
        f"{over_seeds([v for c in stage_results for v in c.losses])} "
        f"{rule} Holm-adjusted p (claim): the p-value of the test of “Tested claim”, corrected for all comparisons of "
        f"the stage.{more_caption(more)}{without_interval([v for c in stage_results for v in c.losses])}"
    )
    return Table("loss-verdicts", "Verdicts by test loss", caption, columns, tuple(rows))


def probability_table(stage_results: tuple[StageResult, ...], metric: Metric, margin: float | Share) -> Table:
    """Return a table of Bayesian comparisons in searches; ``margin`` is in the metric's own values."""
    bound, within = margin_text(metric, margin), within_text(metric, margin)
    columns = (
        Column("first", "Candidate"),
        Column("second", "Compared with"),
        Column("better", "Better", "percent"),
        Column("same", "Equivalent", "percent"),
        Column("worse", "Worse", "percent"),
        Column("stage", "Stage"),
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
        f"Posterior probability that the candidate is better by more than {bound}, equivalent within {within}, or "
        "worse: Bayesian correlated t-test on folds (Benavoli et al. 2017). The probabilities are corrected neither "
        "for multiple comparisons nor for the selection of the candidate on the same folds."
    )
    return Table("probabilities", "Bayesian comparison over folds", caption, columns, tuple(rows))


def models_table(stage_results: tuple[StageResult, ...]) -> Table:
    """Return a table of McNemar's tests, one row per pair of models with the same seed."""
    columns = (
        Column("first", "Candidate"),
        Column("second", "Compared with"),
        Column("pair", "Pair", "count"),
        Column("both", "Both correct", "count"),
        Column("first_only", "Only the candidate", "count"),
        Column("second_only", "Only the other", "count"),
        Column("neither", "Neither", "count"),
        Column("exact_p_equal", "Exact p (equally accurate)", "p"),
        Column("stage", "Stage"),
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
            pair.exact_p if pair.by_group is None else pair.by_group,
            stage_result.stage,
        )
        for stage_result in stage_results
        for verdict in stage_result.verdicts
        for number, pair in enumerate(verdict.models, start=1)
    ]
    grouped = any(pair.by_group is not None for c in stage_results for v in c.verdicts for pair in v.models)
    by_group = "Images are in groups: the p-value is that of a permutation test that exchanges the models in a group. "
    metrics = {stage_result.metric.name: stage_result.metric.title for stage_result in stage_results}
    correct = "".join(f"“Correct” is by {title}. " for name, title in metrics.items() if name != ACCURACY)
    caption = (
        f"Number of test images that both, one or neither of two models with the same seed predict correctly. {correct}"
        f"{by_group if grouped else ''}"
        "Exact p (equally accurate): the p-value of the hypothesis that both models are equally accurate; small values "
        "contradict it. It is for these two models only, not for other seeds. The test has no margin and no correction "
        "for multiple comparisons."
    )
    return Table("models", "McNemar’s tests", caption, columns, tuple(rows))


def _kind(verdict: Verdict) -> str:
    if verdict.descriptive:
        return "descriptive only"
    return f"{verdict.kind} (collapsed seeds)" if verdict.n_collapsed else verdict.kind


def _width(verdict: Verdict, source: str) -> float | None:
    return verdict.difference.half_width_of(source)


SECTION = Topic(20, sections, data)
