"""Questions to the test set: comparisons that were tested again with added seeds, and intervals of all candidates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convstudy.analysis import StageResult
from convstudy.metrics import ACCURACY, LOG_LOSS, Metric, metric_named
from convstudy.numbers import shortest_percent
from convstudy.report.metric_text import key_of, value_kind
from convstudy.report.questions_text import n_seeds_text
from convstudy.report.section import Details, Material, Section, Text, Topic
from convstudy.report.table import Column, Table, Value
from convstudy.stats import Verdict


def sections(material: Material) -> Iterator[Section]:
    stage_results, protocol = material.analysis.main_results, material.analysis.protocol
    looks = looks_table(stage_results)
    corrected = [
        table for metric in _metrics(material) if (table := corrected_table(stage_results, metric)).rows
    ]
    if not looks.rows and not corrected:
        return
    texts = []
    if protocol.n_hypotheses > 1:
        texts.append(
            f"Each candidate that is scored on a test set is a question to it. So far, {protocol.n_hypotheses:,} "
            "different candidates were scored on this one, by all runs in this folder. Corrected intervals account "
            "for the number of questions, as long as test scores do not decide what is asked next."
        )
    if looks.rows:
        texts.append(
            "A comparison that is tested again with more seeds has another chance of a false claim. The first interval "
            "is at 95 %. All later ones together contain the truth with 95 % too, if the numbers of seeds do not "
            "depend on test scores."
        )
    folded = (Details("Intervals corrected for all questions", tuple(corrected)),) if corrected else ()
    yield Section(
        "questions",
        "Questions to the test set",
        (*(Text((text,)) for text in texts), *((looks,) if looks.rows else ()), *folded),
    )


def data(material: Material) -> dict[str, Any]:
    """Return the tests of each comparison, and the verdicts that other questions make unclear."""
    found = [
        (stage_result.stage, measure, verdict)
        for stage_result in material.analysis.main_results
        for measure, verdict in _tested(stage_result)
    ]
    return {
        "questions": [
            {
                "stage": stage,
                "measure": measure,
                "first": verdict.first,
                "second": verdict.second,
                "tested_with_seeds": list(verdict.looks),
                "test": verdict.look,
                "later_tests_with_seeds": list(verdict.later_looks),
                "confidence": verdict.difference.confidence,
                "questions": verdict.n_questions,
                "corrected_confidence": verdict.for_questions.confidence,
                "corrected_low": None if verdict.n_collapsed else verdict.for_questions.low,
                "corrected_high": None if verdict.n_collapsed else verdict.for_questions.high,
                "clear_after_correction": verdict.clear_for_questions,
            }
            for stage, measure, verdict in found
        ]
    }


def looks_table(stage_results: tuple[StageResult, ...]) -> Table:
    """Return a table of the comparisons that were tested more than once."""
    columns = (
        Column("first", "Candidate"),
        Column("second", "Compared with"),
        Column("seeds", "Tested with seeds"),
        Column("test", "This test", "count"),
        Column("level", "CI level"),
        Column("later", "Later, with seeds"),
        Column("measure", "Measure"),
        Column("stage", "Stage"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            verdict.first,
            verdict.second,
            n_seeds_text(verdict),
            verdict.look,
            None if verdict.n_collapsed else shortest_percent(verdict.difference.confidence),
            ", then ".join(map(str, verdict.later_looks)),
            measure,
            stage_result.stage,
        )
        for stage_result in stage_results
        for measure, verdict in _tested(stage_result)
        if len(verdict.looks) > 1 or verdict.later_looks
    ]
    caption = (
        "The numbers of seeds with which the test set had scored both candidates, in order of time, by any run in this "
        "folder. The first test has the level 95 %, test k ≥ 2 has 1 − 0.05 / (k (k − 1)). A test with one seed makes "
        "no claim and does not count."
    )
    return Table("tests", "Comparisons that were tested again", caption, columns, tuple(rows))


def corrected_table(stage_results: tuple[StageResult, ...], metric: Metric) -> Table:
    """Return a table of the candidates’ test scores with intervals, plain and corrected for all questions."""
    kind = value_kind(metric)
    columns = (
        Column("candidate", "Candidate"),
        Column("mean", f"Test {metric.title}", kind),
        Column("low", "95 % CI from", kind),
        Column("high", "to", kind),
        Column("corrected_low", "Corrected CI from", kind),
        Column("corrected_high", "to", kind),
        Column("stage", "Stage"),
    )
    rows: list[tuple[Value, ...]] = []
    levels = set()
    for stage_result in stage_results:
        for row in stage_result.rows:
            plain = stage_result.interval(row.name, metric.name)
            corrected = stage_result.corrected_intervals.get(row.name, {}).get(metric.name)
            if plain is None or corrected is None or not plain.reliable:
                continue
            levels.add(corrected.confidence)
            mean = row.test[metric.name].mean
            ends = (plain.low, plain.high, corrected.low, corrected.high)
            rows.append((row.name, mean, *ends, stage_result.stage))
    level = f" ({shortest_percent(max(levels))})" if levels else ""
    caption = (
        f"Mean test {metric.title}. “Corrected CI”{level}: after Bonferroni’s correction for all candidates that were "
        "scored on this test set so far."
    )
    return Table(f"corrected-{key_of(metric)}", f"Test {metric.title}", caption, columns, tuple(rows))


def _metrics(material: Material) -> list[Metric]:
    names = dict.fromkeys((material.results.study.metric, ACCURACY, LOG_LOSS))
    return [metric_named(name) for name in names]


def _tested(stage_result: StageResult) -> Iterator[tuple[str, Verdict]]:
    """Yield the verdicts of a stage on test images that have an interval, each with its measure."""
    groups = (
        (f"test {stage_result.metric.title}", stage_result.verdicts),
        (f"test {metric_named(LOG_LOSS).title}", stage_result.losses),
        ("interaction", stage_result.interactions),
    )
    for measure, verdicts in groups:
        for verdict in verdicts:
            if verdict.measure.part == "test" and not verdict.no_interval:
                yield measure, verdict


SECTION = Topic(75, sections, data)
