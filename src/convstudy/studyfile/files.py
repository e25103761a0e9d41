"""Read the text of a study from a file, or of a built-in study."""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from convstudy.errors import Location, Problem, StudyError, nearest
from convstudy.regular_file import open_regular

FOLDER = Path(__file__).parent.parent / "studies"
BUILT_IN_STUDIES: tuple[str, ...] = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))
"""The names of the built-in studies."""

MAX_BYTES = 1_000_000
MAX_NAMES = 1_000
"""The maximum number of names of a folder that are compared with a missing one."""
# Three nested tables, the list of layers, and 40 nested lists of concats and branches.
MAX_DEPTH = 45
"""The maximum depth of nested tables and lists. A study needs five levels."""

_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def read_text(source: str | Path) -> tuple[str, str]:
    """Return the text of a study, and the name of its file.

    Args:
        source: a path, or (as a string) the name of a built-in study.

    Raises:
        StudyError: if there is no such file, or it is not UTF-8 text of at most 1 MB.
    """
    if isinstance(source, str) and source in BUILT_IN_STUDIES:
        return (FOLDER / f"{source}.toml").read_text(encoding="utf-8"), f"{source}.toml"
    path = Path(source)
    try:
        if path.is_dir():
            raise _refusal(path, "a study file (.toml)", "a folder")
        if not path.exists():
            raise _missing(source, path)
        if not path.is_file():
            raise _refusal(path, "a study file (.toml)", "something that is not a file")
        with open_regular(path) as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        what = f"the study file cannot be read: {reason}"
        raise StudyError(
            Problem(what, where=Location(str(path)), hint="check its name and permissions")
        ) from None
    if len(content) > MAX_BYTES:
        raise _refusal(path, f"a file of at most {MAX_BYTES:,} bytes", "a larger one")
    try:
        return content.decode("utf-8-sig"), str(path)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        got = f"the byte 0x{content[error.start]:02x}"
        raise StudyError(
            Problem("the file is not UTF-8 text", Location(str(path), line), got, hint="save it as UTF-8")
        ) from None


def parsed(text: str, file: str) -> dict[str, Any]:
    """Return the document that a TOML text holds.

    Raises:
        StudyError: if it is not TOML, with line and column, or is nested too deeply.
    """
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise _too_deep(Location(file)) from None
    except ValueError as error:
        message = str(error)
        place = _PLACE.search(message)
        where = Location(file)
        if place and place[1]:
            where = Location(file, int(place[1]), column=int(place[2]))
        elif place:
            where = Location(file, text.count("\n") + 1)
        what = message[: place.start()] if place else message
        got = repr(_line(text, int(place[1]))) if place and place[1] else ""
        raise StudyError(Problem(f"invalid TOML: {what[:1].lower()}{what[1:]}", where, got)) from None
    check_depth(document, Location(file))
    return document


def check_depth(document: object, where: Location) -> None:
    """Raise :class:`StudyError` for tables and lists that are nested too deeply."""
    level: list[object] = [document]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for value in level
            if isinstance(value, (dict, list, tuple))
            for item in (value.values() if isinstance(value, dict) else value)
        ]
    if level:
        raise _too_deep(where)


def _line(text: str, number: int) -> str:
    """Return a line of a text, cut after 80 characters."""
    lines = text.split("\n")
    return lines[number - 1].strip()[:80] if number <= len(lines) else ""


def _missing(source: str | Path, path: Path) -> StudyError:
    """Return the error of a file that does not exist, with the nearest name that does."""
    with suppress(OSError, ValueError):
        if path.is_symlink():
            return StudyError(Problem("this symbolic link leads to no file", Location(str(source))))
    if "://" in str(source):
        hint = "download the images or the study, and use the path of the file or folder"
        return StudyError(Problem("this is a web address", Location(str(source)), hint=hint))
    names = list(BUILT_IN_STUDIES)
    folder = path.parent
    with suppress(OSError):
        # Any name can be a path of images.
        found = (each for each in folder.iterdir() if not each.name.startswith("."))
        names += sorted(str(each) for each in islice(found, MAX_NAMES))
    near = nearest(str(source), names) or nearest(path.stem, BUILT_IN_STUDIES)
    is_name = isinstance(source, str) and path.suffix != ".toml" and path.name == source
    return StudyError(
        Problem(
            "there is no such study file" + (" and no built-in study of that name" if is_name else ""),
            where=Location(str(source)),
            expected=f"the path of a .toml file or of images, or a built-in study: {', '.join(BUILT_IN_STUDIES)}",
            hint=near or "`convstudy init` writes a new one",
        )
    )


def _refusal(path: Path, expected: str, got: str) -> StudyError:
    return StudyError(Problem(where=Location(str(path)), got=got, expected=expected))


def _too_deep(where: Location) -> StudyError:
    return StudyError(
        Problem("tables and lists are nested too deeply", where, expected=f"at most {MAX_DEPTH} levels")
    )
