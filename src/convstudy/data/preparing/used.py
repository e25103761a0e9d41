"""The images of a listing that can be used, and the reasons why the others cannot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn

from convstudy.data.listing import Listing
from convstudy.data.preparing.labels import Labels
from convstudy.data.problem_list import MAX_SHOWN
from convstudy.errors import DataError, Location, Problem
from convstudy.numbers import counted

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class UsedImages:
    """The images that can be used so far.

    Attributes:
        rows: int64, their positions in the listing, in order.
        failures: position -> the reason, for the images that are left out.

    Args:
        listing: all images.
        on_error: ``"stop"``: :meth:`check` raises an error if an image is left out; ``"skip"``: it does not.
        where: the place of the dataset in errors.
    """

    def __init__(self, listing: Listing, on_error: str, where: Location) -> None:
        import numpy as np

        self._listing, self._on_error, self._where = listing, on_error, where
        self.rows: npt.NDArray[np.int64] = np.arange(len(listing))
        self.failures: dict[int, str] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence on the images that are left out."""
        n = len(self.failures)
        if not n:
            return ()
        row, reason = next(iter(sorted(self.failures.items())))
        return (
            f"{counted(n, 'image that cannot be used is', 'images that cannot be used are')} left out, such as "
            f"{self._listing.names[row]}: {reason}",
        )

    def drop(self, failures: Mapping[int, str]) -> None:
        """Leave images out. :meth:`check` then reports the images of all calls in one list.

        Args:
            failures: position -> the reason.

        Raises:
            DataError: if no image is left.
        """
        import numpy as np

        new = {row: failures[row] for row in sorted(failures) if row not in self.failures}
        if not new:
            return
        self.failures.update(new)
        self.rows = self.rows[~np.isin(self.rows, list(new))]
        if not len(self.rows):
            self._raise_all("no image can be used")

    def check_classes(self, labels: Labels) -> None:
        """Check that images of each class are left, if some are left out.

        Raises:
            DataError: with each class that had images, and the reason for one of them.
        """
        import numpy as np

        if self._on_error == "stop" or not self.failures:
            return
        counts = np.bincount(labels.numbers[self.rows], minlength=len(labels.class_names))
        found: dict[int, int] = {}
        for row in sorted(self.failures):
            found.setdefault(int(labels.numbers[row]), row)
        problems = [
            Problem(
                f'no image of class "{labels.class_names[number]}" can be used',
                self._where,
                f"{self._listing.names[row]}: {self.failures[row]}",
            )
            for number, row in sorted(found.items())
            if number >= 0 and not counts[number]
        ]
        if problems:
            raise DataError(*problems)

    def check(self) -> None:
        """Stop if images were left out and ``on_error`` is ``"stop"``.

        Raises:
            DataError: with the names of the images.
        """
        if self.failures and self._on_error == "stop":
            what = f"{counted(len(self.failures), 'image')} of {len(self._listing):,} cannot be used"
            them = "it" if len(self.failures) == 1 else "them"
            hint = f'replace or remove {them}, or set on_error = "skip" under [dataset] to leave {them} out'
            self._raise_all(what, hint)

    def _raise_all(self, what: str, hint: str = "") -> NoReturn:
        problems = [Problem(what, self._where, hint=hint)]
        found = sorted(self.failures.items())
        problems += [
            Problem(reason, Location(subject=self._listing.names[row])) for row, reason in found[:MAX_SHOWN]
        ]
        if len(found) > MAX_SHOWN:
            problems.append(Problem(f"and {counted(len(found) - MAX_SHOWN, 'more image')}"))
        raise DataError(*problems)
