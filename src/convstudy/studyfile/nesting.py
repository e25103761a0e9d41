"""Whether searches can be nested as they say: images enough, and outer folds that nothing has seen."""

from __future__ import annotations

from convstudy.data.dataset import Dataset
from convstudy.data.splits import Fold, split_sizes
from convstudy.errors import KeyPath
from convstudy.studyfile.draft import Draft
from convstudy.studyfile.study import Search


def check_nested(draft: Draft) -> None:
    """Add to the draft's mistakes what keeps a search from being nested."""
    first: dict[str, str] = {}
    for name, search in draft.searches.items():
        path: KeyPath = ("search", name)
        before = first.setdefault(search.network, name)
        if not search.nested:
            if search.outer_folds is not None:
                what = "outer_folds has no meaning for a search that is not nested"
                hint = "take it out, or set nested = true"
                draft.report((*path, "outer_folds"), what, f"{search.outer_folds}", "nested = true", hint)
            continue
        if before != name:
            draft.report(
                (*path, "nested"),
                f'[search.{before}] chooses values of "{search.network}" before, by all images: to this search no '
                "outer fold would be new",
                "true",
                "nested in the first search of a network",
                f"parameters the keys of both in one search, put [search.{name}] first, or take nested out",
            )
        if draft.head is not None and draft.dataset is not None:
            _check_images(draft, draft.dataset, search, path)


def most_folds(n_images: int, n_classes: int, folds: str = "folds") -> str:
    """Return what is allowed where images are too few for folds; one fold is none."""
    most = n_images // n_classes
    return f"at most {most} {folds}, or more images" if most > 1 else "more images"


def _check_images(draft: Draft, dataset: Dataset, search: Search, path: KeyPath) -> None:
    """Check that there are images enough for the outer folds, and in the training part of each for the inner ones."""
    n_images = min(search.subset_within(draft.subset) or dataset.n_train, dataset.n_train)
    n_outer = search.outer_folds or search.folds
    n_inner, _ = split_sizes(n_images, Fold(0, n_outer, 0))
    if search.outer_folds is not None and n_images // dataset.n_classes < n_outer:
        draft.report(
            (*path, "outer_folds"),
            f"{n_outer} outer folds need {n_outer} images of each class",
            f"{n_images:,} images of {dataset.n_classes} classes",
            most_folds(n_images, dataset.n_classes, "outer folds"),
        )
    elif n_inner // dataset.n_classes < search.folds <= n_images // dataset.n_classes:
        draft.report(
            (*path, "folds"),
            f"{search.folds} folds within an outer one need {search.folds} images of each class",
            f"{n_inner:,} images of {dataset.n_classes} classes train outside of an outer fold",
            most_folds(n_inner, dataset.n_classes),
        )
