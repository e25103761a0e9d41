"""The first screen: one sentence and one chart per stage, and key numbers of the run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from convstudy.analysis import StageResult
from convstudy.numbers import duration
from convstudy.plan import Plan
from convstudy.report.added_seeds_text import growing_stages, seeds_range
from convstudy.report.effects import forest_chart
from convstudy.report.figure import Figure
from convstudy.report.ranking import ranking_figure
from convstudy.report.section import Facts, Material, Row, Section, Text, Topic
from convstudy.report.stages import stage_title


def sections(material: Material) -> Iterator[Section]:
    sentences = tuple(
        Text((each.statement,), "warning" if each.question == "run" else "plain", each.subject)
        for each in material.conclusions
    )
    found = [_chart(stage_result) for stage_result in material.analysis.main_results]
    thumbnails = tuple(figure for figure in found if figure is not None)
    yield Section(
        "answer",
        "",
        (*sentences, *((Row(thumbnails),) if thumbnails else ()), _facts(material)),
    )


def data(material: Material) -> dict[str, Any]:
    """Return the sentences and their evidence."""
    found = material.conclusions
    return {"answer": [each.text for each in found], "conclusions": [each.as_json() for each in found]}


def _chart(stage_result: StageResult) -> Figure | None:
    """Return a stage's small chart: the ranking of its candidates, or the effects of an ablation."""
    if stage_result.question != "ablate":
        return ranking_figure(stage_result)
    named = [(verdict.first, verdict) for verdict in stage_result.verdicts]
    subject, title = (
        stage_title(stage_result),
        f"change in test {stage_result.metric.title}, 95 % CI",
    )
    found = forest_chart(f"answer-ablate-{stage_result.name}", subject, title, named, is_small=True)
    return found and replace(found, title=f"{subject}: {found.title}")


def _facts(material: Material) -> Facts:
    results = material.results
    n_trained = sum(fit.id in results.records and results.records[fit.id].done for fit in results.plan.fits)
    return Facts(
        (
            ("Dataset", results.dataset.name),
            ("Fits", f"{n_trained} of {len(results.plan.fits)}"),
            ("Failed", str(len(results.failed))),
            ("Seeds", _seeds(results.plan)),
            ("Training time of all fits", duration(results.seconds)),
            ("Test-set evaluations", f"{len(material.analysis.protocol.test_evaluations):,}"),
        )
    )


def _seeds(plan: Plan) -> str:
    """Return the number of seeds per candidate; a range if seeds are added."""
    growing = growing_stages(plan)
    return seeds_range(growing) if growing else str(plan.study.seeds)


SECTION = Topic(0, sections, data)
