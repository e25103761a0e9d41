"""Converts the cells of one row to the path, class name, group, part, weight and time of an image."""

from __future__ import annotations

import datetime
import math
import posixpath
import re
from collections.abc import Sequence

from convstudy.data.class_names import name_fault, shown, text_fault
from convstudy.data.folders.part_words import PART_WORDS
from convstudy.data.listing import ListedPart
from convstudy.data.tables.table import Value, text_of

MISSING = frozenset({"nan", "NaN", "NULL", "null", "<NA>", "\\N"})
"""Texts that programs write for a missing value. "NA" and "None" can be names of classes."""
_PLAIN_PATH = re.compile(r"(?:[^/\\.:\0][^/\\:\0]*/)*[^/\\.:\0][^/\\:\0]*")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_DRIVE = re.compile(r"[A-Za-z]:/")


class CellError(Exception):
    """A cell that cannot be used.

    Args:
        what: the problem, without its place.
        got: the value.
        expected: what is allowed.
        hint: how to fix it.
    """

    def __init__(self, what: str, got: str = "", expected: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what, self.got, self.expected, self.hint = what, got, expected, hint


class LabelFault(CellError):
    """A label that is missing or out of range. The image can be left out. ``what`` follows the name of the image."""


def relative_path(cell: Value, roots: Sequence[str]) -> str:
    """Return a path relative to the folder of the table, with ``/``.

    Args:
        cell: a relative path, or an absolute path inside the folder. A backslash counts as ``/``.
        roots: the absolute path of the folder, also in other forms.

    Raises:
        CellError: if the path is missing, leaves the folder, or is a web address.
    """
    text = text_or_error(cell, "path")
    if _PLAIN_PATH.fullmatch(text) and text.isascii() and text.isprintable():
        return text
    if _URL.match(text):
        raise CellError(
            "this is a web address", shown(text), hint="download the images, and list their files"
        )
    path = text.replace("\\", "/")
    if not path.startswith("/") and not _DRIVE.match(path):
        path = f"{roots[0]}/{path}"
    path = posixpath.normpath(path)
    if fault := text_fault(text):
        hint = "save the table as UTF-8" if "UTF-8" in fault else "rename the file"
        raise CellError(f"this path {fault}", shown(text), hint=hint)
    for root in roots:
        if path.startswith(f"{root.rstrip('/')}/"):
            return path[len(root.rstrip("/")) + 1 :]
    hint = "move the table into a folder that contains all its images"
    raise CellError("this path leaves the folder of the table", shown(text), hint=hint)


def label_of(cell: Value) -> str:
    """Return the name of a class.

    Raises:
        LabelFault: if it is missing.
        CellError: if it is several values, or no name of a class.
    """
    if text_of(cell) is None:
        raise LabelFault("it has no label")
    label = text_or_error(cell, "label")
    if isinstance(cell, str) and label in MISSING:
        raise LabelFault("it has no label", shown(label))
    if fault := name_fault(label):
        lines = "check that each quote is closed" if "line" in fault else ""
        hint = "save the table as UTF-8" if "UTF-8" in fault else lines
        raise CellError(f"the class name {shown(label)} {fault}", hint=hint)
    return label


def named_label_of(cell: Value, names: Sequence[str]) -> str:
    """Return the name of a class from its number.

    Raises:
        LabelFault: if the number is missing or out of range. datasets writes -1 for a missing label.
    """
    number = label_of(cell)
    if number == "-1":
        raise LabelFault("it has no label", number)
    if not isinstance(cell, int) or not 0 <= cell < len(names):
        raise LabelFault("its label is out of range", number, f"an integer in [0, {len(names) - 1}]")
    return names[cell]


def group_of(cell: Value) -> str:
    """Return a group; a missing one raises :class:`CellError`."""
    return text_or_error(cell, "group")


def part_of(cell: Value) -> ListedPart:
    """Return a part; another word raises :class:`CellError`."""
    text = text_or_error(cell, "part")
    if (part := PART_WORDS.get(text.lower())) is not None:
        return part
    hint = 'put parts = "ignore" under [dataset] if this column has no parts'
    raise CellError("the part is unknown", shown(text), '"train", "validation" or "test"', hint)


def weight_of(cell: Value) -> float:
    """Return a weight, which can have a decimal comma; a number that is not positive raises :class:`CellError`."""
    text = text_or_error(cell, "weight")
    try:
        weight = float(text.replace(",", "."))
    except ValueError:
        weight = math.nan
    if not 0 < weight < math.inf:
        hint = 'put weight = "" under [dataset] if this column has no weights of images in training'
        raise CellError("the weight is wrong", shown(text), "a number > 0", hint)
    return weight


def time_of(cell: Value) -> str:
    """Return a time as a number, or as a date in ISO form, in UTC if it has a time zone.

    Raises:
        CellError: if it is missing or has another form.
    """
    text = text_or_error(cell, "time")
    if is_number(text):
        return text
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise CellError(
            "the time is wrong", shown(text), "a number, or a date such as 2026-11-28T09:30"
        ) from None
    return (moment.astimezone(datetime.UTC) if moment.tzinfo else moment).isoformat()


def is_number(text: str) -> bool:
    """Return whether a text is a finite number in decimal form."""
    try:
        return text.isascii() and "_" not in text and math.isfinite(float(text))
    except ValueError:
        return False


def text_or_error(cell: Value, noun: str) -> str:
    """Return a cell as text.

    Raises:
        CellError: if it is missing, a list or a dictionary.
    """
    if isinstance(cell, list | dict):
        got = "a list" if isinstance(cell, list) else "a JSON object"
        raise CellError(f"the {noun} must be one value", got)
    text = text_of(cell)
    if text is None:
        raise CellError("this row has no path" if noun == "path" else f"this image has no {noun}")
    return text
