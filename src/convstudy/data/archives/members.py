"""The files in an archive, as offsets, and the checks of their names."""

from __future__ import annotations

import itertools
import re
from array import array
from dataclasses import dataclass, field

from convstudy.data.class_names import shown, text_fault
from convstudy.data.folders.class_folders import Tree
from convstudy.data.folders.file_kinds import is_hidden
from convstudy.data.folders.image_files import MAX_FILE_BYTES
from convstudy.data.problem_list import ProblemList
from convstudy.errors import DataError, Location, Problem

MAX_NAMES = 1_000_000
"""The largest number of files and folders in an archive."""
MAX_NAME_LENGTH = 4096
"""The largest length of a path in characters; Linux allows no longer path."""
MAX_DEPTH = 100
"""The largest number of folders around a file."""
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass
class Members:
    """The files of an archive; files that are hidden or no data are left out.

    Args:
        names: the paths, with ``/``.
        offsets: the position of each file, or of its header, in bytes.
        stored: the number of bytes of each file in the archive.
        sizes: the number of bytes of each file.
        methods: how each file is compressed, as a number of the zip format; 0 for not at all.
        checksums: the CRC-32 of each file; 0 in a tar archive, which has none.
    """

    names: list[str] = field(default_factory=list)
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    stored: array[int] = field(default_factory=lambda: array("Q"))
    sizes: array[int] = field(default_factory=lambda: array("Q"))
    methods: array[int] = field(default_factory=lambda: array("H"))
    checksums: array[int] = field(default_factory=lambda: array("L"))


class Collector:
    """Collects the files and folders of an archive, and the problems of their names.

    Args:
        path: the archive, for errors.
    """

    def __init__(self, path: str) -> None:
        self.path, self.members, self.problems = path, Members(), ProblemList()
        self._folders: set[str] = set()
        self._hidden: set[str] = set()
        self._n = 0

    def add(
        self,
        name: str,
        is_folder: bool,
        offset: int,
        stored: int,
        size: int,
        method: int = 0,
        checksum: int = 0,
    ) -> None:
        """Add a file or folder.

        Raises:
            DataError: if there are more than :data:`MAX_NAMES`.
        """
        path = self.checked_name(name)
        if path is None:
            return
        parts = path.split("/")
        for depth, part in enumerate(parts):
            if is_hidden(part):
                self._hidden.add("/".join(parts[: depth + 1]))  # a hidden folder counts once, as in a folder
                return
        self._add_folder(path if is_folder else path.rpartition("/")[0])
        if is_folder:
            return
        if max(size, stored) > MAX_FILE_BYTES:
            self.problem(
                name,
                "the file is too large",
                f"{max(size, stored):,} bytes",
                f"at most {MAX_FILE_BYTES:,} bytes",
            )
            return
        members = self.members
        members.names.append(path)
        for column, value in (
            (members.offsets, offset),
            (members.stored, stored),
            (members.sizes, size),
            (members.methods, method),
            (members.checksums, checksum),
        ):
            column.append(value)

    def checked_name(self, name: str) -> str | None:
        """Return a name without ``.`` and empty parts; ``None`` for the top folder, or for a name that is a problem."""
        self._n += 1
        if self._n > MAX_NAMES:
            raise DataError(Problem(f"there are more than {MAX_NAMES:,} files", Location(self.path)))
        if fault := name_fault(name):
            self.problem(name, fault, hint="create the archive again from a folder")
            return None
        return "/".join(part for part in name.split("/") if part not in ("", ".")) or None

    def problem(self, name: str, what: str, got: str = "", expected: str = "", hint: str = "") -> None:
        """Add a problem of one file."""
        where = Location(self.path, subject=shown(name))
        self.problems.add(Problem(what, where, got, expected, hint))

    def finish(self) -> tuple[Tree, Members]:
        """Return the files and folders, sorted by name.

        Raises:
            DataError: with all problems.
        """
        members = self.members
        order = sorted(range(len(members.names)), key=members.names.__getitem__)
        names = [members.names[position] for position in order]
        for name, following in itertools.pairwise(names):
            if name == following:
                self.problem(name, "two files have this name", hint="create the archive again from a folder")
        for name in self._folders.intersection(names):
            self.problem(
                name, "a file and a folder have this name", hint="create the archive again from a folder"
            )
        self.problems.raise_if_any()
        sorted_members = Members(names)
        for column in ("offsets", "stored", "sizes", "methods", "checksums"):
            values = getattr(members, column)
            getattr(sorted_members, column).extend(values[position] for position in order)
        return Tree(names, sorted(self._folders), sorted(self._hidden)), sorted_members

    def _add_folder(self, path: str) -> None:
        """Add a folder and the folders around it; most archives have no entries for these."""
        while path and path not in self._folders:
            self._folders.add(path)
            path = path.rpartition("/")[0]


def name_fault(name: str) -> str:
    """Return why a name could leave the folder into which the archive is unpacked, or an empty string.

    Nothing is unpacked here, but an archive with such names was not made from a folder of images.
    """
    if name.startswith("/") or _DRIVE.match(name):
        return "the name is an absolute path"
    if "\\" in name:
        return "the name contains a backslash"
    if ".." in name.split("/"):
        return 'the name contains the folder ".."'
    if len(name) > MAX_NAME_LENGTH or name.count("/") > MAX_DEPTH:
        return "the name is too long or has too many folders"
    fault = text_fault(name)
    return f"the name {fault}" if fault else ""
