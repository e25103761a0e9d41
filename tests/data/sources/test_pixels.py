"""The listing of pixels as text, written by pandas, polars and NumPy."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import load_digits

from convstudy.data.array_files import number_rows
from convstudy.data.listing import SourceOptions
from convstudy.data.sources.pixels import LISTED_SOURCE
from convstudy.data.value_range import ValueBounds, natural_range
from convstudy.errors import DataError
from tests.data.sources.conformance_listed import ListedExample, ListedSourceConformance
from tests.data.sources.listed import assert_lists, example_of, images_of, listed

DIGITS = load_digits()
N = 40
ROWS, LABELS = DIGITS.data[:N], DIGITS.target[:N]
IMAGES = DIGITS.images[:N].astype(np.uint8)
PARTS = {"": (IMAGES, LABELS)}


def frame(rows: np.ndarray = ROWS, labels: Any = LABELS) -> pd.DataFrame:
    """Return a table in the form of Kaggle's digit recogniser: label, pixel0, pixel1, …"""
    table = pd.DataFrame(rows.astype(int), columns=[f"pixel{i}" for i in range(rows.shape[1])])
    table.insert(0, "label", labels)
    return table


class TestPixels(ListedSourceConformance):
    """A text file of pixels passes the tests of all listed sources."""

    @pytest.fixture(params=["train.csv", "train.csv.gz"])
    def listed_example(self, tmp_path: Path, request: pytest.FixtureRequest) -> ListedExample:
        frame().to_csv(tmp_path / request.param, index=False)
        return example_of(tmp_path / request.param, PARTS)


# In these files of digits without a header, the last pixel could be a label too.
NEED_LABEL = {"zip.train of USPS", "no header, label first", "comments"}
WRITERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "Kaggle's digit recogniser": ("a.csv", lambda path: frame().to_csv(path, index=False)),
    "with an index": ("a.csv", lambda path: frame().to_csv(path)),
    "compressed": ("a.csv.gz", lambda path: frame().to_csv(path, index=False)),
    "tabs": ("a.tsv", lambda path: frame().to_csv(path, index=False, sep="\t")),
    "semicolons": ("a.csv", lambda path: frame().to_csv(path, index=False, sep=";")),
    "decimal commas": (
        "a.csv",
        lambda path: frame().astype(float).to_csv(path, index=False, sep=";", decimal=","),
    ),
    "quotes": ("a.csv", lambda path: frame().to_csv(path, index=False, quoting=1)),
    "polars": ("a.csv", lambda path: pl.from_pandas(frame()).write_csv(path)),
    "byte order mark": ("a.csv", lambda path: frame().to_csv(path, index=False, encoding="utf-8-sig")),
    "Windows": ("a.csv", lambda path: frame().to_csv(path, index=False, lineterminator="\r\n")),
    "label at the end": (
        "a.csv",
        lambda path: frame()[[*frame().columns[1:], "label"]].to_csv(path, index=False),
    ),
    "columns without names": (
        "a.csv",
        lambda path: pd.DataFrame(ROWS).assign(label=LABELS).to_csv(path, index=False),
    ),
    "only numbers in the header": (
        "a.csv",
        lambda path: pd.DataFrame(np.c_[ROWS, LABELS]).to_csv(path, index=False),
    ),
    "MNIST in CSV": (
        "mnist_train.csv",
        lambda path: (
            frame()
            .set_axis(["label", *(f"{i}x{j}" for i in range(1, 9) for j in range(1, 9))], axis=1)
            .to_csv(path, index=False)
        ),
    ),
    "optdigits of UCI": ("optdigits.tra", lambda path: np.savetxt(path, np.c_[ROWS, LABELS], "%d", ",")),
    "zip.train of USPS": ("zip.train.gz", lambda path: np.savetxt(path, np.c_[LABELS, ROWS], "%.4f")),
    "no header, label first": (
        "a.csv",
        lambda path: frame().to_csv(path, index=False, header=False),
    ),
    "comments": ("a.txt", lambda path: np.savetxt(path, np.c_[LABELS, ROWS], "%d", header="label, pixels\n")),
}


@pytest.mark.parametrize("name", WRITERS)
def test_file_gives_the_pixels_and_labels_that_were_written(tmp_path: Path, name: str) -> None:
    file, write = WRITERS[name]
    write(tmp_path / file)
    found = listed("pixels", tmp_path / file, **({"label": "first"} if name in NEED_LABEL else {}))
    assert_lists(found, "pixels", PARTS)
    assert found.notes[0].startswith("Each line is an image of 8 × 8 pixels; the label is in ")
    assert found.bounds is not None and natural_range(found.bounds(range(N))) == (0, 16)


def test_byte_order_mark_is_not_part_of_the_first_name(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "a.csv", index=False, encoding="utf-8-sig")
    assert listed("pixels", tmp_path / "a.csv", label="label").notes[0].endswith('in the column "label".')


