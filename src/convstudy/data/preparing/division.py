"""Divides images into groups, and into training and test images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from convstudy.data.decoded import DecodedImages
from convstudy.data.grouping.assignment import Assigned, Assignment, assign_test, straddling_notes
from convstudy.data.grouping.assignment_file import read_assignment
from convstudy.data.grouping.latest import assign_latest
from convstudy.data.grouping.merging import merged_groups
from convstudy.data.grouping.near_duplicates import near_duplicates
from convstudy.data.images import HOW_TO_CHOOSE, TIMES_AND_GROUPS
from convstudy.data.listing import Listing
from convstudy.data.preparing.labels import Labels
from convstudy.data.preparing.request import DatasetRequest
from convstudy.data.progress import report_progress
from convstudy.data.times import ranked
from convstudy.errors import DataError, Location, Problem
from convstudy.numbers import counted, shortest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Rows = npt.NDArray[np.int64]


WITH_REASONS = 'on_error = "stop" under [dataset] lists them with the reasons'


@dataclass(frozen=True, eq=False)
class GivenParts:
    """The parts that a source gives.

    Attributes:
        train: int64, the positions of the training images; a validation part belongs to them.
        test: int64, the positions of the test images; ``None`` if a test part must be set aside.
        notes: what was decided.
    """

    train: Rows
    test: Rows | None
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Division:
    """Training and test images with their groups.

    Attributes:
        train: int64, the positions of the training images in the listing.
        test: int64, the positions of the test images.
        groups: int64 of shape (n,), the group of each image of the listing; ``None`` without groups.
        notes: what was decided.
        assignment: which images or groups are test images, if they were set aside; ``None`` if the source has parts.
        changes: what has changed in a test part that was set aside earlier.
        times: int64 of shape (n,), the rank of each image of the listing in time; ``None`` without times.
    """

    train: Rows
    test: Rows
    groups: Rows | None
    notes: tuple[str, ...]
    assignment: Assignment | None = None
    changes: tuple[str, ...] = ()
    times: Rows | None = None

    def within(self, used: Rows) -> Division:
        """Return the division without images that are not in ``used``."""
        import numpy as np

        train, test = (rows[np.isin(rows, used)] for rows in (self.train, self.test))
        return replace(self, train=train, test=test)

    def groups_of(self, rows: Rows) -> Rows | None:
        return None if self.groups is None else self.groups[rows]


def divide(
    request: DatasetRequest,
    listing: Listing,
    labels: Labels,
    declared: Sequence[str] | None,
    used: Rows,
    decoded: DecodedImages,
    where: Location,
) -> Division:
    """Divide the images that can be used.

    Args:
        request: the request.
        listing: all images.
        labels: the class of each image of the listing.
        declared: the group of each image of the listing; ``None`` without groups.
        used: the positions of the images that can be used.
        decoded: their pixels.
        where: the place of the dataset in errors.

    Raises:
        DataError: if a part would lack a class, or the assignment file is damaged.
    """
    import numpy as np

    names = [listing.names[row] for row in used.tolist()]
    own_labels = labels.numbers[used]
    if listing.times is not None:
        if declared is not None:
            raise DataError(Problem(TIMES_AND_GROUPS, Location(key=("dataset", "time")), hint=HOW_TO_CHOOSE))
        return _divide_by_time(request, listing, labels, used, where)
    near = None
    if request.duplicates == "group":
        report_progress("compare", 0, len(used))
        near = near_duplicates(decoded.hashes(used), lambda rows: decoded.pixels(used[rows]))
    grouping = merged_groups(len(used), declared and [declared[row] for row in used.tolist()], near)
    notes = grouping.notes(names, own_labels, labels.class_names)
    groups = None
    if grouping.numbers is not None:
        groups = np.full(len(listing), -1, dtype=np.int64)
        groups[used] = grouping.numbers
    given = given_parts(listing, used, where)
    if given.test is not None:
        in_both: tuple[str, ...] = ()
        if grouping.numbers is not None:
            in_both = straddling_notes(
                np.isin(used, given.test), grouping.numbers, grouping.identities(names)
            )
        notes = (*notes, *given.notes, *_on_test_key(request), *in_both)
        division = Division(given.train, given.test, groups, notes)
    else:
        notes += given.notes
        numbers = np.arange(len(used)) if grouping.numbers is None else grouping.numbers
        previous = _previous(request, grouping.identity, grouping.identities(names))
        assigned = assign_test(
            grouping.identities(names),
            grouping.identity,
            numbers,
            own_labels,
            labels.class_names,
            request.test,
            previous,
            Location(key=("dataset", "test")),
        )
        train, test = used[~assigned.is_test], used[assigned.is_test]
        changes = _changes(assigned, previous)
        division = Division(train, test, groups, (*notes, *assigned.notes), assigned.assignment, changes)
    absent = check_parts(labels, division.train, division.test, where)
    return replace(division, notes=(*division.notes, *absent))


def _divide_by_time(
    request: DatasetRequest, listing: Listing, labels: Labels, used: Rows, where: Location
) -> Division:
    """Divide images with times: the latest are test images. There are no groups, and no search for near-duplicates."""
    import numpy as np

    assert listing.times is not None
    names = [listing.names[row] for row in used.tolist()]
    times = np.full(len(listing), -1, dtype=np.int64)
    key = Location(key=("dataset", "time"))
    times[used] = ranked([listing.times[row] or "" for row in used.tolist()], names, key)
    given = given_parts(listing, used, where)
    if given.test is not None:
        note = "Splits are in order of time, so that all verdicts are descriptive only."
        notes = (*given.notes, *_on_test_key(request), note)
        division = Division(given.train, given.test, None, notes, times=times)
    else:
        previous = _previous(request, "image", names)
        assigned = assign_latest(
            names,
            times[used],
            labels.numbers[used],
            labels.class_names,
            request.test,
            previous,
            Location(key=("dataset", "test")),
        )
        train, test = used[~assigned.is_test], used[assigned.is_test]
        changes = _changes(assigned, previous, n_usual=2)
        division = Division(train, test, None, assigned.notes, assigned.assignment, changes, times)
    absent = check_parts(labels, division.train, division.test, where)
    return replace(division, notes=(*division.notes, *absent))


def _on_test_key(request: DatasetRequest) -> tuple[str, ...]:
    """Return a note if the request gives a fraction of test images, and the source has a test part already."""
    if request.test_path is not None or request.test == DatasetRequest.test:
        return ()
    return (f"The key test = {shortest(request.test)} sets no images aside, because there is a test part.",)


def _previous(request: DatasetRequest, identity: str, identities: Sequence[str]) -> Assignment | None:
    """Return the test part that was set aside earlier, or ``None``.

    Raises:
        DataError: if the file is damaged, or was made for other images.
    """
    path = request.assignment
    found = None if path is None else read_assignment(path)
    is_same_kind = found is not None and found.identity == identity  # otherwise the assignment raises
    if found is not None and is_same_kind and found.parts and found.parts.keys().isdisjoint(identities):
        what = "this file sets test images aside, but has none of these images or groups"
        got = f"{next(iter(found.parts))}, and not {identities[0]}"
        hint = "if it belongs to other images, give these another name under [dataset]; otherwise restore or delete it"
        raise DataError(Problem(what, Location(str(path)), got, hint=hint))
    return found


def _changes(assigned: Assigned, previous: Assignment | None, n_usual: int = 1) -> tuple[str, ...]:
    """Return the notes on an assignment if there are more than usual, because images are new, moved or gone."""
    return () if previous is None or len(assigned.notes) <= n_usual else assigned.notes


def given_parts(listing: Listing, used: Rows, where: Location) -> GivenParts:
    """Return the parts of the images that can be used.

    A study draws its own validation images, so a validation part joins the training images. Without a test part, it is
    the test part instead.

    Args:
        listing: all images.
        used: the positions of the images that can be used.
        where: the place of the dataset in errors.

    Raises:
        DataError: if all images are test images, or no image of a test part can be used.
    """
    import numpy as np

    if listing.parts is None:
        return GivenParts(used, None, ())
    parts = np.array([listing.parts[row] for row in used.tolist()])
    is_test, is_validation = parts == "test", parts == "validation"
    n_validation = int(is_validation.sum())
    if is_test.all():
        hint = (
            'add training images; or put parts = "ignore" under [dataset], which sets other test images aside'
        )
        if set(listing.parts) == {"test"}:
            raise DataError(
                Problem("there are no training images: all images are test images", where, hint=hint)
            )
        raise DataError(Problem("no training image can be used", where, hint=WITH_REASONS))
    if is_test.any():
        note = f"{counted(n_validation, 'validation image')} joined the training images"
        why = "a study draws its own validation images"
        notes = (f"{note}, because {why}.",) if n_validation else ()
        return GivenParts(used[~is_test], used[is_test], notes)
    if "test" in listing.parts:  # other images must not silently become the test part
        raise DataError(Problem("no image of the test part can be used", where, hint=WITH_REASONS))
    if n_validation and n_validation < len(used):
        note = f"There is no test part: the {counted(n_validation, 'validation image')} are the test images."
        return GivenParts(used[~is_validation], used[is_validation], (note,))
    if n_validation:
        note = "All images are validation images: they are divided into training and test images."
        return GivenParts(used, None, (note,))
    return GivenParts(used, None, ())


def check_parts(labels: Labels, train: Rows, test: Rows, where: Location) -> tuple[str, ...]:
    """Check that training images have all classes; return notes on classes without test images.

    Args:
        labels: the class of each image of the listing.
        train: the positions of the training images.
        test: the positions of the test images.
        where: the place of the dataset in errors.

    Raises:
        DataError: if a class has no training image, or there are no test images.
    """
    import numpy as np

    n_classes = len(labels.class_names)
    problems = []
    if not len(test):
        problems.append(Problem("there are no test images", where))
    counts = np.bincount(labels.numbers[train], minlength=n_classes)
    for number in np.flatnonzero(counts == 0).tolist():
        if (labels.numbers == number).any():
            what, hint = "training image", "add images of this class to the training part, or remove it"
        else:
            what, hint = (
                "image",
                "add images, or list all classes with images as classes = [...] under [dataset]",
            )
        problems.append(Problem(f'class "{labels.class_names[number]}" has no {what}', where, hint=hint))
    if problems:
        raise DataError(*problems)
    absent = np.flatnonzero(np.bincount(labels.numbers[test], minlength=n_classes) == 0).tolist()
    return tuple(f'Class "{labels.class_names[number]}" has no test image.' for number in absent)
