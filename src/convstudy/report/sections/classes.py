"""Test errors of one candidate: confusion matrix, accuracy per class and misclassified images.

This headline candidate is the one that the last comparison selected. Without a comparison it is the unmodified network
of an ablation, or the network of the final training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from convstudy.analysis import Analysis, Headline, Predictions
from convstudy.data import Dataset
from convstudy.numbers import counted, percent
from convstudy.report import thumbnails
from convstudy.report.class_charts import MAX_SHOWN_CLASSES, class_accuracy_chart, confusion_chart
from convstudy.report.section import Block, Details, Gallery, Heading, Material, Section, Text, Topic
from convstudy.report.stages import ends
from convstudy.report.table import Column, Table, Value
from convstudy.report.thumbnails import Thumbnail
from convstudy.stats import (
    FEW_GROUPS,
    MIN_GROUPS,
    ClassAccuracy,
    Confusion,
    Guesses,
    Misclassified,
    class_accuracies,
    confusion_of,
    misclassified_of,
)

MAX_PAIRS = 100
"""With too many classes for a matrix, the report lists up to this number of confused pairs of classes."""


def sections(material: Material) -> Iterator[Section]:
    """Yield the section if the study has a headline candidate."""
    head = material.analysis.headline
    if head is None:
        return
    title = f"Test errors of {head.candidate.network_name}"
    found, notes = _predictions(material.analysis, head)
    if not found:
        nothing = Text(("Not evaluated on the test set yet.",))
        yield Section("misclassified", title, (nothing,), notes=notes)
        return
    import numpy as np

    info = material.results.dataset
    labels, names = found[0].labels, info.class_names
    groups = material.analysis.predictions.all_groups
    confusion = confusion_of(labels, [each.predicted for each in found], info.n_classes)
    by_class = class_accuracies(labels, np.stack([each.predicted for each in found]), info.n_classes, groups)
    if not material.analysis.collapsed_fit_ids.isdisjoint(fit.id for fit in head.candidate.fits):
        by_class = tuple(
            replace(each, accuracy=each.accuracy and replace(each.accuracy, reliable=False))
            for each in by_class
        )
    wrong = misclassified_of(labels, [_with_valid_pixels(each, info) for each in found])
    blocks = (*_confusion(confusion, names), *_by_class(by_class, names), *_images(wrong, info))
    yield Section("misclassified", title, blocks, (misclassified_table(wrong, names),), notes=notes)


def _confusion(confusion: Confusion, names: tuple[str, ...]) -> Iterator[Block]:
    table = confusion_table(confusion, names)
    yield Text(
        (
            f"{counted(confusion.n_errors, 'error')} in {confusion.n_images:,} predictions on the test images "
            f"({counted(confusion.n_models, 'seed')}).",
        )
    )
    if confusion.n_classes <= MAX_SHOWN_CLASSES:
        yield confusion_chart(confusion, names)
        yield Details("Confusion matrix as a table", (table,))
    else:
        yield Text((table.caption,))
        yield Details("The most frequent confusions", (table,))


def _by_class(found: tuple[ClassAccuracy, ...], names: tuple[str, ...]) -> Iterator[Block]:
    yield Heading("Accuracy per class")
    yield class_accuracy_chart(found, names)
    yield Details("Accuracy per class as a table", (class_accuracy_table(found, names),))


def _images(found: tuple[Misclassified, ...], info: Dataset) -> Iterator[Block]:
    shown = tuple(_thumbnails(found, info))
    if shown:
        yield Heading("Misclassified images")
        legend = (
            "Below each image: its true class → the predicted class, the confidence of the most confident wrong model, "
            "and the number of seeds with a wrong prediction."
        )
        yield Text((legend,), "note")
        yield Gallery(shown, "large")


def _predictions(analysis: Analysis, head: Headline) -> tuple[list[Predictions], tuple[str, ...]]:
    """Return the predictions of the headline candidate's models, and a note for each missing or invalid file."""
    found, notes = [], []
    for fit_id in analysis.tested_fit_ids(head.candidate):
        predictions = analysis.predictions.of(fit_id)
        reason = analysis.predictions.unreadable(fit_id)
        if predictions is not None:
            found.append(predictions)
        elif reason:
            notes.append(f"The test predictions of fit {fit_id} could not be read: {reason}.")
        else:
            notes.append(f"The test predictions of fit {fit_id} do not match its record and are left out.")
    return found, tuple(notes)


def _with_valid_pixels(found: Predictions, info: Dataset) -> Guesses:
    """Return predictions with the pixels of misclassified images; without pixels if these are invalid."""
    import numpy as np

    rows, pixels = found.error_rows, found.error_pixels
    if (
        rows is not None
        and pixels is not None
        and rows.ndim == 1
        and rows.dtype.kind in "iu"
        and pixels.dtype == np.uint8
        and pixels.shape == (len(rows), *info.image_shape)
        and ((rows >= 0) & (rows < len(found.labels))).all()
    ):
        return Guesses(
            found.predicted, found.confidence, rows.astype(np.int64), pixels.astype(np.uint8, copy=False)
        )
    nothing = np.zeros((0, *info.image_shape), np.uint8)
    return Guesses(found.predicted, found.confidence, np.zeros(0, np.int64), nothing)


