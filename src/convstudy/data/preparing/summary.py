"""What was found when the images of a user were prepared; commands and reports show it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median_low
from typing import TYPE_CHECKING, Any

from convstudy.atomic_write import atomic_write
from convstudy.data.images import Part
from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.decoding import ImageHeader

MAX_SHOWN = 1_000
"""The maximum number of failures that are kept by name; all are counted."""


@dataclass(frozen=True)
class PartSummary:
    """The training or test images.

    Attributes:
        class_counts: the number of images of each class.
        group_counts: the number of groups of each class; ``None`` without groups.
    """

    class_counts: tuple[int, ...]
    group_counts: tuple[int, ...] | None


@dataclass(frozen=True)
class OriginalImages:
    """The files of the training images before decoding.

    A user chooses keys from these values, so test images do not count.

    Attributes:
        heights: the smallest, the median and the largest height.
        widths: the smallest, the median and the largest width.
        modes: mode, such as ``"RGB"`` or ``"I;16"`` -> the number of images.
        n_frames: the number of images with more than one frame; the first one is used.
        n_rotated: the number of images that were rotated because of their EXIF orientation.
    """

    heights: tuple[int, int, int]
    widths: tuple[int, int, int]
    modes: Mapping[str, int]
    n_frames: int
    n_rotated: int


@dataclass(frozen=True)
class PreparedSummary:
    """What was found when images were prepared.

    Attributes:
        kind: the kind of source, such as ``"folder"``.
        notes: what was decided or left out, one sentence each.
        class_names: the classes, in the order of their numbers.
        parts: the training and test images.
        originals: the files of the training images before decoding.
        failures: the names of images that were left out, and the reasons; at most :data:`MAX_SHOWN`.
        n_failures: the number of all images that were left out.
        warnings: what a user should look at in the files of the training images.
        alerts: the notes that every command shows: images that are left out, and changes of the test part.
    """

    kind: str
    notes: tuple[str, ...]
    class_names: tuple[str, ...]
    parts: Mapping[Part, PartSummary]
    originals: OriginalImages
    failures: tuple[tuple[str, str], ...]
    n_failures: int
    warnings: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()

    def write(self, path: Path) -> None:
        """Write the summary as JSON.

        Raises:
            OSError: if the file cannot be written.
        """
        with atomic_write(path) as partial:
            partial.write_text(json.dumps(self.as_json()), encoding="utf-8")

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, path: Path) -> PreparedSummary:
        """Read the summary that :meth:`write` wrote.

        Raises:
            DataError: if the file cannot be read or is damaged.
        """
        from pydantic import TypeAdapter

        try:
            read: PreparedSummary = TypeAdapter(cls).validate_json(path.read_bytes())
        except (OSError, ValueError) as error:
            what = f"the summary of the images cannot be read: {' '.join(str(error).split())[:200]}"
            hint = "`convstudy data cache clear` removes it; it is then made again"
            raise DataError(Problem(what, Location(str(path)), hint=hint)) from None
        return read


def sentence(note: str) -> str:
    """Return a note with a capital letter and a period.

    >>> sentence("3 files are skipped"), sentence("the images are grey.")
    ('3 files are skipped.', 'The images are grey.')
    """
    return f"{note[:1].upper()}{note[1:].rstrip('.')}."


def part_summary(
    labels: npt.NDArray[np.int64], groups: npt.NDArray[np.int64] | None, n_classes: int
) -> PartSummary:
    """Return the counts of one part.

    Args:
        labels: the class number of each image.
        groups: the group of each image; ``None`` without groups.
        n_classes: the number of classes.
    """
    import numpy as np

    counts = np.bincount(labels, minlength=n_classes).tolist()
    if groups is None:
        return PartSummary(tuple(counts), None)
    pairs = np.unique(np.stack([labels, groups]), axis=1)
    return PartSummary(tuple(counts), tuple(np.bincount(pairs[0], minlength=n_classes).tolist()))


def originals_of(headers: Sequence[ImageHeader]) -> OriginalImages:
    """Return the summary of image files with these headers."""
    return OriginalImages(
        _range([header.height for header in headers]),
        _range([header.width for header in headers]),
        dict(Counter(header.mode for header in headers).most_common(20)),
        sum(header.n_frames > 1 for header in headers),
        sum(header.is_rotated for header in headers),
    )


def _range(values: Sequence[int]) -> tuple[int, int, int]:
    return min(values), median_low(values), max(values)