def test_values_of_any_range_are_kept(tmp_path: Path) -> None:
    rows = ROWS / 8 - 1
    np.savetxt(tmp_path / "zip.train", np.c_[LABELS, rows])
    found = listed("pixels", tmp_path / "zip.train")
    assert_lists(found, "pixels", {"": (rows.reshape(IMAGES.shape), LABELS)})
    assert found.bounds is not None and natural_range(found.bounds(range(N))) == (-1, 1)


def test_integers_beyond_255_are_floats_and_the_range_is_that_of_all_training_images(tmp_path: Path) -> None:
    rows = ROWS.astype(int) * 200
    np.savetxt(tmp_path / "a.csv", np.c_[LABELS, rows], "%d", ",")
    found = listed("pixels", tmp_path / "a.csv", label="first")
    images = images_of(found, "pixels")
    assert np.array_equal(np.stack(images), rows.reshape(IMAGES.shape))
    assert {image.dtype.name for image in images} == {"float64"}
    assert found.bounds is not None
    assert found.bounds(range(N)) == ValueBounds(0, 3200, "text", True)
    assert natural_range(found.bounds(range(N))) == (0, 4095)


def test_text_labels_are_class_names(tmp_path: Path) -> None:
    names = [f"digit {label}" for label in LABELS]
    for position, header in ((0, True), (64, True), (0, False), (64, False)):
        table = frame().drop(columns="label")
        table.insert(position, "label", names)
        table.to_csv(tmp_path / "a.csv", index=False, header=header)
        assert listed("pixels", tmp_path / "a.csv").labels == names


def test_further_columns_are_named_or_unused(tmp_path: Path) -> None:
    table = frame().assign(writer=LABELS % 3, when="2024-01-01", importance=0.5, usage="Training", note=7)
    table.loc[3, "usage"] = "test"
    table.to_csv(tmp_path / "a.csv", index=False)
    keys = {"group": "writer", "time": "when", "weight": "importance", "part": "usage"}
    found = listed("pixels", tmp_path / "a.csv", **keys)
    assert np.array_equal(images_of(found, "pixels"), IMAGES)
    assert found.groups == [str(label % 3) for label in LABELS]
    assert found.times == ["2024-01-01"] * N and found.weights == [0.5] * N
    assert found.parts == ["test" if row == 3 else "train" for row in range(N)]
    assert found.notes[2] == "Columns that are not used: note."
    found = listed("pixels", tmp_path / "a.csv", label="note")
    assert found.labels == ["7"] * N
    with pytest.raises(DataError, match=r"dataset\.group must be one of the columns"):
        listed("pixels", tmp_path / "a.csv", group="author")
    table.rename(columns={"writer": "group", "usage": "split"}).to_csv(tmp_path / "a.csv", index=False)
    found = listed("pixels", tmp_path / "a.csv")
    assert found.groups == [str(label % 3) for label in LABELS] and found.parts is not None
    found = listed("pixels", tmp_path / "a.csv", group="", parts="ignore")
    assert found.groups is None and found.parts is None


def test_missing_label_is_none_and_missing_pixel_an_error_of_its_image(tmp_path: Path) -> None:
    table = frame().astype(object)
    table.loc[1, "label"] = None
    table.loc[2, "pixel5"] = None
    table.to_csv(tmp_path / "a.csv", index=False)
    found = listed("pixels", tmp_path / "a.csv")
    assert found.labels[:3] == ["0", None, "2"]
    with pytest.raises(DataError, match=r"a\.csv:4: the 64 pixels of an image must be numbers"):
        found.reader.read(2)
    assert np.array_equal(found.reader.read(3), IMAGES[3])
    assert found.bounds is not None and found.bounds(range(N)).highest == 16


def test_files_of_train_and_test_in_a_folder_are_parts(tmp_path: Path) -> None:
    frame(ROWS[:30], LABELS[:30]).to_csv(tmp_path / "mnist_train.csv", index=False)
    frame(ROWS[30:], LABELS[30:]).to_csv(tmp_path / "mnist_test.csv", index=False)
    found = listed("pixels", tmp_path)
    assert_lists(found, "pixels", {"train": (IMAGES[:30], LABELS[:30]), "test": (IMAGES[30:], LABELS[30:])})
    frame(ROWS[30:], LABELS[30:]).drop(columns="label").to_csv(tmp_path / "mnist_test.csv", index=False)
    found = listed("pixels", tmp_path)
    assert_lists(found, "pixels", {"train": (IMAGES[:30], LABELS[:30])})
    assert found.notes[0] == "The file mnist_test.csv has no labels and is not used."


