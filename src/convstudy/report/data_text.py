"""What a dataset contains, as tables and sentences, for ``convstudy data show`` and its page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from convstudy.data.audit.survey import Survey
from convstudy.data.images import Part
from convstudy.numbers import counted, listed
from convstudy.report.table import Column, Table, Value

if TYPE_CHECKING:
    from convstudy.data.preparing.summary import PreparedSummary

PART_NAMES: dict[Part, str] = {"train": "training", "test": "test"}
MAX_LISTED = 20
"""The maximum number of images that were left out, by name."""
_COPIES = (
    "test image is an exact copy of a training image",
    "test images are exact copies of training images",
)
_NEAR = (
    "test image is a near-duplicate of a training image",
    "test images are near-duplicates of training images",
)


def head_text(survey: Survey) -> str:
    """Return the numbers of images and classes, and their shape, in one sentence."""
    dataset, summary = survey.dataset, survey.summary
    shape = " × ".join(map(str, dataset.image_shape))
    kind = f"{summary.kind}, " if summary is not None else ""
    return (
        f"{dataset.name}: {kind}{counted(dataset.n_train, 'training image')} and "
        f"{counted(dataset.n_test, 'test image')} of {dataset.n_classes:,} classes, used as {shape}"
    )


def class_counts_table(
    class_names: Sequence[str],
    train_counts: Sequence[int],
    test_counts: Sequence[int],
    summary: PreparedSummary | None,
) -> Table:
    """Return the numbers of images, and of groups if there are any, of each class and part.

    Args:
        class_names: the name of each class.
        train_counts: the number of training images of each class.
        test_counts: the number of test images of each class.
        summary: what was found when the images were prepared, with the numbers of groups.
    """
    columns = [
        Column("class", "Class"),
        Column("train", "Training", "count"),
        Column("test", "Test", "count"),
    ]
    counts: list[Sequence[int]] = [train_counts, test_counts]
    caption = "Number of images of each class."
    if summary is not None and (groups := summary.parts["train"].group_counts) is not None:
        columns += [
            Column("train_groups", "Training groups", "count"),
            Column("test_groups", "Test groups", "count"),
        ]
        counts += [groups, summary.parts["test"].group_counts or [0] * len(groups)]
        caption += " A group is never divided between training, validation and test images."
    rows: list[tuple[Value, ...]] = list(zip(class_names, *counts, strict=True))
    return Table("classes", "Images by class", caption, tuple(columns), tuple(rows))


def copies_table(survey: Survey) -> Table:
    """Return the numbers of exact copies, near-duplicates and blank images of each part."""
    columns = (
        Column("part", "Images"),
        Column("images", "Number", "count"),
        Column("copies", "Exact copies", "count"),
        Column("copies_otherwise", "Other label", "count"),
        Column("near", "Near-duplicates", "count"),
        Column("near_otherwise", "Pairs with two labels", "count"),
        Column("blank", "Blank", "count"),
    )
    statistics = survey.statistics
    rows: list[tuple[Value, ...]] = []
    for part, found in (("train", statistics.train), ("test", statistics.test)):
        near = survey.near["train" if part == "train" else "test"]
        rows.append(
            (
                PART_NAMES["train" if part == "train" else "test"],
                found.n_images,
                found.n_repeated,
                found.n_repeated_otherwise,
                None if near is None else near.n_images,
                None if near is None else near.n_otherwise_labelled,
                found.n_constant,
            )
        )
    caption = (
        "Exact copies have the same pixels as an earlier image of the same part; “other label” counts those with "
        "another label. Near-duplicates have a pixel correlation of 0.99 or more with another image of the same part; "
        "a dash means that too many images look alike to count them. All pixels of a blank image have one value."
    )
    return Table("copies", "Copies and blank images", caption, columns, tuple(rows))


def across_text(survey: Survey) -> Iterator[str]:
    """Yield sentences on test images that are copies of training images."""
    exact, near = survey.statistics.exact, survey.statistics.near_duplicates
    n_near = 0 if near is None else near.n_test
    if not exact.n_test and near is not None and not n_near:
        yield "No test image is a copy or a near-duplicate of a training image."
        return
    if exact.n_test:
        labels = (
            f"; in {counted(exact.n_otherwise_labelled, 'pair')} the labels differ"
            if exact.n_otherwise_labelled
            else ""
        )
        yield (f"{counted(exact.n_test, *_COPIES)}{labels}: a model may have memorised them.")
    if near is None:
        yield "Too many images look alike to compare training with test images."
    elif n_near:
        labels = (
            f"; in {counted(near.n_otherwise_labelled, 'pair')} the labels differ"
            if near.n_otherwise_labelled
            else ""
        )
        yield (f"{counted(n_near, *_NEAR)}{labels}.")


def file_facts(summary: PreparedSummary | None) -> tuple[tuple[str, str], ...]:
    """Return names and values that describe the files of the training images; nothing without a summary."""
    if summary is None:
        return ()
    files = summary.originals
    modes = [f"{mode} ({n:,})" for mode, n in files.modes.items()]
    facts = [
        ("Training widths", _range(files.widths)),
        ("Training heights", _range(files.heights)),
        ("Training modes", listed(modes, most=6)),
    ]
    if files.n_frames:
        facts.append(("Training images with several frames", f"{files.n_frames:,}, first frame used"))
    if files.n_rotated:
        facts.append(("Training images rotated by EXIF", f"{files.n_rotated:,}"))
    return tuple(facts)


def survey_counts(survey: Survey) -> Table:
    """Return :func:`class_counts_table` of a survey."""
    statistics = survey.statistics
    return class_counts_table(
        survey.dataset.class_names,
        statistics.train.class_counts,
        statistics.test.class_counts,
        survey.summary,
    )


def left_out(summary: PreparedSummary | None) -> tuple[str, ...]:
    """Return the images that were left out, with the reasons."""
    if summary is None or not summary.n_failures:
        return ()
    shown = [f"{name}: {reason}" for name, reason in summary.failures[:MAX_LISTED]]
    more = summary.n_failures - len(shown)
    return (*shown, f"and {more:,} more") if more else tuple(shown)


def _range(values: tuple[int, int, int]) -> str:
    low, median, high = values
    if low == high:
        return f"{low:,} pixels"
    return f"{low:,} to {high:,} pixels, median {median:,}"
