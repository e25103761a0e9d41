"""scikit-learn's digits, which :mod:`convstudy.data.digits` enlarges and divides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.data.source import PartDigests, SourceKind, WithoutGroups, from_json
from convstudy.errors import Location

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.images import Images, Part


@dataclass(frozen=True)
class DigitsSource(WithoutGroups, PartDigests):
    """scikit-learn's digits, enlarged to 28 × 28.

    Args:
        train_digest: the SHA-256 (hex) of the training set, see :meth:`convstudy.data.images.Images.digest`.
        test_digest: the SHA-256 (hex) of the test set.
    """

    train_digest: str
    test_digest: str

    def fetch(self, download: bool = True) -> None:
        """Do nothing, because the images are part of scikit-learn."""

    def read(self, part: Part) -> Images:
        from convstudy.data.digits import read_digits

        hint = "reinstall scikit-learn, or report its version as an issue"
        return self.verified(read_digits(part), part, Location(subject="digits"), hint)

    def read_labels(self, part: Part) -> npt.NDArray[np.int64]:
        from convstudy.data.digits import read_digit_labels

        return read_digit_labels(part)

    @property
    def keys(self) -> Mapping[str, Any]:
        return {}

    def as_json(self, folder: Path | None = None) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any], folder: Path) -> DigitsSource:
        """Create the source from JSON values; ``folder`` is not used."""
        return from_json(cls, values)


SOURCE = SourceKind("digits", DigitsSource)
