"""Assigns a class and a part to each file of a tree of folders, from paths alone. Folders and archives share it.

The class of an image is the name of its top-level folder. Top-level folders such as ``train`` and ``test`` are parts
instead if all top-level folders have such names; the class is then the folder below.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from convstudy.data.class_names import case_notes, class_name_problems, shown
from convstudy.data.folders.file_kinds import TABLES, extension, is_image_name
from convstudy.data.folders.part_words import PART_WORDS
from convstudy.data.listing import ListedPart
from convstudy.data.problem_list import MAX_SHOWN, ProblemList
from convstudy.errors import DataError, Location, Problem
from convstudy.numbers import counted, listed

CLASSES_BELOW_PARTS = 'put parts = "ignore" under [dataset] if these folders are classes'


@dataclass
class Tree:
    """The files and folders of a tree, with paths relative to its root and ``/`` between names.

    Args:
        files: the files, sorted, without hidden ones.
        folders: the folders, sorted, without hidden ones.
        hidden: hidden files and folders that were skipped. The content of a hidden folder is not listed.
    """

    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Labelled:
    """The images of a tree with their classes and parts, in the order of their names."""

    names: list[str]
    labels: list[str]
    parts: list[ListedPart] | None
    notes: tuple[str, ...]


def labelled(
    tree: Tree, parts: Literal["auto", "ignore"], where: Location, is_archive: bool = False
) -> Labelled:
    """Assign a class and a part to each image of a tree. The images of one part can have a single class.

    Args:
        tree: the files and folders.
        parts: whether top-level folders can be parts.
        where: the root, for errors.
        is_archive: whether the files are in an archive, so that no table in it can be used.

    Raises:
        DataError: with all problems: no class folders, a class without an image, names that are no class names, or
            folders that are neither clearly parts nor clearly classes.
    """
    children = _children(tree.folders)
    images = [name for name in tree.files if is_image_name(name)]
    root, notes = _look_through(children, images)
    table = _table_hint(tree.files, root, is_archive)
    if not children.get(root):
        raise DataError(_no_class_folders(tree, images, where, table))
    bases: dict[str, ListedPart] = {root: ""}
    are_words = parts == "auto" and all(name.lower() in PART_WORDS for name in children[root])
    if are_words:
        bases, note = _parts(children, images, root, where)
        notes.append(note)
    if table and bases.keys() == {root} and (are_words or len(children[root]) == 1):
        what = f"{_quoted(children[root])} cannot be all classes, and there is a table next to it"
        hint = f"{table}, or {CLASSES_BELOW_PARTS}" if are_words else table
        raise DataError(Problem(what, where, hint=hint))
    classes: dict[str, tuple[str, ListedPart]] = {
        f"{base}{name}/": (name, part) for base, part in bases.items() for name in children.get(base, ())
    }
    names, labels, columns, outside = list[str](), list[str](), list[ListedPart](), list[str]()
    n_names = next(iter(bases)).count("/") + 1  # in the path of a class folder
    folder, label, part = "", "", bases[next(iter(bases))]
    for name in images:
        if not folder or not name.startswith(folder):  # the images of a folder are neighbours
            above = name.split("/", n_names)[:-1]
            folder = "/".join((*above, "")) if len(above) == n_names else ""
            if not folder:
                outside.append(name)
                continue
            label, part = classes[folder]
        names.append(name)
        labels.append(label)
        columns.append(part)
    notes += (*_skipped(tree, images, outside), *case_notes({name for name, _ in classes.values()}))
    _check(classes, set(labels), tree, where)
    return Labelled(names, labels, columns if bases.keys() != {root} else None, tuple(notes))


def _children(folders: Sequence[str]) -> dict[str, list[str]]:
    """Return the names of the folders in each folder. Its key ends with ``/``; the key of the root is empty."""
    children: dict[str, list[str]] = {}
    for folder in folders:
        above, slash, name = folder.rpartition("/")
        children.setdefault(above + slash, []).append(name)
    return children


def _look_through(children: Mapping[str, Sequence[str]], images: Sequence[str]) -> tuple[str, list[str]]:
    """Return the folder that contains the class folders, and a note if it is not the root.

    A single folder without images of its own is looked through if it contains folders: it would be the only class.
    """
    root = ""
    with_images = {name[: name.rfind("/") + 1] for name in images}
    while len(children.get(root, ())) == 1 and root not in with_images:
        below = f"{root}{children[root][0]}/"
        is_part = children[root][0].lower() in PART_WORDS
        if is_part or below in with_images or below not in children:
            break
        root = below
    note = f"The classes are the folders in {shown(root[:-1])}, which is the only folder."
    return root, [note] if root else []


def _parts(
    children: Mapping[str, Sequence[str]], images: Sequence[str], root: str, where: Location
) -> tuple[dict[str, ListedPart], str]:
    """Decide whether the folders in ``root``, which all have names of parts, are parts or classes.

    Returns:
        The folders that contain the class folders, each with its part, and a note.

    Raises:
        DataError: if it is not clear what they are.
    """
    words = children[root]
    quoted = _quoted(words)
    bases = {f"{root}{word}/": PART_WORDS[word.lower()] for word in words}
    n_nested = sum(base in children for base in bases)
    if not n_nested:
        return {root: ""}, f"The folders {quoted} are classes, not parts, because they contain no folders."
    if n_nested < len(bases):
        flat = next(base for base in bases if base not in children)
        what = f"{shown(flat[:-1])} contains no class folders, but another of the folders {quoted} does"
        hint = f"move images without a class elsewhere, or {CLASSES_BELOW_PARTS}"
        raise DataError(Problem(what, where, hint=hint))
    classes: dict[ListedPart, set[str]] = {}
    for base, part in bases.items():
        classes.setdefault(part, set()).update(children[base])
    if "train" not in classes:
        what, hint = (
            f"the folders {quoted} contain no training images",
            f"add a folder train, or {CLASSES_BELOW_PARTS}",
        )
        raise DataError(Problem(what, where, hint=hint))
    for part, names in classes.items():
        if not names & classes["train"]:
            what = f"the {part} folder has no class in common with the training folder"
            got = f"{_some(names)} and {_some(classes['train'])}"
            raise DataError(Problem(what, where, got, hint=CLASSES_BELOW_PARTS))
    meaning = listed([f"{shown(word)} ({PART_WORDS[word.lower()]})" for word in words])
    note = f"The top-level folders are parts, not classes: {meaning}. To change this, {CLASSES_BELOW_PARTS}."
    return bases, note


def _skipped(tree: Tree, images: Sequence[str], outside: Sequence[str]) -> list[str]:
    """Return one note for each kind of file that was skipped, with numbers and examples."""
    notes = []
    if n_other := len(tree.files) - len(images):
        names = (name for name in tree.files if not is_image_name(name))
        kinds = Counter(
            f".{kind}" if (kind := extension(name)) else name.rpartition("/")[2] for name in names
        )
        in_order = sorted(kinds.items(), key=lambda each: (-each[1], each[0]))
        most = listed([f"{n:,} {kind}" for kind, n in in_order], most=4)
        notes.append(f"Skipped {counted(n_other, 'file')} that cannot be images: {most}.")
    if outside:
        notes.append(
            f"Skipped {counted(len(outside), 'file')} outside of class folders, such as {shown(outside[0])}."
        )
    if tree.hidden:
        examples = list(dict.fromkeys(shown(name.rpartition("/")[2]) for name in tree.hidden))
        number = counted(len(tree.hidden), "hidden file or folder", "hidden files or folders")
        notes.append(f"Skipped {number}: {listed(examples, most=3)}.")
    return notes


def _check(
    classes: Mapping[str, tuple[str, ListedPart]], used: set[str], tree: Tree, where: Location
) -> None:
    """Raise all problems of the classes as one error."""
    problems = ProblemList()
    names = {name for name, _ in classes.values()}
    problems.add(*class_name_problems(names, where))
    unused = sorted(names - used)
    for name in unused[:MAX_SHOWN]:
        folders = tuple(folder for folder, (each, _) in classes.items() if each == name)
        n_files = sum(file.startswith(folders) for file in tree.files)
        what = f"the class folder {shown(name)} contains no image"
        got = f"{counted(n_files, 'file')} that cannot be images" if n_files else "no file"
        hint = "add its images; or delete it, or put a dot before its name, if it is no class"
        problems.add(Problem(what, where, got, hint=hint))
    problems.add_unseen(len(unused) - MAX_SHOWN)
    problems.raise_if_any()


def _table_hint(files: Sequence[str], root: str, is_archive: bool) -> str:
    """Return the hint to use a table next to the class folders; empty if there is none."""
    for name in files:
        if extension(name) in TABLES and name.rpartition("/")[0] == root.rstrip("/"):
            return f"{'unpack the archive and ' if is_archive else ''}use the path of the table {shown(name)}"
    return ""


def _no_class_folders(tree: Tree, images: Sequence[str], where: Location, table: str) -> Problem:
    """Return the problem of a tree without folders."""
    if not images:
        return Problem("there is no image and no folder", where, hint=" ".join(_skipped(tree, images, ())))
    got = f"{counted(len(images), 'image')} such as {shown(images[0])}"
    table = table or "write a table of paths and labels"
    hint = f"put the images of each class into a folder of its own, or {table}"
    return Problem("there are no class folders", where, got, "one folder per class", hint)


def _quoted(names: Sequence[str]) -> str:
    return listed([shown(name) for name in names])


def _some(names: Iterable[str]) -> str:
    return listed([shown(name) for name in sorted(names)], most=3)
