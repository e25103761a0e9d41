"""A folder with one folder per class. Images can be nested at any depth inside a class folder.

Symbolic links are followed, also out of the folder, and counted. A file that is reached under two classes is an error.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from convstudy.data.class_names import shown, text_fault
from convstudy.data.folders.class_folders import Labelled, Tree, labelled
from convstudy.data.folders.file_kinds import is_hidden
from convstudy.data.folders.image_files import FileReader, reason
from convstudy.data.listing import ListedSource, Listing, SourceOptions
from convstudy.data.problem_list import ProblemList
from convstudy.errors import DataError, Location, Problem
from convstudy.numbers import counted

MAX_FILES = 5_000_000
"""The largest number of files and folders."""


@dataclass
class _Scan:
    """The content of a folder.

    Args:
        tree: its files and folders.
        links: relative path -> real path of each file that is a symbolic link or in a linked folder.
        linked_folders: real path of each folder that is a symbolic link -> relative path of the link.
        problems: folders that cannot be read, links that form a cycle, names that are not UTF-8.
    """

    tree: Tree = field(default_factory=Tree)
    links: dict[str, str] = field(default_factory=dict)
    linked_folders: dict[str, str] = field(default_factory=dict)
    problems: ProblemList = field(default_factory=ProblemList)


@dataclass(frozen=True)
class _Folder:
    """A folder to examine.

    Args:
        name: the path relative to the root, ending with ``/``; empty for the root.
        real: the path without symbolic links.
        linked: whether a symbolic link leads to it.
        above: the real paths of the folders at which links on the way to it start.
    """

    name: str
    real: str
    linked: bool = False
    above: tuple[str, ...] = ()


def listing(path: Path, options: SourceOptions) -> Listing:
    """List the images of a folder, sorted by path; no file is opened.

    Raises:
        DataError: with all problems of folders, links and class names.
    """
    scan = _scan(path)
    found = labelled(scan.tree, options.parts, Location(str(path)))
    notes = found.notes + _checked_links(scan, found, path)
    reader = FileReader(os.path.abspath(path), found.names)  # noqa: PTH100
    return Listing(reader, found.names, found.labels, parts=found.parts, notes=notes)


def _scan(path: Path) -> _Scan:
    scan, root = _Scan(), _Folder("", os.path.realpath(path))
    folders, n = [root], 0
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(path / folder.name) as entries:
                for entry in entries:
                    n += 1
                    if n > MAX_FILES:
                        raise DataError(
                            Problem(f"there are more than {MAX_FILES:,} files", Location(str(path)))
                        )
                    folders += _add(scan, folder, entry)
        except OSError as error:
            where = Location(str(path / folder.name))
            scan.problems.add(Problem(f"cannot read this folder: {reason(error)}", where))
    scan.problems.raise_if_any()
    for names in (scan.tree.files, scan.tree.folders, scan.tree.hidden):
        names.sort()
    return scan


def _add(scan: _Scan, folder: _Folder, entry: os.DirEntry[str]) -> Iterator[_Folder]:
    """Add one entry of a folder, and yield it if it is a folder to examine."""
    name, is_link = folder.name + entry.name, entry.is_symlink()
    if is_hidden(entry.name):
        scan.tree.hidden.append(name)
        return
    if fault := text_fault(entry.name):
        where = Location(entry.path[: -len(entry.name) - 1])
        scan.problems.add(Problem(f"the name {shown(entry.name)} {fault}", where, hint="rename it"))
        return
    if not _is_folder(entry):
        scan.tree.files.append(name)
        if is_link or folder.linked:
            scan.links[name] = os.path.realpath(entry.path)
        return
    real, above = f"{folder.real}/{entry.name}", folder.above
    if is_link:
        real, above = os.path.realpath(entry.path), (*folder.above, folder.real)
        if any(each == real or each.startswith(f"{real.rstrip('/')}/") for each in above):
            what = f"this symbolic link leads back to {shown(real)}, in which it is contained"
            scan.problems.add(Problem(what, Location(entry.path), hint="delete the link"))
            return
        if real in scan.linked_folders:
            # Also because a few links of folders to each other can make millions of paths.
            what = f"this symbolic link leads to the same folder as {shown(scan.linked_folders[real])}"
            scan.problems.add(Problem(what, Location(entry.path), hint="delete one of the two"))
            return
        scan.linked_folders[real] = name
    scan.tree.folders.append(name)
    yield _Folder(f"{name}/", real, is_link or folder.linked, above)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _checked_links(scan: _Scan, found: Labelled, path: Path) -> tuple[str, ...]:
    """Return notes about symbolic links.

    Raises:
        DataError: if a file is reached under two classes.
    """
    used = {name: scan.links[name] for name in found.names if name in scan.links} if scan.links else {}
    if not used:
        return ()
    root, problems = f"{os.path.realpath(path)}/", ProblemList()
    labels = dict(zip(found.names, found.labels, strict=True))
    first: dict[str, str] = {}
    n_outside = n_again = 0
    for name, real in used.items():
        original = real[len(root) :] if real.startswith(root) else ""
        n_outside += not original
        other = original if original in labels and original != name else first.setdefault(real, name)
        if other == name:
            continue
        n_again += 1
        if labels[other] != labels[name]:
            what = f"this is the same file as {shown(other)}, with another class"
            problems.add(Problem(what, Location(str(path / name)), hint="delete one of the two"))
    problems.raise_if_any()
    notes = [f"{counted(len(used), 'image is', 'images are')} reached by symbolic links."]
    if n_outside:
        notes.append(f"Of these, {counted(n_outside, 'file is', 'files are')} outside this folder.")
    if n_again:
        notes.append(f"Of these, {counted(n_again, 'image is', 'images are')} in this folder more than once.")
    return (" ".join(notes),)


LISTED_SOURCE = ListedSource(
    name="folder",
    path_form="a folder with one folder of images per class",
    recognise=os.path.isdir,  # unlike Path.is_dir, it raises for no path
    listing=listing,
    reader=FileReader.from_json,
    options=("parts",),
    is_fallback=True,
)
