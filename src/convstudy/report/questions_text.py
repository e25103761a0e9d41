"""Text and table columns on tests of one comparison with added seeds, and on other questions to the same test set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from convstudy.analysis import StageBaselines, StageResult
from convstudy.metrics import LOG_LOSS, metric_named
from convstudy.numbers import counted, listed, shortest, shortest_percent
from convstudy.report.metric_text import metric_of, with_sign
from convstudy.report.stages import stage_title
from convstudy.report.table import Column, Kind, Value
from convstudy.stats import Verdict
from convstudy.stats.differences import CONFIDENCE


def n_seeds_text(verdict: Verdict) -> str:
    """Format the numbers of seeds of all tests of a comparison: ``3, then 5``; empty without any."""
    return ", then ".join(map(str, verdict.looks))


def look_text(verdict: Verdict) -> str:
    """Report earlier tests of a comparison in a clause after a semicolon; empty if this is the first one."""
    if verdict.look == 1:
        return ""
    text = f"; this comparison was tested on the test set with {n_seeds_text(verdict)} seeds"
    if not _has_level(verdict):
        return text
    return (
        f"{text}, so this interval has the confidence level {shortest_percent(verdict.difference.confidence)}"
    )


def _has_level(verdict: Verdict) -> bool:
    """Return whether the difference has an interval, and the interval a confidence level.

    With collapsed seeds, an interval has none, but its verdict still pays for the earlier tests. A verdict that is
    descriptive only has no interval.
    """
    return verdict.difference.low is not None and not verdict.n_collapsed


def questions_text(verdict: Verdict) -> str:
    """Report that a verdict does not hold after the correction for all questions, in a clause; empty if it holds."""
    if not is_lost(verdict):
        return ""
    difference, metric = verdict.for_questions, metric_of(verdict)
    interval = ""
    if difference.low is not None and difference.high is not None and not verdict.n_collapsed:
        ends = f"{with_sign(metric, difference.low)} to {with_sign(metric, difference.high)}"
        interval = f" ({shortest_percent(difference.confidence)} CI {ends})"
    return (
        f"; not clear after the correction for the {verdict.n_questions:,} questions asked of this test set so far"
        f"{interval}"
    )


def is_lost(verdict: Verdict) -> bool:
    """Return whether a verdict is clear, but not after the correction for all questions to the test set."""
    return verdict.clear and verdict.n_questions > 1 and not verdict.clear_for_questions


def short_notes(shown: Iterable[Verdict]) -> Iterator[str]:
    """Yield a sentence on repeated tests, and one on verdicts that do not hold after the correction for questions.

    Args:
        shown: the verdicts on test images that a short answer shows.
    """
    found = list(shown)
    again = [verdict for verdict in found if verdict.look > 1]
    if again:
        looks = listed(list(dict.fromkeys(f"{n_seeds_text(verdict)} seeds" for verdict in again)), "or")
        text = f"tested on the test set with {looks}"
        levels = sorted({verdict.difference.confidence for verdict in again if _has_level(verdict)})
        if levels:
            level = " to ".join(shortest_percent(each) for each in dict.fromkeys((levels[0], levels[-1])))
            text += f": these intervals have a confidence level of {level}"
        yield f"{text}."
    lost = [verdict for verdict in found if is_lost(verdict)]
    if lost:
        n_questions = max(verdict.n_questions for verdict in lost)
        if len(lost) == 1:
            subject = f"the verdict on {lost[0].first} and {lost[0].second} is"
        else:
            subject = f"{len(lost)} verdicts are"
        asked = f"the {n_questions:,} questions asked of this test set so far"
        yield f"{subject} not clear after the correction for {asked}."


def shown_verdicts(stage_results: Iterable[StageResult]) -> Iterator[Verdict]:
    """Yield the verdicts on test images that an answer names."""
    for stage_result in stage_results:
        if stage_result.question == "ablate":
            yield from stage_result.verdicts
        elif stage_result.question == "compare":
            yield from stage_result.verdicts_on_best


def has_other_levels(verdicts: Iterable[Verdict]) -> bool:
    """Return whether the intervals of some verdicts are not 95 % intervals, because of earlier tests."""
    return any(verdict.look > 1 for verdict in verdicts)


def low_title(verdicts: Iterable[Verdict]) -> str:
    """Return the title of the column with the lower ends of intervals."""
    return "CI from" if has_other_levels(verdicts) else "95 % CI from"


def more_columns(verdicts: Sequence[Verdict], kind: Kind) -> tuple[Column, ...]:
    """Return columns for tables of verdicts; none if each comparison is the only question, tested once.

    Args:
        verdicts: all verdicts of the table.
        kind: the kind of the differences.
    """
    levels = (Column("level", "CI level"), Column("looks", "Tested with seeds"))
    corrected = (
        Column("corrected_low", "Corrected CI from", kind),
        Column("corrected_high", "to", kind),
        Column("questions", "Questions", "count"),
    )
    return (
        *(levels if has_other_levels(verdicts) else ()),
        *(corrected if any(verdict.n_questions > 1 for verdict in verdicts) else ()),
    )


def more_values(verdict: Verdict, columns: Sequence[Column]) -> tuple[Value, ...]:
    """Return the values of a verdict for :func:`more_columns`."""
    corrected, is_known = verdict.for_questions, verdict.measure.part == "test" and not verdict.no_interval
    is_reliable = is_known and not verdict.n_collapsed
    values: dict[str, Value] = {
        "level": shortest_percent(verdict.difference.confidence) if is_reliable else None,
        "looks": n_seeds_text(verdict) or None,
        "corrected_low": corrected.low if is_reliable else None,
        "corrected_high": corrected.high if is_reliable else None,
        "questions": verdict.n_questions if is_known else None,
    }
    return tuple(values[column.key] for column in columns)


def more_caption(columns: Sequence[Column]) -> str:
    """Return sentences on :func:`more_columns`, each after a space; empty without columns."""
    keys, text = {column.key for column in columns}, ""
    if "level" in keys:
        text += (
            " “CI level”: 95 % at the first test of a comparison. Intervals of later tests, with added seeds, have "
            "higher levels, so that all later ones together contain the truth with 95 %."
        )
    if "questions" in keys:
        text += (
            " “Corrected CI”: the interval after Bonferroni’s correction for all questions asked of this test set so "
            "far, which are the comparisons of this stage and one for each other candidate that was scored on it."
        )
    return text


def families(
    stage_results: Iterable[StageResult], baselines: Iterable[StageBaselines] = ()
) -> tuple[dict[str, Any], ...]:
    """Return the families of verdicts that can make a claim: stage, measure and number of verdicts.

    Args:
        stage_results: the results of all stages.
        baselines: the comparisons of networks with baselines; those of each stage are one more family.
    """
    of_stage = {each.stage: each for each in baselines}
    found: list[dict[str, Any]] = []
    for stage_result in stage_results:
        part, metric = stage_result.measure.part, stage_result.metric.title
        for measure, verdicts in (
            (f"{part} {metric}", stage_result.verdicts),
            (f"test {metric_named(LOG_LOSS).title}", stage_result.losses),
            ("interactions", stage_result.interactions),
            ("networks and the best baseline", _with_baseline(of_stage.get(stage_result.stage))),
        ):
            n = sum(verdict.kind != "too few to say" for verdict in verdicts)
            if n:
                found.append({"stage": stage_title(stage_result), "measure": measure, "verdicts": n})
    return tuple(found)


def _with_baseline(found: StageBaselines | None) -> tuple[Verdict, ...]:
    return () if found is None else tuple(each for each in found.verdicts if not each.descriptive)


def false_claims_bound(n_families: int) -> float:
    """Return the largest expected number of families with a false claim."""
    return round(n_families * (1 - CONFIDENCE), 4)


def false_claims_text(stage_results: Iterable[StageResult], baselines: Iterable[StageBaselines] = ()) -> str:
    """State the expected number of false claims of a page as a bound; empty without verdicts."""
    found = families(stage_results, baselines)
    if not found:
        return ""
    named = "; ".join(f"{each['stage']}, {each['measure']}" for each in found)
    error = shortest_percent(round(1 - CONFIDENCE, 4))
    lead = (
        f"This page has {counted(len(found), 'family', 'families')} of verdicts, each corrected for its comparisons, "
        f"with a false claim in at most {error} of such families. "
    )
    over = (
        f"At most {shortest(false_claims_bound(len(found)))} families with a false claim are expected here, because "
        "there is no correction across families. "
    )
    return f"{lead}{over}Families: {named}."
