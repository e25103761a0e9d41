"""Text about selection bias: the score of a winner is optimistic, because this score selected the winner."""

from __future__ import annotations

from convstudy.analysis import Nested, Protocol, StageResult
from convstudy.metrics import Metric
from convstudy.numbers import counted, listed
from convstudy.report.metric_text import signed_by, unit_of, writer
from convstudy.report.verdict_text import interval_text

INCLUDES = "this interval accounts for the sampling of images, not for the variation between trainings"


def search_optimism(stage_result: StageResult) -> tuple[str, ...]:
    """Report the selection bias of a search's best score, as one text; an empty tuple if there is no bias to report."""
    if stage_result.nested is not None and stage_result.nested.score.mean is not None:
        return (_nested(stage_result.nested, stage_result.metric),)
    found = stage_result.selection
    if found is None or found.unknown == "alone":
        return ()
    write = writer(stage_result.metric)
    selected = (
        f"The score of {write(found.score)} may be optimistic, because {_selector(stage_result, found.n_candidates)} "
        "by this score"
    )
    if found.unknown == "metric":
        return (f"{selected}. There is no correction for {stage_result.metric.title}.",)
    if found.corrected is None:
        return (f"{selected}. These records do not show by how much.",)
    still = "still " if write(found.corrected) == write(found.score) else ""
    interval = interval_text(found.interval, stage_result.metric)
    includes = f" ({interval}; {INCLUDES})" if interval else ""
    return (
        f"{selected}. Corrected for this selection, it is {still}about {write(found.corrected)}{includes}."
        f"{_uncorrected(stage_result)}",
    )


def _uncorrected(stage_result: StageResult) -> str:
    """Name the selections that the correction does not cover, in a sentence after a space; empty if there are none."""
    rungs = stage_result.trace is not None and stage_result.trace.halved
    fits = stage_result.best.fits if stage_result.best else ()
    epochs = any(fit.selected_epoch is not None and fit.selected_epoch < fit.n_epochs for fit in fits)
    if rungs and epochs:
        return " This value is not corrected for the selection in earlier rungs and of the best epoch of each fit."
    if rungs:
        return " This value is not corrected for the selection in earlier rungs."
    return " This value is not corrected for the choice of the best epoch of each fit." if epochs else ""


def test_set_text(protocol: Protocol) -> str:
    """Report the number of candidates scored on this test set; empty if no other run scored any."""
    if not protocol.n_hypotheses_elsewhere or not protocol.test_evaluations:
        return ""
    n, n_elsewhere = protocol.n_hypotheses, protocol.n_hypotheses_elsewhere
    tested = f"{counted(n, 'different candidate')} {'has' if n == 1 else 'have'} been scored"
    return (
        f"In this runs folder, {tested} on this test set, {n_elsewhere:,} of them by other runs. Changes made after "
        "seeing those results may be fitted to these images."
    )


def winners(found: Nested) -> str:
    """List the winners of the outer folds: ``kernel=5 in 2 of 3 and kernel=3 in 1``."""
    n = len(found.folds)
    won = [f"{name} in {times}" for name, times in found.winners.items()]
    if found.winners and max(found.winners.values()) == n:
        return f"{next(iter(found.winners))} in all {n}"
    return listed([f"{won[0]} of {n}", *won[1:]]) if won else "none yet"


def _nested(found: Nested, metric: Metric) -> str:
    mean, difference, write = found.score.mean, found.optimism, writer(metric)
    assert mean is not None  # the caller checks it
    interval = interval_text(found.interval, metric)
    text = (
        f"Nested cross-validation with {counted(len(found.folds), 'outer fold')} gives {write(mean)}"
        f"{f' ({interval})' if interval else ''} on images that the search did not use"
    )
    if difference is not None and found.searched is not None:
        text += f", {_compared(metric, difference)} the score of the search, {write(found.searched)}"
    return f"{text}; the winners were {winners(found)}."


def _compared(metric: Metric, difference: float) -> str:
    """Compare the score on new images with the search's own: ``0.21 pp less than``."""
    amount = signed_by(metric, abs(difference))
    if float(amount) == 0:
        return "as much as"
    less = "less" if (difference > 0) == metric.higher_is_better else "more"
    return f"{amount}{unit_of(metric)} {less} than"


def _selector(stage_result: StageResult, n_candidates: int) -> str:
    halves = stage_result.trace is not None and stage_result.trace.halved
    return (
        f"the last rung selected one of {counted(n_candidates, 'candidate')}"
        if halves
        else "the search selected the candidate"
    )
