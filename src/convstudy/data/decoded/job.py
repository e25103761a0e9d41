"""The images of one path with one set of options, and their folder in the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from convstudy.data.decoded.folders import Use
from convstudy.data.decoded.index import EXACT_BYTES, read_index, write_index
from convstudy.data.decoded.rows import CHECKSUM_BYTES, RowFile
from convstudy.data.decoded.state import State

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.decoding import DecodeOptions
    from convstudy.data.listing import Listing

Progress = Callable[[int, int], None]
"""Is called with the number of images that are done, and the number that must be read."""


@dataclass(frozen=True)
class Job:
    """The images of one path with one set of options, and their folder in the cache.

    Attributes:
        listing: the images.
        source: the name of the kind of source.
        root: the absolute path of the source.
        options: the decode options; ``None`` for headers only.
        use: the folder in the cache.
        cache: the folder of the whole cache.
        on_progress: see :data:`Progress`.
        n_workers: the maximum number of decode processes.
    """

    listing: Listing
    source: str
    root: str
    options: DecodeOptions | None
    use: Use
    cache: Path
    on_progress: Progress
    n_workers: int | None = None

    @property
    def folder(self) -> Path:
        return self.use.folder

    @property
    def row_bytes(self) -> int:
        """The size of the pixels of one image in bytes; 0 if only headers are read."""
        if self.options is None:
            return 0
        height, width = self.options.size
        return height * width * self.options.channels

    @property
    def hash_bytes(self) -> int:
        """The size of a perceptual hash with its checksum in bytes."""
        return 0 if self.options is None else 4 * n_frequencies(*self.options.size) + CHECKSUM_BYTES

    def open_rows(self, kind: str, generation: int, writable: bool = False) -> RowFile:
        """Return the file of the rows of pixels or hashes."""
        row_bytes = self.row_bytes if kind == "pixels" else self.hash_bytes
        return RowFile(self.folder / f"{kind}-{generation}", row_bytes, writable)

    @property
    def image_bytes(self) -> int:
        """The space of one image in the cache in bytes, without its place in the index."""
        return self.row_bytes + self.hash_bytes

    def save(self, state: State) -> None:
        """Write the index of what is known."""
        write_index(state.as_index(), self.folder / "index")

    def saved_state(self, stamps: npt.NDArray[np.int64]) -> State:
        """Return what the index knows about the images; nothing if the index or a file of rows is damaged.

        Args:
            stamps: the stamps of the images now, int64 (n, 3).
        """
        index = read_index(self.folder / "index")
        if index is not None and self.row_bytes:
            n_rows = int(index.rows.max(initial=-1)) + 1
            for kind, row_bytes in (("pixels", self.row_bytes), ("hashes", self.hash_bytes)):
                path = self.folder / f"{kind}-{index.generation}"
                if not path.is_file() or path.stat().st_size < n_rows * row_bytes:
                    index = None
                    break
        return State(self.listing.names, stamps, index)


def n_frequencies(height: int, width: int) -> int:
    """Return the number of values of the perceptual hash of an image of this size."""
    from convstudy.data.audit.perceptual_hashes import N_FREQUENCIES

    return min(N_FREQUENCIES, height) * min(N_FREQUENCIES, width) - 1


def exact_hashes(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the hashes of rows of pixels, see :class:`~convstudy.data.audit.perceptual_hashes.PerceptualHashes`.

    Args:
        pixels: uint8 (m, k), the pixels of m images.

    Returns:
        uint8 (m, 16).
    """
    import numpy as np

    hashes = b"".join(hashlib.blake2b(row.data, digest_size=EXACT_BYTES).digest() for row in pixels)
    return np.frombuffer(hashes, dtype=np.uint8).reshape(-1, EXACT_BYTES)
