"""A verdict on two trained models from counts alone: how many of n test images each got right.

It is the small calculator for figures that stand in a notebook or a paper: ``9951`` and ``9937`` of 10,000. If both
models saw the same images, what tells is on how many they differ; without that the two are judged as if they had seen
different images, and what that costs is told by the narrowest and the widest interval that any pairing would give.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from convstudy.errors import Location, Problem, UsageError
from convstudy.stats.differences import ROUNDING
from convstudy.stats.intervals import Interval, bonett_price, newcombe, normal_quantile, wilson
from convstudy.stats.mcnemar import Discordance
from convstudy.stats.sample_size import CHANCE, REACH, RULE_OF_THREE, fewest
from convstudy.stats.verdicts import MARGIN, Kind


@dataclass(frozen=True)
class CountsVerdict:
    """Whether the first of two trained models is better than the second on images of this kind.

    It is about these two models, not about the networks or recipes that they came from: one run each.

    Attributes:
        kind: ``"better"``, ``"worse"``, ``"equivalent"`` or ``"inconclusive"``, of the first against the second.
        n: how many test images each was scored on.
        accuracies: of the first and the second, with Wilson's intervals.
        difference: first − second: Bonett and Price's interval where it is known on how many images they differ,
            else Newcombe's for unpaired shares, never narrower than the most favourable pairing allows.
        margin: differences up to this count as none (a fraction, not points).
        pairs: on how many images they differ, ``None`` where it is not known; ``pairs.exact_p`` is McNemar's.
        narrowest, widest: where it is not known, the intervals of the most and the least favourable pairing.
        narrowest_kind: what could be said in the most favourable case.
        images: how many images it would take to tell a difference of the region's size: the number on which these
            shares leave an interval as narrow as the region, and the number on which four of five such comparisons
            would tell. ``None`` where enough is said, where the images at hand would do, or beyond ten times these.
        shows: where more than ten times the images at hand would be needed, the smallest difference that these show.
    """

    kind: Kind
    n: int
    accuracies: tuple[Interval, Interval]
    difference: Interval
    margin: float
    pairs: Discordance | None
    narrowest: Interval | None
    widest: Interval | None
    narrowest_kind: Kind | None
    images: tuple[int, int] | None
    shows: float | None


def verdict_on_counts(
    first: int,
    second: int,
    n: int,
    *,
    both_right: int | None = None,
    discordant: tuple[int, int] | None = None,
    margin: float = MARGIN,
) -> CountsVerdict:
    """Return the verdict on two trained models.

    Args:
        first: how many images the first got right.
        second: how many the second got right.
        n: how many images there were.
        both_right: how many both got right, if both saw the same images.
        discordant: how many only the first, and only the second got right; instead of ``both_right``.
        margin: differences up to this count as none; a fraction, 0.001 is 0.1 points.

    Raises:
        UsageError: where counts cannot be, or contradict each other.

    >>> verdict_on_counts(9951, 9937, 10_000).kind
    'inconclusive'
    """
    _check(first, second, n, both_right, discordant, margin)
    accuracies = (wilson(first / n, n), wilson(second / n, n))
    if discordant is not None:
        both_right = first - discordant[0]
    narrowest: Interval | None = None
    widest: Interval | None = None
    narrowest_kind: Kind | None = None
    pairs: Discordance | None = None
    if both_right is None:
        # From all of the weaker one's right images shared to as few as can be.
        most, least = min(first, second), max(0, first + second - n)
        narrowest = bonett_price(first - most, second - most, n)
        widest = bonett_price(first - least, second - least, n)
        difference, narrowest_kind = _unpaired(first, second, n), _kind(narrowest, n, margin)
    else:
        pairs = Discordance(
            both_right, first - both_right, second - both_right, n - first - second + both_right
        )
        difference = bonett_price(pairs.first_only, pairs.second_only, n)
    kind = _kind(difference, n, margin)
    images: tuple[int, int] | None = None
    shows: float | None = None
    if kind == "inconclusive" and margin:
        images, shows = _needed(first / n, second / n, pairs, n, margin)
    return CountsVerdict(
        kind, n, accuracies, difference, margin, pairs, narrowest, widest, narrowest_kind, images, shows
    )


def _unpaired(first: float, second: float, n: float) -> Interval:
    """Return the interval for two models whose pairing is not known.

    Newcombe's claims too much on a few images: 0 against 2 of 2 would be a clear difference. Bonett and Price's for the
    most favourable pairing (the better model is right wherever the other is) is wider there, so that its ends count.
    """
    unpaired, shared = newcombe(first, second, n), min(first, second)
    pairing = bonett_price(first - shared, second - shared, n)
    low, high = min(unpaired.low, pairing.low), max(unpaired.high, pairing.high)
    return Interval(unpaired.estimate, low, high, unpaired.confidence)


def _kind(difference: Interval, n: int, margin: float) -> Kind:
    """Return what an interval says against the region; it says no tie on fewer images than 3 / region."""
    if difference.low > margin:
        return "better"
    if difference.high < -margin:
        return "worse"
    within = -margin <= difference.low and difference.high <= margin
    return "equivalent" if within and n * margin >= RULE_OF_THREE else "inconclusive"


def _needed(
    first: float, second: float, pairs: Discordance | None, n: int, margin: float
) -> tuple[tuple[int, int] | None, float | None]:
    """Return how many images with the same shares would tell a difference of the region's size, or what these show.

    Args:
        first: the accuracy of the first model.
        second: that of the second.
        pairs: on how many images the two differ, if that is known.
        n: the number of images at hand.
        margin: the smallest difference that matters.
    """
    if pairs is None:
        variance = first * (1 - first) + second * (1 - second)
    else:
        one, other = pairs.first_only / n, pairs.second_only / n
        variance = one + other - (one - other) ** 2

    def half(m: int) -> float:
        # The number of pseudo-observations stays: their part shrinks with m, that of the shares with its root.
        found = _unpaired(first * m, second * m, m) if pairs is None else bonett_price(one * m, other * m, m)
        return (found.high - found.low) / 2

    def shown(m: int) -> float:
        return max(RULE_OF_THREE / m, half(m) + normal_quantile(CHANCE) * math.sqrt(variance / m))

    def narrow(m: int) -> bool:
        return m * margin >= RULE_OF_THREE and half(m) <= margin

    def tells(m: int) -> bool:
        return m * margin >= RULE_OF_THREE and shown(m) <= margin + ROUNDING

    if tells(n):
        return None, None
    least = n + 1 if narrow(n) else fewest(narrow, n, REACH * n)
    if least is None:
        return None, min(1.0, shown(n))
    # Half the interval and 0.84 standard errors more are less than twice as wide as half the interval.
    most = fewest(tells, n, 4 * least) or 4 * least
    return (least, max(least, most)), None


def _check(
    first: int, second: int, n: int, both: int | None, discordant: tuple[int, int] | None, margin: float
) -> None:
    """Raise :class:`UsageError` with everything that cannot be about the counts."""
    problems = []
    if n < 1:
        raise UsageError(Problem("there are no images", Location(subject="n"), str(n), "1 or more"))
    for count in (first, second):
        if not 0 <= count <= n:
            problems.append(
                Problem("so many cannot be right", Location(subject="successes"), str(count), f"0 to {n:,}")
            )
    if not (0 <= margin <= 1):
        problems.append(
            Problem(
                "this is no region",
                Location(subject="margin"),
                str(margin),
                "0 to 1, a fraction: 0 to 100 points",
            )
        )
    if both is not None and discordant is not None:
        problems.append(
            Problem(
                "pairing is told twice",
                Location(subject="both right, discordant"),
                hint="say one of the two, the other follows",
            )
        )
    elif not problems:
        least, most = max(0, first + second - n), min(first, second)
        if both is not None and not least <= both <= most:
            expected = f"{least:,} to {most:,} with these successes"
            problems.append(
                Problem(
                    "so many cannot be right in both", Location(subject="both right"), str(both), expected
                )
            )
        if discordant is not None:
            problems += _check_discordant(first, second, discordant, least, most)
    if problems:
        raise UsageError(*problems)


def _check_discordant(
    first: int, second: int, discordant: tuple[int, int], least: int, most: int
) -> list[Problem]:
    """Return what is wrong with the images that only one of two models got right."""
    one, other = discordant
    got = f"{one} and {other}"
    if one - other != first - second:
        what = "the images that only one gets right do not fit the successes"
        expected = f"a difference of {first - second:,}, as between the successes"
        return [Problem(what, Location(subject="discordant"), got, expected)]
    if not least <= first - one <= most:
        expected = f"{first - most:,} to {first - least:,} for the first"
        return [Problem("so many cannot be right in one only", Location(subject="discordant"), got, expected)]
    return []
