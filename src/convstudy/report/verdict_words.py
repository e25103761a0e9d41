"""A verdict in words: the difference with its interval, what that allows to be said, and what would tell more."""

from __future__ import annotations

import math

from convstudy.report.numbers import counted, percent, points, rounded
from convstudy.stats import Contest, Interval, Verdict

# A source that makes up this much of an interval (of its half-width's square) is what it mostly comes from.
_MOSTLY = 2 / 3


def interval(verdict: Verdict) -> str:
    """Return the difference with its interval: ``+0.42 points (95 % interval −0.10 to +0.94)``."""
    difference = verdict.difference
    if difference.mean is None:
        return "no pair of fits to compare"
    text = f"{points(difference.mean)} points"
    if difference.low is None or difference.high is None:
        return text
    share = f"{difference.confidence * 100:g} %"
    about = " for these two models on new images" if verdict.kind == "too few to say" else ""
    return f"{text} ({share} interval {points(difference.low)} to {points(difference.high)}{about})"


def clarity(verdict: Verdict) -> str:
    """Return what a verdict says, after the figures: ``"a clear difference"``, ``"too uncertain to call"``."""
    if verdict.kind in ("better", "worse"):
        return "a clear difference"
    if verdict.kind == "tie":
        return f"a tie within {region(verdict)}"
    if verdict.kind == "too few to say":
        return "one seed of each, so nothing can be told from the luck of seeds"
    if verdict.difference.low is None:
        return "the same difference in every pair, which shows no spread to judge it by"
    if verdict.clear_alone:
        return f"clear by itself, but not as one of {counted(verdict.n_comparisons, 'comparison')}"
    if verdict.ahead:
        return f"a difference, but perhaps of no more than {verdict.region * 100:g} points"
    return "too uncertain to call"


def region(verdict: Verdict) -> str:
    """Return the region within which differences count as none: ``±0.1 points``."""
    return f"±{verdict.region * 100:g} points"


def sources(verdict: Verdict, figures: bool = False) -> str:
    """Return where the uncertainty of an unclear verdict over seeds comes from: ``, mostly for want of seeds``."""
    seeds, images = verdict.difference.half_width_of("seeds"), verdict.difference.half_width_of("images")
    if verdict.kind != "unclear" or seeds is None or images is None:
        return ""
    share = seeds**2 / (seeds**2 + images**2) if seeds or images else 0.5
    text = ", for want of seeds and of test images"
    if share >= _MOSTLY:
        text = ", mostly for want of seeds"
    elif share <= 1 - _MOSTLY:
        text = ", mostly for want of test images"
    widths = f" (±{_width(seeds)} points for the seeds, ±{_width(images)} for the test images)"
    return text + widths if figures else text


def needed(verdict: Verdict) -> str:
    """Return what it would take to say more: ``; were it so, about 12 seeds would show it``."""
    found = verdict.needed
    if found is None:
        return ""
    shown = "show a tie" if found.outcome == "tie" else "show it"
    if verdict.measure.startswith("validation"):
        if found.images is None:
            return "; no sensible number of images would tell"
        return (
            f"; were that the true difference, it would take about {rounded(found.images)} images to {shown}"
        )
    if found.seeds is not None:
        return f"; were that the true difference, about {rounded(found.seeds)} seeds would {shown}"
    n = counted(verdict.difference.n_images, "test image")
    if found.images is not None:
        return f"; no number of seeds would {shown} on {n}: it would take at least {rounded(found.images)}"
    return f"; it lies so near {verdict.region * 100:g} points that no sensible number of seeds would tell"


def needed_short(verdict: Verdict) -> str:
    """Return what it would take to say more, in brackets of a list: ``about 12 seeds``."""
    found = verdict.needed
    if found is None:
        return ""
    if found.seeds is not None:
        return f"about {rounded(found.seeds)} seeds"
    if found.images is None:
        return "out of reach"
    if verdict.measure.startswith("validation"):
        return f"about {rounded(found.images)} images"
    return f"at least {rounded(found.images)} test images"


def judged(verdict: Verdict, tail: str = "", figures: bool = False) -> str:
    """Return a difference in one piece: figures, what can be said, why not more, and what that would take."""
    return f"{interval(verdict)}: {clarity(verdict)}{tail}{sources(verdict, figures)}{needed(verdict)}"


def probability(verdict: Verdict) -> str:
    """Return the Bayesian reading of a difference over folds, as a sentence without its stop; empty without one."""
    found = verdict.probabilities
    if found is None:
        return ""
    return (
        f"By the Bayesian correlated t-test {verdict.first} is better by more than {verdict.region * 100:g} points "
        f"with probability {_chance(found.better)}, as good within {region(verdict)} with {_chance(found.same)}"
    )


def groups(contest: Contest) -> str:
    """Return who cannot be told apart in a comparison of three or more, as a sentence; empty of two."""
    if len(contest.ranking) < 3 or not contest.groups:
        return ""
    if any(verdict.kind == "too few to say" for verdict in contest.verdicts):
        return ""
    together = [group for group in contest.groups if len(group) > 1]
    beyond = f"more than {contest.verdicts[0].region * 100:g} points"
    if not together:
        return f"All {len(contest.ranking)} differ by {beyond}."
    if len(together) == 1 and len(together[0]) == len(contest.ranking):
        return f"None of the {len(contest.ranking)} can be told from another by {beyond} of test accuracy."
    named = "; ".join(" and ".join(group) if len(group) == 2 else ", ".join(group) for group in together)
    return f"By {beyond} of test accuracy these cannot be told apart: {named}."


def within(found: Interval | None) -> str:
    """Return an interval of accuracy for a sentence: ``95 % interval 98.10 to 98.97 %``; empty where there is none."""
    if found is None:
        return ""
    share = f"{found.confidence * 100:g} %"
    return f"{share} interval {percent(found.low).removesuffix(' %')} to {percent(found.high)}"


def _chance(share: float) -> str:
    """Return a probability in whole per cent, which is never quite none or all."""
    return "less than 1 %" if share < 0.01 else "more than 99 %" if share > 0.99 else percent(share, 0)


def _width(half_width: float) -> str:
    """Return a half-width in points, rounded up so that a small one does not read as none."""
    return f"{math.ceil(half_width * 10_000 - 1e-9) / 100:.2f}"
