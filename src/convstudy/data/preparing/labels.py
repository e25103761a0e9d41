"""Class names and class numbers. The list of classes is fixed once, over all labels, before any split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.data.class_names import class_name_problems
from convstudy.data.class_names import shown as quoted
from convstudy.data.listing import Listing, class_order
from convstudy.errors import DataError, Location, Problem, nearest
from convstudy.numbers import counted

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Labels:
    """The class of each image of a listing.

    Attributes:
        class_names: the name of each class.
        numbers: int64 of shape (n,): the class number of each image, or -1 for an image without a label.
        failures: position -> the reason why the label of this image cannot be used.
    """

    class_names: tuple[str, ...]
    numbers: npt.NDArray[np.int64]
    failures: Mapping[int, str]


def labels_of(listing: Listing, classes: tuple[str, ...] | None, where: Location) -> Labels:
    """Return the classes of a listing.

    Args:
        listing: the images.
        classes: the names that the study gives: the labels in another order, or one display name per numeric label.
        where: the place of the dataset in errors.

    Raises:
        DataError: if there are fewer than two classes, or ``classes`` does not fit the labels.
    """
    import numpy as np

    found = {label for label in listing.labels if label is not None and label.strip()}
    # The source defines the list (a class may have no image); labels outside of it are problems.
    order = class_order(found) if listing.class_names is None else listing.class_names
    shown = order
    if classes is not None:
        order, shown = _given(classes, order, found, Location(key=("dataset", "classes")))
    problems = class_name_problems(shown, where)
    if len(shown) < 2:
        n_missing = sum(label is None or not label.strip() for label in listing.labels)
        got = f'only "{shown[0]}"' if shown else "no label"
        got += f"; {counted(n_missing, 'image has', 'images have')} no label" if shown and n_missing else ""
        problems = (Problem("there must be at least two classes", where, got),)
    if problems:
        raise DataError(*problems)
    number = {name: index for index, name in enumerate(order)}
    numbers = np.array([number.get(label or "", -1) for label in listing.labels], dtype=np.int64)
    return Labels(shown, numbers, _failures(listing, numbers))


def _given(
    classes: tuple[str, ...], order: tuple[str, ...], found: set[str], where: Location
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the labels in the order of ``classes``, and the names to show. Classes without images can be left out.

    Raises:
        DataError: if ``classes`` neither lists the labels nor names one class per numeric label.
    """
    if set(classes) == set(order) and len(classes) == len(order):
        return classes, classes
    if set(classes) == found and len(classes) == len(found):
        return classes, classes
    is_numeric = all(name.strip().lstrip("+-").isdigit() for name in order)
    if is_numeric and len(classes) == len(order):
        return order, classes
    missing, unknown = sorted(set(order) - set(classes)), sorted(set(classes) - set(order))
    problems = [f"no {_quoted(missing)}"] if missing else []
    problems += [f"{_quoted(unknown)} without images"] if unknown else []
    raise DataError(
        Problem(
            "the classes must be the labels of the images, in any order",
            where,
            got=" and ".join(problems) or f"{len(classes)} names for {len(order)} labels",
            hint=nearest(unknown[0], missing) if unknown and missing else "",
        )
    )


def _quoted(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(map(quoted, names[:5])) + more


def _failures(listing: Listing, numbers: npt.NDArray[np.int64]) -> dict[int, str]:
    import numpy as np

    failures = {}
    for position in np.flatnonzero(numbers < 0).tolist():
        label = listing.labels[position]
        is_empty = label is None or not label.strip()
        reason = "its label is empty" if is_empty else f'its label "{label}" is not one of the classes'
        failures[position] = listing.faults.get(position, reason)
    return failures
