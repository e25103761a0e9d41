"""Set aside a test part by group, once, and keep it when images are added, changed or removed.

The first assignment is stratified and balanced (:mod:`.parts`). It is kept in a file (:mod:`.assignment_file`). Later:

- An image whose identity is known stays in its part.
- A new group is assigned by a hash of its identity. Its part does not depend on the order or number of other images.
- If near-duplicates merge a group with one of the test part, all of it joins the test part: a model must not be trained
  on copies of test images.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from convstudy.data.grouping.merging import as_sentences
from convstudy.data.images import Part
from convstudy.errors import NOWHERE, DataError, Location, Problem
from convstudy.numbers import counted, listed, shortest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.grouping.merging import Identity

    Integers = npt.NDArray[np.int64]

SEED = 0
"""The seed of the first assignment; fixed, so that the test part cannot be chosen to suit a model."""
N_PARTS = 3
"""Each class needs this many groups: one to train on, one to validate on, and one to test on."""
N_SHARES = 1000
"""The fraction of the test part is rounded to a multiple of 1 / 1000."""
MAX_SHOWN = 5
"""The maximum number of names in a note."""


@dataclass(frozen=True)
class Assignment:
    """The part of each group (or image) of a dataset whose test part convstudy has set aside.

    Args:
        identity: what the keys of ``parts`` are: declared groups, or names of images.
        fraction: the fraction of test images, in (0, 1).
        parts: identity -> "train" or "test". Identities that no longer exist stay, so that they keep their part if they
            return.
        file: the name of the file that the assignment was read from, for errors.
    """

    identity: Identity
    fraction: float
    parts: Mapping[str, Part]
    file: str = field(default="the file of the test part", compare=False)


@dataclass(frozen=True, eq=False)
class Assigned:
    """The part of each image.

    Attributes:
        is_test: bool, shape (n,).
        assignment: what to write to the file; equal to the previous assignment if nothing has changed.
        notes: what a user must know, one sentence each.
    """

    is_test: npt.NDArray[np.bool_]
    assignment: Assignment
    notes: tuple[str, ...]


def assign_test(
    identities: Sequence[str],
    identity: Identity,
    groups: Integers,
    labels: Integers,
    class_names: Sequence[str],
    fraction: float,
    previous: Assignment | None,
    where: Location = NOWHERE,
) -> Assigned:
    """Return the part of each image, so that no group is in both parts and each class is in both.

    Args:
        identities: the identity of each image: its declared group, or else its name.
        identity: which of the two it is.
        groups: int64, shape (n,), the group of each image, near-duplicates merged; images of one identity share it.
        labels: int64, shape (n,), each in [0, ``len(class_names)``).
        class_names: the name of each class.
        fraction: the fraction of test images.
        previous: the earlier assignment of this dataset; ``None`` makes the first one.
        where: the place of errors, such as the key ``dataset.test``.

    Raises:
        DataError: if a class has images in one part only, or ``previous`` was made for other keys.
    """
    if previous is None:
        _check_groups(identity, groups, labels, class_names, where)
        is_test = _first(groups, labels, fraction)
        notes: list[str] = []
    else:
        check_same_keys(previous, identity, fraction, where)
        is_test, notes = _again(identities, groups, previous)
    check_both_parts(is_test, labels, class_names, where, previous)
    found: dict[str, Part] = {} if previous is None else dict(previous.parts)
    found |= {
        name: "test" if test else "train" for name, test in zip(identities, is_test.tolist(), strict=True)
    }
    counts = f"{counted(int(is_test.sum()), 'image')} of {len(is_test):,}"
    if previous is None:
        notes.append(f"{counts} are set aside as the test part, by {identity} and with balanced classes")
    else:
        notes.insert(0, f"{counts} are in the test part, which was set aside earlier")
    return Assigned(is_test, Assignment(identity, fraction, found), as_sentences(notes))


def hashed_part(name: str, fraction: float) -> Part:
    """Return the part of a new identity, which depends on its name and the fraction alone.

    >>> [hashed_part(name, 0.5) for name in ("ann", "bob", "cid", "dan")]
    ['train', 'test', 'train', 'test']
    """
    digest = hashlib.sha256(f"convstudy test part\n{name}".encode("utf-8", "surrogatepass")).digest()
    return "test" if int.from_bytes(digest[:8], "big") < fraction * 2**64 else "train"


def _first(groups: Integers, labels: Integers, fraction: float) -> npt.NDArray[np.bool_]:
    """Return the test images of the first assignment."""
    from convstudy.data.grouping.parts import parts_of_groups

    n_test = min(max(int(fraction * N_SHARES + 0.5), 1), N_SHARES - 1)
    is_test: npt.NDArray[np.bool_] = parts_of_groups(labels, groups, [N_SHARES - n_test, n_test], SEED) == 1
    return is_test


def _again(
    identities: Sequence[str], groups: Integers, previous: Assignment
) -> tuple[npt.NDArray[np.bool_], list[str]]:
    """Return the test images of a later assignment, and notes about what has changed."""
    import numpy as np

    names: dict[int, dict[str, None]] = {}  # the identities of each group, in order
    for name, group in zip(identities, groups.tolist(), strict=True):
        names.setdefault(group, {})[name] = None
    in_test: set[int] = set()
    new: list[str] = []
    following: list[str] = []
    joined: list[str] = []
    for group, members in names.items():
        known = [previous.parts[name] for name in members if name in previous.parts]
        added = [name for name in members if name not in previous.parts]
        (following if known else new).extend(added)
        # A group with several new identities follows the first by name, so that its part is independent of their order.
        part = "test" if "test" in known else "train" if known else hashed_part(min(added), previous.fraction)
        if part == "test":
            in_test.add(group)
            joined += [name for name in members if previous.parts.get(name) == "train"]
    gone = sorted(previous.parts.keys() - set(identities))
    notes = []
    what = previous.identity
    if new:
        notes.append(f"{_counted(new, what)} new and assigned by a hash of the name: {_shown(new)}")
    if following:
        notes.append(
            f"{_counted(following, what)} new and in the part of near-duplicates that were known: "
            f"{_shown(following)}"
        )
    if joined:
        notes.append(
            f"{_counted(joined, what)} moved from the training to the test part, because near-duplicates connect "
            f"{'it' if len(joined) == 1 else 'them'} with test images: {_shown(joined)}"
        )
    if gone:
        n_test = sum(previous.parts[name] == "test" for name in gone)
        notes.append(f"{_counted(gone, what)} no longer there, {n_test:,} of the test part: {_shown(gone)}")
    return np.isin(groups, np.array(sorted(in_test), dtype=np.int64)), notes


def _counted(names: list[str], what: str) -> str:
    return counted(len(names), f"{what} is", f"{what}s are")


def _shown(names: list[str]) -> str:
    return listed(sorted(names), most=MAX_SHOWN)


def check_same_keys(previous: Assignment, identity: Identity, fraction: float, where: Location) -> None:
    """Raise :class:`DataError` if an assignment was made for other keys of the study file."""
    hint = f"restore the key; or delete {previous.file}, which sets aside other images for the test"
    if previous.fraction != fraction:
        got, expected = shortest(fraction), f"{shortest(previous.fraction)}, as in {previous.file}"
        raise DataError(Problem(where=where, got=got, expected=expected, hint=hint))
    if previous.identity != identity:
        what = f"the test part was set aside by {previous.identity}, but images now have "
        what += "groups" if identity == "group" else "no groups"
        raise DataError(Problem(what, where, hint=hint))


def _check_groups(
    identity: Identity, groups: Integers, labels: Integers, class_names: Sequence[str], where: Location
) -> None:
    """Raise :class:`DataError` with each class that has too few groups (or images) for three parts."""
    import numpy as np

    cells = np.unique(np.column_stack((labels, groups)), axis=0)
    counts = np.bincount(cells[:, 0], minlength=len(class_names))
    few = np.flatnonzero((counts > 0) & (counts < N_PARTS)).tolist()
    if few:
        unit = "groups" if identity == "group" else "images that are not near-duplicates"
        what = f"each class needs {N_PARTS} {unit}, to train, to validate and to test"
        got = listed([f"{counts[label]} of class {class_names[label]}" for label in few], most=MAX_SHOWN)
        hint = "add groups of the class, or leave the class out"
        if identity == "image":
            hint = (
                "add other images of the class (copies do not count), leave the class out, or set duplicates = "
                '"separate"'
            )
        raise DataError(Problem(what, where, got, hint=hint))


def check_both_parts(
    is_test: npt.NDArray[np.bool_],
    labels: Integers,
    class_names: Sequence[str],
    where: Location,
    previous: Assignment | None,
) -> None:
    """Raise :class:`DataError` with each class that has no test images, or no training images."""
    import numpy as np

    there = np.bincount(labels, minlength=len(class_names)) > 0
    problems = []
    for rows, part in ((is_test, "test"), (~is_test, "train")):
        counts = np.bincount(labels[rows], minlength=len(class_names))
        absent = [class_names[label] for label in np.flatnonzero(there & (counts == 0)).tolist()]
        if absent:
            what = f"each class needs {'test' if part == 'test' else 'training'} images"
            got = f"none of class {listed(absent, most=MAX_SHOWN)}"
            hint = "use other groups, or name a test part of your own"
            if previous is not None:
                unit = f"{previous.identity}s"
                hint = f"write {part} in the line of one of its {unit} in {previous.file}, or add {unit}"
            problems.append(Problem(what, where, got, hint=hint))
    if problems:
        raise DataError(*problems)


def straddling_notes(
    is_test: npt.NDArray[np.bool_], groups: Integers, identities: Sequence[str]
) -> tuple[str, ...]:
    """Return a note about groups that are in both of two given parts, if there are any.

    A test part that a dataset comes with is kept, although copies of its images in the training part make scores too
    good.

    Args:
        is_test: bool, shape (n,).
        groups: int64, shape (n,), near-duplicates merged.
        identities: the identity of each image, see :func:`assign_test`.
    """
    import numpy as np

    both = np.intersect1d(groups[is_test], groups[~is_test])
    if not len(both):
        return ()
    rows = np.flatnonzero(np.isin(groups, both))
    n_test = int(is_test[rows].sum())
    names = list(dict.fromkeys(identities[row] for row in rows.tolist()))
    note = (
        f"{counted(len(both), 'group is', 'groups are')} in both the given training part and the given test part, with "
        f"{counted(n_test, 'test image')}, such as {_shown(names)}: test scores will be too good"
    )
    return as_sentences([note])
