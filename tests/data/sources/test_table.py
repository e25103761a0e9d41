"""Tables are written by the original libraries: pandas, polars, pyarrow, csv."""

from __future__ import annotations

import csv
import datetime
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from convstudy.data.detect import detect
from convstudy.data.listing import Listing, SourceOptions
from convstudy.data.sources import table
from convstudy.data.tables import delimited, json_lines
from convstudy.errors import DataError
from tests.data.sources.conformance_listed import ListedExample, ListedSourceConformance

IMAGES = {"cat/a.png": "cat", "dog/a.png": "dog", "cat/b.png": "cat", "dog/b c.jpg": "dog", "ä.png": "cat"}

WRITERS: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    "pandas.csv": lambda frame, path: frame.to_csv(path, index=False),
    "pandas-with-index.csv": lambda frame, path: frame.to_csv(path),
    "pandas-semicolon.csv": lambda frame, path: frame.to_csv(path, index=False, sep=";", decimal=","),
    "pandas-bom-crlf.csv": lambda frame, path: frame.to_csv(
        path, index=False, encoding="utf-8-sig", lineterminator="\r\n"
    ),
    "pandas-quoted.csv": lambda frame, path: frame.to_csv(path, index=False, quoting=csv.QUOTE_ALL),
    "pandas-utf-16.csv": lambda frame, path: frame.to_csv(path, index=False, sep="\t", encoding="utf-16"),
    "pandas.tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    "polars.csv": lambda frame, path: _polars(frame).write_csv(path),
    "polars-bar.csv": lambda frame, path: _polars(frame).write_csv(path, separator="|"),
    "pandas.jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
    "pandas.json": lambda frame, path: frame.to_json(path, orient="records", lines=True, force_ascii=False),
    "polars.ndjson": lambda frame, path: _polars(frame).write_ndjson(path),
    "pandas.parquet": lambda frame, path: frame.to_parquet(path),
    "pandas-categories.parquet": lambda frame, path: frame.astype("category").to_parquet(path),
    "polars.pq": lambda frame, path: _polars(frame).write_parquet(path),
    "small-row-groups.parquet": lambda frame, path: frame.to_parquet(path, row_group_size=2),
}


def _polars(frame: pd.DataFrame) -> pl.DataFrame:
    return pl.DataFrame(frame.to_dict("list"))


def images(root: Path, names: object = IMAGES) -> Path:
    """Write image files whose content is their name."""
    for name in names:  # type: ignore[attr-defined]
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return root


def csv_file(root: Path, *lines: str, encoding: str = "utf-8") -> Path:
    images(root)
    (root / "table.csv").write_text("\n".join((*lines, "")), encoding=encoding, newline="")
    return root / "table.csv"


def listed(path: Path, **options: str) -> Listing:
    return detect(path, "table").listing(path, SourceOptions(**options))  # type: ignore[arg-type]


def labels(listing: Listing) -> dict[str, str | None]:
    return dict(zip(listing.names, listing.labels, strict=True))


def fault(path: Path, **options: str) -> str:
    with pytest.raises(DataError) as caught:
        listed(path, **options)
    return str(caught.value)


class TestTable(ListedSourceConformance):
    @pytest.fixture
    def listed_example(self, tmp_path: Path) -> ListedExample:
        root = images(tmp_path)
        pd.DataFrame({"path": list(IMAGES), "label": list(IMAGES.values())}).to_csv(
            root / "t.csv", index=False
        )
        return ListedExample(
            path=root / "t.csv",
            images={name: name.encode() for name in IMAGES},
            labels=IMAGES,
            change=lambda: (root / "cat/a.png").write_bytes(b"other content"),
            remove=lambda name: (root / name).unlink(),
        )


