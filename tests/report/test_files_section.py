"""The data section of a report on a user's own images: files, decisions, warnings, groups."""

from __future__ import annotations

from dataclasses import replace

from convstudy.data import BUILT_IN_DATASETS
from convstudy.data.preparing.summary import OriginalImages, PartSummary, PreparedSummary
from convstudy.report.section import Details, Facts, Items, Text
from convstudy.report.sections.images import class_table, files_blocks

SUMMARY = PreparedSummary(
    kind="folder",
    notes=("The images become 28 × 28 pixels (from the training images).",),
    class_names=tuple("0123456789"),
    parts={"train": PartSummary((10,) * 10, None), "test": PartSummary((5,) * 10, None)},
    originals=OriginalImages(
        heights=(20, 30, 40),
        widths=(30, 30, 30),
        modes={"RGB": 149, "I;16": 1},
        n_frames=2,
        n_rotated=0,
    ),
    failures=(("3/a.png", "empty"),),
    n_failures=3,
    warnings=("1 of 100 training images have more than 8 bits per value.",),
)


def test_files_decisions_warnings_and_left_out_images_are_blocks() -> None:
    warning, facts, decisions, left_out = files_blocks(SUMMARY)
    assert (
        isinstance(warning, Text)
        and warning.style == "warning"
        and "1 of 100 training images" in warning.plain
    )
    assert isinstance(facts, Facts)
    assert facts.pairs == (
        ("Training widths", "30 pixels"),
        ("Training heights", "20 to 40 pixels, median 30"),
        ("Training modes", "RGB (149) and I;16 (1)"),
        ("Training images with several frames", "2, first frame used"),
    )
    assert isinstance(decisions, Details) and decisions.blocks == (Items(SUMMARY.notes),)
    assert isinstance(left_out, Details) and left_out.blocks == (Items(("3/a.png: empty", "and 2 more")),)


def test_other_datasets_have_no_blocks() -> None:
    assert list(files_blocks(None)) == []


def test_groups_of_each_class_are_counted_in_the_class_table() -> None:
    dataset = BUILT_IN_DATASETS["digits"]
    assert [column.key for column in class_table(dataset, None, None, SUMMARY).columns] == [
        "class",
        "train",
        "test",
    ]
    parts = {"train": PartSummary((10,) * 10, tuple(range(10))), "test": PartSummary((5,) * 10, (1,) * 10)}
    table = class_table(dataset, None, None, replace(SUMMARY, parts=parts))
    assert table.columns[-1].title == "Training groups"
    assert [row[-1] for row in table.rows] == list(range(10))
