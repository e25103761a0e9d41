"""Chooses the kind of source of a path."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

from convstudy.data.folders.image_files import reason
from convstudy.data.listing import ListedSource, SourceOptions
from convstudy.data.source import exists
from convstudy.data.sources import NAMED_SOURCES
from convstudy.errors import DataError, Location, Problem, unknown
from convstudy.numbers import listed
from convstudy.regular_file import open_regular

UNPACK = "unpack it, or create a zip archive"
SHEET = "save the sheet as CSV in UTF-8"
ARRAY = "save the arrays with np.savez"
HINTS = {
    **dict.fromkeys((".rar", ".7z", ".zst", ".lz4", ".lzma"), UNPACK),
    **dict.fromkeys((".xlsx", ".xls", ".ods", ".numbers"), SHEET),
    **dict.fromkeys((".pkl", ".pickle", ".pt", ".pth", ".mat", ".h5", ".hdf5", ".joblib"), ARRAY),
    **dict.fromkeys(
        (".npy",),
        "use the path of the folder that has the arrays of images and labels, or save both as one .npz file",
    ),
    **dict.fromkeys(
        (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".gif", ".webp"), "use the path of the folder"
    ),
}
"""Ending of a file that no kind recognises -> what helps."""
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".tbz2", ".xz", ".txz")
KEY_HINTS = {
    "group": "this value is read as the name of a column; a pattern over names contains a group, such as "
    '"(patient_[0-9]+)"'
}
"""Key that a kind of source does not use -> what helps."""
SOURCE_KEY = Location(key=("dataset", "source"))


def detect(path: Path, source: str | None = None) -> ListedSource:
    """Return the kind of source of a path.

    Args:
        path: a file or folder.
        source: the name of a kind, if the user chose one.

    Raises:
        DataError: if there is no such path or kind, no kind recognises the path, or several kinds do.
    """
    if source is not None and source not in NAMED_SOURCES:
        raise DataError(unknown("source", source, NAMED_SOURCES, SOURCE_KEY))
    if not exists(path):
        raise DataError(_missing(path))
    if source is not None:
        return NAMED_SOURCES[source]
    recognised = [kind for kind in NAMED_SOURCES.values() if kind.recognise(path)]
    found = [kind for kind in recognised if not kind.is_fallback] or recognised
    if len(found) == 1:
        return found[0]
    where = Location(str(path))
    if not found and (what := _damage(path)):
        raise DataError(Problem(what, where, hint="restore the file, for example by another download"))
    if not found and (hint := HINTS.get(path.suffix.lower())):
        raise DataError(Problem("images cannot be read from such a file", where, hint=hint))
    if not found:
        what = "it is not clear what this is"
        forms = "".join(f'\n    {kind.path_form} (source = "{kind.name}")' for kind in NAMED_SOURCES.values())
        raise DataError(Problem(what, where, hint=f"the path must be one of:{forms}"))
    names = listed([f'"{kind.name}"' for kind in found], "or")
    raise DataError(Problem("this can be read in several ways", where, hint=f"set source = {names}"))


def _damage(path: Path) -> str:
    """Return what is wrong with a file that has the name of a known kind, but not its content."""
    if path.is_dir():
        return ""
    try:
        with open_regular(path) as file:
            is_empty = not file.read(1)
    except (OSError, ValueError) as error:
        return f"cannot read the file: {reason(error)}"
    if is_empty:
        return "the file is empty"
    suffix = path.suffix.lower()
    return (
        f"this is not a valid {suffix} file: it is damaged or of another kind" if suffix in ARCHIVES else ""
    )


def check_options(kind: ListedSource, options: SourceOptions) -> None:
    """Refuse keys that a kind of source does not use.

    Raises:
        DataError: with all such keys.
    """
    default = SourceOptions()
    unused = [
        each.name
        for each in fields(SourceOptions)
        if each.name not in kind.options and getattr(options, each.name) != getattr(default, each.name)
    ]
    if unused:
        used = f"; it uses {listed(kind.options)}" if kind.options else ""
        what = f'source "{kind.name}" does not use this key{used}'
        raise DataError(
            *(Problem(what, Location(key=("dataset", name)), hint=KEY_HINTS.get(name, "")) for name in unused)
        )


def _missing(path: Path) -> Problem:
    """Return the problem of a path that does not exist, with the part of it that does."""
    where = Location(str(path))
    if os.path.islink(path):  # noqa: PTH114 - Path.is_symlink raises for a path that is too long
        return Problem("this symbolic link leads to no file", where)
    above = next((each for each in path.absolute().parents if exists(each)), None)
    hint = f"{above} exists, but does not contain it" if above else ""
    return Problem("there is no such file or folder", where, hint=hint)