@pytest.mark.parametrize("name", WRITERS)
def test_table_of_each_writer_gives_the_same_columns(name: str, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "label": IMAGES.values(),
            "Image Path": IMAGES.keys(),
            "group": [7, 7, 8, 9, 9],
            "split": ["train", "test", "Train", "val", "train"],
            "weight": [0.5, 1.0, 2.25, 1.0, 3.0],
            "text": ["a,b", 'c"d', "e\nf", "g;h", "i\tj"],
        }
    )
    WRITERS[name](frame, images(tmp_path) / name)
    listing = listed(tmp_path / name)
    assert detect(tmp_path / name).name == "table"
    assert labels(listing) == IMAGES
    assert list(listing.names) == list(IMAGES)
    assert listing.groups == ["7", "7", "8", "9", "9"]
    assert listing.parts == ["train", "test", "train", "validation", "train"]
    assert listing.weights == [0.5, 1.0, 2.25, 1.0, 3.0]
    assert listing.notes == (
        'Columns: "Image Path" (image), "label" (label), "group" (group), "split" (part) and "weight" (weight).',
    )
    assert [listing.reader.read(position) for position in range(5)] == [name.encode() for name in IMAGES]
    bare = listed(tmp_path / name, parts="ignore", group="", weight="")
    assert (bare.parts, bare.groups, bare.weights) == (None, None, None)


@pytest.mark.parametrize("name", [name for name in WRITERS if "categories" not in name])
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 0, 10, 1, 0], ["1", "0", "10", "1", "0"]),
        ([1.0, 0.0, 10.0, 1.0, 0.0], ["1", "0", "10", "1", "0"]),
        ([1.5, 0.0, 10.0, 1.5, 0.0], None),
        (["01", "00", "10", "01", "00"], ["01", "00", "10", "01", "00"]),
        ([2**53 + 1, 2**53, 0, 1, 2], [str(2**53 + 1), str(2**53), "0", "1", "2"]),
        (["None", "NA", "none", "n/a", "None"], ["None", "NA", "none", "n/a", "None"]),
    ],
)
def test_labels_of_each_writer_have_the_same_names(
    name: str, values: list[object], expected: list[str] | None, tmp_path: Path
) -> None:
    WRITERS[name](pd.DataFrame({"path": IMAGES.keys(), "label": values}), images(tmp_path) / name)
    found = listed(tmp_path / name).labels
    if expected is not None:
        assert found == expected
    else:
        assert [float((label or "").replace(",", ".")) for label in found] == values


@pytest.mark.parametrize("name", ["pandas.csv", "pandas.parquet", "polars.ndjson"])
def test_truth_values_are_two_classes(name: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"path": IMAGES.keys(), "label": [True, False, True, True, False]})
    WRITERS[name](frame, images(tmp_path) / name)
    assert listed(tmp_path / name).labels == ["True", "False", "True", "True", "False"]


def test_integers_that_became_floats_by_a_missing_row_keep_their_names(tmp_path: Path) -> None:
    images(tmp_path)
    frame = pd.DataFrame({"path": IMAGES.keys(), "label": [1, None, 2, 2, 10]})
    for name in ("pandas.csv", "pandas.parquet", "pandas.jsonl"):
        WRITERS[name](frame.dropna(), tmp_path / name)
        assert listed(tmp_path / name).labels == ["1", "2", "2", "10"]
        WRITERS[name](frame, tmp_path / name)
        place = {"pandas.csv": "line 3", "pandas.parquet": "row 2", "pandas.jsonl": "line 2"}[name]
        found = listed(tmp_path / name)
        assert found.labels == ["1", None, "2", "2", "10"]
        assert found.faults == {1: f"it has no label in {place}"}


