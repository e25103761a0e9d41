"""What being chosen by a score does to that score, in a sentence."""

from __future__ import annotations

from convstudy.analysis import Nested, Protocol, StageResult
from convstudy.metrics import Metric
from convstudy.numbers import counted, listed
from convstudy.report.metric_text import signed_by, unit_of, writer
from convstudy.report.verdict_text import within


def search_optimism(stage_result: StageResult) -> tuple[str, ...]:
    """Return how much too good a search's best score is, as a sentence; none where there is nothing to say."""
    if stage_result.nested is not None and stage_result.nested.score.mean is not None:
        return (_nested(stage_result.nested, stage_result.metric),)
    found = stage_result.selection
    if found is None or found.unknown == "alone":
        return ()
    write = writer(stage_result.metric)
    was = f"The {write(found.score)} is also the figure that {_chooser(stage_result, found.n_candidates)} chose by"
    if found.unknown == "metric":
        return (
            f"{was}, and so a little too good; for {stage_result.metric.title} there is no correction here.",
        )
    if found.corrected is None:
        return (f"{was}, and so a little too good; by how much these records do not tell.",)
    left = _left_in(stage_result)
    but = f", though not for {left}," if left else ""
    return (f"{was}; corrected for that{but} it is about {write(found.corrected)}.",)


def _left_in(stage_result: StageResult) -> str:
    """Return what else a search's best score was chosen by, which its correction leaves in."""
    rungs = stage_result.trace is not None and stage_result.trace.halved
    fits = stage_result.best.fits if stage_result.best else ()
    epochs = any(fit.selected_epoch is not None and fit.selected_epoch < fit.n_epochs for fit in fits)
    return " and ".join(
        text for text, there in (("earlier rungs", rungs), ("the best epochs", epochs)) if there
    )


def test_set_text(told: Protocol) -> str:
    """Return how many questions the test set has answered, if other runs have asked some of them; else nothing."""
    if not told.n_questions_elsewhere or not told.test_evaluations:
        return ""
    return (
        f"This test set has now answered {counted(told.n_questions, 'question')} in this runs folder, "
        f"{told.n_questions_elsewhere:,} of them asked by other runs: what was changed after looking at these answers "
        "may have been fitted to these images."
    )


def winners(found: Nested) -> str:
    """Return who won the searches of the outer folds: ``kernel=5 in 2 of 3, kernel=3 in 1``."""
    n = len(found.folds)
    won = [f"{name} in {times}" for name, times in found.winners.items()]
    if found.winners and max(found.winners.values()) == n:
        return f"{next(iter(found.winners))} in all {n}"
    return listed([f"{won[0]} of {n}", *won[1:]]) if won else "nobody yet"


def _nested(found: Nested, metric: Metric) -> str:
    mean, difference, write = found.score.mean, found.optimism, writer(metric)
    assert mean is not None  # callers ask of what is known
    score = write(mean)
    sure = within(found.interval, metric)
    text = (
        f"Done anew without each of {counted(len(found.folds), 'outer fold')}, the search comes to {score} "
        f"{f'({sure}) ' if sure else ''}on images that it did not see"
    )
    if difference is not None and found.searched is not None:
        beside = "as much as" if _is_none(metric, difference) else f"{_amount(metric, difference)} than"
        text += f", {beside} the {write(found.searched)} that it chose by"
    return f"{text}; its winner was {winners(found)}."


def _is_none(metric: Metric, difference: float) -> bool:
    return float(signed_by(metric, abs(difference))) == 0


def _amount(metric: Metric, difference: float) -> str:
    """Return by how much the search's own score is above that on new images: ``0.21 points less``."""
    less = "less" if (difference > 0) == metric.higher_is_better else "more"
    return f"{signed_by(metric, abs(difference))}{unit_of(metric)} {less}"


def _chooser(stage_result: StageResult, n_candidates: int) -> str:
    halves = stage_result.trace is not None and stage_result.trace.halved
    return f"the last rung of {counted(n_candidates, 'candidate')}" if halves else "the search"
