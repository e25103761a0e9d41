"""A zip or tar archive of folders with one folder per class, read in place.

A zip archive and a plain tar archive are read at the offset of each file. A compressed tar archive gets an uncompressed
copy in the cache, see :mod:`convstudy.data.archives.tar_copy`.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.data.archives.members import Members
from convstudy.data.archives.tar_copy import MAGICS, first_block, unpacked_copy
from convstudy.data.archives.tar_members import BLOCK, is_header, list_tar
from convstudy.data.archives.zip_members import list_zip, read_zip
from convstudy.data.class_names import shown
from convstudy.data.folders.class_folders import labelled
from convstudy.data.folders.image_files import NO_STAMP, reason, stamp_of
from convstudy.data.listing import ListedSource, Listing, SourceOptions, Stamp
from convstudy.errors import DataError, Location, Problem
from convstudy.regular_file import open_regular

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

ZIP_MAGICS = (b"PK\3\4", b"PK\5\6")
ZIP_INSIDE = frozenset(
    {
        ".npz",
        ".xlsx",
        ".ods",
        ".docx",
        ".odt",
        ".pptx",
        ".jar",
        ".whl",
        ".apk",
        ".epub",
        ".keras",
        ".pt",
        ".pth",
    }
)
"""Endings of files whose format is a zip archive of something else."""
COMPRESSED_TARS = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
COLUMNS = {"offsets": "Q", "stored": "Q", "sizes": "Q", "methods": "H", "checksums": "L"}


@dataclass(frozen=True, eq=False)
class ArchiveReader:
    """Reads files of an archive at their offsets.

    Args:
        path: the absolute path of the archive.
        data: the file with the offsets: the archive, or its uncompressed copy.
        data_stamp: the stamp of that file; after a change the offsets are wrong.
        is_zip: whether it is a zip archive.
        members: the files, in the order of the listing.
    """

    path: str
    data: str
    data_stamp: Stamp
    is_zip: bool
    members: Members

    def stamp(self, position: int) -> Stamp:
        return stamp_of(os.stat(self.path))  # noqa: PTH116 - as in FileReader

    def stamps(self) -> npt.NDArray[np.int64]:
        """Return the stamp of the archive for each image, int64 of shape (n, 3); -1 if it cannot be examined."""
        import numpy as np

        try:
            stamp = self.stamp(0)
        except OSError:
            stamp = NO_STAMP
        return np.tile(np.array(stamp, np.int64), (len(self.members.names), 1))

    def read(self, position: int) -> bytes:
        members = self.members
        where = Location(self.path, subject=shown(members.names[position]))
        offset, stored, size = (
            column[position] for column in (members.offsets, members.stored, members.sizes)
        )
        try:
            with open_regular(Path(self.data)) as file:
                if stamp_of(os.fstat(file.fileno())) != self.data_stamp:
                    raise DataError(Problem("the archive was changed while it was in use", where))
                if self.is_zip:
                    method, checksum = members.methods[position], members.checksums[position]
                    return read_zip(file, offset, stored, size, method, checksum)
                file.seek(offset)
                data = file.read(size)
        except ValueError as error:
            raise DataError(Problem(f"this file in the archive cannot be read: {error}", where)) from None
        except OSError as error:
            raise DataError(Problem(f"cannot read the archive: {reason(error)}", where)) from None
        if len(data) < size:
            raise DataError(Problem("the archive ends too early", where))
        return data

    def as_json(self) -> dict[str, Any]:
        columns = {column: getattr(self.members, column).tolist() for column in COLUMNS}
        source = {
            "path": self.path,
            "data": self.data,
            "data_stamp": list(self.data_stamp),
            "is_zip": self.is_zip,
        }
        return {**source, "names": self.members.names, **columns}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ArchiveReader:
        """Create the reader from the values of :meth:`as_json`."""
        columns = {column: array(kind, values[column]) for column, kind in COLUMNS.items()}
        size, modified, inode = values["data_stamp"]
        members = Members(values["names"], **columns)
        return cls(values["path"], values["data"], (size, modified, inode), values["is_zip"], members)


def listing(path: Path, options: SourceOptions) -> Listing:
    """List the images of an archive, sorted by path; no image is decoded.

    Raises:
        DataError: with all problems of the archive, its names and its classes.
    """
    where, notes = Location(str(path)), list[str]()
    archive = data = Path(os.path.abspath(path))  # noqa: PTH100
    try:
        with open_regular(archive) as file:
            magic, status = file.read(6), os.fstat(file.fileno())
            is_zip = magic.startswith(ZIP_MAGICS)
            if magic.startswith(MAGICS):
                data = unpacked_copy(file, str(archive), stamp_of(status))
        with open_regular(data) as file:
            data_status = os.fstat(file.fileno())
            collect = list_zip if is_zip else list_tar
            tree, members = collect(file, data_status.st_size, str(path)).finish()
    except OSError as error:
        raise DataError(Problem(f"cannot read the archive: {reason(error)}", where)) from None
    if data != archive:
        notes.append(f"Compressed archives cannot be read in any order; an uncompressed copy is {data}.")
    found = labelled(tree, options.parts, where, is_archive=True)
    reader = ArchiveReader(
        str(archive), str(data), stamp_of(data_status), is_zip, _chosen(members, found.names)
    )
    return Listing(reader, found.names, found.labels, parts=found.parts, notes=(*found.notes, *notes))


def _chosen(members: Members, names: Sequence[str]) -> Members:
    """Return the members of these names, which are in the order of the members."""
    wanted = set(names)
    rows = [row for row, name in enumerate(members.names) if name in wanted]
    columns = {
        column: array(kind, (getattr(members, column)[row] for row in rows))
        for column, kind in COLUMNS.items()
    }
    return Members(list(names), **columns)


def recognise(path: Path) -> bool:
    """Return whether a file is a zip or tar archive, from its first bytes, and no other file that is a zip inside."""
    if path.suffix.lower() in ZIP_INSIDE:
        return False
    try:
        with open_regular(path) as file:
            block = file.read(BLOCK)
            if block.startswith(MAGICS):
                if path.name.lower().endswith(COMPRESSED_TARS):
                    return True  # also if it is damaged, so that the error says so
                block = first_block(file)
    except (OSError, ValueError):
        return False
    return block.startswith(ZIP_MAGICS) or is_header(block)


LISTED_SOURCE = ListedSource(
    name="archive",
    path_form="a zip or tar archive of folders, one folder of images per class",
    recognise=recognise,
    listing=listing,
    reader=ArchiveReader.from_json,
    options=("parts",),
    is_fallback=True,
)