def test_parquet_with_nullable_integers_keeps_large_values_and_names_the_row_of_a_null(
    tmp_path: Path,
) -> None:
    images(tmp_path)
    for values, expected in (
        ([2**53 + 1, 2**53, 0], [str(2**53 + 1), str(2**53), "0"]),
        ([1, None, 0], None),
    ):
        columns = {"path": pa.array(list(IMAGES)[:3]), "label": pa.array(values, pa.int64())}
        pq.write_table(pa.table(columns), tmp_path / "t.parquet")
        if expected:
            assert listed(tmp_path / "t.parquet").labels == expected
        else:
            assert listed(tmp_path / "t.parquet").faults == {1: "it has no label in row 2"}


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int8(), pa.string()), pa.string_view()])
def test_parquet_reads_each_type_of_text(kind: pa.DataType, tmp_path: Path) -> None:
    table = pa.table({"path": pa.array(IMAGES, pa.string()), "label": pa.array(IMAGES.values(), pa.string())})
    if kind == pa.string_view():
        table = table.cast(pa.schema([("path", kind), ("label", kind)]))
    else:
        table = table.cast(pa.schema([("path", pa.string()), ("label", kind)]))
    pq.write_table(table, images(tmp_path) / "t.parquet")
    assert labels(listed(tmp_path / "t.parquet")) == IMAGES


class TestClassNamesOfDatasets:
    def table(self, root: Path, *labels: int) -> Path:
        import datasets

        kinds = {"path": datasets.Value("string"), "label": datasets.ClassLabel(names=["cat", "dog", "cow"])}
        values = {"path": list(IMAGES)[: len(labels)], "label": list(labels)}
        written = datasets.Dataset.from_dict(values, features=datasets.Features(kinds))
        written.to_parquet(images(root) / "t.parquet")
        return root / "t.parquet"

    def test_numbers_become_the_names_in_the_metadata(self, tmp_path: Path) -> None:
        listing = listed(self.table(tmp_path, 1, 0, 1))
        assert (listing.labels, listing.class_names) == (["dog", "cat", "dog"], ("cat", "dog", "cow"))

    def test_missing_label_is_a_fault_of_its_image(self, tmp_path: Path) -> None:
        assert listed(self.table(tmp_path, 1, -1, 1)).faults == {1: "it has no label in row 2; got -1"}

    def test_label_out_of_range_is_a_fault_of_its_image(self, tmp_path: Path) -> None:
        path = self.table(tmp_path, 1, 0, 1)
        table = pq.read_table(path)
        changed = table.set_column(1, table.schema.field("label"), pa.array([1, 3, 0], pa.int64()))
        pq.write_table(changed, path)
        assert listed(path).faults == {
            1: "its label is out of range in row 2; expected an integer in [0, 2]; got 3"
        }

    def test_without_the_metadata_numbers_are_the_names(self, tmp_path: Path) -> None:
        path = self.table(tmp_path, 1, 0, 1)
        pq.write_table(pq.read_table(path).replace_schema_metadata({"huggingface": "{"}), path)
        assert (listed(path).labels, listed(path).class_names) == (["1", "0", "1"], None)


@pytest.mark.parametrize(
    ("values", "got"),
    [([b"a", b"b"], "binary"), ([["cat"], ["dog"]], "list<"), ([{"a": 1}, {"a": 2}], "struct<")],
)
def test_parquet_column_of_another_type_is_an_error(values: list[object], got: str, tmp_path: Path) -> None:
    pq.write_table(pa.table({"path": list(IMAGES)[:2], "label": values}), images(tmp_path) / "t.parquet")
    assert (
        f'column "label": this column cannot be used; expected a column of text, numbers or dates; got {got}'
        in fault(tmp_path / "t.parquet")
    )


def test_missing_pyarrow_is_one_error_that_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pd.DataFrame({"path": IMAGES.keys(), "label": IMAGES.values()}).to_parquet(images(tmp_path) / "t.parquet")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    assert fault(tmp_path / "t.parquet").endswith(
        't.parquet: Parquet files need pyarrow.\n  hint: pip install "convstudy[data]"'
    )


