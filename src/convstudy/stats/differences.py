"""The difference of two candidates: its mean, where its uncertainty comes from, and the interval that follows.

A mean of measurements is uncertain for one or more reasons (seeds, test images), each with a variance and degrees
of freedom of its own. Their half-widths are added as squares ("square and add": Howe 1974;
Zou and Donner 2008)::

    half-width = √( (t₁ · s₁)² + (t₂ · s₂)² + ... )      tᵢ: the quantile of Student's t with the degrees of source i

With one source this is Student's interval. With two it errs to the safe side where one has few degrees of freedom,
unlike Satterthwaite's, which falls short there (docs/statistics.md has both, simulated).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from convstudy.stats.summary import Summary, summarise

CONFIDENCE = 0.95
# Accuracies are fractions of at most some 10^5 images; spreads below this are rounding.
ROUNDING = 1e-12
_MOST_DEGREES = 10**9


@dataclass(frozen=True)
class Source:
    """One reason why a mean is uncertain.

    Attributes:
        name: ``"seeds"``, ``"images"`` or ``"folds"``.
        variance: what it adds to the variance of the mean.
        degrees: how many degrees of freedom that variance was estimated with.
    """

    name: str
    variance: float
    degrees: float

    def half_width(self, confidence: float) -> float:
        """Return the half-width of the interval if this were the only source."""
        return t_quantile(0.5 + confidence / 2, self.degrees) * math.sqrt(self.variance)


@dataclass(frozen=True)
class Difference:
    """``first − second`` over pairs, and how well it is known.

    Attributes:
        pairs: the difference of each seed or fold, in the order given.
        summary: these in short.
        centre: the middle of the interval, which may lie a little nearer to zero than the mean (``two_way``).
        sources: where its uncertainty comes from; empty where nothing is known of it.
        n_images: on how many test images each pair was measured, over folds on how many images all pairs were; 0
            where the images are no part of the interval.
        confidence: how often such an interval holds the true difference.
        floor: the interval is never narrower than with this source alone (``resampled``).
        limit: the ends of the interval do not go beyond ±this; ``None`` where differences have no limit.
    """

    pairs: tuple[float, ...]
    summary: Summary
    centre: float | None = None
    sources: tuple[Source, ...] = ()
    n_images: int = 0
    confidence: float = CONFIDENCE
    floor: Source | None = None
    limit: float | None = None

    @property
    def n(self) -> int:
        """How many pairs there are."""
        return self.summary.n

    @property
    def mean(self) -> float | None:
        """The mean difference, ``None`` without pairs."""
        return self.summary.mean

    @property
    def known(self) -> bool:
        """Whether there is an interval: at least one source with some spread."""
        return self.centre is not None and any(math.sqrt(s.variance) > ROUNDING for s in self._all)

    @property
    def _all(self) -> tuple[Source, ...]:
        return self.sources if self.floor is None else (*self.sources, self.floor)

    @property
    def low(self) -> float | None:
        """The lower end of the interval, ``None`` where there is none."""
        if self.centre is None or not self.known:
            return None
        end = self.centre - self.half_width(self.confidence)
        return end if self.limit is None else max(-self.limit, end)

    @property
    def high(self) -> float | None:
        """The upper end of the interval, ``None`` where there is none."""
        if self.centre is None or not self.known:
            return None
        end = self.centre + self.half_width(self.confidence)
        return end if self.limit is None else min(self.limit, end)

    def half_width(self, confidence: float) -> float:
        """Return the half-width of the interval at this confidence, before it is cut at the limit."""
        least = self.floor.half_width(confidence) if self.floor else 0.0
        return max(least, half_width(self.sources, confidence))

    def half_width_of(self, name: str) -> float | None:
        """Return the half-width that this source alone would give, ``None`` where it is no part of the interval."""
        found = [source for source in self._all if source.name == name]
        return found[0].half_width(self.confidence) if found else None

    def error_of(self, distance: float) -> float:
        """Return how often chance alone would bring the centre this far from a value, on either side: a p-value.

        It is 1 minus the confidence of the interval that just reaches ``distance`` (0 or more), so that
        ``error_of(d) <= 0.05`` says the same as "the 95 % interval ends before ``d``".
        """
        if not self.known or distance < 0:
            return 1.0
        least = _error((self.floor,), distance) if self.floor else 0.0
        return max(least, _error(self.sources, distance))


def _error(sources: Sequence[Source], distance: float) -> float:
    """Return the error at which the half-width of these sources is just ``distance``."""
    from scipy.special import stdtr

    spread = [source for source in sources if source.variance > 0]
    if not spread:
        return 0.0
    if len(spread) == 1:
        (source,) = spread
        return 2 * float(stdtr(min(source.degrees, _MOST_DEGREES), -distance / math.sqrt(source.variance)))
    low, high = 0.0, 1.0
    for _ in range(60):  # the half-width grows with the confidence: halving finds it
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
    """Return the difference of two sequences of figures that belong together pair by pair.

    The interval is Student's t interval for paired samples: mean ± t(n − 1) · sd / √n. It knows of one source only, the
    one that sets the pairs apart.

    Raises:
        ValueError: where the sequences differ in length, or ``confidence`` is not between 0 and 1.
    """
    pairs = differences_of(first, second, confidence)
    summary = summarise(pairs)
    sources: tuple[Source, ...] = ()
    if summary.sd is not None:
        sources = (Source("seeds", summary.sd**2 / summary.n, summary.n - 1),)
    return Difference(pairs, summary, summary.mean, sources, confidence=confidence)


def differences_of(first: Sequence[float], second: Sequence[float], confidence: float) -> tuple[float, ...]:
    """Return ``first − second`` pair by pair.

    Raises:
        ValueError: where the sequences differ in length, or ``confidence`` is not between 0 and 1.
    """
    if len(first) != len(second):
        raise ValueError(f"pairs need as many figures on both sides, got {len(first)} and {len(second)}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence lies between 0 and 1, got {confidence}")
    return tuple(float(a) - float(b) for a, b in zip(first, second, strict=True))


def t_quantile(probability: float, degrees: float) -> float:
    """Return the quantile of Student's t distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(min(degrees, _MOST_DEGREES), probability))
