"""The images that come with scikit-learn, as :mod:`convstudy.data.digits` scales and divides them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.data.source import PartDigests, SourceKind, from_json
from convstudy.errors import Location

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.images import Images, Part


@dataclass(frozen=True)
class DigitsSource(PartDigests):
    """scikit-learn's digits, scaled to 28 × 28.

    Args:
        train_digest: SHA-256 (hex) of the training part, see :meth:`convstudy.data.images.Images.digest`.
        test_digest: that of the test part.
    """

    train_digest: str
    test_digest: str

    def fetch(self, download: bool = True) -> None:
        """Do nothing: the images are embedded in scikit-learn."""

    def read(self, part: Part) -> Images:
        """Scale and return one part; see :meth:`~convstudy.data.source.Source.read`."""
        from convstudy.data.digits import read_digits

        hint = "reinstall scikit-learn, or tell us which version of it you have"
        return self.verified(read_digits(part), part, Location(subject="digits"), hint)

    def read_labels(self, part: Part) -> npt.NDArray[np.int64]:
        """Return the labels of one part; see :meth:`~convstudy.data.source.Source.read_labels`."""
        from convstudy.data.digits import read_digit_labels

        return read_digit_labels(part)

    @property
    def path(self) -> str:
        """Nothing: no study file names it."""
        return ""

    def as_json(self, folder: Path | None = None) -> dict[str, Any]:
        """Return plain values that :meth:`from_json` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any], folder: Path) -> DigitsSource:
        """Return the source of these plain values; raise ``ValueError`` where they are of no such source."""
        return from_json(cls, values)


SOURCE = SourceKind("digits", DigitsSource)
