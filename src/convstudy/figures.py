"""How figures and names are written in sentences, wherever these are made."""

from __future__ import annotations

from collections.abc import Sequence


def percent(fraction: float, digits: int = 2) -> str:
    """Return a share or an accuracy in per cent.

    >>> percent(0.98756)
    '98.76 %'
    """
    return f"{100 * fraction:.{digits}f} %"


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun.

    >>> counted(1, "fit"), counted(1200, "fit")
    ('1 fit', '1,200 fits')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(names: Sequence[str], last: str = "and") -> str:
    """Return names as people list them.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def moment(text: str) -> str:
    """Return a time as the store writes it (ISO 8601, UTC), without its parts below a second.

    >>> moment("2026-02-03T04:05:06.789+00:00")
    '2026-02-03 04:05:06'
    """
    return text[:19].replace("T", " ")
