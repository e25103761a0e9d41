"""The dataset's images: classes, balance, constant images, duplicates, and the first of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from convstudy.analysis import Analysis
from convstudy.data import Dataset, DatasetStatistics, Images
from convstudy.data.audit.duplicates import NEAR, Pairs
from convstudy.errors import ConvstudyError
from convstudy.numbers import counted, percent, shortest
from convstudy.report import thumbnails
from convstudy.report.class_charts import classes_chart
from convstudy.report.section import Block, Code, Details, Gallery, Heading, Material, Section, Text, Topic
from convstudy.report.table import Column, Table, Value
from convstudy.report.thumbnails import Thumbnail
from convstudy.stats import balance_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Labels = npt.NDArray[np.integer]

N_FIRST_IMAGES = 25


def sections(material: Material) -> Iterator[Section]:
    """Yield the one section."""
    results = material.results
    info = results.dataset
    notes: tuple[str, ...] = ()
    images: Images | None = None
    try:
        # A report downloads nothing.
        images = results.dataset.load(download=False).train
    except ConvstudyError as error:
        notes = (f"The training images are not at hand: {error.problems[0].what}.",)
    test = _test_labels(material.analysis)
    blocks: list[Block] = [_about(info)]
    if images is not None or test is not None:
        classes = class_table(info, images.labels if images else None, test)
        counts = [(str(row[0]), _count(row[1]), _count(row[2])) for row in classes.rows]
        blocks += [classes_chart(counts), Details("Images per class as a table", (classes,))]
    blocks += [Heading("Balance and duplicates"), Text((" ".join(image_words(results.images, info)),))]
    if results.images is not None:
        tables = (parts_table(results.images, info), duplicates_table(results.images, info))
        blocks += [Details(table.title, (table,)) for table in tables if table.rows]
    if images is not None:
        blocks += [Heading("The first training images"), Gallery(_first(images, info), "small")]
    yield Section("data", "Data", tuple(blocks), notes=notes)


def data(material: Material) -> dict[str, Any]:
    """Return what is known of the images."""
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
    """Return the labels of the test images, once the headline's models were scored on them."""
    head = analysis.headline
    found = map(analysis.predictions.of, analysis.tested(head.candidate) if head else ())
    return next((each.labels for each in found if each is not None), None)


def _first(images: Images, info: Dataset) -> tuple[Thumbnail, ...]:
    labels = [info.class_names[int(images.labels[i])] for i in range(min(N_FIRST_IMAGES, len(images)))]
    return tuple(
        Thumbnail(thumbnails.data_uri(images.pixels[i]), f"training image {i}: {label}", label)
        for i, label in enumerate(labels)
    )


def class_table(info: Dataset, train: Labels | None, test: Labels | None) -> Table:
    """Return how many images each class has; labels int (n,), ``None`` where they are not at hand."""
    counts = [None if labels is None else Counter(labels.tolist()) for labels in (train, test)]
    rows: list[tuple[Value, ...]] = [
        (name, *(None if count is None else count[label] for count in counts))
        for label, name in enumerate(info.class_names)
    ]
    columns = (
        Column("class", "Class"),
        Column("train", "Training", "count"),
        Column("test", "Test", "count"),
    )
    caption = f"{info.title}: images per class. The test counts are known once the test set was opened."
    return Table("classes", "Images per class", caption, columns, tuple(rows))


def image_words(statistics: DatasetStatistics | None, info: Dataset) -> tuple[str, ...]:
    """Return in a sentence each what is known of the images, what matters most first."""
    if statistics is None:
        return (
            "The images were not looked over for duplicates yet: a run does so once its test set was opened.",
        )
    return tuple(_sentences(statistics, info))


def _sentences(statistics: DatasetStatistics, info: Dataset) -> Iterator[str]:
    exact, near_duplicates = statistics.exact, statistics.near_duplicates
    if exact.n_pairs:
        told = _told(exact, "a training image too, pixel by pixel", "training images too, pixel by pixel")
        yield f"{told}: on these a model may remember the answer."
    else:
        yield "No test image is a training image too, pixel by pixel."
    if near_duplicates is None:
        yield "So many images look alike that near duplicates could not be looked for."
    elif near_duplicates.n_pairs:
        how = f"(pixels correlate by {shortest(NEAR)} or more)"
        yield f"{_told(near_duplicates, f'nearly a training image {how}', f'nearly training images {how}')}."
    else:
        yield f"None is nearly one either (no pixels correlate by {shortest(NEAR)} or more)."
    for name, part in (("training", statistics.train), ("test", statistics.test)):
        if part.n_repeated:
            labels = (
                f", {part.n_repeated_otherwise:,} of them with another label"
                if part.n_repeated_otherwise
                else ""
            )
            one, many = f"{name} image repeats", f"{name} images repeat"
            yield f"{counted(part.n_repeated, one, many)} the pixels of an earlier one{labels}."
        if part.n_constant:
            one, many = (
                f"{name} image holds one value only and shows",
                f"{name} images hold one value only and show",
            )
            yield f"{counted(part.n_constant, one, many)} nothing."
    balance = balance_of(statistics.train.class_counts)
    largest, smallest = (info.class_names[label] for label in (balance.largest, balance.smallest))
    if math.isinf(balance.ratio):
        yield f"The class {smallest} has no training image at all."
    else:
        yield (
            f"The largest class ({largest}) has {shortest(balance.ratio, 2)} times the training images of the smallest "
            f"({smallest}); by their sizes the {info.n_classes} classes count as "
            f"{shortest(balance.effective, 3)} equal ones."
        )
    guess = statistics.test.class_counts[balance.largest] / statistics.test.n_images
    yield f"Always saying {largest} would get {percent(guess)} of the test images right."


def _told(pairs: Pairs, one: str, many: str) -> str:
    """Return how many test images are in pairs of a kind, and whether their labels agree."""
    told = counted(pairs.n_test, f"test image is {one}", f"test images are {many}")
    told += f", in {counted(pairs.n_pairs, 'pair')}"
    if pairs.n_otherwise_labelled:
        return f"{told}, {pairs.n_otherwise_labelled:,} of them with two labels"
    return told


def parts_table(statistics: DatasetStatistics, info: Dataset) -> Table:
    """Return what is known of the training and the test images."""
    columns = (
        Column("part", "Images"),
        Column("images", "Number", "count"),
        Column("largest", "Largest class"),
        Column("smallest", "Smallest class"),
        Column("ratio", "Largest by smallest", "rate"),
        Column("effective", "As even as so many classes", "rate"),
        Column("majority", "Share of the largest", "percent"),
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
        "A constant image has one value only; a repeated one has the pixels of an earlier one of its part. Files with "
        "labels that name no class, or with damaged images, are refused when they are read."
    )
    return Table("image-facts", "The images looked over", caption, columns, tuple(rows))


def duplicates_table(statistics: DatasetStatistics, info: Dataset) -> Table:
    """Return the first pairs of a test and a training image that are the same, or nearly."""
    columns = (
        Column("kind", "Pixels"),
        Column("test_image", "Test image", "count"),
        Column("test_class", "Its class"),
        Column("train_image", "Training image", "count"),
        Column("train_class", "Its class"),
        Column("correlation", "Correlation", "loss"),
    )
    kinds = (("the same", statistics.exact), ("nearly the same", statistics.near_duplicates))
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
    caption = f"Test images that are training images too, or nearly; images are counted from 0.{some}"
    return Table("duplicates", "Duplicates between training and test images", caption, columns, rows)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None


SECTION = Topic(70, sections, data)