def test_label_that_could_be_first_or_last_needs_an_option(tmp_path: Path) -> None:
    rows = np.c_[ROWS[:, :63], LABELS[::-1]].astype(np.uint8)
    np.savetxt(tmp_path / "a.csv", np.c_[LABELS, rows], "%d", ",")
    with pytest.raises(DataError, match="both the first and the last column could be the label") as caught:
        listed("pixels", tmp_path / "a.csv")
    assert caught.value.problems[0].hint == 'set label = "first" or label = "last"'
    found = listed("pixels", tmp_path / "a.csv", label="first")
    assert_lists(found, "pixels", {"": (rows.reshape(IMAGES.shape), LABELS)})
    found = listed("pixels", tmp_path / "a.csv", label="last")
    assert found.labels == [str(label) for label in LABELS[::-1]]
    with pytest.raises(DataError, match=r'dataset\.label must be "first" or "last"'):
        listed("pixels", tmp_path / "a.csv", label="digit")
    with pytest.raises(DataError, match='there is no column "writer"'):
        listed("pixels", tmp_path / "a.csv", label="last", group="writer")
    np.savetxt(tmp_path / "a.csv", np.c_[ROWS, ROWS[:, 20] + 0.5], "%.2f", ",")
    with pytest.raises(DataError, match="neither the first nor the last column"):
        listed("pixels", tmp_path / "a.csv")


OTHERS: dict[str, str] = {
    "few columns": "a,b,label\n1,2,0\n3,4,1\n",
    "paths": "path," + ",".join(f"f{i}" for i in range(20)) + "\n" + "a.png," + ",".join("1" * 20) + "\n",
    "texts": ",".join("abcdefghijklmnopqrstuvw") + "\n" + ",".join("abcdefghijklmnopqrstuvw") + "\n",
    "only a header": ",".join(f"pixel{i}" for i in range(64)) + "\n",
    "empty": "",
    "prose": "the quick brown fox jumps over the lazy dog and then it sleeps for a very long time indeed\n"
    * 3,
    "short second line": ",".join("1" * 20) + ",label\n1,2,3\n",
    "changing length": ",".join("1" * 65) + "\n" + ",".join("1" * 64) + "\n",
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_text_files_are_not_recognised(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.csv").write_text(OTHERS[name])
    assert not LISTED_SOURCE.recognise(tmp_path / "a.csv")
    with pytest.raises(DataError, match="the lines of this file are not images"):
        LISTED_SOURCE.listing(tmp_path / "a.csv", SourceOptions())


def test_each_line_with_another_number_of_values_is_listed(tmp_path: Path) -> None:
    lines = frame(np.tile(ROWS, (3, 1)), np.tile(LABELS, 3)).to_csv(index=False).splitlines()
    for at in (60, 110):
        lines[at] += ",1"
    (tmp_path / "a.csv").write_text("\n".join(lines))
    with pytest.raises(DataError) as caught:
        listed("pixels", tmp_path / "a.csv")
    assert [problem.where.line for problem in caught.value.problems] == [61, 111]
    assert "another number of values; expected 65; got 66" in str(caught.value.problems[0])


@pytest.mark.parametrize("header", [True, False])
def test_short_line_among_the_first_is_an_error_with_its_number(tmp_path: Path, header: bool) -> None:
    lines = frame(np.tile(ROWS, (3, 1)), np.tile(LABELS, 3)).to_csv(index=False, header=header).splitlines()
    lines[3] = lines[3].rpartition(",")[0]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    with pytest.raises(DataError, match="another number of values; expected 65; got 64") as caught:
        listed("pixels", tmp_path / "a.csv", label="first" if not header else None)
    assert [problem.where.line for problem in caught.value.problems] == [4]


def test_pixels_that_are_no_square_are_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "a.csv", np.c_[LABELS, ROWS[:, :48]], "%d", ",")
    with pytest.raises(DataError, match="48 pixels are no square image; got three times a square") as caught:
        listed("pixels", tmp_path / "a.csv")
    assert "(n, height, width, channels)" in caught.value.problems[0].hint


def test_damaged_gzip_file_and_long_lines_are_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv.gz"
    rng = np.random.default_rng(0)
    frame(rng.integers(0, 256, (3_000, 64)), rng.integers(0, 9, 3_000)).to_csv(path, index=False)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="cannot read the file"):
        listed("pixels", path)
    path.write_bytes(gzip.compress(gzip.compress(b"no text")))
    assert not LISTED_SOURCE.recognise(path)
    frame().to_csv(path, index=False)
    found = listed("pixels", path)
    monkeypatch.setattr(number_rows, "MAX_LINE_BYTES", 100)
    assert not LISTED_SOURCE.recognise(path)
    with pytest.raises(DataError, match="the line is too long"):
        images_of(found, "pixels")


def test_file_that_changes_after_the_listing_raises_when_it_is_read(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "a.csv", index=False)
    found = listed("pixels", tmp_path / "a.csv")
    frame(ROWS[1:], LABELS[1:]).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(DataError, match="the file was changed while it was in use"):
        found.reader.read(0)
