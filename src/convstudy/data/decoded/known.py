"""Images whose content was decoded before, for this path or another one: a renamed or moved folder decodes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from convstudy.data.decoded.index import Index, read_index
from convstudy.data.decoded.rows import RowFile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class KnownImage:
    """An image with this content in the cache.

    Attributes:
        index: the index that has it.
        folder: the folder of that index.
        place: its place in the index.
    """

    index: Index
    folder: Path
    place: int

    @property
    def reason(self) -> str | None:
        """The reason why it cannot be decoded; ``None`` if it was decoded."""
        number = int(self.index.failure_ids[self.place])
        return None if number < 0 else self.index.failures[number]

    @property
    def header(self) -> str:
        """The header as JSON text."""
        return self.index.headers[int(self.index.header_ids[self.place])]


class KnownContent:
    """The content in the folders of the cache with the same decode options.

    Args:
        own: the folder of the path itself, which is first.
        libraries: the versions of the image libraries; failures with other versions are not known.
    """

    def __init__(self, own: Path, libraries: str) -> None:
        others = sorted(folder for folder in own.parent.glob("*") if folder != own and folder.suffix == "")
        self._indexes: list[tuple[Index, Path]] = []
        for folder in (own, *others):
            index = read_index(folder / "index")
            if index is not None and len(index):
                self._indexes.append((index, folder))
        self._places: dict[bytes, tuple[int, int]] = {}
        for number, (index, _) in enumerate(self._indexes):
            is_usable = (index.failure_ids < 0) | (index.libraries == libraries)
            digests = index.digests.tobytes()
            for place in is_usable.nonzero()[0].tolist():
                self._places.setdefault(digests[32 * place : 32 * place + 32], (number, place))
        self._files: dict[tuple[Path, str], RowFile] = {}

    def __len__(self) -> int:
        """Return the number of different images."""
        return len(self._places)

    def write(self, path: Path) -> None:
        """Write the sorted digests for the decode processes."""
        path.write_bytes(b"".join(sorted(self._places)))

    def find(self, digest: bytes) -> KnownImage | None:
        """Return the image with this content."""
        found = self._places.get(digest)
        return None if found is None else KnownImage(*self._indexes[found[0]], found[1])

    def read(self, image: KnownImage, kind: str, row_bytes: int) -> npt.NDArray[np.uint8] | None:
        """Return the row of an image, uint8 (1, ``row_bytes``), or ``None`` if it cannot be read.

        Args:
            image: the image.
            kind: ``"pixels"`` or ``"hashes"``.
            row_bytes: the size of a row.
        """
        import numpy as np

        path = image.folder / f"{kind}-{image.index.generation}"
        try:
            if (image.folder, kind) not in self._files:
                self._files[image.folder, kind] = RowFile(path, row_bytes)
            return self._files[image.folder, kind].read(np.array([image.index.rows[image.place]]))
        except OSError:
            return None

    def close(self) -> None:
        for file in self._files.values():
            file.close()
