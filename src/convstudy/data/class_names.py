"""Checks the names of classes: each can be printed on one line, and no two of them look the same."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable

from convstudy.errors import NOWHERE, Location, Problem

MAX_CLASSES = 30_000
"""The largest number of classes. ImageNet-21k has 21,841; more usually means that the labels are identifiers."""
MAX_NOTES = 5
MAX_NAME_LENGTH = 200
"""The largest length of a class name in characters."""


def name_fault(name: str) -> str:
    """Return what is wrong with the name of a class, or an empty string.

    >>> name_fault("cat"), name_fault("  ")
    ('', 'is empty')
    """
    if not name.strip():
        return "is empty"
    if len(name) > MAX_NAME_LENGTH:
        return f"has more than {MAX_NAME_LENGTH} characters"
    return text_fault(name)


def text_fault(text: str) -> str:
    """Return why a name or path cannot be printed on a line, such as "is not valid UTF-8", or an empty string."""
    if text.isprintable():
        return ""
    if len(text.splitlines()) > 1:
        return "has more than one line"
    categories = {unicodedata.category(letter) for letter in text}
    if "Cs" in categories:
        return "is not valid UTF-8"
    return "contains a control character" if "Cc" in categories else ""


def class_name_problems(names: Iterable[str], where: Location = NOWHERE) -> tuple[Problem, ...]:
    """Return the problems of a set of class names.

    A name must not be empty, have several lines or contain control characters. Two names must differ by more than the
    form of the same letters (Unicode normalisation), spaces, or the form of the same number ("1" and "01").
    """
    distinct, problems = sorted(set(names)), list[Problem]()
    if len(distinct) > MAX_CLASSES:
        hint = "check that the labels are classes and not identifiers of images"
        got, expected = f"{len(distinct):,}", f"at most {MAX_CLASSES:,}"
        return (Problem("there are too many classes", where, got, expected, hint),)
    first: dict[str | float, str] = {}
    for name in distinct:
        if fault := name_fault(name):
            problems.append(Problem(f"the class name {shown(name)} {fault}", where))
            continue
        other = first.setdefault(_key(name), name)
        if other != name:
            what = f"the class names {shown(other)} and {shown(name)} look the same"
            hint = "give one class one name"
            if unicodedata.normalize("NFC", other) == unicodedata.normalize("NFC", name):
                hint += f"; their letters are stored in two ways: {other!a} and {name!a}"
            problems.append(Problem(what, where, hint=hint))
    return tuple(problems)


def case_notes(names: Iterable[str]) -> tuple[str, ...]:
    """Return a note about each pair of names that differ only in upper and lower case. They can be different classes.

    >>> case_notes(["cat", "dog", "Cat"])
    ('The classes "Cat" and "cat" differ only in upper and lower case.',)
    """
    notes, first = [], dict[str, str]()
    for name in sorted(set(names)):
        other = first.setdefault(name.casefold(), name)
        if other != name:
            notes.append(f"The classes {shown(other)} and {shown(name)} differ only in upper and lower case.")
    return tuple(notes[:MAX_NOTES])


def shown(name: str) -> str:
    """Return a name in quotes for a message: short, on one line, with escapes for letters that cannot be printed."""
    text = name if len(name) <= MAX_NAME_LENGTH else name[: MAX_NAME_LENGTH - 1] + "…"
    return '"' + "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text) + '"'


def _key(name: str) -> str | float:
    """Return a value that is equal for names that look the same."""
    text = " ".join(unicodedata.normalize("NFC", name).split())
    try:
        number = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        return text
    return number if math.isfinite(number) and abs(number) < 2**53 else text
