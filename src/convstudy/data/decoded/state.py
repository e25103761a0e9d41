"""What is known about the images of a listing while they are decoded: arrays by position."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from typing import TYPE_CHECKING

from convstudy.data.decoded.index import Index, empty_columns, joined, split

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.decoded.tasks import Done, Task

LIBRARIES = ("pillow", "tifffile", "imagecodecs")


class State:
    """What is known about each image of a listing.

    Args:
        names: the names of the images.
        stamps: int64 (n, 3), their stamps now.
        index: what an earlier run knew; images with the same name and stamp are taken from it.

    Attributes:
        columns: the arrays of an :class:`Index`, by position.
        passing: position -> reason, for images that cannot be read now; another run tries them again.
        n_rows, generation: see :class:`Index`.
    """

    def __init__(self, names: Sequence[str], stamps: npt.NDArray[np.int64], index: Index | None) -> None:
        self.names = names
        self.joined = joined(names)
        self.columns = empty_columns(len(names))
        self.passing: dict[int, str] = {}
        self._header_ids: dict[str, int] = {}
        self._failure_ids: dict[str, int] = {}
        self.n_rows = self.generation = 0
        if index is not None:
            self.n_rows, self.generation = index.n_rows, index.generation
            self._header_ids = {text: number for number, text in enumerate(index.headers)}
            self._failure_ids = {text: number for number, text in enumerate(index.failures)}
            self._take(index, stamps)
        self.columns["stamps"] = stamps

    def _take(self, index: Index, stamps: npt.NDArray[np.int64]) -> None:
        """Take the images whose name and stamp are those of the index."""
        import numpy as np

        if index.names == self.joined:
            places = np.arange(len(index))
        else:
            place_of = {name: place for place, name in enumerate(split(index.names))}
            places = np.array([place_of.get(name, -1) for name in self.names], dtype=np.int64)
        known = np.flatnonzero(places >= 0)
        same = same_stamps(index.stamps[places[known]], stamps[known])
        if (index.failure_ids >= 0).any() and index.libraries != library_versions():
            same &= index.failure_ids[places[known]] < 0
        known = known[same]
        for name, column in self.columns.items():
            column[known] = getattr(index, name)[places[known]]

    @property
    def pending(self) -> npt.NDArray[np.int64]:
        """The positions of the images that are neither decoded nor known to be impossible to decode."""
        import numpy as np

        columns = self.columns
        is_pending = (columns["header_ids"] < 0) & (columns["failure_ids"] < 0)
        is_pending[list(self.passing)] = False
        return np.flatnonzero(is_pending)

    def forget(self, positions: npt.NDArray[np.int64]) -> None:
        """Make images pending."""
        for name in ("rows", "header_ids", "failure_ids"):
            self.columns[name][positions] = -1

    def add(self, task: Task, done: Done) -> list[int]:
        """Add the result of a task; return the numbers of its images with known content, which were not decoded."""
        import numpy as np

        columns, left = self.columns, set(range(len(task.positions)))
        for number, digest in enumerate(done.digests):
            columns["digests"][task.positions[number]] = np.frombuffer(
                bytes.fromhex(digest or "00" * 32), np.uint8
            )
        for number, (reason, of_content) in done.failures.items():
            left.discard(number)
            self.fail(task.positions[number], reason, of_content)
        left.difference_update(done.decoded)
        if done.decoded:
            positions = np.array([task.positions[number] for number in done.decoded])
            ids = np.array([self.header_id(text) for text in done.headers], dtype=np.int32)
            columns["header_ids"][positions] = ids[done.header_ids]
            if done.exact:
                columns["rows"][positions] = task.row + np.arange(len(positions))
                columns["exact"][positions] = np.frombuffer(
                    bytes.fromhex("".join(done.exact)), np.uint8
                ).reshape(-1, 16)
                columns["constant"][positions] = done.constant
        return sorted(left)

    def fail(self, position: int, reason: str, of_content: bool) -> None:
        """Add an image that cannot be decoded, for a reason that depends on its content alone or may pass."""
        if of_content:
            self.columns["failure_ids"][position] = self._failure_ids.setdefault(
                reason, len(self._failure_ids)
            )
        else:
            self.passing[position] = reason

    def header_id(self, text: str) -> int:
        """Return the number of a header."""
        return self._header_ids.setdefault(text, len(self._header_ids))

    @property
    def headers(self) -> tuple[str, ...]:
        """The different headers, as JSON text."""
        return tuple(self._header_ids)

    def failures(self) -> dict[int, str]:
        """Return the reasons of all images that cannot be decoded, by position."""
        import numpy as np

        reasons: list[str] = list(self._failure_ids)
        ids = self.columns["failure_ids"]
        places = np.flatnonzero(ids >= 0)
        of_content = {
            place: reasons[number]
            for place, number in zip(places.tolist(), ids[places].tolist(), strict=True)
        }
        return dict(sorted({**of_content, **self.passing}.items()))

    def as_index(self) -> Index:
        """Return the index of what is known now."""
        import numpy as np

        columns, names = self.columns, self.joined
        is_known = (columns["header_ids"] >= 0) | (columns["failure_ids"] >= 0)
        if not is_known.all():
            known = np.flatnonzero(is_known)
            columns = {name: column[known] for name, column in columns.items()}
            names = joined([self.names[position] for position in known.tolist()])
        libraries = library_versions() if (columns["failure_ids"] >= 0).any() else ""
        return Index(
            names, **columns, headers=self.headers, failures=tuple(self._failure_ids), n_rows=self.n_rows,
            generation=self.generation, libraries=libraries,
        )  # fmt: skip


def same_stamps(first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return for each image whether both stamps are known and equal."""
    import numpy as np

    same: npt.NDArray[np.bool_] = np.logical_and((first == second).all(axis=1), first[:, 0] >= 0)
    return same


def library_versions() -> str:
    """Return the versions of the image libraries as text."""
    versions = []
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(versions)
