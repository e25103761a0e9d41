"""The images of a user, decoded once into arrays in the cache; see :mod:`convstudy.data.preparing`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.atomic_write import atomic_write
from convstudy.data.files import cache_folder
from convstudy.data.preparing.request import DatasetRequest
from convstudy.data.preparing.summary import PreparedSummary
from convstudy.data.source import SourceKind, exists, path_from, path_within
from convstudy.data.sources.npy import NpySource
from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.images import Images, Part


FILE_KEYS = "file-keys"
"""The name of the column with the fingerprint of each test image's file."""


@dataclass(frozen=True)
class PreparedSource:
    """Decoded images. If the cache has been cleared, they are prepared again.

    Args:
        request_text: the JSON text of the :class:`DatasetRequest`.
        arrays: the arrays in the cache.
    """

    request_text: str
    arrays: NpySource

    @property
    def request(self) -> DatasetRequest:
        return DatasetRequest.from_json(json.loads(self.request_text))

    @property
    def digest(self) -> str:
        return self.arrays.digest

    @property
    def n_groups(self) -> int:
        return self.arrays.n_groups

    @property
    def keys(self) -> Mapping[str, Any]:
        return self.request.keys

    @property
    def summary_path(self) -> Path:
        return requests_folder() / f"{self._name}.summary.json"

    @property
    def assignment_copy(self) -> Path:
        """The file that says which images were set aside as test images; missing if the source has a test part."""
        return requests_folder() / f"{self._name}.parts.csv"

    @property
    def sets_test_aside(self) -> bool:
        """Whether test images were set aside, because the source has no test part."""
        return exists(self.assignment_copy)

    def train_positions(self) -> npt.NDArray[np.int64]:
        """Return the positions of the training images in the listing of the request.

        Raises:
            DataError: if the file in the cache cannot be read.
        """
        path = self._column("train-positions")
        try:
            positions: npt.NDArray[np.int64] = _read(path)
        except (OSError, ValueError) as error:
            what = f"this file of the cache cannot be read: {' '.join(str(error).split())[:200]}"
            hint = "`convstudy data cache clear` removes damaged files of the cache"
            raise DataError(Problem(what, Location(str(path)), hint=hint)) from None
        return positions

    def test_file_keys(self) -> npt.NDArray[np.uint64] | None:
        """Return the fingerprint of the file of each test image, uint64 (n,); ``None`` if the cache has none.

        No image is read; see :mod:`convstudy.data.audit.fingerprints`.
        """
        import numpy as np

        try:
            found = _read(self._column(f"test-{FILE_KEYS}"))
        except (OSError, ValueError):
            return None  # the cache was cleared, or an earlier version made it
        return found.astype(np.uint64) if found.shape == (self.arrays.n_test,) else None

    def _column(self, name: str) -> Path:
        """Return the path of a column that was written with the arrays."""
        return Path(self.arrays.path) / f"{name}.npy"

    @property
    def _name(self) -> str:
        return hashlib.sha256(f"{self.digest}\n{self.request_text}".encode()).hexdigest()

    @property
    def is_complete(self) -> bool:
        """Whether the cache has the arrays, as they were written, and the summary."""
        from convstudy.data.decoded.parts import is_unchanged

        return is_unchanged(Path(self.arrays.path)) and exists(self.summary_path)

    def summary(self) -> PreparedSummary:
        """Return what was found when the images were prepared.

        Raises:
            DataError: if the cache has been cleared, and the images cannot be prepared again.
        """
        self.fetch()
        return PreparedSummary.read(self.summary_path)

    def known_summary(self) -> PreparedSummary | None:
        """Return the summary without preparing anything; ``None`` if the cache has been cleared."""
        try:
            return PreparedSummary.read(self.summary_path)
        except DataError:
            return None

    def keep(self) -> None:
        """Write the assignment file next to the study file, so that the same images stay test images.

        Raises:
            OSError: if the file cannot be written.
        """
        path = self.request.assignment
        if path is None or not self.assignment_copy.exists():
            return
        content = self.assignment_copy.read_bytes()
        if not path.exists() or path.read_bytes() != content:
            with atomic_write(path) as partial:
                partial.write_bytes(content)

    def fetch(self, download: bool = True) -> None:
        """Make sure that the arrays exist; prepare the images again if they do not.

        Raises:
            DataError: if the images cannot be prepared, or are not the same any more.
        """
        from convstudy.data.preparing.prepare import prepare

        if self.is_complete:
            return
        again = prepare(self.request).source
        if again.digest != self.digest:
            what = "the images have changed since this study was run"
            hint = "run the study file, which uses the images as they are now"
            where, got = Location(str(self.request.path)), f"SHA-256 {again.digest}"
            raise DataError(Problem(what, where, got, f"SHA-256 {self.digest}", hint))

    def read(self, part: Part) -> Images:
        return self.arrays.read(part)

    def read_labels(self, part: Part) -> npt.NDArray[np.int64]:
        return self.arrays.read_labels(part)

    @property
    def has_times(self) -> bool:
        return self.arrays.has_times

    def read_times(self, part: Part) -> npt.NDArray[np.int64] | None:
        return self.arrays.read_times(part)

    def read_groups(self, part: Part) -> npt.NDArray[np.int64] | None:
        return self.arrays.read_groups(part)

    def as_json(self, folder: Path | None = None) -> dict[str, Any]:
        request = json.loads(self.request_text)
        for key in _PATHS:
            request[key] = request[key] and path_within(request[key], folder)
        return {"request": request, "arrays": self.arrays.as_json()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any], folder: Path) -> PreparedSource:
        """Create the source from JSON values; relative paths of the request are relative to ``folder``."""
        if not isinstance(values, Mapping) or set(values) != {"request", "arrays"}:
            raise ValueError("expected request and arrays")
        request = DatasetRequest.from_json(values["request"])
        absolute: dict[str, Any] = {
            key: Path(path_from(str(path), folder)) for key in _PATHS if (path := getattr(request, key))
        }
        return cls(replace(request, **absolute).text(), NpySource.from_json(values["arrays"], folder))


def requests_folder() -> Path:
    """Return the folder of answers to requests, see :mod:`convstudy.data.preparing.answers`."""
    return cache_folder() / "requests"


def _read(path: Path) -> npt.NDArray[Any]:
    """Return the array of a file of the cache; without pickle, so that reading a file runs no code.

    Raises:
        OSError: if the file cannot be opened.
        ValueError: if it is damaged.
    """
    import numpy as np

    found: npt.NDArray[Any] = np.load(path, allow_pickle=False)
    return found


_PATHS = ("path", "test_path", "assignment")
SOURCE = SourceKind("prepared", PreparedSource)
