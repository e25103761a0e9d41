"""Merge declared groups with near-duplicates: images that are connected by either belong to one group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from convstudy.numbers import counted, listed, percent

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.grouping.near_duplicates import NearDuplicates

LARGE_FRACTION = 0.1
"""A group that near-duplicates have merged is reported as large if it has more than this fraction of all images."""
LARGE_SIZE = 10
"""A group with up to this many images is not reported as large."""
MAX_SHOWN = 5
"""The maximum number of names in a note."""

Identity = Literal["group", "image"]
"""What identifies an image in the file of the test part: its declared group, or its own name."""


@dataclass(frozen=True, eq=False)
class Grouping:
    """The groups of n images.

    Attributes:
        numbers: int64, shape (n,), the group of each image, numbered from 0 in the order of their first image; ``None``
            if no group was declared and there are no near-duplicates. Then each image can be in any part.
        declared: the declared group of each image, or ``None``.
        near: the near-duplicates that were merged, or ``None`` if they were not searched.
    """

    numbers: npt.NDArray[np.int64] | None
    declared: Sequence[str] | None
    near: NearDuplicates | None

    @property
    def identity(self) -> Identity:
        """What identifies an image in the file of the test part."""
        return "image" if self.declared is None else "group"

    def identities(self, names: Sequence[str]) -> Sequence[str]:
        """Return the identity of each image: its declared group, or else its name."""
        return names if self.declared is None else self.declared

    def notes(
        self, names: Sequence[str], labels: npt.NDArray[np.int64], class_names: Sequence[str]
    ) -> tuple[str, ...]:
        """Return what a user must know about the groups, one sentence each.

        Args:
            names: the name of each image.
            labels: int64, shape (n,).
            class_names: the name of each class.
        """
        notes = [
            *_of_declared(self, labels, class_names),
            *_of_near_duplicates(self, names, labels, class_names),
        ]
        return as_sentences(notes)


def as_sentences(notes: Iterable[str]) -> tuple[str, ...]:
    """Return notes with a capital letter and a full stop.

    >>> as_sentences(["one image is blank"])
    ('One image is blank.',)
    """
    return tuple(f"{note[0].upper()}{note[1:]}." for note in notes)


def merged_groups(n_images: int, declared: Sequence[str] | None, near: NearDuplicates | None) -> Grouping:
    """Return the groups of images.

    Args:
        n_images: the number of images.
        declared: the declared group of each image; ``None`` if no groups are declared.
        near: the near-duplicates, which count as one group; ``None`` keeps them separate.

    >>> merged_groups(4, ["ann", "bob", "ann", "cid"], None).numbers.tolist()
    [0, 1, 0, 2]
    """
    import numpy as np
    from scipy import sparse

    from convstudy.data.parts import numbered

    pairs = np.empty((0, 2), dtype=np.int64) if near is None else near.pairs
    if declared is None and not len(pairs):
        return Grouping(None, None, near)
    numbers: dict[str, int] = {}
    own = (
        np.arange(n_images, dtype=np.int64)
        if declared is None
        else np.array([numbers.setdefault(group, len(numbers)) for group in declared], dtype=np.int64)
    )
    ends = own[pairs]
    n_own = int(own.max()) + 1
    edges = sparse.coo_array((np.ones(len(ends), dtype=bool), (ends[:, 0], ends[:, 1])), (n_own, n_own))
    _, merged = sparse.csgraph.connected_components(edges, directed=False)
    return Grouping(numbered(merged[own]), declared, near)


def _of_declared(grouping: Grouping, labels: npt.NDArray[np.int64], class_names: Sequence[str]) -> list[str]:
    """Return notes about the declared groups."""
    if grouping.declared is None:
        return []
    classes: dict[str, set[int]] = {}
    for group, label in zip(grouping.declared, labels.tolist(), strict=True):
        classes.setdefault(group, set()).add(label)
    mixed = [group for group, found in classes.items() if len(found) > 1]
    notes = [f"{counted(len(grouping.declared), 'image')} in {counted(len(classes), 'group')}"]
    if mixed:
        example = listed([class_names[label] for label in sorted(classes[mixed[0]])], most=MAX_SHOWN)
        has = "group has" if len(mixed) == 1 else "groups have"
        notes.append(
            f"{len(mixed):,} {has} images of several classes (allowed), such as {mixed[0]}: {example}"
        )
    return notes


def _of_near_duplicates(
    grouping: Grouping, names: Sequence[str], labels: npt.NDArray[np.int64], class_names: Sequence[str]
) -> list[str]:
    """Return notes about what near-duplicates have merged."""
    import numpy as np

    near, numbers = grouping.near, grouping.numbers
    if near is None:
        return []
    notes = []
    n_blank = int(near.is_blank.sum())
    if n_blank:
        notes.append(
            f"{counted(n_blank, 'image is', 'images are')} blank (all pixels equal); blank images are not merged into "
            "one group"
        )
    if not near.is_complete:
        notes.append(
            "very many images look alike: the search for near-duplicates ended early, and some of them may be in "
            "different groups"
        )
    if numbers is None or not len(near.pairs):
        return notes
    in_pair = np.unique(near.pairs)
    sets = Counter(numbers[in_pair].tolist())
    notes.append(
        f"{counted(len(in_pair), 'image')} in {counted(len(sets), 'set')} of near-duplicates "
        f"({near.n_exact:,} with pixels equal to an earlier image): each set is one group, so that it is not divided"
    )
    # The size of a merged group includes the images that its declared groups bring.
    sizes = np.bincount(numbers)
    largest = max(sets, key=lambda group: (int(sizes[group]), -group))
    rows = np.flatnonzero(numbers == largest)
    notes.append(f"the largest such group has {_size(rows, names)}{_declared(grouping, rows)}")
    if len(rows) > max(LARGE_FRACTION * len(names), LARGE_SIZE):
        notes.append(
            f"this group has {percent(len(rows) / len(names), 0)} of all images: a chain of similar images may have "
            'merged images that are not copies; if so, set duplicates = "separate"'
        )
    pairs = labels[near.pairs]
    differ = np.flatnonzero(pairs[:, 0] != pairs[:, 1])
    if len(differ):
        first, second = near.pairs[differ[0]].tolist()
        notes.append(
            f"near-duplicates have different labels, such as {names[first]} ({class_names[labels[first]]}) and "
            f"{names[second]} ({class_names[labels[second]]})"
        )
    return notes


def _size(rows: npt.NDArray[np.int64], names: Sequence[str]) -> str:
    shown = [names[row] for row in rows[: MAX_SHOWN + 1].tolist()]
    more = len(rows) - MAX_SHOWN
    if len(rows) > MAX_SHOWN + 1:
        shown = [*shown[:MAX_SHOWN], f"{more:,} more"]
    return f"{counted(len(rows), 'image')}: {listed(shown)}"


def _declared(grouping: Grouping, rows: npt.NDArray[np.int64]) -> str:
    """Return the declared groups that near-duplicates have merged into one, as an addition to a sentence."""
    if grouping.declared is None:
        return ""
    merged = list(dict.fromkeys(grouping.declared[row] for row in rows.tolist()))
    return f" (groups {listed(merged, most=MAX_SHOWN)})" if len(merged) > 1 else ""
