"""The groups of a dataset: images and groups per class in each fold. A dataset without groups has no such section."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from convstudy.data import Dataset, Fold, PartCounts, Split, part_counts, validation_counts
from convstudy.errors import ConvstudyError
from convstudy.history.results import Results
from convstudy.numbers import counted, shortest_percent
from convstudy.report.section import Block, Details, Material, Section, Text, Topic
from convstudy.report.table import Column, Table, Value

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]

MAX_SPLITS = 20
"""The maximum number of splits of a stage whose counts are shown."""


def sections(material: Material) -> Iterator[Section]:
    results = material.results
    info = results.dataset
    if not info.n_groups:
        return
    try:  # reports must not download data
        labels, groups = info.load_labels("train", download=False), info.load_groups("train", download=False)
    except ConvstudyError as error:
        note = f"The groups are not available: {error.problems[0].reason}."
        yield Section("groups", "Groups", (), notes=(note,))
        return
    assert groups is not None  # true because n_groups is not 0
    blocks: list[Block] = [Text((group_text(part_counts(labels, groups, info.n_classes), info),))]
    for name, title, splits in _split_sets(results):
        for table in split_tables(name, title, splits, labels, groups, info):
            blocks.append(Details(table.title, (table,)))
    yield Section("groups", "Groups", tuple(blocks))


def group_text(counts: PartCounts, info: Dataset) -> str:
    """Return sentences on the groups of the training images."""
    n_mixed = sum(counts.n_groups) - counts.n_groups_in_all
    mixed = "; some groups have images of several classes" if n_mixed else ""
    return (
        f"The {counted(info.n_train, 'training image')} are in {counted(counts.n_groups_in_all, 'group')}{mixed}. No "
        "split divides a group: its images are either training or validation images. Numbers of images therefore "
        "differ between folds. Images of one group are usually not independent, so intervals and tests are on groups."
    )


def _split_sets(results: Results) -> Iterator[tuple[str, str, tuple[Split, ...]]]:
    """Yield a name, a title and the splits of each different set of splits of the plan."""
    seen: set[tuple[Split, ...]] = set()
    for stage in results.plan.stages:
        if stage.question in ("inner", "nested"):
            continue
        splits = tuple(dict.fromkeys(fit.split for fit in stage.candidates[0].fits))[:MAX_SPLITS]
        if splits in seen:
            continue
        seen.add(splits)
        yield f"{len(seen)}", f"{_title(splits[0])} of {stage.key}", splits


def split_tables(
    name: str, title: str, splits: tuple[Split, ...], labels: Integers, groups: Integers, info: Dataset
) -> tuple[Table, Table]:
    """Return a table of the validation images, and one of their groups, per class and split.

    Args:
        name: the number of the set of splits, for the names of the tables.
        title: describes the splits.
        splits: folds, or holdouts with one seed each.
        labels: the labels of all training images, int64 of shape (n,).
        groups: their groups, int64 of shape (n,).
        info: the dataset.
    """
    everything = part_counts(labels, groups, info.n_classes)
    counts = (everything, *validation_counts(labels, groups, splits, info.n_classes))
    columns = (
        Column("class", "Class"),
        Column("all", "All", "count"),
        *(Column(key, text, "count") for key, text in map(_named, splits)),
    )
    images: list[tuple[Value, ...]] = [
        (each, *(count.n_images[label] for count in counts)) for label, each in enumerate(info.class_names)
    ]
    images.append(("all classes", *(sum(count.n_images) for count in counts)))
    in_groups: list[tuple[Value, ...]] = [
        (each, *(count.n_groups[label] for count in counts)) for label, each in enumerate(info.class_names)
    ]
    in_groups.append(("all classes", *(count.n_groups_in_all for count in counts)))
    subset = "" if splits[0].subset is None else f" Only a subset of {splits[0].subset:,} images is used."
    caption = f"Numbers of validation images; the other images of a split are training images.{subset}"
    group_caption = (
        f"Numbers of groups with validation images of a class; a group can have several classes.{subset}"
    )
    return (
        Table(f"images-per-split-{name}", f"Images per class: {title}", caption, columns, tuple(images)),
        Table(
            f"groups-per-split-{name}", f"Groups per class: {title}", group_caption, columns, tuple(in_groups)
        ),
    )


def _title(split: Split) -> str:
    return f"{split.of} folds" if isinstance(split, Fold) else f"{shortest_percent(split.fraction)} held out"


def _named(split: Split) -> tuple[str, str]:
    """Return key and title of the column of a split."""
    if isinstance(split, Fold):
        return f"fold_{split.index + 1}", f"Fold {split.index + 1}"
    return f"seed_{split.seed}", f"Seed {split.seed}"


SECTION = Topic(73, sections)
