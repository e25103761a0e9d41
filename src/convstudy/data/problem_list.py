"""Collects the problems of many images or rows: a million bad rows give twenty problems and their number."""

from __future__ import annotations

from convstudy.errors import DataError, Problem

MAX_SHOWN = 20
"""The largest number of problems that an error lists."""


class ProblemList:
    """Problems in the order of their discovery. Only the first :data:`MAX_SHOWN` are kept; the others are counted.

    >>> problems = ProblemList()
    >>> for row in range(25):
    ...     problems.add(Problem(f"row {row} is bad"))
    >>> len(problems), str(problems.all()[-1])
    (25, 'and 5 more problems.')
    """

    def __init__(self) -> None:
        self._shown: list[Problem] = []
        self._n = 0

    def __len__(self) -> int:
        """Return the number of all problems."""
        return self._n

    @property
    def is_full(self) -> bool:
        """Whether the next problem is only counted, so that a caller need not describe it."""
        return self._n >= MAX_SHOWN

    def add(self, *problems: Problem) -> None:
        for problem in problems:
            if not self.is_full:
                self._shown.append(problem)
            self._n += 1

    def add_unseen(self, n: int) -> None:
        """Count ``n`` problems that are not described; a negative number counts as 0."""
        self._n += max(n, 0)

    def all(self) -> tuple[Problem, ...]:
        """Return the first problems and, if there are more, a last one with their number."""
        n_more = self._n - len(self._shown)
        if not n_more:
            return tuple(self._shown)
        return (*self._shown, Problem(f"and {n_more:,} more problem{'' if n_more == 1 else 's'}"))

    def raise_if_any(self) -> None:
        """Raise all problems as one error.

        Raises:
            DataError: if there is a problem.
        """
        if self._n:
            raise DataError(*self.all())
