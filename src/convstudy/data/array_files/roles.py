"""Decides from the names of arrays (or columns) which are images, which are labels, and of which part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from convstudy.data.folders.part_words import part_in_name
from convstudy.data.listing import ListedPart, SourceOptions
from convstudy.data.tables.columns import USUAL_NAMES
from convstudy.errors import DataError, Location, Problem, unknown

IMAGE_WORDS = ("images", "image", "x", "data", "pixels")
"""Names of images without their part; the first one wins, so that ``images`` wins over the flat ``data`` of
scikit-learn's digits."""
LABEL_WORDS = ("labels", "label", "y", "target", "targets")
CLASS_WORDS = ("class_names", "target_names", "label_names", "classes")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "group": tuple(sorted(USUAL_NAMES["group"])),
    "time": (),
    "weight": (*sorted(USUAL_NAMES["weight"]), "weights", "sample_weights"),
}
"""Further columns -> their usual names."""


@dataclass(frozen=True)
class PartRoles:
    """The names of the arrays of one part."""

    part: ListedPart
    images: str
    labels: str
    columns: dict[str, str]


@dataclass(frozen=True)
class Roles:
    """The names of the arrays of a source.

    Args:
        parts: the arrays of each part.
        class_names: the array of class names; empty if there is none.
        unused: the names of all other arrays.
    """

    parts: tuple[PartRoles, ...]
    class_names: str
    unused: tuple[str, ...]


@dataclass
class _Names:
    """The names of a source by part and by the rest of the name."""

    all: Sequence[str]
    where: Location
    used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.by_role: dict[tuple[ListedPart, str], list[str]] = {}
        for name in self.all:
            self.by_role.setdefault(part_in_name(name), []).append(name)

    def find(self, part: ListedPart, words: Iterable[str]) -> str:
        """Return the array of a part with the first of these words, or an empty string.

        Raises:
            DataError: if two arrays differ only in the case or the separators of their names.
        """
        for word in words:
            names = self.by_role.get((part, word), [])
            if len(names) > 1:
                what = f"the arrays {' and '.join(names)} have the same meaning"
                raise DataError(Problem(what, self.where, hint="rename or remove one of them"))
            if names:
                self.used.add(names[0])
                return names[0]
        return ""


def roles_of(names: Sequence[str], options: SourceOptions, where: Location, expected: str) -> Roles:
    """Return the roles of arrays.

    Args:
        names: the names of all arrays.
        options: the names that the user gives: ``image``, ``label``, ``group``, ``time`` and ``weight``, each without
            the word of the part.
        where: the place of the source in errors.
        expected: the usual names, for errors.

    Raises:
        DataError: if images or labels are missing, two arrays have the same role, or an option names no array.
    """
    found = _Names(names, where)
    image_words, label_words = _words(options.image, IMAGE_WORDS), _words(options.label, LABEL_WORDS)
    parts: list[ListedPart] = [
        part for part in ("train", "validation", "test") if found.find(part, image_words)
    ]
    for key in ("image", "label", *COLUMNS):
        value = getattr(options, key)
        # A text with a bracket is a pattern over names, which this source does not need to know.
        if value and "(" not in value and part_in_name(value)[1] not in {rest for _, rest in found.by_role}:
            raise DataError(unknown("array", value, names, Location(key=("dataset", key))))
    roles: list[PartRoles] = []
    for part in parts or [""]:
        images, labels = found.find(part, image_words), found.find(part, label_words)
        if not images or not labels:
            kind = "labels" if images else "images"
            what = f"there are no {kind}" + (f" of the {part} part" if part else "")
            hint = f'name the array with {"label" if images else "image"} = "…"'
            raise DataError(Problem(what, where, _listed(names), expected, hint))
        columns = {}
        for key, usual in COLUMNS.items():
            option = getattr(options, key)
            # An empty text means no such column, and a text with a bracket is a pattern over names.
            if option == "" or (option and "(" in option):
                continue
            if name := found.find(part, _words(option, usual)):
                columns[key] = name
            elif key != "weight" and (option or any(key in role.columns for role in roles)):
                what = f"there is no array of the {key}s" + (f" of the {part} part" if part else "")
                hint = f'put {key} = "" under [dataset] to use none'
                raise DataError(Problem(what, where, _listed(names), hint=hint))
        roles.append(PartRoles(part, images, labels, columns))
    class_names = found.find("", CLASS_WORDS)
    return Roles(tuple(roles), class_names, tuple(name for name in names if name not in found.used))


def _words(option: str | None, usual: tuple[str, ...]) -> tuple[str, ...]:
    return (part_in_name(option)[1],) if option else usual


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
    return shown or "no array"
