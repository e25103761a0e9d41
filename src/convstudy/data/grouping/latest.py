"""Set aside the latest images as the test part, once, and keep it when images are added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from convstudy.data.grouping.assignment import (
    MAX_SHOWN,
    Assigned,
    Assignment,
    check_both_parts,
    check_same_keys,
)
from convstudy.data.grouping.merging import as_sentences
from convstudy.data.images import Part
from convstudy.data.time_order import blocks_of
from convstudy.errors import NOWHERE, DataError, Location
from convstudy.numbers import counted, listed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]


def assign_latest(
    names: Sequence[str],
    times: Integers,
    labels: Integers,
    class_names: Sequence[str],
    fraction: float,
    previous: Assignment | None,
    where: Location = NOWHERE,
) -> Assigned:
    """Return the part of each image: the latest images are test images; images of one time have one part.

    Images that are known from ``previous`` stay in their part. A new image is a test image if it is not earlier than
    the first test image.

    Args:
        names: the name of each image.
        times: int64, shape (n,), the rank of each image in time.
        labels: int64, shape (n,), each in [0, ``len(class_names)``).
        class_names: the name of each class.
        fraction: the fraction of test images.
        previous: the earlier assignment of this dataset; ``None`` makes the first one.
        where: the place of errors.

    Raises:
        DataError: if all images have one time, a class has images in one part only, or ``previous`` was made for other
            keys.
    """
    import numpy as np

    if previous is None:
        try:
            is_test: npt.NDArray[np.bool_] = blocks_of(times, [1 - fraction]) == 1
        except DataError as error:
            key = Location(key=("dataset", "time"))
            raise DataError(*(replace(problem, where=key) for problem in error.problems)) from None
        note = f"the latest {counted(int(is_test.sum()), 'image')} of {len(names):,} are set aside as the test part"
        notes = [note]
    else:
        check_same_keys(previous, "image", fraction, where)
        known = np.array([name in previous.parts for name in names])
        was_test = np.array([previous.parts.get(name) == "test" for name in names])
        # Without any known test image, all new images after the training images are test images.
        start = times[was_test].min() if was_test.any() else times[known].max(initial=-1) + 1
        is_test = np.where(known, was_test, times >= start)
        notes = [
            f"{counted(int(is_test.sum()), 'image')} of {len(names):,} are in the test part, set aside earlier"
        ]
        new = [name for name, there in zip(names, known.tolist(), strict=True) if not there]
        if new:
            shown = listed(sorted(new), most=MAX_SHOWN)
            notes.append(f"{counted(len(new), 'image is', 'images are')} new and assigned by time: {shown}")
        gone = sorted(previous.parts.keys() - set(names))
        if gone:
            shown = listed(gone, most=MAX_SHOWN)
            notes.append(f"{counted(len(gone), 'image is', 'images are')} no longer there: {shown}")
    check_both_parts(is_test, labels, class_names, where, previous)
    notes.append("splits are in order of time, so that all verdicts are descriptive only")
    found: dict[str, Part] = {} if previous is None else dict(previous.parts)
    found |= {name: "test" if test else "train" for name, test in zip(names, is_test.tolist(), strict=True)}
    return Assigned(is_test, Assignment("image", fraction, found), as_sentences(notes))