class TestColumns:
    @pytest.mark.parametrize(
        ("header", "message"),
        [
            ("name,label", 'there is no column of paths; got the columns "name" and "label".'),
            ("path,kind", 'there is no column of labels; got the columns "path" and "kind".'),
            ("path,file,label", 'several columns can be the paths; got "path" and "file".'),
            ("path,label,class", 'several columns can be the labels; got "label" and "class".'),
            ("path,label,split,subset", 'several columns can be the parts; got "split" and "subset".'),
        ],
    )
    def test_missing_or_ambiguous_column_is_an_error_that_lists_them(
        self, header: str, message: str, tmp_path: Path
    ) -> None:
        found = fault(csv_file(tmp_path, header, ",".join(["cat/a.png"] * (header.count(",") + 1))))
        assert f"table.csv: {message}" in found
        assert "under [dataset]" in found

    def test_two_columns_of_one_name_must_get_different_names(self, tmp_path: Path) -> None:
        found = fault(csv_file(tmp_path, "path,label,label", "cat/a.png,cat,dog"))
        assert 'several columns can be the labels; got "label" and "label".' in found
        assert "hint: give the columns different names" in found

    def test_keys_choose_among_columns(self, tmp_path: Path) -> None:
        path = csv_file(
            tmp_path,
            "path,file,label,y,set,who,when",
            "x,cat/a.png,1,c,train,p1,2",
            "x,cat/b.png,1,d,test,p2,10",
        )
        listing = listed(path, image="file", label="y", part="set", group="who", time="when")
        assert labels(listing) == {"cat/a.png": "c", "cat/b.png": "d"}
        assert (listing.parts, listing.groups, listing.times) == (
            ["train", "test"],
            ["p1", "p2"],
            ["2", "10"],
        )

    def test_key_that_names_no_column_is_an_error_with_the_nearest(self, tmp_path: Path) -> None:
        path = csv_file(tmp_path, "path,species", "cat/a.png,1", "cat/b.png,2")
        assert fault(path, label="specie", weight="w") == (
            'dataset.label must be one of the columns "path" and "species"; got "specie".\n'
            '  hint: did you mean "species"?\n'
            'dataset.weight must be one of the columns "path" and "species"; got "w".'
        )
        assert "must be different columns" in fault(path, label="path")

    def test_group_that_is_a_pattern_is_left_to_the_paths(self, tmp_path: Path) -> None:
        path = csv_file(tmp_path, "path,label", "cat/a.png,1", "cat/b.png,2")
        assert listed(path, group=r"cat/(\w)").groups is None
        assert "dataset.group must be one of the columns" in fault(path, group="patient")

    def test_column_that_looks_like_a_group_is_named_in_a_note(self, tmp_path: Path) -> None:
        path = csv_file(tmp_path, "path,label,Patient ID", "cat/a.png,1,7", "cat/b.png,2,8")
        assert listed(path).notes[1] == (
            'The column "Patient ID" is not used, so its images can straddle a split. '
            'To keep them together, put group = "Patient ID" under [dataset].'
        )
        assert len(listed(path, group="Patient ID").notes) == len(listed(path, group="").notes) == 1

    def test_thousand_columns_are_not_all_listed(self, tmp_path: Path) -> None:
        found = fault(csv_file(tmp_path, ",".join(f"c{number}" for number in range(1000))))
        assert '"c19" and 980 more' in found


