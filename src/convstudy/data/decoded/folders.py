"""The folders of the cache, their locks and their names.

::

    CACHE/decoded/OPTIONS/ROOT/    the decoded images of one path with one set of decode options
        entry.json                 path, options, format, for `convstudy data cache`
        index                      see index.py
        pixels-N, hashes-N         rows of pixels and of perceptual hashes
        used                       its time is the last use; a process that uses the folder holds its shared lock
        writing                    a process that decodes holds its lock
    CACHE/prepared/CONTENT/        the arrays of the training and test part, see parts.py

OPTIONS and ROOT are hashes. Folders with the same OPTIONS can use each other's pixels, because these depend on content
and options only.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from convstudy import file_lock
from convstudy.atomic_write import atomic_write
from convstudy.data.files import cache_folder
from convstudy.errors import DataError, Location, Problem
from convstudy.regular_file import append_regular, open_regular

if TYPE_CHECKING:
    from convstudy.data.decoding import DecodeOptions
    from convstudy.data.listing import SourceOptions

FORMAT = 1
"""The version of the files of the cache; other versions are not read."""
DECODED, PREPARED = "decoded", "prepared"
HEADERS = "headers"
"""The folder below ``decoded/`` of entries that have headers only."""


def cache_root(cache: Path | None = None) -> Path:
    """Return the folder of the cache: the given one, or that of :func:`convstudy.data.files.cache_folder`."""
    return (cache or cache_folder()).expanduser().absolute()


def short_hash(values: object) -> str:
    """Return a hash of JSON values as 32 hex digits."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode("ascii")).hexdigest()[:32]


def entry_folder(
    cache: Path, source: str, root: Path, source_options: SourceOptions, options: DecodeOptions | None
) -> tuple[Path, dict[str, Any]]:
    """Return the folder of the decoded images of a path, and the values of its ``entry.json``.

    Args:
        cache: the folder of the cache.
        source: the name of the kind of source.
        root: the path of the source.
        source_options: how the source is read: with other columns, the same names and stamps are other images.
        options: the decode options; ``None`` for headers only.
    """
    from convstudy.data.decoding import DECODER_VERSION

    decode = None if options is None else options.as_json()
    names_options = HEADERS if decode is None else short_hash(["options", FORMAT, DECODER_VERSION, decode])
    about = {
        "format": FORMAT,
        "source": source,
        "root": str(root.absolute()),
        "source_options": asdict(source_options),
        "options": decode,
        "decoder_version": DECODER_VERSION,
    }
    return cache / DECODED / names_options / short_hash(about), about


class Use:
    """A folder of the cache in use: while the object is open, no process removes the folder.

    Args:
        folder: the folder; it is created if it is missing.
        about: the values of ``entry.json``, which :meth:`writing` writes; empty if another function writes it; ``None``
            for a folder that must exist.

    Raises:
        DataError: if the folder cannot be created or written.
        FileNotFoundError: if the folder must exist and does not.
    """

    def __init__(self, folder: Path, about: dict[str, Any] | None) -> None:
        self.folder, self._about = folder, about
        self._file = _opened(folder, must_exist=about is None)

    def close(self) -> None:
        """Allow the removal of the folder."""
        self._file.close()

    def exists(self) -> bool:
        """Return whether the folder still is the one that this object uses."""
        return _is_same(self._file, self.folder / "used")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock of the process that writes to this folder; wait while another process holds it.

        Raises:
            DataError: if the folder cannot be written, or its file system has no locks.
        """
        with cache_errors(self.folder):
            file = append_regular(self.folder / "writing")
        with file:
            wait_for_lock(file.fileno(), self.folder)
            if self._about and not (self.folder / "entry.json").exists():
                with cache_errors(self.folder), atomic_write(self.folder / "entry.json") as partial:
                    partial.write_text(json.dumps(self._about), encoding="ascii")
            yield


def _opened(folder: Path, must_exist: bool) -> IO[bytes]:
    """Return the open file ``used`` with its shared lock."""
    if must_exist and not folder.is_dir():
        raise FileNotFoundError(str(folder))
    with cache_errors(folder):
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                file = append_regular(folder / "used")
            except FileNotFoundError:
                continue  # another process has just removed the folder
            # On Windows there is no shared lock: a second process works without it, and the first one protects both.
            file_lock.take_within(file.fileno(), 0.2, file_lock.share)
            if _is_same(file, folder / "used"):
                break
            file.close()
        os.utime(folder / "used")
    return file


def _is_same(file: IO[bytes], path: Path) -> bool:
    """Return whether the path still is the open file; another process can have removed it before it was locked."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def wait_for_lock(descriptor: int, folder: Path) -> None:
    """Take an exclusive lock; wait while another process holds it.

    Raises:
        DataError: if the file system has no locks.
    """
    import errno

    while True:
        try:
            file_lock.take(descriptor)
            return
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK, errno.EINTR):
                what = f"the file system of the cache has no file locks: {error.strerror}"
                raise DataError(Problem(what, Location(str(folder)), hint=HOW_TO_MOVE)) from None
        time.sleep(file_lock.PAUSE_SECONDS)


def remove(folder: Path) -> bool:
    """Remove a folder of the cache if no process uses it, and return whether it was removed."""
    try:
        with open_regular(folder / "used") as file:
            # A shared lock of another process, or of another part of this one, excludes the exclusive lock.
            if not file_lock.take_within(file.fileno(), 0, file_lock.take):
                return False
            # The rename removes the folder at once for all other processes.
            trash = folder.with_name(f"{folder.name}.{os.getpid()}.removed")
            folder.rename(trash)
    except FileNotFoundError:
        trash = folder  # the remains of a killed process
    except OSError:
        return False
    shutil.rmtree(trash, ignore_errors=True)
    return True


def read_about(folder: Path) -> dict[str, Any]:
    """Return the values of ``entry.json``; empty if it is missing or damaged."""
    try:
        with open_regular(folder / "entry.json") as file:
            values = json.loads(file.read(1 << 20))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


HOW_TO_MOVE = "set CONVSTUDY_CACHE to a folder on another disk"


@contextmanager
def cache_errors(folder: Path) -> Iterator[None]:
    """Turn a system error of the cache into one DataError."""
    try:
        yield
    except OSError as error:
        raise not_writable(folder, error.strerror or str(error)) from None


def not_writable(folder: Path, reason: str) -> DataError:
    """Return the error of a cache that cannot be written."""
    hint = f"free disk space (`convstudy data cache clear` removes decoded images), or {HOW_TO_MOVE}"
    return DataError(Problem(f"the cache cannot be written: {reason}", Location(str(folder)), hint=hint))


def remove_quietly(path: Path) -> None:
    """Remove a file that may be missing or, on Windows, in use."""
    with contextlib.suppress(OSError):
        path.unlink()
