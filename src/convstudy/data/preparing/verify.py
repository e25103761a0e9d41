"""Compare prepared images with their files, with the cache of decoded images, and with the recorded digests."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from convstudy.data.decoded import Verified, verify_images
from convstudy.data.images import Part
from convstudy.data.preparing.answers import forget_answer
from convstudy.data.preparing.prepare import list_images
from convstudy.data.progress import report_progress
from convstudy.data.value_range import natural_range
from convstudy.errors import DataError

if TYPE_CHECKING:
    from convstudy.data.dataset import Dataset
    from convstudy.data.sources.prepared import PreparedSource


@dataclass(frozen=True)
class VerifiedDataset:
    """The result of a verification.

    Attributes:
        images: the files and the decoded images.
        damaged_parts: the parts whose arrays are not those that were recorded.
    """

    images: Verified
    damaged_parts: tuple[Part, ...]

    @property
    def is_right(self) -> bool:
        """Whether nothing differs."""
        return not self.images.differences and not self.damaged_parts


def verify_prepared(dataset: Dataset, source: PreparedSource) -> VerifiedDataset:
    """Read all files, decoded images and arrays of a dataset again, and compare them with their digests.

    What differs is forgotten, so that the next command that uses the dataset prepares it again. No image is shown to a
    model.

    Args:
        dataset: the dataset.
        source: its source.

    Raises:
        DataError: if the images cannot be listed, or the cache cannot be written.
    """
    request = source.request
    kind, listing = list_images(request)
    height, width, channels = dataset.image_shape
    bounds = listing.bounds
    value_range = None if bounds is None else natural_range(bounds(source.train_positions().tolist()))
    images = verify_images(
        listing,
        kind,
        request.path,
        request.decode_options((height, width), channels, value_range),
        request.options,
        on_progress=lambda done, total: report_progress("verify", done, total),
    )
    damaged = tuple(part for part in get_args(Part) if not _is_right(source, part))
    if damaged:
        with suppress(OSError):
            (Path(source.arrays.path) / "entry.json").unlink()
    if damaged or images.differences:
        forget_answer(request, kind, listing)
    return VerifiedDataset(images, damaged)


def _is_right(source: PreparedSource, part: Part) -> bool:
    """Return whether the arrays of a part have the recorded digest."""
    try:
        source.arrays.read(part)
    except DataError:
        return False
    return True