class TestRows:
    def test_all_problems_are_listed_with_their_lines(self, tmp_path: Path) -> None:
        path = csv_file(
            tmp_path,
            "path,label,part,weight,group",
            "cat/a.png,cat,train,1,g",
            ",cat,train,1,g",
            "dog/a.png,  ,train,1,",
            "dog/a.png,NaN,train,1,",
            "dog/a.png,dog,Training set,1,g",
            "dog/a.png,dog,train,-1,g",
            "dog/a.png,dog,train,nan,g",
            "dog/a.png,dog,train,much,g",
            "dog/a.png,dog,train,1,",
            "../secret.png,dog,train,1,g",
            "/etc/passwd,dog,train,1,g",
            "cat/../../secret.png,dog,train,1,g",
            "C:\\photos\\1.png,dog,train,1,g",
            "https://example.org/1.png,dog,train,1,g",
            '"cat/b.png","two\nlines",train,1,g',
            "cat/b.png,,train,0,g",
        )
        assert [line.removeprefix(f"{path}:") for line in fault(path).splitlines() if "hint" not in line] == [
            "3: this row has no path.",
            "4: this image has no group.",
            "5: this image has no group.",
            '6: the part is unknown; expected "train", "validation" or "test"; got "Training set".',
            '7: the weight is wrong; expected a number > 0; got "-1".',
            '8: the weight is wrong; expected a number > 0; got "nan".',
            '9: the weight is wrong; expected a number > 0; got "much".',
            "10: this image has no group.",
            '11: this path leaves the folder of the table; got "../secret.png".',
            '12: this path leaves the folder of the table; got "/etc/passwd".',
            '13: this path leaves the folder of the table; got "cat/../../secret.png".',
            '14: this path leaves the folder of the table; got "C:\\photos\\1.png".',
            '15: this is a web address; got "https://example.org/1.png".',
            '16: the class name "two\\nlines" has more than one line.',
            '18: the weight is wrong; expected a number > 0; got "0".',
        ]

    def test_twenty_problems_are_shown_and_the_others_counted(self, tmp_path: Path) -> None:
        found = fault(csv_file(tmp_path, "path,label", *([",cat"] * 1000)))
        assert found.count("has no path") == 20
        assert found.endswith("and 980 more problems.")

    def test_paths_inside_the_folder_are_read_in_all_forms(self, tmp_path: Path) -> None:
        root = tmp_path / "photos"
        path = csv_file(
            root,
            "path,label",
            f"{root}/cat/a.png,cat",
            "./cat//b.png, cat",
            "dog\\a.png,dog",
            "dog/../photos/../dog/b c.jpg,dog",
            "../photos/ä.png,dog",
        )
        listing = listed(path)
        assert list(listing.names) == ["cat/a.png", "cat/b.png", "dog/a.png", "dog/b c.jpg", "ä.png"]
        assert listing.labels == ["cat", "cat", "dog", "dog", "dog"]
        assert [listing.reader.read(position) for position in (0, 4)] == [b"cat/a.png", "ä.png".encode()]

    @pytest.mark.skipif(os.name == "nt", reason="Windows needs a right to create symbolic links")
    def test_absolute_path_is_inside_the_folder_also_through_a_link_to_it(self, tmp_path: Path) -> None:
        root = tmp_path / "real"
        csv_file(root, "path,label", f"{root}/cat/a.png,1", f"{tmp_path}/link/cat/b.png,2")
        (tmp_path / "link").symlink_to("real")
        assert list(listed(tmp_path / "link" / "table.csv").names) == ["cat/a.png", "cat/b.png"]
        assert "link/cat/b.png" in fault(root / "table.csv")

    def test_folder_whose_name_begins_like_that_of_the_table_is_outside(self, tmp_path: Path) -> None:
        images(tmp_path / "photos-2")
        for name in ("../photos-2/cat/a.png", f"{tmp_path}/photos-2/cat/a.png"):
            path = csv_file(tmp_path / "photos", "path,label", f"{name},1", "cat/b.png,2")
            assert "table.csv:2: this path leaves the folder of the table" in fault(path)

    def test_same_image_twice_is_used_once_if_the_rows_agree(self, tmp_path: Path) -> None:
        rows = (
            "path,label,group",
            "cat/a.png,cat,1",
            "dog/a.png,dog,1",
            "./cat/a.png,cat,1",
            "cat/a.png,cat,1",
        )
        listing = listed(csv_file(tmp_path, *rows))
        assert labels(listing) == {"cat/a.png": "cat", "dog/a.png": "dog"}
        assert listing.notes[-1] == "2 rows repeat an image with the same values; each image is used once."

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            ("cat/a.png,dog,1,train", 'different values of label; expected "cat" as in line 2; got "dog"'),
            ("cat/a.png,cat,2,train", 'different values of group; expected "1" as in line 2; got "2"'),
            (
                "cat/../cat/a.png,cat,1,test",
                'different values of part; expected "train" as in line 2; got "test"',
            ),
        ],
    )
    def test_same_image_twice_with_other_values_is_an_error(
        self, row: str, message: str, tmp_path: Path
    ) -> None:
        path = csv_file(
            tmp_path, "path,label,group,part", "cat/a.png,cat,1,train", "dog/a.png,dog,1,train", row
        )
        assert f'table.csv:4: the image "cat/a.png" is listed twice with {message}' in fault(path)

    def test_image_that_is_missing_fails_when_it_is_read(self, tmp_path: Path) -> None:
        listing = listed(csv_file(tmp_path, "path,label", "nowhere.png,a", "cat/a.png,b"))
        with pytest.raises(DataError, match=r"nowhere\.png: there is no such file"):
            listing.reader.read(0)
        assert listing.reader.read(1) == b"cat/a.png"

    def test_table_without_an_existing_image_is_an_error_that_names_the_folder_with_them(
        self, tmp_path: Path
    ) -> None:
        path = csv_file(tmp_path, "path,label", "a.png,a", "b.png,b")
        found = fault(path)
        assert f'table.csv:2: none of the 2 images exists in {tmp_path}; got "a.png".' in found
        assert 'hint: "cat/a.png" exists; move the table into the folder "cat"' in found
        path = csv_file(tmp_path, "path,label", "a,a", "b,b")
        assert 'hint: "cat/a.png" exists; add ".png" to each path and move the table into' in fault(path)
        path = csv_file(tmp_path, "path,label", "cat/a,a", "cat/b,b")
        assert fault(path).endswith('hint: "cat/a.png" exists; add ".png" to each path')
        assert "paths must be relative" in fault(csv_file(tmp_path, "path,label", "x.png,a", "y.png,b"))

    def test_folder_with_the_name_of_the_table_is_searched_first(self, tmp_path: Path) -> None:
        for part in ("test", "train"):
            (tmp_path / part).mkdir()
            (tmp_path / part / "1.png").write_bytes(b"")
        (tmp_path / "train.csv").write_text("id,label\n1,a\n2,b\n", encoding="utf-8")
        assert 'hint: "train/1.png" exists' in fault(tmp_path / "train.csv", image="id")

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ((), "there is no row after the names of the columns"),
            (("cat/a.png,1", "cat/b.png,01"), '"01" and "1" look the same'),
            (
                ("cat/a.png,cat,1",),
                "this row has another number of cells; expected 2, as in the first row; got 3",
            ),
            (("cat/a.png",), "table.csv:2: this row has another number of cells"),
            (('"cat/a\nb.png",x',), "table.csv:2: this path has more than one line"),
            (("cat/a.png,\x07",), 'the class name "\\x07" contains a control character'),
            (
                ('"cat/a.png,x\n' + "y" * 200_000,),
                "table.csv:2: cannot read this row: field larger than field limit",
            ),
        ],
    )
    def test_table_without_usable_rows_is_an_error(
        self, rows: tuple[str, ...], message: str, tmp_path: Path
    ) -> None:
        assert message in fault(csv_file(tmp_path, "path,label", *rows))

    def test_times_are_numbers_or_dates_in_iso_form(self, tmp_path: Path) -> None:
        def times(*values: str) -> Path:
            rows = (
                f"{name},{label},{value}"
                for (name, label), value in zip(IMAGES.items(), values, strict=False)
            )
            return csv_file(tmp_path, "path,label,when", *rows)

        path = times("2026-11-28", "2026-11-28 09:30", "2026-11-28T09:30:01.5", "2026-11-28T09:30:00+02:00")
        expected = [
            "2026-11-28T00:00:00",
            "2026-11-28T09:30:00",
            "2026-11-28T09:30:01.500000",
            "2026-11-28T07:30:00+00:00",
        ]
        assert listed(path, time="when").times == expected
        assert listed(times("3", "20"), time="when").times == ["3", "20"]
        assert listed(path).times is None
        assert "table.csv:3: the time is wrong" in fault(times("2026-11-28", "28.11.2026"), time="when")
        assert "some times are numbers" in fault(times("2026-11-28", "3"), time="when")

    def test_parquet_timestamps_become_dates_in_iso_form(self, tmp_path: Path) -> None:
        moments = [datetime.datetime(2026, 11, 28, 9, 30, 0, 5), datetime.datetime(2025, 1, 1)]
        frame = pd.DataFrame(
            {"path": list(IMAGES)[:2], "label": "ab", "when": pd.Series(moments, dtype="datetime64[ns]")}
        )
        frame["label"] = ["a", "b"]
        frame.to_parquet(images(tmp_path) / "t.parquet")
        assert listed(tmp_path / "t.parquet", time="when").times == [
            "2026-11-28T09:30:00.000005",
            "2025-01-01T00:00:00",
        ]


