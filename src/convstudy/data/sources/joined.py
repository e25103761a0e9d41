"""Training and test images at two paths, as one listing. A study file writes this as ``test = "PATH"``."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.data.listing import ListedPart, ListedSource, Listing, Reader, SourceOptions, Stamp
from convstudy.errors import DataError, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.value_range import ValueBounds


@dataclass(frozen=True)
class JoinedReader:
    """Reads the images of several readers, one after the other.

    Args:
        kinds: the kind of each reader.
        readers: the readers.
        counts: the number of images of each reader.
    """

    kinds: tuple[str, ...]
    readers: tuple[Reader, ...]
    counts: tuple[int, ...]

    def stamp(self, position: int) -> Stamp:
        reader, own = self._of(position)
        return reader.stamp(own)

    def stamps(self) -> npt.NDArray[np.int64]:
        import numpy as np

        return np.concatenate([reader.stamps() for reader in self.readers])

    def read(self, position: int) -> bytes | npt.NDArray[Any]:
        reader, own = self._of(position)
        return reader.read(own)

    def as_json(self) -> dict[str, Any]:
        values = [reader.as_json() for reader in self.readers]
        return {"kinds": list(self.kinds), "readers": values, "counts": list(self.counts)}

    def _of(self, position: int) -> tuple[Reader, int]:
        starts = [0, *accumulate(self.counts)]
        index = bisect_right(starts, position) - 1
        return self.readers[index], position - starts[index]


def joined(train: Listing, train_kind: str, test: Listing, test_kind: str, prefix: str) -> Listing:
    """Return one listing of training and test images.

    Args:
        train: the training images; their own parts must not be given.
        train_kind: the kind of their source.
        test: the test images; their own parts are ignored.
        test_kind: the kind of their source.
        prefix: goes before the names of the test images, so that names stay unique.

    Raises:
        DataError: if the training images have a test part, or only one listing has groups or times.
    """
    if train.parts is not None and "test" in train.parts:
        what = "the test images are given twice: at the path of test, and as a part of the dataset"
        raise DataError(Problem(what, hint='leave the key test out, or set parts = "ignore"'))
    columns: dict[str, Any] = {}
    if train.weights is not None:
        columns["weights"] = [
            *train.weights,
            *(1.0 for _ in test.names),
        ]  # no score of test images is weighted
    for column in ("groups", "times"):
        first, second = getattr(train, column), getattr(test, column)
        if (first is None) != (second is None):
            what = f"training and test images must both have {column}, or neither"
            raise DataError(Problem(what))
        if first is not None:
            columns[column] = [*first, *second]
    parts: list[ListedPart] = ["train"] * len(train.names)
    parts += ["test"] * len(test.names)
    class_names = train.class_names
    if test.class_names is not None and class_names is not None and class_names != test.class_names:
        raise DataError(Problem("training and test images must have the same list of classes"))
    return Listing(
        JoinedReader(
            (train_kind, test_kind), (train.reader, test.reader), (len(train.names), len(test.names))
        ),
        [*train.names, *(f"{prefix}/{name}" for name in test.names)],
        [*train.labels, *test.labels],
        class_names,
        parts,
        notes=(*train.notes, *test.notes),
        bounds=_bounds(train),
        faults={**train.faults, **{len(train) + row: reason for row, reason in test.faults.items()}},
        **columns,
    )


def _bounds(train: Listing) -> Callable[[Sequence[int]], ValueBounds] | None:
    """Return the bounds of the training images among the images at some positions."""
    bounds, n_train = train.bounds, len(train.names)
    if bounds is None:
        return None
    return lambda positions: bounds([position for position in positions if position < n_train])


def _reader(values: Mapping[str, Any]) -> JoinedReader:
    from convstudy.data.sources import LISTED_SOURCES

    readers: Sequence[Reader] = [
        LISTED_SOURCES[kind].reader(inner)
        for kind, inner in zip(values["kinds"], values["readers"], strict=True)
    ]
    return JoinedReader(tuple(values["kinds"]), tuple(readers), tuple(values["counts"]))


def _listing(path: Path, options: SourceOptions) -> Listing:
    raise DataError(Problem('training and test images at two paths are given by path and test = "PATH"'))


LISTED_SOURCE = ListedSource("joined", "", lambda path: False, _listing, _reader)
