"""The arrays of the training and test part, written once as ``.npy`` files.

They are in ``CACHE/prepared/CONTENT/``. CONTENT is a hash of the pixels and the columns, so an unchanged dataset finds
its arrays without reading a pixel, also under another path. ``entry.json`` has the stamp of each file; a file with
another stamp is written again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.atomic_write import atomic_write
from convstudy.data.arrays import PixelFile, map_array
from convstudy.data.decoded.decoded_images import DecodedImages
from convstudy.data.decoded.folders import (
    FORMAT,
    PREPARED,
    Use,
    cache_errors,
    cache_root,
    read_about,
    short_hash,
)
from convstudy.data.decoded.limit import keep_limit
from convstudy.data.images import Images, Part

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class PartRows:
    """The images of one part.

    Args:
        rows: int64 (m,), positions of the listing.
        columns: name -> one value per image; ``"labels"`` (int64) must be there, others such as ``"groups"`` can be.
    """

    rows: npt.NDArray[np.int64]
    columns: Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class WrittenParts:
    """The arrays of the parts.

    Attributes:
        folder: has ``train-images.npy``, ``train-labels.npy`` and so on.
        digests: the digest of each part, see :meth:`convstudy.data.images.Images.digest`.
    """

    folder: Path
    digests: dict[Part, str]


_HELD: dict[Path, Use] = {}
"""The prepared folders that this process uses, so that no process removes them."""


def write_parts(
    decoded: DecodedImages, parts: Mapping[Part, PartRows], cache: Path | None = None
) -> WrittenParts:
    """Write the arrays of the parts, unless they exist; this process keeps the folder in use until it ends.

    Args:
        decoded: the decoded images.
        parts: the images of each part.
        cache: the folder of the cache.

    Raises:
        DataError: if the cache cannot be written, or an image of a part cannot be decoded.
    """
    whole = cache_root(cache)
    folder = whole / PREPARED / _key(decoded, parts)
    use = _hold(folder, {})
    found = _digests(folder, parts)
    if found is None:
        keep_limit(whole, needed=sum(len(part.rows) for part in parts.values()) * decoded.row_bytes)
        with use.writing():
            found = _digests(folder, parts) or _write(decoded, parts, folder)
    return WrittenParts(folder, found)


def hold(folder: Path) -> None:
    """Keep a prepared folder in use until this process ends, and set the time of its last use.

    Args:
        folder: the folder of :class:`WrittenParts`.

    Raises:
        FileNotFoundError: if the folder does not exist.
        DataError: if it cannot be used.
    """
    _hold(folder, None)


def _hold(folder: Path, about: dict[str, Any] | None) -> Use:
    held = _HELD.get(folder)
    if held is not None:
        if held.exists():
            return held
        held.close()  # a person has removed the folder
    _HELD[folder] = Use(folder, about)
    return _HELD[folder]


def _key(decoded: DecodedImages, parts: Mapping[Part, PartRows]) -> str:
    """Return a hash of everything that determines the arrays."""
    import numpy as np

    content = hashlib.sha256()
    for part, images in sorted(parts.items()):
        content.update(f"{part} {len(images.rows)}\n".encode("ascii"))
        content.update(decoded.pixel_hashes[images.rows].tobytes())
        for name, values in sorted(images.columns.items()):
            content.update(f"{name} {values.dtype.str} {values.shape}\n".encode("ascii"))
            content.update(np.ascontiguousarray(values).tobytes())
    return short_hash(["prepared", FORMAT, decoded.image_shape, content.hexdigest()])


def is_unchanged(folder: Path) -> bool:
    """Return whether a prepared folder has all its files, with the stamps that they had when they were written."""
    files = read_about(folder).get("files", {})
    try:
        return bool(files) and all(_stamp(folder / name) == stamp for name, stamp in files.items())
    except OSError:
        return False


def _digests(folder: Path, parts: Mapping[Part, PartRows]) -> dict[Part, str] | None:
    """Return the digests of the parts in a folder; ``None`` if a file is missing or has another stamp."""
    if not is_unchanged(folder):
        return None
    digests = read_about(folder)["digests"]
    return {part: digests[part] for part in parts}


def _write(decoded: DecodedImages, parts: Mapping[Part, PartRows], folder: Path) -> dict[Part, str]:
    """Write the arrays and ``entry.json``, and return the digests."""
    import numpy as np

    files: dict[str, list[int]] = {}
    digests: dict[Part, str] = {}
    with cache_errors(folder):
        for part, images in parts.items():
            path = folder / f"{part}-images.npy"
            shape = (len(images.rows), *decoded.image_shape)
            with atomic_write(path) as partial, partial.open("wb") as file:
                header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
                for piece in decoded.pieces(images.rows):
                    file.write(piece.data)
            files[path.name] = _stamp(path)
            for name, values in images.columns.items():
                path = folder / f"{part}-{name}.npy"
                with atomic_write(path) as partial, partial.open("wb") as file:
                    np.save(file, values, allow_pickle=False)
                files[path.name] = _stamp(path)
            digests[part] = _digest(folder / f"{part}-images.npy", shape, images)
        about = {
            "format": FORMAT,
            "root": decoded.root,
            "n_images": sum(len(images.rows) for images in parts.values()),
            "files": files,
            "digests": digests,
        }
        with atomic_write(folder / "entry.json") as partial:
            partial.write_text(json.dumps(about), encoding="ascii")
    return digests


def _digest(path: Path, shape: tuple[int, ...], images: PartRows) -> str:
    """Return the digest of a part from the file that was just written."""
    pixels = map_array(path, "|u1", shape)
    others = {name: images.columns[name] for name in ("groups", "weights", "times") if name in images.columns}
    return Images(pixels, images.columns["labels"], PixelFile.of(pixels, path), **others).digest()


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ino]