class TestFiles:
    def test_spaces_after_delimiters_empty_lines_and_the_line_of_excel_are_allowed(
        self, tmp_path: Path
    ) -> None:
        rows = ("sep=;", "", " path ; label", "cat/a.png; cat", "", ";", '"cat/b.png"; "dog"')
        path = csv_file(tmp_path, *rows)
        assert labels(listed(path)) == {"cat/a.png": "cat", "cat/b.png": "dog"}
        found = listed(csv_file(tmp_path, *rows[:3], "cat/a.png;", "cat/b.png;NaN"))
        assert found.faults == {0: "it has no label in line 4", 1: 'it has no label in line 5; got "NaN"'}

    @pytest.mark.parametrize("label", [', "label": null', ', "label": NaN', ', "label": " "', ""])
    def test_line_of_json_without_a_label_is_a_fault_of_its_image(self, label: str, tmp_path: Path) -> None:
        path = images(tmp_path) / "t.jsonl"
        lines = ('{"path": "cat/a.png", "label": "cat"}', '{"path": "cat/b.png"' + label + "}")
        path.write_text("\n".join(lines), encoding="utf-8")
        assert listed(path).faults == {1: "it has no label in line 2"}

    def test_image_listed_with_and_without_a_label_is_an_error(self, tmp_path: Path) -> None:
        found = fault(csv_file(tmp_path, "path,label", "cat/a.png,", "cat/a.png,cat"))
        assert 'different values of label; expected no value as in line 2; got "cat"' in found

    def test_label_with_a_comma_in_quotes_is_one_label(self, tmp_path: Path) -> None:
        path = csv_file(tmp_path, "path,label", 'cat/a.png,"cat, black"', 'cat/b.png,"the ""dog"""')
        assert labels(listed(path)) == {"cat/a.png": "cat, black", "cat/b.png": 'the "dog"'}

    def test_file_of_another_encoding_is_an_error_with_its_line(self, tmp_path: Path) -> None:
        path = csv_file(tmp_path, "path,label", "cat/a.png,a", "cat/b.png,Käfer", encoding="cp1252")
        assert 'table.csv:3: the class name "K\\udce4fer" is not valid UTF-8' in fault(path)
        path = csv_file(tmp_path, "path,label", "cat/a.png,a", "ä.png,b", encoding="cp1252")
        assert 'table.csv:3: this path is not valid UTF-8; got "\\udce4.png"' in fault(path)

    @pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl", "t.parquet"])
    def test_empty_or_damaged_file_is_one_error(self, name: str, tmp_path: Path) -> None:
        for data in (b"", b"\n\n", b"\x00\xff\xfe" * 100, b"{" * 100_000, b"PAR1" * 10, b"[" * 100_000):
            (tmp_path / name).write_bytes(data)
            found = fault(tmp_path / name)
            assert found.startswith(str(tmp_path / name))
            assert len(found) < 3000

    def test_truncated_parquet_is_one_error(self, tmp_path: Path) -> None:
        path = images(tmp_path) / "t.parquet"
        pd.DataFrame({"path": IMAGES.keys(), "label": IMAGES.values()}).to_parquet(path)
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        assert "t.parquet: cannot read this Parquet file" in fault(path)
        path.write_bytes(data[:40] + b"\xff" * 40 + data[80:])
        assert "t.parquet" in fault(path)

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ('{"path": "cat/b.png", "label": ', ":2: this line is not valid JSON"),
            ('["cat/b.png", "dog"]', ":2: this line must be a JSON object; got a list"),
            ('{"path": "cat/b.png", "label": ["a"]}', ":2: the label must be one value; got a list"),
            ('{"path": {"bytes": 0}, "label": "a"}', ":2: the path must be one value; got a JSON object"),
            ('{"path": "cat/b.png", "label": ' + "9" * 5000 + "}", ":2: this line is not valid JSON"),
        ],
    )
    def test_bad_line_of_json_is_an_error_with_its_number(
        self, line: str, message: str, tmp_path: Path
    ) -> None:
        path = images(tmp_path) / "t.jsonl"
        path.write_text('{"path": "cat/a.png", "label": "cat"}\n' + line + "\n", encoding="utf-8")
        assert message in fault(path)

    def test_json_file_of_one_list_is_an_error_that_says_how_to_write_lines(self, tmp_path: Path) -> None:
        pd.DataFrame({"path": IMAGES.keys(), "label": IMAGES.values()}).to_json(
            images(tmp_path) / "t.json", orient="records"
        )
        assert "lines=True" in fault(tmp_path / "t.json")

    def test_limits_of_lines_and_rows_are_errors(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = csv_file(tmp_path, "path,label", *(f"{number}.png,{number % 2}" for number in range(30)))
        jsonl = tmp_path / "t.jsonl"
        jsonl.write_text('{"path": "cat/a.png", "label": "cat"}\n' * 30, encoding="utf-8")
        monkeypatch.setattr(table, "MAX_ROWS", 29)
        assert "there are more than 29 rows" in fault(path)
        assert "there are more than 29 rows" in fault(jsonl)
        monkeypatch.setattr(delimited, "MAX_LINE_LENGTH", 20)
        monkeypatch.setattr(json_lines, "MAX_LINE_BYTES", 20)
        path.write_text("path,label\n" + "a" * 30, encoding="utf-8")
        assert "table.csv:2: this line has more than 20 characters" in fault(path)
        assert "t.jsonl:1: this line has more than 20 bytes" in fault(jsonl)

    def test_table_that_is_a_fifo_is_not_opened(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "t.csv")
        assert not table.recognise(tmp_path / "t.csv")
        for name in ("t.csv", "t.jsonl", "t.parquet"):
            if name != "t.csv":
                os.mkfifo(tmp_path / name)
            assert "must be a regular file" in fault(tmp_path / name)


def test_hundred_thousand_classes_are_one_error(tmp_path: Path) -> None:
    frame = pl.DataFrame({"path": [f"{number}.png" for number in range(100_000)]})
    frame.with_columns(label="path").write_csv(tmp_path / "t.csv")
    assert fault(tmp_path / "t.csv").endswith(
        "t.csv: there are too many classes; expected at most 30,000; got 100,000.\n"
        "  hint: check that the labels are classes and not identifiers of images"
    )


@pytest.mark.slow
def test_table_of_a_million_rows_is_listed_in_bounded_time(tmp_path: Path) -> None:
    images(tmp_path)
    names = [f"cat/{number:07}.png" for number in range(999_999)] + ["cat/a.png"]
    frame = pl.DataFrame({"path": names, "label": [str(number % 10) for number in range(1_000_000)]})
    frame.write_csv(tmp_path / "t.csv")
    start = datetime.datetime.now()
    assert len(listed(tmp_path / "t.csv")) == 1_000_000
    assert datetime.datetime.now() - start < datetime.timedelta(seconds=60)
