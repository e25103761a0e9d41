"""docs/sources.md says what the sources do: kinds, columns, parts, limits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from convstudy.data import class_names, problem_list
from convstudy.data.archives import members, tar_copy
from convstudy.data.detect import detect
from convstudy.data.folders import image_files
from convstudy.data.folders.part_words import PART_WORDS
from convstudy.data.listing import SourceOptions
from convstudy.data.sources import LISTED_SOURCES
from convstudy.data.tables import table
from convstudy.data.tables.cells import MISSING
from convstudy.data.tables.columns import USUAL_NAMES
from convstudy.errors import DataError

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "sources.md").read_text("utf-8")
WORDS = " ".join(PAGE.split())


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table whose heading begins with a text."""
    (text,) = re.findall(rf"^\| {re.escape(heading)}.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.M)
    return [[cell.strip() for cell in line.strip("|\n ").split(" | ")] for line in str(text).splitlines()]


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_table_of_sources_names_kinds_that_exist() -> None:
    listed = [name.strip('"') for cells in rows("at the path") for name in code(cells[1])]
    assert {"folder", "archive", "table"} <= set(listed) <= set(LISTED_SOURCES)
    assert len(listed) == len(set(listed))


def test_table_of_columns_has_their_usual_names() -> None:
    listed = {code(cells[0])[0]: set(code(cells[2])) for cells in rows("key of `[dataset]`")}
    assert listed == {key: set(names) for key, names in USUAL_NAMES.items()}
    for name in MISSING:
        assert f"`{name}`" in PAGE
    for word in PART_WORDS.keys() - {"t10k"}:
        assert f"`{word}`" in PAGE


LAYOUTS = {
    "`train`, `test`, each with folders": ("train/cat/1.png", "test/cat/1.png"),
    "`train`, `plane`, `bus`": ("train/1.png", "plane/1.png", "bus/1.png"),
    "`train`, `test-positive`, `training_shoe`": (
        "train/1.png",
        "test-positive/1.png",
        "training_shoe/1.png",
    ),
    "`train`, `test` without folders inside": ("train/1.png", "test/1.png"),
    "`train` with folders, `test` without": ("train/cat/1.png", "test/1.png"),
    "`val`, `test` without `train`": ("val/cat/1.png", "test/cat/1.png"),
    "`train`, `test` without a common class": ("train/cat/1.png", "test/dog/1.png"),
}
"""Row of the page -> files of such a folder."""


def test_folders_are_parts_or_classes_as_the_page_says(tmp_path: Path) -> None:
    assert [cells[0] for cells in rows("top-level folders")] == list(LAYOUTS)
    for number, (layout, meaning) in enumerate(rows("top-level folders")):
        root = tmp_path / str(number)
        for name in LAYOUTS[layout]:
            (root / name).parent.mkdir(parents=True)
            (root / name).touch()
        if meaning == "an error":
            with pytest.raises(DataError):
                detect(root).listing(root, SourceOptions())
            continue
        listing = detect(root).listing(root, SourceOptions())
        assert (listing.parts is not None) == (meaning == "parts")
        assert set(listing.labels) == (
            {"cat"} if meaning == "parts" else {name.split("/")[0] for name in LAYOUTS[layout]}
        )


def test_limits_are_those_of_the_code() -> None:
    gib = 1 << 30
    assert f"more than {members.MAX_NAMES:,} names" in WORDS
    assert f"a file of more than {image_files.MAX_FILE_BYTES // gib} GiB" in WORDS
    assert f"copy of more than {tar_copy.MAX_COPY_BYTES // gib} GiB" in WORDS
    assert f"less than {tar_copy.MIN_FREE_BYTES // gib} GiB of free space" in WORDS
    assert f"up to {table.MAX_ROWS:,} rows" in WORDS
    assert f"more than {class_names.MAX_NAME_LENGTH} characters" in WORDS
    assert f"more than {class_names.MAX_CLASSES:,} classes" in WORDS
    assert f"the first {problem_list.MAX_SHOWN}, then" in WORDS
