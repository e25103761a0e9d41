"""A verdict on two trained models from their numbers of correct predictions on n test images.

This is the calculator for scores in a notebook or a paper, such as 9,951 and 9,937 of 10,000. If both models saw the
same images, the number of images on which they differ determines the interval. If that number is unknown, the models
are compared as if they had seen different images; the narrowest and widest interval of any pairing then show the
uncertainty from the unknown pairing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from convstudy.errors import Location, Problem, UsageError
from convstudy.stats.count_ratio import CountRatio
from convstudy.stats.error_ratio import ErrorRatio, Share
from convstudy.stats.intervals import Interval, bonett_price, newcombe, proportion_interval
from convstudy.stats.mcnemar import Discordance
from convstudy.stats.pilot import model_pilot
from convstudy.stats.power import RULE_OF_THREE
from convstudy.stats.sample_size import RequiredSampleSize, required_images
from convstudy.stats.verdicts import MARGIN, Kind


@dataclass(frozen=True)
class CountsVerdict:
    """Whether the first of two trained models is better than the second on images of this kind.

    The verdict is about these two models, not about their networks or recipes: each was trained once.

    Attributes:
        kind: ``"better"``, ``"worse"``, ``"equivalent"`` or ``"inconclusive"``, first against second.
        n: the number of test images of each model.
        accuracies: the accuracies of both models, fractions with their intervals
            (:func:`~convstudy.stats.intervals.proportion_interval`).
        difference: first − second, a fraction. If ``pairs`` is known, the interval is Bonett and Price's. Otherwise it
            is Newcombe's for unpaired proportions, widened to cover the interval of the most favourable pairing.
        margin: the equivalence margin, a fraction.
        pairs: the counts of images on which the models agree and differ, ``None`` if unknown; ``pairs.exact_p`` is
            McNemar's p-value.
        narrowest, widest: if the pairing is unknown, the intervals of the most and the least favourable pairing.
        narrowest_kind: the verdict for the most favourable pairing.
        required: the numbers of images with which four of five comparisons of two such models would reach a verdict;
            ``None`` if the verdict is clear or the margin is 0.
        errors: the ratio of both error rates with its interval.
        share: the margin, if it is a share of the errors; ``margin`` is then this share of the larger error rate. There
            is then no required number of images.
        few_errors: whether the share of the errors is fewer than three images, too few to show equivalence.
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
    required: RequiredSampleSize | None
    errors: ErrorRatio | None = None
    share: Share | None = None
    few_errors: bool = False


def verdict_on_counts(
    first: int,
    second: int,
    n: int,
    *,
    both_right: int | None = None,
    discordant: tuple[int, int] | None = None,
    margin: float | Share = MARGIN,
) -> CountsVerdict:
    """Return the verdict on two trained models.

    Args:
        first: the number of images that the first model classified correctly.
        second: the number of images that the second model classified correctly.
        n: the number of images.
        both_right: the number of images that both classified correctly, if both saw the same images.
        discordant: two numbers that can be passed instead of ``both_right``: the number of images that only the first
            model classified correctly, and the number that only the second did.
        margin: the equivalence margin, a fraction (0.001 is 0.1 percentage points), or a share of the errors.

    Raises:
        UsageError: if the counts are impossible or contradict each other.

    >>> verdict_on_counts(9951, 9937, 10_000).kind
    'inconclusive'
    >>> verdict_on_counts(59_940, 59_892, 60_000, both_right=59_880, margin=Share(0.1)).kind  # 99.90 and 99.82 %
    'better'
    """
    share = margin if isinstance(margin, Share) else None
    if isinstance(margin, Share):
        margin = margin.value * (n - min(first, second)) / n if n else 0.0
    _check(first, second, n, both_right, discordant, margin)
    accuracies = (proportion_interval(first / n, n), proportion_interval(second / n, n))
    if discordant is not None:
        both_right = first - discordant[0]
    narrowest: Interval | None = None
    widest: Interval | None = None
    narrowest_kind: Kind | None = None
    pairs: Discordance | None = None
    if both_right is None:
        # From the largest possible number of images that both classify correctly to the smallest.
        most, least = min(first, second), max(0, first + second - n)
        narrowest = bonett_price(first - most, second - most, n)
        widest = bonett_price(first - least, second - least, n)
        difference, narrowest_kind = _unpaired(first, second, n), verdict_of_interval(narrowest, n, margin)
    else:
        pairs = Discordance(
            both_right, first - both_right, second - both_right, n - first - second + both_right
        )
        difference = bonett_price(pairs.first_only, pairs.second_only, n)
    kind = verdict_of_interval(difference, n, margin)
    required: RequiredSampleSize | None = None
    if kind == "inconclusive" and share is None:
        variance = _variance(first / n, second / n, pairs, n)
        required = required_images(model_pilot(variance, n), margin, 1 - difference.confidence)
    errors = CountRatio(n - first, n - second, n, pairs, difference.confidence)
    few_errors = False
    if share is not None:
        kind = errors.kind(share)
        few_errors = errors.few_errors(share)
        if narrowest_kind is not None:
            most = min(first, second)
            closest = Discordance(most, first - most, second - most, n - max(first, second))
            narrowest_kind = replace(errors, pairs=closest).kind(share)
    return CountsVerdict(
        kind,
        n,
        accuracies,
        difference,
        margin,
        pairs,
        narrowest,
        widest,
        narrowest_kind,
        required,
        errors.ratio,
        share,
        few_errors,
    )


