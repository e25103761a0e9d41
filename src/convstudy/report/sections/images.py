"""The dataset: images per class, class balance, constant images, duplicates and example images."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from convstudy.analysis import Analysis
from convstudy.data import Dataset, DatasetStatistics, Images
from convstudy.data.audit.duplicates import MIN_CORRELATION, Pairs
from convstudy.data.preparing.summary import PreparedSummary
from convstudy.data.sources.prepared import PreparedSource
from convstudy.errors import ConvstudyError
from convstudy.numbers import counted, percent, shortest
from convstudy.report import thumbnails
from convstudy.report.class_charts import classes_chart
from convstudy.report.data_text import file_facts, left_out
from convstudy.report.samples import reduced, rows_in_turn
from convstudy.report.section import (
    Block,
    Code,
    Details,
    Facts,
    Gallery,
    Heading,
    Items,
    Material,
    Section,
    Text,
    Topic,
)
from convstudy.report.table import Column, Table, Value
from convstudy.report.thumbnails import Thumbnail
from convstudy.stats import balance_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Labels = npt.NDArray[np.integer]

N_SAMPLES = 25


def sections(material: Material) -> Iterator[Section]:
    results = material.results
    info = results.dataset
    notes: tuple[str, ...] = ()
    images: Images | None = None
    try:
        # Reports must not download data.
        images = results.dataset.load(download=False).train
    except ConvstudyError as error:
        notes = (f"The training images are not available: {error.problems[0].reason}.",)
    test = _test_labels(material.analysis)
    summary = info.source.known_summary() if isinstance(info.source, PreparedSource) else None
    blocks: list[Block] = [_about(info), *files_blocks(summary)]
    if images is not None or test is not None:
        classes = class_table(info, images.labels if images else None, test, summary)
        counts = [(str(row[0]), _count(row[1]), _count(row[2])) for row in classes.rows]
        blocks += [classes_chart(counts), Details("Images per class as a table", (classes,))]
    blocks += [Heading("Class balance and duplicates"), Text((" ".join(image_text(results.images, info)),))]
    if results.images is not None:
        tables = (parts_table(results.images, info), duplicates_table(results.images, info))
        blocks += [Details(table.title, (table,)) for table in tables if table.rows]
    if images is not None:
        blocks += [Heading("Training images"), Gallery(_samples(images, info), "small")]
    yield Section("data", "Dataset", tuple(blocks), notes=notes)


def files_blocks(summary: PreparedSummary | None) -> Iterator[Block]:
    """Yield what is known about the files of a user's images, before decoding."""
    if summary is None:
        return
    yield from (Text((warning,), "warning") for warning in summary.warnings)
    yield Facts(file_facts(summary))
    if summary.notes:
        yield Details("Decisions when the images were read", (Items(summary.notes),))
    if names := left_out(summary):
        yield Details("Images that were left out", (Items(names),))


def data(material: Material) -> dict[str, Any]:
    """Return the dataset's statistics, ``None`` before the test set is evaluated."""
    return {"images": material.results.images.as_json() if material.results.images else None}


def _about(info: Dataset) -> Text:
    shape = " × ".join(map(str, info.image_shape))
    return Text(
        (
            f"{info.title}: {info.n_train:,} training and {info.n_test:,} test images of {shape}, {info.n_classes} "
            "classes. Digest ",
            Code(info.digest[:16]),
            ".",
        )
    )


def _test_labels(analysis: Analysis) -> Labels | None:
    """Return the test labels if the candidate that the report shows in detail was evaluated on the test set."""
    head = analysis.headline
    found = map(analysis.predictions.of, analysis.tested_fit_ids(head.candidate) if head else ())
    return next((each.labels for each in found if each is not None), None)


def _samples(images: Images, info: Dataset) -> tuple[Thumbnail, ...]:
    """Return images of each class, the classes in order."""
    rows = rows_in_turn(images.labels, info.n_classes, N_SAMPLES)
    rows.sort(key=lambda row: (int(images.labels[row]), row))
    labels = [info.class_names[int(images.labels[row])] for row in rows]
    return tuple(
        Thumbnail(thumbnails.data_uri(reduced(images.pixels[row])), f"training image {row}: {label}", label)
        for row, label in zip(rows, labels, strict=True)
    )


def class_table(
    info: Dataset, train: Labels | None, test: Labels | None, summary: PreparedSummary | None = None
) -> Table:
    """Return the number of images per class, and of groups if there are any.

    Args:
        info: the dataset.
        train: training labels, int of shape (n,); ``None`` if they are not available.
        test: test labels, in the same form.
        summary: what was found when a user's images were prepared.
    """
    counts = [None if labels is None else Counter(labels.tolist()) for labels in (train, test)]
    rows: list[tuple[Value, ...]] = [
        (name, *(None if count is None else count[label] for count in counts))
        for label, name in enumerate(info.class_names)
    ]
    columns: tuple[Column, ...] = (
        Column("class", "Class"),
        Column("train", "Training", "count"),
        Column("test", "Test", "count"),
    )
    caption = "Number of images of each class."
    if test is None:
        caption += " The column “Test” is empty until the test set has been evaluated."
    groups = summary.parts["train"].group_counts if summary is not None else None
    if groups is not None:
        columns = (*columns, Column("train_groups", "Training groups", "count"))
        rows = [(*row, n) for row, n in zip(rows, groups, strict=True)]
        caption += " A group is never divided between training and validation images."
    return Table("classes", "Images per class", caption, columns, tuple(rows))


