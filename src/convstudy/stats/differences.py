"""The mean difference of two candidates, its sources of uncertainty, and its interval.

A mean is uncertain for one or more reasons (seeds, test images). Each source has a variance and degrees of freedom.
The squares of their half-widths are added ("square and add": Howe 1974; Zou and Donner 2008)::

    half-width = √( (t₁ · s₁)² + (t₂ · s₂)² + ... )      tᵢ: quantile of Student's t with the degrees of source i

With one source this is Student's interval. With two sources it is conservative if one of them has few degrees of
freedom; Satterthwaite's interval is too narrow there (docs/statistics.md has simulations of both).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from convstudy.stats.image_groups import ImageGroups
from convstudy.stats.summary import Summary, summarise

CONFIDENCE = 0.95
# Accuracies are fractions of about 10⁵ images at most; a standard deviation below this is rounding.
ROUNDING = 1e-12
_MAX_DEGREES = 10**9


@dataclass(frozen=True)
class Source:
    """One reason why a mean is uncertain.

    Attributes:
        name: ``"seeds"``, ``"training sets"``, ``"images"`` or ``"folds"``.
        variance: the part of the variance of the mean that this source causes.
        degrees: the degrees of freedom of that variance estimate.
    """

    name: str
    variance: float
    degrees: float

    def half_width(self, confidence: float) -> float:
        """Return the half-width of the interval if this were the only source."""
        return t_quantile(0.5 + confidence / 2, self.degrees) * math.sqrt(self.variance)


@dataclass(frozen=True)
class Difference:
    """The difference ``first − second`` over pairs, with its uncertainty.

    Attributes:
        pairs: the difference of each seed or fold, in the given order.
        summary: the summary of ``pairs``.
        centre: the middle of the interval. It may be slightly nearer to zero than the mean (``two_way``).
        sources: the sources of uncertainty; empty if none is known.
        n_images: the number of test images of each pair; for folds, the number of images of all pairs together; 0 if
            the interval ignores the images.
        confidence: the confidence level of the interval.
        floor: a source of uncertainty; the interval is never narrower than the interval from this source alone
            (``resampled``).
        limit: the ends of the interval do not exceed ±limit; ``None`` if differences are unbounded.
        groups: the groups of images that the interval is about; ``None`` if each image is its own group. With groups,
            ``n_images`` is the effective number of images.
    """

    pairs: tuple[float, ...]
    summary: Summary
    centre: float | None = None
    sources: tuple[Source, ...] = ()
    n_images: int = 0
    confidence: float = CONFIDENCE
    floor: Source | None = None
    limit: float | None = None
    groups: ImageGroups | None = None

    @property
    def n(self) -> int:
        """The number of pairs."""
        return self.summary.n

    @property
    def mean(self) -> float | None:
        """The mean difference, ``None`` without pairs."""
        return self.summary.mean

    @property
    def known(self) -> bool:
        """Whether there is an interval: at least one source has a variance above rounding."""
        return self.centre is not None and any(math.sqrt(s.variance) > ROUNDING for s in self._all)

    @property
    def _all(self) -> tuple[Source, ...]:
        return self.sources if self.floor is None else (*self.sources, self.floor)

    @property
    def low(self) -> float | None:
        """The lower end of the interval, ``None`` without an interval."""
        if self.centre is None or not self.known:
            return None
        end = self.centre - self.half_width(self.confidence)
        return end if self.limit is None else max(-self.limit, end)

    @property
    def high(self) -> float | None:
        """The upper end of the interval, ``None`` without an interval."""
        if self.centre is None or not self.known:
            return None
        end = self.centre + self.half_width(self.confidence)
        return end if self.limit is None else min(self.limit, end)

    def half_width(self, confidence: float) -> float:
        """Return the half-width at this confidence level, before the limit is applied."""
        least = self.floor.half_width(confidence) if self.floor else 0.0
        return max(least, half_width(self.sources, confidence))

    def half_width_of(self, name: str) -> float | None:
        """Return the half-width from this source alone, ``None`` if the interval does not have this source.

        It is at most ``limit``.
        """
        found = [source for source in self._all if source.name == name]
        if not found:
            return None
        half = found[0].half_width(self.confidence)
        return half if self.limit is None else min(self.limit, half)

    def error_of(self, distance: float) -> float:
        """Return the p-value of a distance between the centre and a value, two-sided.

        It is 1 minus the confidence of the interval whose half-width equals ``distance`` (0 or more). Therefore
        ``error_of(d) <= 0.05`` is the same statement as "the 95 % interval ends before ``d``".
        """
        if not self.known or distance < 0:
            return 1.0
        # ``half_width`` is that of the wider interval, so the result is the larger of the two error levels.
        least = _error((self.floor,), distance) if self.floor else 0.0
        return max(least, _error(self.sources, distance))


def _error(sources: Sequence[Source], distance: float) -> float:
    """Return the error level (1 − confidence) at which the half-width of these sources equals ``distance``."""
    from scipy.special import stdtr

    spread = [source for source in sources if source.variance > 0]
    # Without variance the half-width is 0 at every level, so each distance exceeds it.
    if not spread:
        return 0.0
    # One source: the level is a tail of Student's t.
    if len(spread) == 1:
        (source,) = spread
        return 2 * float(stdtr(min(source.degrees, _MAX_DEGREES), -distance / math.sqrt(source.variance)))
    # Bisection, because the half-width grows with the confidence and has no closed inverse. 60 steps leave 1e-18.
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if half_width(spread, 1 - middle) <= distance:
            high = middle
        else:
            low = middle
    return high


def half_width(sources: Sequence[Source], confidence: float) -> float:
    """Return the half-width of the interval of a mean with these sources of uncertainty."""
    return math.sqrt(math.fsum(source.half_width(confidence) ** 2 for source in sources))


def paired_difference(
    first: Sequence[float], second: Sequence[float], confidence: float = CONFIDENCE
) -> Difference:
    """Return the difference of two sequences of paired values.

    The interval is Student's t interval for paired samples: mean ± t(n − 1) · sd / √n. Its only source of uncertainty
    is the variation between pairs.

    Args:
        first: the values of the first candidate, shape (n,).
        second: the values of the second candidate for the same seeds, shape (n,).
        confidence: the confidence level, in (0, 1).

    Raises:
        ValueError: if the sequences differ in length, or ``confidence`` is not in (0, 1).

    >>> found = paired_difference([0.95, 0.97, 0.96], [0.94, 0.95, 0.95])
    >>> round(found.mean, 4), round(found.low, 4), round(found.high, 4)
    (0.0133, -0.001, 0.0277)
    """
    pairs = differences_of(first, second, confidence)
    summary = summarise(pairs)
    sources: tuple[Source, ...] = ()
    if summary.sd is not None:
        sources = (Source("seeds", summary.sd**2 / summary.n, summary.n - 1),)
    return Difference(pairs, summary, summary.mean, sources, confidence=confidence)


def differences_of(first: Sequence[float], second: Sequence[float], confidence: float) -> tuple[float, ...]:
    """Return ``first − second`` for each pair.

    Raises:
        ValueError: if the sequences differ in length, or ``confidence`` is not in (0, 1).
    """
    if len(first) != len(second):
        raise ValueError(f"paired values must have equal lengths; got {len(first)} and {len(second)}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1); got {confidence}")
    return tuple(float(a) - float(b) for a, b in zip(first, second, strict=True))


def t_quantile(probability: float, degrees: float) -> float:
    """Return the quantile of Student's t distribution; infinite ``degrees`` give the normal distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(min(degrees, _MAX_DEGREES), probability))
