"""The listing of a source whose parts are arrays: blocks of images with their labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

from convstudy.data.array_files.image_blocks import BlockReader, ImageBlock
from convstudy.data.array_files.labels import label_texts
from convstudy.data.listing import ListedPart, Listing
from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy.typing as npt

T = TypeVar("T")
PARTS: tuple[ListedPart, ...] = ("train", "validation", "test", "")
_LISTED_COLUMNS = ("groups", "times", "weights")


@dataclass(frozen=True, eq=False)
class ArrayPart:
    """The images of one part, or of a source without parts.

    Args:
        part: the part; empty if the source has none.
        blocks: the images, in one or more blocks.
        labels: the label of each image as text.
        where: the place of the labels in errors.
        groups: the group of each image, or ``None``.
        times: the time of each image, or ``None``.
        weights: the weight of each image, or ``None``.
    """

    part: ListedPart
    blocks: tuple[ImageBlock, ...]
    labels: Sequence[str | None]
    where: Location
    groups: Sequence[str] | None = None
    times: Sequence[str] | None = None
    weights: Sequence[float] | None = None

    @classmethod
    def of(
        cls,
        part: ListedPart,
        block: ImageBlock,
        labels: Sequence[str | None],
        where: Location,
        columns: Mapping[str, npt.NDArray[Any]],
    ) -> ArrayPart:
        """Return a part of one block with other columns as arrays.

        Args:
            part: see the class.
            block: the images.
            labels: see the class.
            where: see the class.
            columns: ``"group"``, ``"time"`` or ``"weight"`` -> array of shape (n,) or (n, 1).
        """
        groups, times = (
            [text or "" for text in label_texts(columns[name], Location(where.file, key=(name,)))]
            if name in columns
            else None
            for name in ("group", "time")
        )
        weights = None
        if "weight" in columns:
            array = columns["weight"].reshape(-1)
            if array.dtype.kind not in "iuf":
                place = Location(where.file, key=("weight",))
                raise DataError(Problem(where=place, expected="numbers", got=str(array.dtype)))
            weights = array.astype(float).tolist()
        return cls(part, (block,), labels, where, groups, times, weights)

    def __len__(self) -> int:
        """Return the number of images."""
        return sum(block.n_images for block in self.blocks)


def listing_of_parts(
    parts: Sequence[ArrayPart], class_names: Sequence[str] | None = None, notes: Sequence[str] = ()
) -> Listing:
    """Return the listing of one or more parts: training images first, then validation images, then test images.

    Args:
        parts: the parts, in any order.
        class_names: the name of class 0, 1, …, for labels that are these numbers; or all class names in their order,
            for labels that are names. ``None`` if the source does not name its classes.
        notes: what the reader decided.

    Raises:
        DataError: if a part does not have one label per image, the number formats of the parts differ, or there is a
            test part without a training part.
    """
    ordered = sorted(parts, key=lambda part: PARTS.index(part.part))
    for part in ordered:
        for column in ("labels", *_LISTED_COLUMNS):
            values = getattr(part, column)
            if values is not None and len(values) != len(part):
                got = f"{len(values):,} {column} for {len(part):,} images"
                raise DataError(Problem(f"there must be one value of {column} per image", part.where, got))
    named = [part.part for part in ordered]
    if "test" in named and "train" not in named:
        what, hint = "there is a test part, but no training part", 'name its arrays or files with "train"'
        raise DataError(Problem(what, ordered[0].where, f"parts {', '.join(named)}", hint=hint))
    blocks = [block for part in ordered for block in part.blocks]
    if len(formats := sorted({block.dtype for block in blocks})) > 1:
        what = "all images must have the same number format"
        raise DataError(Problem(what, Location(blocks[0].path), " and ".join(formats)))
    labels = list(chain.from_iterable(part.labels for part in ordered))
    names = None if class_names is None else tuple(class_names)
    if names is not None:
        labels, names = _named(labels, names)
    reader = BlockReader(blocks)
    return Listing(
        reader,
        [f"{part.part} row {row}".lstrip() for part in ordered for row in range(len(part))],
        labels,
        names,
        None if named == [""] else [part.part for part in ordered for _ in range(len(part))],
        _column(part.groups for part in ordered),
        _column(part.times for part in ordered),
        _weights(ordered),
        sentences(notes),
        reader.bounds,
    )


def _column(columns: Iterable[Sequence[T] | None]) -> list[T] | None:
    """Return the values of all parts, or ``None`` if a part has none."""
    found = list(columns)
    values = [column for column in found if column is not None]
    return list(chain.from_iterable(values)) if len(values) == len(found) else None


def _weights(parts: Sequence[ArrayPart]) -> list[float] | None:
    """Return the weights of all parts, 1 for images that are not trained on, or ``None`` without weights."""
    if all(part.weights is None for part in parts if part.part in ("", "train")):
        return None
    weights: list[float] = []
    for part in parts:
        weights += [1.0] * len(part) if part.weights is None else part.weights
    return weights


def sentences(notes: Iterable[str]) -> tuple[str, ...]:
    """Return notes with a capital letter and a period.

    >>> sentences(["the labels are numbers"])
    ('The labels are numbers.',)
    """
    return tuple(f"{note[0].upper()}{note[1:].rstrip('.')}." for note in notes)


def _named(
    labels: list[str | None], names: tuple[str, ...]
) -> tuple[list[str | None], tuple[str, ...] | None]:
    """Return the labels with names for numbers, and the names; the labels as they are if the names do not fit them."""
    found = {label for label in labels if label is not None}
    if found <= set(names):
        return labels, names
    numbers = {str(number): name for number, name in enumerate(names)}
    if found <= set(numbers):
        return [None if label is None else numbers[label] for label in labels], names
    return labels, None
