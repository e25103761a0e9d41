"""Check nested searches: enough images, and outer folds that no earlier search has used."""

from __future__ import annotations

from convstudy.data.dataset import Dataset
from convstudy.data.split import Fold
from convstudy.data.splits import split_sizes
from convstudy.errors import KeyPath
from convstudy.studyfile.draft import Draft
from convstudy.studyfile.study import Search


def check_nested(draft: Draft) -> None:
    """Add an error to the draft for each search that cannot be nested."""
    first: dict[str, str] = {}
    for name, search in draft.searches.items():
        path: KeyPath = ("search", name)
        before = first.setdefault(search.network, name)
        if not search.nested:
            if search.outer_folds is not None:
                what = "a search that is not nested has no outer folds"
                draft.report((*path, "outer_folds"), what, hint="remove the key, or set nested = true")
            continue
        if before != name:
            draft.report(
                (*path, "nested"),
                f'[search.{before}] chooses values of "{search.network}" first, with all images; this search then '
                "has no outer fold of unseen images",
                hint=f"join the two searches, put [search.{name}] first, or remove nested",
            )
        if draft.head is not None and draft.dataset is not None:
            _check_images(draft, draft.dataset, search, path)


def fewer_folds(most: int, folds: str = "folds", more: str = "images") -> str:
    """Return a hint for a number of folds above ``most``. One fold is not possible."""
    return f"use at most {most} {folds}, or more {more}" if most > 1 else f"use more {more}"


def _check_images(draft: Draft, dataset: Dataset, search: Search, path: KeyPath) -> None:
    """Check that there are enough images for the outer folds and, without each outer fold, for the inner folds."""
    n_images = min(search.subset_within(draft.subset) or dataset.n_train, dataset.n_train)
    n_outer = search.outer_folds or search.folds
    # Fold 0 is the largest, so that it leaves the fewest images for the inner folds.
    n_inner, _ = split_sizes(n_images, Fold(0, n_outer, 0))
    if search.outer_folds is not None and n_images // dataset.n_classes < n_outer:
        draft.report(
            (*path, "outer_folds"),
            f"{n_outer} outer folds need {n_outer} images of each class",
            f"{n_images:,} images of {dataset.n_classes} classes",
            hint=fewer_folds(n_images // dataset.n_classes, "outer folds"),
        )
    elif n_inner // dataset.n_classes < search.folds <= n_images // dataset.n_classes:
        draft.report(
            (*path, "folds"),
            f"{search.folds} folds outside an outer fold need {search.folds} images of each class",
            f"{n_inner:,} images of {dataset.n_classes} classes",
            hint=fewer_folds(n_inner // dataset.n_classes),
        )
