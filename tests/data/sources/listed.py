"""Compares the listing of a source of arrays with the arrays that its files were made from."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convstudy.data.listing import Listing, SourceOptions
from convstudy.data.sources import LISTED_SOURCES
from tests.data.sources.conformance_listed import ListedExample


def listed(kind: str, path: Path, **options: Any) -> Listing:
    """Return the listing of a path, which the kind must recognise."""
    source = LISTED_SOURCES[kind]
    assert source.recognise(path)
    assert set(options) <= set(source.options)
    return source.listing(path, SourceOptions(**options))


def rewrite(path: Path) -> None:
    """Change the stamp of a file, as a writer of the same length does."""
    content = path.read_bytes()
    path.unlink()
    path.with_name("other").write_bytes(content)
    path.with_name("other").rename(path)
    os.utime(path, ns=(0, 0))


def example_of(
    path: Path,
    parts: dict[str, tuple[npt.NDArray[Any], Sequence[Any]]],
    file: Path | None = None,
    **options: Any,
) -> ListedExample:
    """Return the example of a source of arrays for the tests of all listed sources.

    Args:
        path: the path of the source.
        parts: the images and labels of each part, in the order of the listing.
        file: a file of images, if it is not ``path``.
        options: the options with which the source is read.
    """
    images: dict[str, bytes | np.ndarray] = {}
    labels: dict[str, str] = {}
    for part, (pixels, numbers) in parts.items():
        for row, (image, label) in enumerate(zip(pixels, numbers, strict=True)):
            images[f"{part} row {row}".lstrip()], labels[f"{part} row {row}".lstrip()] = image, str(label)
    return ListedExample(
        path, images, labels, lambda: rewrite(file or path), options=SourceOptions(**options)
    )


def images_of(listing: Listing, kind: str) -> list[npt.NDArray[Any]]:
    """Return all images, read forwards and backwards by a reader that was created from JSON."""
    reader = LISTED_SOURCES[kind].reader(json.loads(json.dumps(listing.reader.as_json())))
    forwards = [reader.read(position) for position in range(len(listing))]
    for position in reversed(range(len(listing))):
        assert np.array_equal(reader.read(position), forwards[position], equal_nan=True)
    assert [listing.reader.stamp(position) for position in range(len(listing))] == [
        tuple(stamp) for stamp in reader.stamps().tolist()
    ]
    return [np.asarray(image) for image in forwards]


def assert_lists(
    listing: Listing,
    kind: str,
    parts: dict[str, tuple[npt.NDArray[Any], Sequence[Any]]],
) -> None:
    """Assert that a listing has these images and labels; parts as ``{"train": (images, labels)}`` in the order of
    the listing, or ``{"": (images, labels)}`` for a source without parts."""
    images = images_of(listing, kind)
    names, labels = list(parts), [str(label) for _, labels in parts.values() for label in labels]
    assert listing.labels == labels
    assert len(set(listing.names)) == len(listing) == len(labels)
    if names == [""]:
        assert listing.parts is None
    else:
        assert listing.parts == [name for name, (_, labels) in parts.items() for _ in labels]
    start = 0
    for pixels, _ in parts.values():
        found = np.stack(images[start : start + len(pixels)])
        assert found.shape == pixels.shape
        assert found.dtype.newbyteorder("=") == pixels.dtype.newbyteorder("=")
        assert np.array_equal(found, pixels, equal_nan=pixels.dtype.kind == "f")
        start += len(pixels)
