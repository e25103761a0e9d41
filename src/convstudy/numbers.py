"""Format numbers, times, digests and lists of names, for the terminal, reports and messages."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

MINUS = "−"
NONE = "–"
"""The text for a missing value."""
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

Parts = tuple[str, str]
"""A formatted number and its unit. The unit is empty if there is none or if the number contains it."""


class Spread(Protocol):
    """A mean and a standard deviation, such as :class:`convstudy.stats.Summary`."""

    @property
    def mean(self) -> float | None:
        """The mean; None without values."""

    @property
    def sd(self) -> float | None:
        """The standard deviation; None for fewer than two values."""


def percent(fraction: float, digits: int = 2) -> str:
    """Return a proportion or an accuracy in percent.

    >>> percent(0.98756)
    '98.76 %'
    """
    return _joined((bare_percent(fraction, digits), "%"))


def bare_percent(fraction: float, digits: int = 2) -> str:
    """Return a proportion in percent without its unit: ``98.76``."""
    return f"{100 * fraction:.{digits}f}"


def shortest_percent(fraction: float) -> str:
    """Return a proportion in percent, without trailing zeros: ``95 %``, ``99.5 %``."""
    return f"{fraction * 100:g} %"


def points(fraction: float) -> str:
    """Return a difference of proportions in percentage points, with its sign: ``+0.42``."""
    return _with_sign(fraction, bare_percent(abs(fraction)), "+")


def bare_points(fraction: float) -> str:
    """Return a difference of proportions in percentage points, with a sign only below zero: ``0.42``, ``−0.42``."""
    return _with_sign(fraction, bare_percent(abs(fraction)), "")


def loss(value: float) -> str:
    return f"{value:.4f}"


def difference_text(difference: float, unit: str) -> str:
    """Return the absolute difference of two values of a metric with this unit.

    >>> difference_text(-0.0042, "percent"), difference_text(0.0042, "")
    ('0.42 percentage points', '0.0042')
    """
    if unit == "percent":
        return f"{bare_percent(abs(difference))} percentage points"
    return f"{loss(abs(difference))}{f' {unit}' if unit else ''}"


def score_text(value: float, unit: str) -> str:
    """Return a value of a metric with this unit.

    >>> score_text(0.98756, "percent"), score_text(0.98756, "")
    ('98.76 %', '0.9876')
    """
    return percent(value) if unit == "percent" else loss(value)


def change(value: float) -> str:
    """Return a difference of losses, with its sign: ``−0.0042``."""
    return _with_sign(value, loss(abs(value)), "+")


def bare_change(value: float) -> str:
    """Return a difference of losses with a sign only below zero: ``0.0042``, ``−0.0042``."""
    return _with_sign(value, loss(abs(value)), "")


def shortest(value: float, digits: int = 6) -> str:
    """Return a number with up to ``digits`` significant digits, without trailing zeros: ``0.001``, ``1e-05``."""
    return f"{value:.{digits}g}"


def decimals(value: float, places: int) -> str:
    """Return ``value`` rounded to ``places`` decimals, with trailing zeros."""
    return f"{value:.{places}f}"


def p_value(value: float) -> str:
    """Return a p-value: ``0.013``, or ``< 0.001``, because smaller values have no reliable digits."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def count(value: float) -> str:
    return f"{value:,.0f}"


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun.

    >>> counted(1, "fit"), counted(1200, "fit")
    ('1 fit', '1,200 fits')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def flops(number: int) -> str:
    """Return a number of FLOPs in scientific notation with two digits.

    >>> flops(1_234_567_890)
    '1.2 × 10⁹'
    """
    if number < 1000:
        return str(number)
    exponent = len(str(number)) - 1
    tenths = round(number / 10 ** (exponent - 1))
    if tenths == 100:  # 9.96 is rounded to 10.0
        tenths, exponent = 10, exponent + 1
    return f"{tenths / 10:.1f} × 10{str(exponent).translate(_SUPERSCRIPTS)}"


def bytes_text(number: int) -> str:
    """Return a number of bytes with a decimal unit.

    >>> bytes_text(1_250_000_000), bytes_text(35_000_000), bytes_text(1_200)
    ('1.2 GB', '35.0 MB', '0.0 MB')
    """
    return f"{number / 1e9:,.1f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"


