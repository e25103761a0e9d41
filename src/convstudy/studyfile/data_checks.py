"""Check the numbers of images of a study: for its metric, its validation part, its folds and its subsets."""

from __future__ import annotations

from convstudy.data.dataset import Dataset
from convstudy.data.split import Holdout
from convstudy.data.splits import split_sizes
from convstudy.errors import KeyPath
from convstudy.metrics import metric_named
from convstudy.numbers import counted
from convstudy.studyfile.draft import Draft
from convstudy.studyfile.nesting import fewer_folds

HALF = ' (half of the rest, with resample = "training")'
FEW_PER_CLASS = 10
"""With fewer training images per class than this, a validation part that is too small needs more images."""


def check_data(draft: Draft) -> None:
    """Check that the dataset has enough images for the subset, the validation set and the folds."""
    if draft.head is None:
        return
    dataset = draft.dataset
    if dataset is None or not _check_subset(draft, dataset, draft.subset, ("study", "subset")):
        return
    metric = metric_named(draft.head.metric)
    if dataset.n_classes < metric.least_classes:
        draft.report(
            ("study", "metric"),
            f"{metric.title} needs {metric.least_classes} or more classes; {dataset.name} has {dataset.n_classes}",
            metric.name,
            hint="choose another metric",
        )
    # This checks only the total numbers of images, which is necessary but not sufficient. check_classes counts each
    # class, but needs the labels.
    halves = draft.head.resample is not None
    split = Holdout(draft.head.validation, 0, draft.subset, half=0 if halves else None)
    n_train, n_validation = split_sizes(dataset.n_train, split)
    if min(n_train, n_validation) < dataset.n_classes:
        has = f"{dataset.name} has {counted(dataset.n_train, 'training image')} of {dataset.n_classes:,} classes"
        draft.report(
            ("study", "validation"),
            "",
            f"{draft.head.validation}, which leaves {n_train:,} for training"
            f"{HALF if halves else ''} and {n_validation:,} for validation",
            f"a fraction that leaves at least {dataset.n_classes} images for training and for validation",
            hint=f"add images: {has}" if dataset.n_train < FEW_PER_CLASS * dataset.n_classes else "",
        )
    for name, search in draft.searches.items():
        path: KeyPath = ("search", name)
        if not _check_subset(draft, dataset, search.subset, (*path, "subset")):
            continue
        n_images = search.subset_within(draft.subset) or dataset.n_train
        if n_images // dataset.n_classes < search.folds:
            draft.report(
                (*path, "folds"),
                f"{search.folds} folds need {search.folds} images of each class",
                f"{n_images:,} images of {dataset.n_classes} classes",
                hint=fewer_folds(n_images // dataset.n_classes),
            )


def _check_subset(draft: Draft, dataset: Dataset, subset: int | None, path: KeyPath) -> bool:
    """Report a subset that is too large or too small for the dataset; return whether it is allowed."""
    if subset is None or dataset.n_classes <= subset <= dataset.n_train:
        return True
    draft.report(
        path,
        "",
        f"{subset}",
        f"an integer in [{dataset.n_classes}, {dataset.n_train}], the numbers of classes and of training images of "
        f"{dataset.name}",
    )
    return False
