"""Finds the files of a dataset in the user's folder or in the cache, or downloads them, in this order.

=====================  ======================================================================
``CONVSTUDY_DATA``     a folder with one folder per dataset, such as ``mnist/``
``CONVSTUDY_CACHE``    the folder of downloads; by default pooch's cache folder for convstudy
``CONVSTUDY_OFFLINE``  if ``1``, nothing is downloaded
=====================  ======================================================================

A file is named ``NAME.gz`` or ``NAME``. :meth:`PublishedFile.verify` checks every file, whether found or downloaded.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from convstudy.data.idx import HOW_TO_FIX, IdxFile
from convstudy.errors import DataError, Location, Problem
from convstudy.numbers import counted


@dataclass(frozen=True)
class PublishedFile:
    """A published IDX file with its digests.

    Args:
        name: the name without ``.gz``.
        shape: the dimensions.
        archive_digest: the SHA-256 (hex) of the published .gz file.
        archive_bytes: the size of that file in bytes.
        content_digest: the SHA-256 (hex) of the decompressed content, or ``None`` if it is unknown. Then only the
            published .gz file can be verified, not an uncompressed file.
    """

    name: str
    shape: tuple[int, ...]
    archive_digest: str
    archive_bytes: int
    content_digest: str | None = None

    @property
    def identity(self) -> str:
        """``"content HEX"``, or ``"archive HEX"`` if the digest of the content is unknown."""
        return f"content {self.content_digest}" if self.content_digest else f"archive {self.archive_digest}"

    def verify(self, path: Path, found: IdxFile) -> None:
        """Check the digest of a file.

        If the digest of the content is known, only the content is checked, so a recompressed file is accepted.

        Args:
            path: the path for errors.
            found: the content that was read from it.

        Raises:
            DataError: if the digest is not the published one, or the file cannot be verified.
        """
        if self.content_digest is not None:
            if found.content_digest != self.content_digest:
                raise _wrong_digest("content", path, found.content_digest, self.content_digest)
        elif found.archive_digest is None:
            raise DataError(
                Problem(
                    "an uncompressed file of this dataset cannot be verified",
                    Location(str(path)),
                    hint=f"replace it by the published {self.name}.gz, SHA-256 {self.archive_digest}",
                )
            )
        elif found.archive_digest != self.archive_digest:
            raise _wrong_digest(".gz file", path, found.archive_digest, self.archive_digest)


def locate(
    dataset: str, wanted: Sequence[PublishedFile], mirrors: Sequence[str], download: bool = True
) -> tuple[Path, ...]:
    """Return the paths of files, in the order of ``wanted``; download missing files.

    Existing files are not opened.

    Args:
        dataset: the name of the dataset, which is the name of its folder too.
        wanted: the files.
        mirrors: URLs ending in ``/`` under which ``NAME.gz`` is published, tried in this order.
        download: whether missing files can be downloaded; ``CONVSTUDY_OFFLINE=1`` forbids it in any case.

    Raises:
        DataError: if a file is missing and cannot be downloaded; the error lists all missing files.
    """
    found: dict[str, Path] = {}
    for file in wanted:
        path = find(dataset, f"{file.name}.gz", file.name)
        if path is not None:
            found[file.name] = path
    missing = [file for file in wanted if file.name not in found]
    if missing and not download:
        raise _unavailable(dataset, missing, mirrors, "this command downloads nothing")
    if missing and _offline():
        raise _unavailable(dataset, missing, mirrors, "CONVSTUDY_OFFLINE is set")
    # Each file is tried at each mirror, because a mirror can have only some of the files.
    for number, file in enumerate(missing):
        failures: list[str] = []
        for mirror in mirrors:
            try:
                found[file.name] = _download(mirror + file.name + ".gz", cache_folder() / dataset, file)
                break
            except (OSError, ValueError) as error:  # no network or no such page; or a wrong digest
                failures.append(f"{mirror}{file.name}.gz: {_short(error)}")
        else:
            raise _unavailable(dataset, missing[number:], mirrors, "\n    ".join(["", *failures]))
    return tuple(found[file.name] for file in wanted)


def cache_folder() -> Path:
    """Return the folder of downloads: ``$CONVSTUDY_CACHE``, or pooch's cache folder for convstudy."""
    import pooch  # type: ignore[import-untyped]  # it ships no types

    return Path(os.environ.get("CONVSTUDY_CACHE") or pooch.os_cache("convstudy")).expanduser()


