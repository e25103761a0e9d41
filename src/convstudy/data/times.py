"""Times of images as ranks: numbers, or dates in ISO form."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from convstudy.data.problem_list import ProblemList
from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FORM = "numbers, or dates in ISO form such as 2026-03-01 or 2026-03-01T12:30"


def ranked(times: Sequence[str], names: Sequence[str], where: Location) -> npt.NDArray[np.int64]:
    """Return the rank of each time, int64 of shape (n,): 0 for the earliest; equal times have equal ranks.

    Args:
        times: the time of each image, as text.
        names: the name of each image, for errors.
        where: the place of the times in errors.

    Raises:
        DataError: if times are missing, of different kinds, or neither numbers nor dates; with the names of the images.

    >>> ranked(["2026-03-02", "2025-12-31", "2026-03-02"], ["a", "b", "c"], Location()).tolist()
    [1, 0, 1]
    """
    problems = ProblemList()
    found: list[Any] = []
    for time, name in zip(times, names, strict=True):
        value = _read(time)
        if value is None:
            what = "there is no time" if not time.strip() else f"the times must be {FORM}"
            problems.add(Problem(what, Location(subject=name), f'"{time[:80]}"' if time.strip() else ""))
        found.append(value)
    problems.raise_if_any()
    kinds = {(type(value), getattr(value, "tzinfo", None) is not None) for value in found}
    if len(kinds) > 1:
        what, hint = f"all times must be of one kind: {FORM}, all of them with a time zone or all without", ""
        raise DataError(Problem(what, where, hint=hint))
    ranks = {value: rank for rank, value in enumerate(sorted(set(found)))}
    import numpy as np

    return np.array([ranks[value] for value in found], dtype=np.int64)


def given_times(times: object, n_images: int, where: Location) -> npt.NDArray[np.int64]:
    """Return the rank of each time of a Python program, int64 of shape (n,).

    Args:
        times: numbers, datetime64, dates, or texts in ISO form.
        n_images: the number of images.
        where: the argument in errors.

    Raises:
        DataError: if these are not times, or there is not one per image.
    """
    import numpy as np

    if isinstance(times, str | bytes | Mapping | Set) or not isinstance(times, Iterable):
        raise DataError(Problem(where=where, expected=f"a sequence of {FORM}", got=type(times).__name__))
    values = times if isinstance(times, np.ndarray) and times.dtype.kind in "iufM" else list(times)
    if isinstance(values, np.ndarray):
        return checked_times(values, n_images, where)
    if len(values) != n_images:
        got = f"{len(values):,} times for {n_images:,} images"
        raise DataError(Problem("there must be one time per image", where, got))
    texts = [
        value.isoformat() if isinstance(value, date) else "" if value is None else str(value)
        for value in values
    ]
    return ranked(texts, [f"image {row}" for row in range(n_images)], where)


def checked_times(times: npt.NDArray[Any], n_images: int, where: Location) -> npt.NDArray[np.int64]:
    """Return the rank of each time of an array, int64 of shape (n,).

    Args:
        times: integers, floats or datetime64 of shape (n,) or (n, 1).
        n_images: the number of images.
        where: the name of the array in errors.

    Raises:
        DataError: if the type or shape is wrong, a time is missing, or there is not one per image.
    """
    import numpy as np

    if times.dtype.kind not in "iufM" or times.ndim not in (1, 2) or times.shape[1:] not in ((), (1,)):
        got = f"{times.dtype} of shape {times.shape}"
        raise DataError(Problem("times must be numbers or datetime64 of shape (n,)", where, got))
    if len(times) != n_images:
        got = f"{len(times):,} times for {n_images:,} images"
        raise DataError(Problem("there must be one time per image", where, got))
    missing = np.flatnonzero((times != times).reshape(-1))  # NaN and NaT are not equal to themselves
    if len(missing):
        raise DataError(Problem("each image must have a time", where, f"none for image {missing[0]}"))
    return np.unique(times.reshape(-1), return_inverse=True)[1].reshape(-1).astype(np.int64)


def _read(time: str) -> float | datetime | None:
    """Return a time as a number or a date; ``None`` if it is neither."""
    try:
        number = float(time)
        return number if math.isfinite(number) else None
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(time.strip())
    except ValueError:
        return None
