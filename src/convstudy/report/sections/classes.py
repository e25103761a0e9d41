"""Mistakes of the headline's models: which class is taken for which, accuracy by class, and the surest mistakes."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.analysis import Analysis, Headline, Predictions
from convstudy.data import Dataset
from convstudy.numbers import counted, percent
from convstudy.report import thumbnails
from convstudy.report.class_charts import MOST_CLASSES, class_accuracy_chart, confusion_chart
from convstudy.report.section import Block, Details, Gallery, Heading, Material, Section, Text, Topic
from convstudy.report.table import Column, Table, Value
from convstudy.report.thumbnails import Thumbnail
from convstudy.stats import (
    ClassAccuracy,
    Confusion,
    Guesses,
    Misclassified,
    class_accuracies,
    confusion_of,
    misclassified_of,
)

MOST_PAIRS = 100
"""With more classes, this many of the most frequent confusions are listed."""


def sections(material: Material) -> Iterator[Section]:
    """Yield the one section, once the study has a headline."""
    head = material.analysis.headline
    if head is None:
        return
    title = f"Mistakes of {head.candidate.network_name}"
    found, notes = _predictions(material.analysis, head)
    if not found:
        nothing = Text(("The test images were not opened for it yet.",))
        yield Section("misclassified", title, (nothing,), notes=notes)
        return
    import numpy as np

    info = material.results.dataset
    labels, names = found[0].labels, info.class_names
    confusion = confusion_of(labels, [each.predicted for each in found], info.n_classes)
    by_class = class_accuracies(labels, np.stack([each.predicted for each in found]), info.n_classes)
    wrong = misclassified_of(labels, [_with_sound_pictures(each, info) for each in found])
    blocks = (*_confusion(confusion, names), *_by_class(by_class, names), *_surest(wrong, info))
    yield Section("misclassified", title, blocks, (misclassified_table(wrong, names),), notes=notes)


def _confusion(confusion: Confusion, names: tuple[str, ...]) -> Iterator[Block]:
    table = confusion_table(confusion, names)
    yield Text(
        (
            f"{counted(confusion.n_errors, 'mistake')} in {confusion.n_images:,} predictions on the test images, "
            f"{counted(confusion.n_models, 'seed')} together.",
        )
    )
    if confusion.n_classes <= MOST_CLASSES:
        yield confusion_chart(confusion, names)
        yield Details("Confusion as a table", (table,))
    else:
        yield Text((table.caption,))
        yield Details("The most frequent confusions", (table,))


def _by_class(found: tuple[ClassAccuracy, ...], names: tuple[str, ...]) -> Iterator[Block]:
    yield Heading("Accuracy by class")
    yield class_accuracy_chart(found, names)
    yield Details("Accuracy by class as a table", (class_accuracy_table(found, names),))


def _surest(found: tuple[Misclassified, ...], info: Dataset) -> Iterator[Block]:
    shown = tuple(_pictures(found, info))
    if shown:
        yield Heading("The most confident mistakes")
        how = (
            "True class → prediction, how sure the most confident model was, and how many of the seeds got the image "
            "wrong."
        )
        yield Text((how,), "note")
        yield Gallery(shown, "large")


def _predictions(analysis: Analysis, head: Headline) -> tuple[list[Predictions], tuple[str, ...]]:
    """Return the predictions of the headline's models; a file that is missing or does not fit leaves a note."""
    found, notes = [], []
    for fit_id in analysis.tested(head.candidate):
        predictions = analysis.predictions.of(fit_id)
        reason = analysis.predictions.unreadable(fit_id)
        if predictions is not None:
            found.append(predictions)
        elif reason:
            notes.append(f"The test file of fit {fit_id} could not be read: {reason}.")
        else:
            notes.append(
                f"The test file of fit {fit_id} does not hold what its record tells of; it is left out."
            )
    return found, tuple(notes)


def _with_sound_pictures(found: Predictions, info: Dataset) -> Guesses:
    """Return predictions with their pictures of mistakes, or with none where they are no pictures of test images."""
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