def find(dataset: str, *names: str) -> Path | None:
    """Return the path of the first of these files that exists in a folder of the dataset, or ``None``."""
    folders = []
    if os.environ.get("CONVSTUDY_DATA"):
        folders.append(Path(os.environ["CONVSTUDY_DATA"]).expanduser() / dataset)
    for folder in (*folders, cache_folder() / dataset):
        for name in names:
            # A folder or device of this name counts as found; reading it raises an error.
            if (folder / name).exists():
                return folder / name
    return None


def _offline() -> bool:
    return os.environ.get("CONVSTUDY_OFFLINE", "").strip().lower() in {"1", "true", "yes", "on"}


def _download(url: str, folder: Path, file: PublishedFile) -> Path:
    """Download one .gz file; pooch verifies its digest before it renames it to its final name."""
    import pooch

    def fetch(url: str, output_file: str, caller: Any) -> None:
        with Path(output_file).open("wb") as output:
            pooch.HTTPDownloader(timeout=30)(url, _Limited(output, file.archive_bytes), caller)

    return Path(
        pooch.retrieve(
            url,
            known_hash=f"sha256:{file.archive_digest}",
            fname=f"{file.name}.gz",
            path=folder,
            downloader=fetch,
        )
    )


class _Limited:
    """A file that accepts no more bytes than were published, so that a mirror cannot fill the disk."""

    def __init__(self, output: IO[bytes], limit: int) -> None:
        self._output, self._left = output, limit

    def write(self, chunk: bytes) -> int:
        self._left -= len(chunk)
        if self._left < 0:
            raise ValueError("the download is longer than the published file")
        return self._output.write(chunk)

    def flush(self) -> None:
        self._output.flush()


def _short(error: Exception) -> str:
    # requests wraps the error of urllib3, which has the reason.
    reason = getattr(error.args[0], "reason", error) if error.args else error
    text = " ".join(str(reason).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."


def _wrong_digest(what: str, path: Path, got: str, expected: str) -> DataError:
    return DataError(
        Problem(
            f"the {what} is not the published one",
            Location(str(path)),
            got=f"SHA-256 {got}",
            expected=f"SHA-256 {expected}",
            hint=HOW_TO_FIX,
        )
    )


def _unavailable(
    dataset: str, missing: Sequence[PublishedFile], mirrors: Sequence[str], reason: str
) -> DataError:
    own = os.environ.get("CONVSTUDY_DATA")
    looked = f"{Path(own) / dataset}" if own else "$CONVSTUDY_DATA (not set)"
    folder = f"{Path(own) / dataset}/" if own else f"FOLDER/{dataset}/ and set CONVSTUDY_DATA=FOLDER"
    names = ", ".join(f"{file.name}.gz" for file in missing)
    urls = "".join(f"\n    {mirror}{file.name}.gz" for mirror in mirrors[:1] for file in missing)
    others = "".join(f"\n    or the same names under {mirror}" for mirror in mirrors[1:])
    return DataError(
        Problem(
            f"{counted(len(missing), 'file')} of the dataset cannot be found in {looked} or in the cache "
            f"{cache_folder() / dataset}: {names}; "
            f"they were not downloaded: {reason}",
            where=Location(subject=dataset),
            hint=f"on a machine with a network, download{urls}{others}\n    and put them into {folder}; "
            'or use the dataset "digits", which needs no download',
        )
    )