def _thumbnails(misclassified: tuple[Misclassified, ...], info: Dataset) -> Iterator[Thumbnail]:
    for each in misclassified:
        true, predicted = info.class_names[each.label], info.class_names[each.prediction]
        yield Thumbnail(
            thumbnails.data_uri(each.pixels),
            f"test image {each.row}: true class {true}, predicted {predicted} with confidence "
            f"{percent(each.confidence)}",
            f"{true} → {predicted}",
            f"{percent(each.confidence, 1)}\n{each.n_wrong} of {counted(each.n_models, 'seed')}",
        )


def confusion_table(confusion: Confusion, names: tuple[str, ...]) -> Table:
    """Return the confusion matrix, a row per true class and a column per predicted class.

    With more than ``MAX_SHOWN_CLASSES`` classes it is a list of the most frequent confusions.
    """
    if confusion.n_classes > MAX_SHOWN_CLASSES:
        return _pairs_table(confusion, names)
    columns = (Column("true", "True class"), *(Column(f"as_{name}", name, "count") for name in names))
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (name, *counts) for name, counts in zip(names, confusion.counts, strict=True)
    )
    caption = "Number of predictions by true class (rows) and predicted class (columns), all seeds together."
    return Table("confusion", "Confusion matrix", caption, columns, rows)


def _pairs_table(confusion: Confusion, names: tuple[str, ...]) -> Table:
    """Return the most frequently confused pairs of classes."""
    shown, others = confusion.misclassified[:MAX_PAIRS], confusion.misclassified[MAX_PAIRS:]
    columns = (
        Column("true", "True class"),
        Column("predicted", "Predicted class"),
        Column("count", "Predictions", "count"),
        Column("proportion", "Proportion of the true class", "percent"),
    )
    n_of = confusion.images_of
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (names[true], names[predicted], count, count / n_of[true]) for true, predicted, count in shown
    )
    caption = f"The most frequent confusions among {confusion.n_classes:,} classes."
    if others:
        n_errors = sum(count for _, _, count in others)
        caption += (
            f" Not shown: {counted(len(others), 'other pair')} of classes with {counted(n_errors, 'error')}, at most "
            f"{others[0][2]:,} per pair."
        )
    return Table("confusion", "Confusion matrix", caption, columns, rows)


def class_accuracy_table(found: tuple[ClassAccuracy, ...], names: tuple[str, ...]) -> Table:
    """Return the accuracy per class with intervals, and the most frequent wrong prediction."""
    grouped = any(each.n_groups for each in found)
    columns = (
        Column("class", "Class"),
        Column("images", "Test images", "count"),
        *((Column("groups", "Groups", "count"),) if grouped else ()),
        Column("accuracy", "Accuracy", "percent"),
        Column("low", "95 % CI from", "percent"),
        Column("high", "to", "percent"),
        Column("taken_for", "Most often confused with"),
        Column("proportion_taken", "Proportion confused", "percent"),
    )
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (
            names[each.label],
            each.n_images,
            *((each.n_groups,) if grouped else ()),
            each.estimate,
            *ends(each.accuracy),
            None if each.confused_with is None else names[each.confused_with],
            each.confused_fraction if each.confused_with is not None else None,
        )
        for each in found
    )
    one = all(each.n_models == 1 for each in found)
    scope = "new images, for this one model" if one else "new seeds and new images"
    caption = (
        f"{'One seed' if one else 'All seeds together'}. The 95 % CIs hold for {scope}, and are not corrected for the "
        "number of classes."
    )
    if grouped:
        caption += (
            f" They are for new groups of images; classes with fewer than {MIN_GROUPS} groups have none, and those of "
            f"classes with fewer than {FEW_GROUPS} are approximate."
        )
    if any(each.accuracy is not None and not each.accuracy.reliable for each in found):
        caption = "All seeds together, also those that collapsed; therefore there are no 95 % CIs."
    return Table("class-accuracy", "Accuracy per class", caption, columns, rows)


def misclassified_table(misclassified: tuple[Misclassified, ...], names: tuple[str, ...]) -> Table:
    """Return the misclassified test images that the page shows as thumbnails."""
    columns = (
        Column("test_image", "Test image", "count"),
        Column("true", "True class"),
        Column("predicted", "Predicted class"),
        Column("confidence", "Highest confidence", "percent"),
        Column("wrong_models", "Models that are wrong", "count"),
        Column("models", "Models", "count"),
    )
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (each.row, names[each.label], names[each.prediction], each.confidence, each.n_wrong, each.n_models)
        for each in misclassified
    )
    caption = (
        "Misclassified test images, the most confident wrong prediction first. Image numbers start at 0."
    )
    return Table("misclassified", "List of misclassified images", caption, columns, rows)


SECTION = Topic(60, sections)
