"""A verdict on two trained models from the numbers of correct predictions in each group of images.

The counterpart of ``counts`` for images of patients, cameras or videos. The intervals are those of ``grouped``; the
p-value is that of the permutation test that exchanges the models in a group (``mcnemar.grouped_p``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from convstudy.errors import Location, Problem, UsageError
from convstudy.stats.counts import verdict_of_interval
from convstudy.stats.differences import CONFIDENCE
from convstudy.stats.image_groups import MIN_GROUPS, ImageGroups
from convstudy.stats.intervals import Interval
from convstudy.stats.mcnemar import Discordance, discordance
from convstudy.stats.two_way import accuracy_interval, two_way_difference
from convstudy.stats.verdicts import MARGIN, Kind

MAX_IMAGES = 20_000_000
"""The memory for more images would be several gigabytes."""


@dataclass(frozen=True)
class GroupCounts:
    """The numbers of correct predictions of two models on the images of one group.

    Attributes:
        n: the number of images.
        first: the number that the first model classified correctly.
        second: the number that the second model classified correctly.
        both: the number that both classified correctly; ``None`` if unknown.
        name: the name of the group, for errors.
    """

    n: int
    first: int
    second: int
    both: int | None = None
    name: str = ""


@dataclass(frozen=True)
class GroupsVerdict:
    """Whether the first of two trained models is better than the second on new groups of images.

    Attributes:
        kind: ``"better"``, ``"worse"``, ``"equivalent"`` or ``"inconclusive"``, first against second; ``"too few to
            say"`` with fewer than 10 groups.
        groups: the numbers of images and groups, and the effective number of images for the difference.
        proportions: the accuracies of both models, fractions.
        accuracies: the same with intervals for new groups; ``None`` with fewer than 10 groups.
        difference: first − second, a fraction, with its interval; ``None`` with fewer than 10 groups.
        margin: the equivalence margin, a fraction.
        pairs: the numbers of images on which the models agree and differ, with the p-value on groups. If the pairing is
            unknown, these are the numbers with the fewest differences; the p-value is the same for any pairing.
        has_pairing: whether the pairing is known.
        p: the p-value of the permutation test on groups.
    """

    kind: Kind
    groups: ImageGroups
    proportions: tuple[float, float]
    accuracies: tuple[Interval, Interval] | None
    difference: Interval | None
    margin: float
    pairs: Discordance
    has_pairing: bool
    p: float


def verdict_on_groups(counts: Sequence[GroupCounts], margin: float = MARGIN) -> GroupsVerdict:
    """Return the verdict on two trained models that were evaluated on the same groups of images.

    Args:
        counts: the counts of each group.
        margin: the equivalence margin, a fraction (0.001 is 0.1 percentage points).

    Raises:
        UsageError: if the counts of a group are impossible, only some groups have ``both``, or there are too many
            images.

    >>> groups = [GroupCounts(50, 45, 40, 38)] * 10 + [GroupCounts(50, 46, 44, 42)] * 15
    >>> found = verdict_on_groups(groups)
    >>> found.kind, round(found.difference.estimate, 3)
    ('better', 0.064)
    """
    import numpy as np

    _check(counts, margin)
    # With unknown pairing, the fewest differences give the largest intra-class correlation, and the widest interval.
    both = [min(each.first, each.second) if each.both is None else each.both for each in counts]
    cells = [
        (k, each.first - k, each.second - k, each.n - each.first - each.second + k)
        for each, k in zip(counts, both, strict=True)
    ]
    times = np.array(cells).ravel()
    first, second = (
        np.repeat(np.tile(values, len(counts)), times)
        for values in ([1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0])
    )
    # Groups of one image each are independent images, for which the functions below need no groups.
    groups = np.repeat(np.repeat(np.arange(len(counts)), 4), times)
    n, n_groups = len(first), len(counts)
    pairs = discordance(first > 0, second > 0, groups)
    found = GroupsVerdict(
        "too few to say",
        ImageGroups(n, n_groups, float(n)),
        (float(first.mean()), float(second.mean())),
        None,
        None,
        margin,
        pairs,
        all(each.both is not None for each in counts),
        pairs.exact_p if pairs.by_group is None else pairs.by_group,
    )
    if n_groups < MIN_GROUPS:
        return found
    measured = two_way_difference(first[None], second[None], groups=groups)
    assert (
        measured.mean is not None and measured.low is not None and measured.high is not None
    )  # pseudo-observations
    difference = Interval(measured.mean, measured.low, measured.high, CONFIDENCE, groups=measured.groups)
    return GroupsVerdict(
        verdict_of_interval(difference, measured.n_images, margin),
        measured.groups or found.groups,
        found.proportions,
        (accuracy_interval(first[None], groups=groups), accuracy_interval(second[None], groups=groups)),
        difference,
        margin,
        pairs,
        found.has_pairing,
        found.p,
    )


def _check(counts: Sequence[GroupCounts], margin: float) -> None:
    """Raise :class:`UsageError` with the errors in the counts."""
    problems: list[Problem] = []
    if not counts:
        problems.append(Problem("there must be at least one group"))
    if not 0 <= margin <= 1:
        problems.append(Problem("", Location(subject="margin"), str(margin), "in [0, 1], a fraction"))
    if sum(each.n for each in counts) > MAX_IMAGES:
        problems.append(Problem(f"there must be at most {MAX_IMAGES:,} images"))
    if len({each.both is None for each in counts}) > 1:
        problems.append(
            Problem("either all groups or none must have the number that both models predict correctly")
        )
    for number, each in enumerate(counts, start=1):
        group = Location(subject=f'group "{each.name or number}"')
        if each.n < 1:
            problems.append(Problem("a group must have images", group, str(each.n)))
            continue
        for what, value in (("first", each.first), ("second", each.second)):
            if not 0 <= value <= each.n:
                problems.append(Problem(f"{what} must be in [0, {each.n}]", group, str(value)))
        least, most = max(0, each.first + each.second - each.n), min(each.first, each.second)
        if each.both is not None and least <= most and not least <= each.both <= most:
            problems.append(Problem(f"both must be in [{least}, {most}]", group, str(each.both)))
    if problems:
        raise UsageError(*problems[:20])
