"""Baselines that cost nothing, and every network compared with the best of them."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.analysis import BaselineScore, StageBaselines, baseline_metric
from convstudy.metrics import ACCURACY, Metric
from convstudy.numbers import listed
from convstudy.report.claim_text import ADJUSTED_P, CLAIM, claim_text, p_values
from convstudy.report.metric_text import capital, within_text
from convstudy.report.questions_text import low_title
from convstudy.report.section import Material, Section, Text, Topic
from convstudy.report.stages import ends
from convstudy.report.table import Column, Table, Value
from convstudy.report.verdict_text import reliable_ends, without_interval
from convstudy.stats import Share, Verdict

TITLE = "Baselines"
NOT_COMPUTED = (
    "Not computed. A run fits majority class, linear model and nearest neighbours after its test-set evaluations; for "
    "an older runs folder, run the study again: nothing is trained again."
)


def sections(material: Material) -> Iterator[Section]:
    found = material.analysis.baselines
    if not found:
        yield Section("baselines", TITLE, (Text((NOT_COMPUTED,)),))
        return
    metric, study = baseline_metric(material.results), material.results.study
    margin = study.margin_of(metric.name)
    tables = (baselines_table(found, metric), differences_table(found, metric, margin))
    text = (
        "Three classifiers that cost seconds, scored on the same images as the networks. They show how much of a "
        "network’s score the images give away without a network."
    )
    if study.metric != metric.name:
        text += f" They predict classes without probabilities, so they are compared by {metric.title}."
    yield Section("baselines", TITLE, (Text((text,)), *(table for table in tables if table.rows)))


def baselines_table(found: tuple[StageBaselines, ...], metric: Metric) -> Table:
    """Return the scores of the baselines: once for the test images, and for each search on its folds."""
    columns = (
        Column("images", "Images"),
        Column("baseline", "Baseline"),
        Column("score", capital(metric.title), "percent"),
        Column("low", "95 % CI from", "percent"),
        Column("high", "to", "percent"),
        Column("n_train", "Fitted to", "count"),
    )
    names: dict[tuple[BaselineScore, ...], list[str]] = {}
    for each in found:  # stages with the same images have the same scores
        names.setdefault(each.scores, []).append("" if each.measure.part == "test" else each.stage)
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (
            f"folds of {listed(stages)}" if any(stages) else "test images",
            score.name,
            score.score,
            *ends(score.interval),
            score.n_train,
        )
        for scores, stages in names.items()
        for score in scores
    )
    caption = (
        "Majority class: always the largest class. Linear model: least squares on pixels (RidgeClassifier of "
        "scikit-learn). Nearest neighbours: the majority of the 5 most similar images (KNeighborsClassifier). Pixels "
        "are means of square blocks, at most 256 values per image. “Fitted to”: the number of training images, for "
        "folds the smallest number; large training sets are sampled. On test images, baselines are fitted to all "
        "training images, also those that networks validate on. The 95 % CIs are for new images."
    )
    return Table("baselines", TITLE, caption, columns, rows)


def differences_table(found: tuple[StageBaselines, ...], metric: Metric, margin: float | Share) -> Table:
    """Return every network compared with the best baseline on its images."""
    verdicts = [verdict for each in found for verdict in each.verdicts]
    columns = (
        Column("network", "Candidate"),
        Column("verdict", "Verdict"),
        Column("baseline", "Best baseline"),
        Column("difference", "Difference", "points"),
        Column("low", low_title(verdicts), "points"),
        Column("high", "to", "points"),
        Column("pairs", "Seeds or folds", "count"),
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
            verdict.difference.n,
            claim_text(verdict),
            p_values(verdict)[1],
            each.stage,
        )
        for each in found
        for verdict in each.verdicts
    ]
    unit = "percentage points" if metric.name == ACCURACY else f"percentage points of {metric.title}"
    caption = (
        f"“Difference”: network minus the best baseline on the same images, in {unit}; of a search, the selected "
        "candidate. The intervals cover other seeds of the network and other images, for this baseline. Verdicts are "
        f"against the equivalence margin of {within_text(metric, margin)}, with Holm’s correction for the networks of "
        "the stage. p (claim): the p-value of the test of “Tested claim”."
    )
    caption += without_interval(verdicts)
    return Table("baseline-differences", "Networks and the best baseline", caption, columns, tuple(rows))


def _kind(verdict: Verdict) -> str:
    if verdict.descriptive:
        return "descriptive only"
    return f"{verdict.kind} (collapsed seeds)" if verdict.n_collapsed else verdict.kind


SECTION = Topic(37, sections)