def between(fewest: int, most: int | None, current: int) -> str:
    """Return a range of rough numbers: ``20 to 70``, ``5,000 or more``.

    Ends have one significant digit, or two after a leading 1, of which the second is 0 or 5: ``15 to 40``.

    Args:
        fewest: the lower end. It is rounded down, unless the result would be ``current`` or less.
        most: the upper end, rounded up; None for no upper end.
        current: the present number; no end is smaller.
    """
    if fewest <= current:
        low = float(current)
    elif (low := _rough(fewest, math.floor)) <= current:
        low = _rough(fewest, math.ceil)
    if most is None:
        return f"{count(low)} or more"
    high = max(low, _rough(most, math.ceil))
    return count(low) if low == high else f"{count(low)} to {count(high)}"


def one_digit(value: float) -> float:
    """Round a positive number up to one significant digit: 0.0074 becomes 0.008."""
    return _one_digit(value, math.ceil)


def duration(seconds: float) -> str:
    """Return a time in at most two units. The smaller unit has two digits, which aligns columns of times.

    >>> duration(3.14), duration(64.7), duration(7500), duration(90000)
    ('3.1 s', '1 min 05 s', '2 h 05 min', '1 d 01 h')
    """
    return _joined(_duration_parts(seconds))


def moment(text: str) -> str:
    """Return a timestamp of the database (ISO 8601, UTC) without fractions of a second.

    >>> moment("2026-02-03T04:05:06.789+00:00")
    '2026-02-03 04:05:06'
    """
    return text[:19].replace("T", " ")


def digest(text: str) -> str:
    """Return the first 8 digits of a digest, which usually distinguish it from other digests."""
    return text[:8]


def listed(names: Sequence[str], last: str = "and", most: int | None = None) -> str:
    """Return names as an enumeration.

    If there are more than ``most`` + 1 names, only the first ``most`` are listed, followed by the number of the others.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed(["a", "b", "c", "d"], most=2)
    ('a', 'a, b and c', 'a, b and 2 more')
    """
    if most is not None and len(names) > most + 1:
        names = [*names[:most], f"{len(names) - most} more"]
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def with_spread(summary: Spread, write: Callable[[float], str]) -> str:
    """Return mean ± standard deviation, or the mean if there is no standard deviation: ``98.61 ± 0.24 %``.

    A common unit is written once, at the end: ``8.8 ± 0.1 s``, but ``3 min 20 s ± 12 s``.
    """
    mean, sd = summary.mean, summary.sd
    if mean is None:
        return NONE
    if sd is None:
        return write(mean)
    (number, unit), (spread, its_unit) = _parts(mean, write), _parts(sd, write)
    return _joined((f"{number} ± {spread}", unit)) if unit == its_unit else f"{write(mean)} ± {write(sd)}"


def _parts(value: float, write: Callable[[float], str]) -> Parts:
    if write is percent:
        return (bare_percent(value), "%")
    return _duration_parts(value) if write is duration else (write(value), "")


def _joined(parts: Parts) -> str:
    number, unit = parts
    return f"{number} {unit}" if unit else number


def _with_sign(value: float, size: str, plus: str) -> str:
    """Return a formatted size with the sign of its value. A size that is rounded to 0 has no sign."""
    return size if float(size) == 0 else f"{MINUS if value < 0 else plus}{size}"


def _duration_parts(seconds: float) -> Parts:
    if seconds < 9.95:  # 9.95 would be rounded to 10.0, which has one digit too many
        return (f"{seconds:.1f}", "s")
    whole = round(seconds)
    if whole < 60:
        return (f"{whole}", "s")
    if whole < 3600:
        return (f"{whole // 60} min {whole % 60:02d} s", "")
    minutes = round(seconds / 60)
    if minutes < 24 * 60:
        return (f"{minutes // 60} h {minutes % 60:02d} min", "")
    hours = round(seconds / 3600)
    return (f"{hours // 24:,} d {hours % 24:02d} h", "")


def _one_digit(value: float, towards: Callable[[float], int]) -> float:
    digits = math.floor(math.log10(value))
    # 1e-9 corrects rounding errors: 0.3 / 10.0**-1 is 2.9999999999999996, which floor would make 2.
    step = 1e-9 if towards is math.floor else -1e-9
    return float(f"{towards(value / 10.0**digits + step)}e{digits}")


def _rough(value: float, towards: Callable[[float], int]) -> float:
    """Round to one digit, or to half of a leading 1: from 1,010 to 2,000 would be too far."""
    half = 10.0 ** math.floor(math.log10(value)) / 2
    return towards(value / half) * half if value < 4 * half else _one_digit(value, towards)
