"""Where a dataset's files come from: a folder of yours, the cache, the network; in this order.

=====================  ======================================================================
``CONVSTUDY_DATA``     a folder with one folder per dataset, such as ``mnist/``
``CONVSTUDY_CACHE``    where downloads are kept (else pooch's cache folder for convstudy)
``CONVSTUDY_OFFLINE``  if ``1``, nothing is ever downloaded
=====================  ======================================================================

A file is taken as ``NAME.gz`` or as ``NAME``. Whichever way it came, :meth:`PublishedFile.verify` decides
whether it is the right one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from convstudy.data.idx import HOW_TO_FIX, IdxFile
from convstudy.errors import DataError, Location, Problem


@dataclass(frozen=True)
class PublishedFile:
    """One IDX file that somebody published, and how to know it.

    Args:
        name: its name without ``.gz``.
        shape: its dimensions.
        archive_digest: the SHA-256 (hex) of the .gz, as published.
        archive_bytes: the size of that .gz.
        content_digest: the SHA-256 (hex) of the decompressed content; None where it is not known to us.
            Then only the .gz as it was published can be told from a wrong file.
    """

    name: str
    shape: tuple[int, ...]
    archive_digest: str
    archive_bytes: int
    content_digest: str | None = None

    @property
    def identity(self) -> str:
        """What this file is known by: ``"content HEX"``, or ``"archive HEX"`` if the former is not known."""
        return f"content {self.content_digest}" if self.content_digest else f"archive {self.archive_digest}"

    def verify(self, path: Path, found: IdxFile) -> None:
        """Check that what was read from ``path`` is this file.

        The content decides, so a file that was compressed anew is fine, if the content's digest is known.

        Raises:
            DataError: with the digest that was expected and the one that was got.
        """
        if self.content_digest is not None:
            if found.content_digest != self.content_digest:
                raise _wrong_digest("content", path, found.content_digest, self.content_digest)
        elif found.archive_digest is None:
            raise DataError(
                Problem(
                    "a decompressed file of this dataset cannot be verified",
                    Location(str(path)),
                    got="a plain file",
                    expected=f"{self.name}.gz as published, SHA-256 {self.archive_digest}",
                    hint="put the published .gz there instead",
                )
            )
        elif found.archive_digest != self.archive_digest:
            raise _wrong_digest(".gz file", path, found.archive_digest, self.archive_digest)


def locate(
    dataset: str, wanted: Sequence[PublishedFile], mirrors: Sequence[str], download: bool = True
) -> tuple[Path, ...]:
    """Return where each file lies on this machine, in the order of ``wanted``; download what does not.

    Nothing that lies here already is opened.

    Args:
        dataset: the dataset's name, which is also the name of its folder.
        wanted: the files.
        mirrors: URLs ending in ``/`` under which ``NAME.gz`` is published, tried in this order.
        download: whether what is not here may be downloaded; ``CONVSTUDY_OFFLINE`` forbids it in any case.

    Raises:
        DataError: if a file is not here and cannot be downloaded; it lists all that is missing, and how to
            mend it.
    """
    found: dict[str, Path] = {}
    for file in wanted:
        path = find(dataset, f"{file.name}.gz", file.name)
        if path is not None:
            found[file.name] = path
    missing = [file for file in wanted if file.name not in found]
    if missing and not download:
        raise _unavailable(dataset, missing, mirrors, "nothing is downloaded here")
    if missing and _offline():
        raise _unavailable(dataset, missing, mirrors, "CONVSTUDY_OFFLINE is set, so nothing was downloaded")
    for number, file in enumerate(missing):
        failures: list[str] = []
        for mirror in mirrors:
            try:
                found[file.name] = _download(mirror + file.name + ".gz", cache_folder() / dataset, file)
                break
            except (OSError, ValueError) as error:  # no network, no such page; not the published bytes
                failures.append(f"{mirror}{file.name}.gz: {_short(error)}")
        else:
            raise _unavailable(dataset, missing[number:], mirrors, "\n    ".join(["", *failures]))
    return tuple(found[file.name] for file in wanted)


def cache_folder() -> Path:
    """Return the folder that downloads are kept in: ``$CONVSTUDY_CACHE``, or pooch's cache for convstudy."""
    import pooch  # type: ignore[import-untyped]  # it ships no types

    return Path(os.environ.get("CONVSTUDY_CACHE") or pooch.os_cache("convstudy")).expanduser()


def find(dataset: str, *names: str) -> Path | None:
    """Return the first of these files that lies in a folder of the dataset; ``None`` where there is none."""
    folders = []
    if os.environ.get("CONVSTUDY_DATA"):
        folders.append(Path(os.environ["CONVSTUDY_DATA"]).expanduser() / dataset)
    for folder in (*folders, cache_folder() / dataset):
        for name in names:
            # What is no regular file is an error where it is read, not a reason to look elsewhere.
            if (folder / name).exists():
                return folder / name
    return None


def _offline() -> bool:
    return os.environ.get("CONVSTUDY_OFFLINE", "").strip().lower() in {"1", "true", "yes", "on"}


def _download(url: str, folder: Path, file: PublishedFile) -> Path:
    """Download one .gz; pooch checks its digest before it gives it its name."""
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
    """A file that takes no more bytes than were published, so that no mirror can fill the disk."""

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
    # What requests wraps, if it does.
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
    dataset: str, missing: Sequence[PublishedFile], mirrors: Sequence[str], got: str
) -> DataError:
    own = os.environ.get("CONVSTUDY_DATA")
    looked = f"{Path(own) / dataset}" if own else "$CONVSTUDY_DATA (not set)"
    folder = f"{Path(own) / dataset}/" if own else f"FOLDER/{dataset}/ and set CONVSTUDY_DATA=FOLDER"
    names = ", ".join(f"{file.name}.gz" for file in missing)
    urls = "".join(f"\n    {mirror}{file.name}.gz" for mirror in mirrors[:1] for file in missing)
    others = "".join(f"\n    or the same names under {mirror}" for mirror in mirrors[1:])
    return DataError(
        Problem(
            f"{len(missing)} file(s) are neither here nor could they be downloaded: {names}",
            where=Location(subject=dataset),
            got=got,
            expected=f"the files in {looked}, or in the cache {cache_folder() / dataset}, or a network",
            hint=f"on a machine with a network, download{urls}{others}\n    and put them into {folder}; "
            'or use the dataset "digits", which needs no network',
        )
    )
