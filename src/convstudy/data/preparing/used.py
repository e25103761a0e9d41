"""The images of a listing that can be used, and the reasons why the others cannot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from convstudy.data.listing import Listing
from convstudy.data.problem_list import ProblemList
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
        on_error: ``"stop"`` raises an error for images that cannot be used; ``"skip"`` leaves them out.
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
        if not self.failures:
            return ()
        return (f"{counted(len(self.failures), 'image')} that cannot be used are left out.",)

    def drop(self, failures: Mapping[int, str]) -> None:
        """Leave images out, or stop.

        Args:
            failures: position -> the reason.

        Raises:
            DataError: if ``on_error`` is ``"stop"``, with all images by name; or if no image is left.
        """
        import numpy as np

        new = {row: failures[row] for row in sorted(failures) if row not in self.failures}
        if not new:
            return
        if self._on_error == "stop":
            problems = ProblemList()
            what = f"{counted(len(new), 'image')} of {len(self._listing):,} cannot be used"
            hint = 'replace or remove them, or set on_error = "skip" under [dataset] to leave them out'
            problems.add(Problem(what, self._where, hint=hint))
            for row, reason in new.items():
                problems.add(Problem(reason, Location(subject=self._listing.names[row])))
            problems.raise_if_any()
        self.failures.update(new)
        self.rows = self.rows[~np.isin(self.rows, list(new))]
        if not len(self.rows):
            row, reason = next(iter(new.items()))
            got = f"{self._listing.names[row]}: {reason}"
            raise DataError(Problem("no image can be used", self._where, got))
