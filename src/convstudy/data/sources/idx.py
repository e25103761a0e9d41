"""Four IDX files on one or more mirrors, such as MNIST."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.data.array_files.idx import LISTED_SOURCE
from convstudy.data.files import PublishedFile, locate
from convstudy.data.source import SourceKind, WithoutGroups, combine, from_json

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.images import Images, Part


@dataclass(frozen=True)
class IdxSource(WithoutGroups):
    """Four IDX files on one or more mirrors.

    Args:
        folder: the name of their folder in ``$CONVSTUDY_DATA`` and in the cache.
        train: the files of the training images and labels.
        test: the files of the test images and labels.
        mirrors: URLs ending in ``/``; each has the files with ``.gz`` appended to their names.
    """

    folder: str
    train: tuple[PublishedFile, PublishedFile]
    test: tuple[PublishedFile, PublishedFile]
    mirrors: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in (self.folder, *(file.name for file in (*self.train, *self.test))):
            # A name with a path could leave the data folder.
            if not name or name in (".", "..") or not set(name).isdisjoint("/\\\0:"):
                raise ValueError(f"a folder or file must have a plain name; got {name!r}")

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the identities of training images and labels, test images and labels."""
        return combine(file.identity for file in (*self.train, *self.test))

    def fetch(self, download: bool = True) -> None:
        """Find or download the four files; see :func:`convstudy.data.files.locate`."""
        locate(self.folder, (*self.train, *self.test), self.mirrors, download)

    def read(self, part: Part) -> Images:
        import numpy as np

        from convstudy.data.images import Images

        files = self.train if part == "train" else self.test
        pixels, labels = (self._values(file) for file in files)
        return Images(pixels[..., np.newaxis], labels.astype(np.int64))

    def read_labels(self, part: Part) -> npt.NDArray[np.int64]:
        import numpy as np

        _, file = self.train if part == "train" else self.test
        return self._values(file).astype(np.int64)

    @property
    def keys(self) -> Mapping[str, Any]:
        return {}

    def as_json(self, folder: Path | None = None) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any], folder: Path) -> IdxSource:
        """Create the source from JSON values; ``folder`` is not used."""
        return from_json(cls, values)

    def _values(self, file: PublishedFile) -> npt.NDArray[np.uint8]:
        """Return the verified values of one file."""
        from convstudy.data.idx import read_idx

        (path,) = locate(self.folder, (file,), self.mirrors)
        found = read_idx(path, file.shape)
        file.verify(path, found)
        return found.values


SOURCE = SourceKind("idx", IdxSource)

__all__ = ["LISTED_SOURCE", "SOURCE", "IdxSource"]