def _unpaired(first: float, second: float, n: float) -> Interval:
    """Return the interval for two models with unknown pairing.

    Newcombe's interval is too narrow on few images: 0 and 2 correct of 2 would be a clear difference. Bonett and
    Price's interval for the most favourable pairing (the better model is correct on every image on which the other is)
    is wider on few images. The result covers both intervals.
    """
    unpaired, shared = newcombe(first, second, n), min(first, second)
    pairing = bonett_price(first - shared, second - shared, n)
    low, high = min(unpaired.low, pairing.low), max(unpaired.high, pairing.high)
    return Interval(unpaired.estimate, low, high, unpaired.confidence)


def verdict_of_interval(difference: Interval, n: int, margin: float) -> Kind:
    """Return the verdict of an interval for ``n`` (effective) images; equivalence needs at least 3 / margin of them."""
    if difference.low > margin:
        return "better"
    if difference.high < -margin:
        return "worse"
    within = -margin <= difference.low and difference.high <= margin
    return "equivalent" if within and n * margin >= RULE_OF_THREE else "inconclusive"


def _variance(first: float, second: float, pairs: Discordance | None, n: int) -> float:
    """Return the variance of the difference on one image; ``first`` and ``second`` are accuracies."""
    if pairs is None:  # the two models' images are independent
        return first * (1 - first) + second * (1 - second)
    one, other = pairs.first_only / n, pairs.second_only / n
    return one + other - (one - other) ** 2


def _check(
    first: int, second: int, n: int, both: int | None, discordant: tuple[int, int] | None, margin: float
) -> None:
    """Raise :class:`UsageError` with every error in the counts."""
    problems = []
    # All other limits depend on n, so this error is reported alone.
    if n < 1:
        raise UsageError(Problem("", Location(subject="n"), str(n), "1 or more images"))
    for count in (first, second):
        if not 0 <= count <= n:
            problems.append(
                Problem(
                    "", Location(subject="each number of correct predictions"), str(count), f"in [0, {n}]"
                )
            )
    if not (0 <= margin <= 1):
        problems.append(
            Problem(
                "",
                Location(subject="margin"),
                str(margin),
                "in [0, 1], a fraction (0 to 100 percentage points)",
            )
        )
    if both is not None and discordant is not None:
        problems.append(
            Problem(
                "only one of both_right and discordant can be given",
                hint="omit one of them: the other follows",
            )
        )
    # The limits of the pairing make sense only for valid counts.
    elif not problems:
        least, most = max(0, first + second - n), min(first, second)
        if both is not None and not least <= both <= most:
            expected = f"in [{least}, {most}] with these successes"
            problems.append(Problem("", Location(subject="both_right"), str(both), expected))
        if discordant is not None:
            problems += _check_discordant(first, second, discordant, least, most)
    if problems:
        raise UsageError(*problems)


def _check_discordant(
    first: int, second: int, discordant: tuple[int, int], least: int, most: int
) -> list[Problem]:
    """Return the errors in the numbers of images that only one of two models classified correctly."""
    one, other = discordant
    got = f"{one} and {other}"
    if one - other != first - second:
        expected = f"two counts that differ by {first - second}, as the successes do"
        return [Problem("", Location(subject="discordant"), got, expected)]
    if not least <= first - one <= most:
        expected = f"counts with a first one in [{first - most}, {first - least}]"
        return [Problem("", Location(subject="discordant"), got, expected)]
    return []
