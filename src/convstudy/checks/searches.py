"""A check after training: searches whose winner is not better than the value that the study states anyway."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from convstudy.analysis import Analysis, StageResult
from convstudy.checks.check import Spot
from convstudy.checks.text import signed_interval
from convstudy.plan import Stage
from convstudy.stats import Verdict
from convstudy.studyfile import Study


@dataclass(frozen=True)
class Untuned:
    """The candidate that a study would have used without a search.

    Attributes:
        name: its name.
        is_stated: whether it has the values that the network and the recipe state; otherwise it is the first candidate.
        is_best: whether the search selected it.
        verdict: the best candidate compared with it; ``None`` if they have other folds or epochs, or are the same.
    """

    name: str
    is_stated: bool
    is_best: bool
    verdict: Verdict | None


def no_better_than_first(analysis: Analysis) -> Iterator[Spot]:
    """Find searches whose best candidate is not clearly better than the stated or the first one."""
    for stage_result, untuned in _untuned(analysis):
        verdict, best = untuned.verdict, stage_result.best
        if best is None or verdict is None or verdict.no_interval or verdict.kind == "better":
            continue
        which = "the study’s own" if untuned.is_stated else "the first candidate"
        in_percent = stage_result.metric.unit == "percent"
        yield Spot(
            stage_result.stage,
            f"the selected candidate {best.name} is not clearly better than {which} {untuned.name}: on the folds, the "
            f"difference is {signed_interval(verdict.difference, in_percent)}",
            f"keep {untuned.name}, or use more folds or images: this search does not show that tuning helps",
        )


def without_first(analysis: Analysis) -> str:
    """Return why no search can be compared with its stated or first candidate."""
    if not analysis.results.study.search:
        return "the study has no search"
    found = [untuned for _, untuned in _untuned(analysis)]
    if not found:
        return "no search has selected a candidate yet"
    verdicts = [each.verdict for each in found if each.verdict is not None]
    if any(not verdict.no_interval for verdict in verdicts):
        return ""
    if verdicts:
        why = verdicts[0].descriptive
        return (
            f"{why}, so that verdicts are descriptive only"
            if why
            else "the metric has no interval over folds"
        )
    if all(each.is_best for each in found):
        return "every search selected the stated value or its first candidate"
    return "the selected candidates have other folds or epochs than the stated or first ones"


def _untuned(analysis: Analysis) -> Iterator[tuple[StageResult, Untuned]]:
    """Yield each search with a selected candidate, and what the study would have used without it."""
    results = analysis.results
    for stage_result in analysis.main_results:
        best = stage_result.best
        if stage_result.question != "search" or best is None:
            continue
        stated = _stated(results.study, results.plan.stage(stage_result.stage))
        name = stated or stage_result.rows[0].name
        verdict = None if name == best.name else stage_result.verdict_on(name)
        yield stage_result, Untuned(name, bool(stated), name == best.name, verdict)


def _stated(study: Study, stage: Stage) -> str:
    """Return the name of the candidate with the values that network and recipe state; "" if it is not among them."""
    search = study.search[stage.name]
    own = {**study.recipe.model_dump(), **study.network[search.network].parameters}
    for candidate in stage.candidates:
        if all(candidate.values.get(key) == own.get(key) for key in search.parameters):
            return candidate.name
    return ""
