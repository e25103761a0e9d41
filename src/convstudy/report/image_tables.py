"""What is known of the dataset's images, in words and as tables: balance of classes, constant images, duplicates."""

from __future__ import annotations

import math
from collections.abc import Iterator

from convstudy.data import Dataset, ImageFacts
from convstudy.data.audit.duplicates import NEAR, Pairs
from convstudy.figures import counted, percent
from convstudy.report.table import Column, Table, Value
from convstudy.stats import balance_of


def image_words(facts: ImageFacts | None, info: Dataset) -> tuple[str, ...]:
    """Return in a sentence each what is known of the images, what matters most first."""
    if facts is None:
        return (
            "The images were not looked over for duplicates yet: a run does so once its test set was opened.",
        )
    return tuple(_sentences(facts, info))


def _sentences(facts: ImageFacts, info: Dataset) -> Iterator[str]:
    exact, near = facts.exact, facts.near
    if exact.n_pairs:
        told = _told(exact, "a training image too, pixel by pixel", "training images too, pixel by pixel")
        yield f"{told}: on these a model may remember the answer."
    else:
        yield "No test image is a training image too, pixel by pixel."
    if near is None:
        yield "So many images look alike that near duplicates could not be looked for."
    elif near.n_pairs:
        how = f"(pixels correlate by {NEAR:g} or more)"
        yield f"{_told(near, f'nearly a training image {how}', f'nearly training images {how}')}."
    else:
        yield f"None is nearly one either (no pixels correlate by {NEAR:g} or more)."
    for name, part in (("training", facts.train), ("test", facts.test)):
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
    balance = balance_of(facts.train.class_counts)
    largest, smallest = (info.class_names[label] for label in (balance.largest, balance.smallest))
    if math.isinf(balance.ratio):
        yield f"The class {smallest} has no training image at all."
    else:
        yield (
            f"The largest class ({largest}) has {balance.ratio:.2g} times the training images of the smallest "
            f"({smallest}); by their sizes the {info.n_classes} classes count as {balance.effective:.3g} equal ones."
        )
    guess = facts.test.class_counts[balance.largest] / facts.test.n_images
    yield f"Always saying {largest} would get {percent(guess)} of the test images right."


def _told(pairs: Pairs, one: str, many: str) -> str:
    """Return how many test images are in pairs of a kind, and whether their labels agree."""
    told = counted(pairs.n_test, f"test image is {one}", f"test images are {many}")
    told += f", in {counted(pairs.n_pairs, 'pair')}"
    if pairs.n_otherwise_labelled:
        return f"{told}, {pairs.n_otherwise_labelled:,} of them with two labels"
    return told


def parts_table(facts: ImageFacts, info: Dataset) -> Table:
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
    for name, part in (("training", facts.train), ("test", facts.test)):
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


def duplicates_table(facts: ImageFacts, info: Dataset) -> Table:
    """Return the first pairs of a test and a training image that are the same, or nearly."""
    columns = (
        Column("kind", "Pixels"),
        Column("test_image", "Test image", "count"),
        Column("test_class", "Its class"),
        Column("train_image", "Training image", "count"),
        Column("train_class", "Its class"),
        Column("correlation", "Correlation", "loss"),
    )
    kinds = (("the same", facts.exact), ("nearly the same", facts.near))
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
