"""The size of the cache: a limit, the removal of what was not used for the longest time, and a list of what it has.

What can be removed are the folders of decoded images and of arrays, and the uncompressed copies of archives
(:mod:`convstudy.data.archives.tar_copy`), which are files. Published datasets in the same cache do not count.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from convstudy import file_lock
from convstudy.data.archives.tar_copy import FOLDER as COPIES
from convstudy.data.decoded.folders import (
    DECODED,
    HEADERS,
    PREPARED,
    cache_root,
    read_about,
    remove,
    remove_quietly,
)
from convstudy.data.decoded.index import read_index
from convstudy.errors import DataError, Location, Problem
from convstudy.regular_file import open_regular

DEFAULT_BYTES = 20 * 10**9
"""The default limit: 20 GB, or a tenth of the disk if that is less."""
VARIABLE = "CONVSTUDY_CACHE_LIMIT"
MAX_REQUESTS = 1_000
"""The number of files in ``requests/``, which say where the arrays of a study are; the oldest are removed."""
SECONDS_IN_USE = 3_600
"""A copy of an archive that was used this recently may be in use, because readers open it by its path."""
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}


@dataclass(frozen=True)
class CacheEntry:
    """A folder of the cache, or a copy of an archive.

    Attributes:
        kind: ``"decoded"``, ``"headers"``, ``"prepared"`` or ``"archive copy"``.
        root: the path of the source; empty if it is unknown.
        n_images: the number of images; 0 for a copy of an archive.
        n_bytes: the space on the disk in bytes.
        used: the time of the last use, in seconds since 1970 (UTC).
        in_use: whether a process uses it now.
        folder: its path.
    """

    kind: str
    root: str
    n_images: int
    n_bytes: int
    used: float
    in_use: bool
    folder: Path


def limit_bytes(cache: Path) -> int:
    """Return the limit of the cache in bytes: ``$CONVSTUDY_CACHE_LIMIT``, or the default.

    Raises:
        DataError: if the variable is not a size such as ``20 GB``.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
        return min(DEFAULT_BYTES, shutil.disk_usage(existing).total // 10)
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?b?)", text.lower())
    unit = (
        None
        if found is None
        else _UNITS.get(found[2] if found[2].endswith("b") or not found[2] else found[2] + "b")
    )
    if found is None or unit is None:
        expected = "a size such as 500 MB or 20 GB"
        raise DataError(Problem(where=Location(subject=VARIABLE), expected=expected, got=f'"{text[:40]}"'))
    return int(float(found[1]) * unit)


def keep_limit(cache: Path, needed: int = 0) -> None:
    """Remove the folders that were not used for the longest time until the cache has space within its limit.

    Folders in use stay, so that the cache can exceed its limit.

    Args:
        cache: the folder of the cache.
        needed: the number of bytes that are about to be written.
    """
    requests = sorted((path.stat().st_mtime, path) for path in (cache / "requests").glob("*.json"))
    for _, path in requests[:-MAX_REQUESTS]:
        remove_quietly(path)
    limit = limit_bytes(cache)
    folders = [(last_use(folder), folder, disk_bytes(folder)) for _, folder in _folders(cache)]
    total = needed + sum(n_bytes for _, _, n_bytes in folders)
    for _, folder, n_bytes in sorted(folders):
        if total <= limit:
            return
        if _remove(folder):
            total -= n_bytes


def list_cache(cache: Path | None = None) -> tuple[CacheEntry, ...]:
    """Return what the cache has, the latest use first."""
    entries = []
    for kind, folder in _folders(cache_root(cache)):
        about = read_about(folder)
        n_images = about.get("n_images")
        if kind in (DECODED, HEADERS):
            index = read_index(folder / "index")
            n_images = 0 if index is None else len(index)
        entries.append(
            CacheEntry(
                kind,
                str(about.get("root", "")),
                n_images if isinstance(n_images, int) else 0,
                disk_bytes(folder),
                last_use(folder),
                _is_in_use(folder),
                folder,
            )
        )
    return tuple(sorted(entries, key=lambda entry: (-entry.used, str(entry.folder))))


def clear_cache(cache: Path | None = None, root: str | Path | None = None) -> tuple[int, int]:
    """Remove all folders that no process uses, or those of one path.

    Args:
        cache: the folder of the cache.
        root: the path of a source; its prepared arrays are removed too.

    Returns:
        The number of folders that were removed, and their size in bytes.
    """
    wanted = None if root is None else str(Path(root).absolute())
    n_removed = n_bytes = 0
    for entry in list_cache(cache):
        if wanted in (None, entry.root) and _remove(entry.folder):
            n_removed += 1
            n_bytes += entry.n_bytes
    return n_removed, n_bytes


def _folders(cache: Path) -> Iterator[tuple[str, Path]]:
    """Yield the kind and the path of each folder that can be removed."""
    for folder in sorted((cache / DECODED).glob("*/*")):
        yield (HEADERS if folder.parent.name == HEADERS else DECODED), folder
    for folder in sorted((cache / PREPARED).glob("*")):
        yield PREPARED, folder
    for copy in sorted((cache / COPIES).glob("*.tar")):
        yield "archive copy", copy


def _remove(folder: Path) -> bool:
    """Remove a folder or a copy that no process uses, and return whether it was removed."""
    if folder.is_dir():
        return remove(folder)
    if _is_in_use(folder):
        return False
    remove_quietly(folder)
    return not folder.exists()


def last_use(folder: Path) -> float:
    """Return the time of the last use of a folder; 0 if it is unknown, so that it is removed first."""
    try:
        return (folder / "used").stat().st_mtime if folder.is_dir() else folder.stat().st_atime
    except OSError:
        return 0.0


def disk_bytes(folder: Path) -> int:
    """Return the space of the files of a folder on the disk; a sparse file can be larger."""
    total = 0
    try:
        for file in folder.iterdir() if folder.is_dir() else (folder,):
            status = file.stat()
            total += getattr(status, "st_blocks", -(-status.st_size // 512)) * 512
    except OSError:
        return total  # another process has just removed it
    return total


def _is_in_use(folder: Path) -> bool:
    if not folder.is_dir():
        return time.time() - last_use(folder) < SECONDS_IN_USE
    try:
        with open_regular(folder / "used") as file:
            return not file_lock.take_within(file.fileno(), 0, file_lock.take)
    except OSError:
        return False