def image_text(statistics: DatasetStatistics | None, info: Dataset) -> tuple[str, ...]:
    """Return sentences on duplicates, constant images and class balance."""
    if statistics is None:
        return ("A run searches for duplicates after its test-set evaluations.",)
    return tuple(_sentences(statistics, info))


def _sentences(statistics: DatasetStatistics, info: Dataset) -> Iterator[str]:
    exact, near_duplicates = statistics.exact, statistics.near_duplicates
    if exact.n_pairs:
        pairs = _pairs_text(exact, "an exact copy of a training image", "exact copies of training images")
        yield f"{pairs}. A model may have memorised their labels."
    else:
        yield "No test image is an exact copy of a training image."
    rule = f"(pixel correlation of {shortest(MIN_CORRELATION)} or more)"
    if near_duplicates is None:
        yield "Too many images look alike to search for near-duplicates."
    elif near_duplicates.n_pairs:
        one, many = "a near-duplicate of a training image", "near-duplicates of training images"
        yield f"{_pairs_text(near_duplicates, f'{one} {rule}', f'{many} {rule}')}."
    else:
        yield f"No test image is a near-duplicate {rule}."
    for name, part in (("training", statistics.train), ("test", statistics.test)):
        if part.n_repeated:
            labels = (
                f", {part.n_repeated_otherwise:,} of them with another label"
                if part.n_repeated_otherwise
                else ""
            )
            one, many = f"{name} image has", f"{name} images have"
            same = f"the same pixels as an earlier {name} image"
            yield f"{counted(part.n_repeated, one, many)} {same}{labels}."
        if part.n_constant:
            one, many = f"{name} image is constant", f"{name} images are constant"
            yield f"{counted(part.n_constant, one, many)}: all pixels have one value."
    balance = balance_of(statistics.train.class_counts)
    largest, smallest = (info.class_names[label] for label in (balance.largest, balance.smallest))
    if math.isinf(balance.ratio):
        yield f"Class {smallest} has no training images."
    elif balance.ratio == 1:
        yield "All classes have the same number of training images."
    else:
        yield (
            f"The largest class, “{largest}”, has {shortest(balance.ratio, 2)} times the number of training images of "
            f"the smallest, “{smallest}”. The effective number of classes (the number of equally large classes with "
            f"the same entropy) is {shortest(balance.effective, 3)} of {info.n_classes}."
        )
    guess = statistics.test.class_counts[balance.largest] / statistics.test.n_images
    yield f"Always predicting “{largest}” would reach a test accuracy of {percent(guess)}."


def _pairs_text(pairs: Pairs, one: str, many: str) -> str:
    text = counted(pairs.n_test, f"test image is {one}", f"test images are {many}")
    n_pairs = counted(pairs.n_pairs, "pair")
    if pairs.n_otherwise_labelled:
        return f"{text}; in {pairs.n_otherwise_labelled:,} of {n_pairs}, the labels differ"
    return f"{text} ({n_pairs})" if pairs.n_pairs > pairs.n_test else text


def parts_table(statistics: DatasetStatistics, info: Dataset) -> Table:
    """Return a table with statistics of the training and the test images."""
    columns = (
        Column("part", "Images"),
        Column("images", "Number", "count"),
        Column("largest", "Largest class"),
        Column("smallest", "Smallest class"),
        Column("ratio", "Imbalance ratio", "rate"),
        Column("effective", "Effective classes", "rate"),
        Column("majority", "Proportion of the largest", "percent"),
        Column("constant", "Constant", "count"),
        Column("repeated", "Repeated", "count"),
        Column("repeated_otherwise", "Repeated, other label", "count"),
    )
    rows: list[tuple[Value, ...]] = []
    for name, part in (("training", statistics.train), ("test", statistics.test)):
        balance = balance_of(part.class_counts)
        rows.append(
            (
                name,
                part.n_images,
                info.class_names[balance.largest],
                info.class_names[balance.smallest],
                None if math.isinf(balance.ratio) else balance.ratio,
                balance.effective,
                balance.majority,
                part.n_constant,
                part.n_repeated,
                part.n_repeated_otherwise,
            )
        )
    caption = (
        "Imbalance ratio: size of the largest class divided by that of the smallest. Effective classes: the number of "
        "equally large classes with the same entropy. Constant images have one pixel value. Repeated images have the "
        "same pixels as an earlier image of the same set (training or test)."
    )
    return Table("image-statistics", "Image statistics", caption, columns, tuple(rows))


def duplicates_table(statistics: DatasetStatistics, info: Dataset) -> Table:
    """Return a table of the first duplicate pairs of a test and a training image."""
    columns = (
        Column("kind", "Kind"),
        Column("test_image", "Test image", "count"),
        Column("test_class", "Its class"),
        Column("train_image", "Training image", "count"),
        Column("train_class", "Its class"),
        Column("correlation", "Correlation", "loss"),
    )
    kinds = (("exact copy", statistics.exact), ("near-duplicate", statistics.near_duplicates))
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (
            kind,
            pair.test_row,
            info.class_names[pair.test_label],
            pair.train_row,
            info.class_names[pair.train_label],
            pair.correlation,
        )
        for kind, pairs in kinds
        if pairs is not None
        for pair in pairs.shown
    )
    n_pairs = sum(pairs.n_pairs for _, pairs in kinds if pairs is not None)
    some = f" The first {len(rows)} of {n_pairs:,} pairs." if n_pairs > len(rows) else ""
    caption = f"Image numbers start at 0.{some}"
    return Table("duplicates", "Duplicates between training and test images", caption, columns, rows)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None


SECTION = Topic(70, sections, data)