def _pictures(misclassified: tuple[Misclassified, ...], info: Dataset) -> Iterator[Thumbnail]:
    for mistake in misclassified:
        true, taken = info.class_names[mistake.label], info.class_names[mistake.prediction]
        sure = percent(mistake.confidence)
        yield Thumbnail(
            thumbnails.data_uri(mistake.pixels),
            f"test image {mistake.row}: a {true}, taken for {taken} with confidence {sure}",
            f"{true} → {taken}",
            f"{percent(mistake.confidence, 1)} sure\n{mistake.n_wrong} of {counted(mistake.n_models, 'seed')}",
        )


def confusion_table(confusion: Confusion, names: tuple[str, ...]) -> Table:
    """Return the confusion matrix, a row per true class, a column per predicted one; of many classes, a list of pairs.

    The list has the most frequent confusions and says how many it leaves out.
    """
    if confusion.n_classes > MOST_CLASSES:
        return _pairs_table(confusion, names)
    columns = (Column("true", "True class"), *(Column(f"as_{name}", name, "count") for name in names))
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (name, *counts) for name, counts in zip(names, confusion.counts, strict=True)
    )
    return Table("confusion", "Confusion", "How often each class was taken for each.", columns, rows)


def _pairs_table(confusion: Confusion, names: tuple[str, ...]) -> Table:
    """Return the most frequent confusions of two classes."""
    shown, others = confusion.misclassified[:MOST_PAIRS], confusion.misclassified[MOST_PAIRS:]
    columns = (
        Column("true", "True class"),
        Column("predicted", "Taken for"),
        Column("count", "Predictions", "count"),
        Column("share", "Share of the class", "percent"),
    )
    n_of = confusion.images_of
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (names[true], names[predicted], count, count / n_of[true]) for true, predicted, count in shown
    )
    caption = f"The most frequent confusions of {confusion.n_classes:,} classes."
    if others:
        n_errors = sum(count for _, _, count in others)
        caption += (
            f" {counted(len(others), 'other pair')} of classes with {counted(n_errors, 'mistake')}, each pair with "
            f"at most {others[0][2]:,}, {'is' if len(others) == 1 else 'are'} not shown."
        )
    return Table("confusion", "Confusion", caption, columns, rows)


def class_accuracy_table(found: tuple[ClassAccuracy, ...], names: tuple[str, ...]) -> Table:
    """Return how often each class is right, with intervals."""
    columns = (
        Column("class", "Class"),
        Column("images", "Test images", "count"),
        Column("accuracy", "Accuracy", "percent"),
        Column("low", "from", "percent"),
        Column("high", "to", "percent"),
        Column("taken_for", "Most often taken for"),
        Column("share_taken", "so often", "percent"),
    )
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (
            names[each.label],
            each.n_images,
            *(
                (each.accuracy.estimate, each.accuracy.low, each.accuracy.high)
                if each.accuracy
                else (None, None, None)
            ),
            None if each.taken_for is None else names[each.taken_for],
            each.share_taken if each.taken_for is not None else None,
        )
        for each in found
    )
    one = all(each.n_models == 1 for each in found)
    counts = (
        "new images of this class, for this one model" if one else "new seeds and new images of this class"
    )
    caption = (
        f"{'One seed' if one else 'All seeds together'}. Each 95 % interval is for {counts}, and not corrected for the "
        "number of classes: of twenty intervals, one may well miss."
    )
    return Table("class-accuracy", "Accuracy by class", caption, columns, rows)


def misclassified_table(misclassified: tuple[Misclassified, ...], names: tuple[str, ...]) -> Table:
    """Return the most confident mistakes on the test images: what the page shows as images."""
    columns = (
        Column("test_image", "Test image", "count"),
        Column("true", "True class"),
        Column("predicted", "Predicted"),
        Column("confidence", "Confidence", "percent"),
        Column("wrong_models", "Seeds wrong", "count"),
        Column("models", "Seeds", "count"),
    )
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (each.row, names[each.label], names[each.prediction], each.confidence, each.n_wrong, each.n_models)
        for each in misclassified
    )
    caption = "The most confident mistakes, by the most confident model; test images are counted from 0."
    return Table("misclassified", "Mistakes", caption, columns, rows)


SECTION = Topic(60, sections)
