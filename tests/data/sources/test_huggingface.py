"""The listing of Hugging Face image data, written by the library ``datasets``, pandas and polars."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from convstudy.data.decoding import DecodeOptions, decode, probe
from convstudy.data.detect import detect
from convstudy.data.listing import Listing, SourceOptions
from convstudy.data.sources.huggingface import LISTED_SOURCE
from convstudy.data.tables import arrow_files
from convstudy.errors import DataError
from convstudy.studyfile.images import DatasetTable
from tests.data.sources.conformance_listed import ListedExample, ListedSourceConformance
from tests.data.sources.listed import listed, rewrite

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 5, 4, 3), dtype=np.uint8)
NAMES = ["cat", "dog", "émeu"]
LABELS = [0, 1, 2] * 3
TEXTS = [NAMES[label] for label in LABELS]
FEATURES = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=NAMES)})


@pytest.fixture(autouse=True)
def _quiet(tmp_path_factory: pytest.TempPathFactory) -> None:
    datasets.disable_progress_bars()


def encoded(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def dataset(features: datasets.Features = FEATURES, **columns: Any) -> datasets.Dataset:
    images = [Image.fromarray(image) for image in PIXELS]
    return datasets.Dataset.from_dict({"image": images, "label": LABELS, **columns}, features=features)


def pixels_of(listing: Listing) -> np.ndarray:
    return np.stack(
        [np.asarray(Image.open(io.BytesIO(listing.reader.read(row)))) for row in range(len(listing))]
    )


class TestHuggingFace(ListedSourceConformance):
    """Files of ``datasets`` pass the tests of all listed sources."""

    @pytest.fixture(params=["parquet", "folder", "saved"])
    def listed_example(self, tmp_path: Path, request: pytest.FixtureRequest) -> ListedExample:
        if request.param == "parquet":
            path = file = tmp_path / "shapes.parquet"
            dataset().to_parquet(file, batch_size=4)
        elif request.param == "folder":
            path, file = tmp_path / "hub", tmp_path / "hub" / "data" / "train-00000-of-00001.parquet"
            file.parent.mkdir(parents=True)
            dataset().to_parquet(file)
        else:
            path, file = tmp_path / "saved", tmp_path / "saved" / "data-00000-of-00001.arrow"
            dataset().save_to_disk(path)
        prefix = "train " if request.param == "folder" else ""
        images = {f"{prefix}row {row}": encoded(image) for row, image in enumerate(PIXELS)}
        labels = {f"{prefix}row {row}": text for row, text in enumerate(TEXTS)}
        return ListedExample(path, images, labels, lambda: rewrite(file))


def test_parquet_of_datasets_has_bytes_and_class_names(tmp_path: Path) -> None:
    dataset().to_parquet(tmp_path / "a.parquet", batch_size=2)
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups == 5
    found = listed("huggingface", tmp_path / "a.parquet")
    assert found.labels == TEXTS and found.class_names == tuple(NAMES)
    assert found.parts is None and found.bounds is None and found.notes == ()
    assert np.array_equal(pixels_of(found), PIXELS)


def test_shards_and_shuffled_order_of_save_to_disk_are_kept(tmp_path: Path) -> None:
    order = [5, 3, 8, 0, 1, 7]
    dataset().select(order).save_to_disk(tmp_path / "saved", num_shards=3)
    assert len(list((tmp_path / "saved").glob("*.arrow"))) == 3
    found = listed("huggingface", tmp_path / "saved")
    assert found.labels == [TEXTS[row] for row in order]
    assert np.array_equal(pixels_of(found), PIXELS[order])


def test_splits_of_a_dataset_dictionary_are_parts(tmp_path: Path) -> None:
    whole = dataset()
    parts = {"test": [6, 7], "train": [0, 1, 2, 3], "validation": [4, 5], "extra": [8]}
    splits = {name: whole.select(rows) for name, rows in parts.items()}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "saved")
    found = listed("huggingface", tmp_path / "saved")
    assert found.parts == ["train"] * 4 + ["validation"] * 2 + ["test"] * 2
    assert np.array_equal(pixels_of(found), PIXELS[:8])
    assert found.names[0] == "train row 0" and found.names[-1] == "test row 1"
    assert found.notes == ("Splits that are not used: extra.",)


def test_parts_of_parquet_files_follow_from_their_names(tmp_path: Path) -> None:
    whole = dataset()
    for name, rows in {
        "train-00000-of-00002-0a1b2c.parquet": [0, 1],
        "train-00001-of-00002-test.parquet": [2, 3],
        "validation-00000-of-00001.parquet": [4],
        "test-00000-of-00001.parquet": [5, 6],
        "README-00000-of-00001.parquet": [7],
    }.items():
        whole.select(rows).to_parquet(tmp_path / name)
    found = listed("huggingface", tmp_path)
    assert found.parts == ["train"] * 4 + ["validation"] + ["test"] * 2
    assert np.array_equal(pixels_of(found), PIXELS[:7])
    assert found.notes == ("Files whose names say no part are not used: README-00000-of-00001.parquet.",)


def test_lost_metadata_leaves_numbers_and_dataset_info_brings_names_back(tmp_path: Path) -> None:
    """pandas and other tools drop the metadata with the class names."""
    dataset().to_parquet(tmp_path / "train.parquet")
    table = pq.read_table(tmp_path / "train.parquet")
    pq.write_table(table.replace_schema_metadata(None), tmp_path / "train.parquet")
    found = listed("huggingface", tmp_path / "train.parquet")
    assert found.labels == [str(label) for label in LABELS] and found.class_names is None
    dataset().save_to_disk(tmp_path / "saved")
    (tmp_path / "dataset_info.json").write_bytes((tmp_path / "saved" / "dataset_info.json").read_bytes())
    found = listed("huggingface", tmp_path)
    assert found.labels == TEXTS and found.class_names == tuple(NAMES)


def test_files_of_pandas_and_polars_with_bytes_are_read(tmp_path: Path) -> None:
    content = [encoded(image) for image in PIXELS]
    structs = [{"bytes": each, "path": f"{row}.png"} for row, each in enumerate(content)]
    pd.DataFrame({"image": structs, "label": TEXTS}).to_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"img": structs, "label": TEXTS}).write_parquet(tmp_path / "b.parquet")
    pl.DataFrame({"jpeg": content, "target": TEXTS}).write_parquet(tmp_path / "c.parquet")
    pl.DataFrame({"jpeg": content, "class": TEXTS}).write_ipc(tmp_path / "d.arrow")
    pl.DataFrame({"jpeg": content, "class": TEXTS}).write_ipc_stream(tmp_path / "e.arrow")
    for name in ("a.parquet", "b.parquet", "c.parquet", "d.arrow", "e.arrow"):
        found = listed("huggingface", tmp_path / name)
        assert detect(tmp_path / name) is LISTED_SOURCE
        assert found.labels == TEXTS
        assert np.array_equal(pixels_of(found), PIXELS)
        is_struct = name in ("a.parquet", "b.parquet")
        assert found.names[2] == ("2.png" if is_struct else "row 2")


def test_images_that_are_only_paths_are_an_error_with_the_cure(tmp_path: Path) -> None:
    """``to_parquet`` of images that are files writes only their paths; ``save_to_disk`` writes the images."""
    paths = []
    for row, image in enumerate(PIXELS):
        Image.fromarray(image).save(tmp_path / f"{row}.png")
        paths.append(str(tmp_path / f"{row}.png"))
    whole = datasets.Dataset.from_dict({"image": paths, "label": LABELS}, features=FEATURES)
    whole.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError) as caught:
        listed("huggingface", tmp_path / "a.parquet")
    (problem,) = caught.value.problems
    assert problem.what == 'the column "image" has only the paths of the images, not the images'
    assert problem.got == paths[0][:100]
    assert "save_to_disk" in problem.hint
    whole.save_to_disk(tmp_path / "saved")
    assert np.array_equal(pixels_of(listed("huggingface", tmp_path / "saved")), PIXELS)


def test_null_labels_are_none_and_null_images_raise_when_they_are_read(tmp_path: Path) -> None:
    content: list[Any] = [{"bytes": encoded(image), "path": None} for image in PIXELS]
    content[1], content[2] = None, {"bytes": None, "path": "somewhere.png"}
    labels = [0, None, 2, -1, 1, 2, 0, 1, 2]
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=NAMES)})
    table = pa.table({"image": content, "label": labels}).replace_schema_metadata(
        features.arrow_schema.metadata
    )
    pq.write_table(table, tmp_path / "a.parquet")
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)
    for name in ("a.parquet", "a.arrow"):
        found = listed("huggingface", tmp_path / name)
        assert found.labels == ["cat", None, "émeu", None, "dog", "émeu", "cat", "dog", "émeu"]
        with pytest.raises(DataError, match="row 1: there is no image"):
            found.reader.read(1)
        with pytest.raises(DataError, match="row 2: there is no image, only the path somewhere"):
            found.reader.read(2)
        assert found.reader.read(3) == content[3]["bytes"]


def test_integer_labels_with_nulls_stay_integers(tmp_path: Path) -> None:
    big = 2**53 + 1
    content = [encoded(image) for image in PIXELS[:3]]
    pq.write_table(pa.table({"image": content, "label": [big, None, 7]}), tmp_path / "a.parquet")
    assert listed("huggingface", tmp_path / "a.parquet").labels == [str(big), None, "7"]
    pq.write_table(pa.table({"image": content, "label": [1.0, float("nan"), 7.0]}), tmp_path / "a.parquet")
    assert listed("huggingface", tmp_path / "a.parquet").labels == ["1", None, "7"]  # as pandas writes it
    pq.write_table(pa.table({"image": content, "label": [1.0, 2.5, 0.5]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"row 1: a label must be a whole number or text; got 2\.5") as caught:
        listed("huggingface", tmp_path / "a.parquet", label="label")
    assert len(caught.value.problems) == 2


def test_several_label_columns_are_listed_and_one_can_be_named(tmp_path: Path) -> None:
    features = datasets.Features(
        {
            "img": datasets.Image(),
            "fine_label": datasets.ClassLabel(names=NAMES),
            "coarse_label": datasets.ClassLabel(names=["animal", "bird"]),
        }
    )
    images = [Image.fromarray(image) for image in PIXELS]
    columns = {"img": images, "fine_label": LABELS, "coarse_label": [label // 2 for label in LABELS]}
    datasets.Dataset.from_dict(columns, features=features).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="several columns could be the label; got fine_label, coarse_label"):
        listed("huggingface", tmp_path / "a.parquet")
    found = listed("huggingface", tmp_path / "a.parquet", label="coarse_label")
    assert found.class_names == ("animal", "bird") and found.labels[:3] == ["animal", "animal", "bird"]
    assert found.notes == ("Columns that are not used: fine_label.",)


def test_columns_of_groups_times_weights_and_parts_are_named(tmp_path: Path) -> None:
    columns = {
        "image": [encoded(image) for image in PIXELS],
        "species": TEXTS,
        "patient": [7, 7, 8] * 3,
        "day": pd.date_range("2024-01-01", periods=9),
        "importance": [0.5] * 9,
        "split": ["train"] * 6 + ["test"] * 3,
    }
    pd.DataFrame(columns).to_parquet(tmp_path / "a.parquet")
    keys = {"label": "species", "group": "patient", "time": "day", "weight": "importance", "part": "split"}
    found = listed("huggingface", tmp_path / "a.parquet", **keys)
    assert found.groups == ["7", "7", "8"] * 3
    assert found.times is not None and found.times[1] == "2024-01-02T00:00:00"
    assert found.weights == [0.5] * 9
    assert found.parts == ["train"] * 6 + ["test"] * 3
    found = listed("huggingface", tmp_path / "a.parquet", label="species")
    assert found.groups is None and found.parts == ["train"] * 6 + ["test"] * 3
    assert any('The column "patient" is not used' in note for note in found.notes)
    found = listed("huggingface", tmp_path / "a.parquet", label="species", parts="ignore")
    assert found.parts is None
    for key, value in (("label", "specie"), ("group", "patent"), ("image", "images")):
        with pytest.raises(DataError, match=rf"dataset\.{key} must be one of"):
            listed("huggingface", tmp_path / "a.parquet", **{key: value})
    with pytest.raises(DataError, match=r"dataset\.image must be a column of bytes"):
        listed("huggingface", tmp_path / "a.parquet", image="species", label="split")


def test_tables_of_paths_are_left_to_the_source_of_tables(tmp_path: Path) -> None:
    pd.DataFrame({"path": ["a.png"], "label": ["cat"]}).to_parquet(tmp_path / "a.parquet")
    assert not LISTED_SOURCE.recognise(tmp_path / "a.parquet")
    assert detect(tmp_path / "a.parquet").name == "table"


def test_exif_rotation_is_applied_as_datasets_applies_it(tmp_path: Path) -> None:
    """``datasets`` rotates when it decodes; Pillow on the same bytes does not."""
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.fromarray(PIXELS[0]).save(file, "JPEG", exif=exif, quality=95, subsampling=0)
    content = {"image": [{"bytes": file.getvalue(), "path": None}], "label": [0]}
    whole = datasets.Dataset.from_dict(content, features=FEATURES)
    whole.to_parquet(tmp_path / "a.parquet")
    theirs = np.asarray(whole[0]["image"])
    found = listed("huggingface", tmp_path / "a.parquet")
    data = found.reader.read(0)
    assert np.asarray(Image.open(io.BytesIO(data))).shape == (5, 4, 3) and theirs.shape == (4, 5, 3)
    header = probe(data)
    ours = decode(data, DecodeOptions((header.height, header.width), 3)).pixels
    assert np.array_equal(ours, theirs)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "shard is missing": (
        lambda folder: (folder / "data-00000-of-00001.arrow").unlink(),
        "cannot read the file",
    ),
    "shard is cut": (
        lambda folder: _change(
            folder / "data-00000-of-00001.arrow", lambda content: content[: len(content) // 2]
        ),
        "cannot read the file",
    ),
    "shard is no Arrow file": (
        lambda folder: (folder / "data-00000-of-00001.arrow").write_bytes(b"no arrow"),
        "cannot read the file",
    ),
    "name leaves the folder": (
        lambda folder: _json(folder / "state.json", {"_data_files": [{"filename": "../x.arrow"}]}),
        "a file must have a plain name",
    ),
    "no data files": (lambda folder: _json(folder / "state.json", {}), "a list of data files"),
    "state is a list": (
        lambda folder: (folder / "state.json").write_text("[]"),
        "a JSON object was expected",
    ),
    "state is no JSON": (lambda folder: (folder / "state.json").write_text("{"), "cannot read the file"),
    "state is deep": (
        lambda folder: (folder / "state.json").write_text("[" * 100_000),
        "cannot read the file",
    ),
}


def _change(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def _json(path: Path, values: object) -> None:
    path.write_text(json.dumps(values))


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_folder_raises_one_error(tmp_path: Path, name: str) -> None:
    dataset().save_to_disk(tmp_path / "saved")
    damage, what = DAMAGE[name]
    damage(tmp_path / "saved")
    with pytest.raises(DataError, match=what) as caught:
        LISTED_SOURCE.listing(tmp_path / "saved", SourceOptions())
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content[:-1],
        lambda content: content[: len(content) // 2],
        lambda content: b"PAR1",
        bytes(9),
    ],
    ids=["cut", "half", "start", "zeros"],
)
def test_damaged_parquet_raises_one_error(tmp_path: Path, change: Any) -> None:
    path = tmp_path / "a.parquet"
    dataset().to_parquet(path)
    path.write_bytes(change if isinstance(change, bytes) else change(path.read_bytes()))
    assert not LISTED_SOURCE.recognise(path)
    with pytest.raises(DataError, match="cannot read the file"):
        LISTED_SOURCE.listing(path, SourceOptions())


def test_name_of_a_column_that_is_no_text_raises_one_error(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    dataset().to_parquet(path)
    path.write_bytes(path.read_bytes().replace(b"label", b"lab\xffl"))
    with pytest.raises(DataError, match="cannot read the file: 'utf-8' codec"):
        LISTED_SOURCE.listing(path, SourceOptions())


def test_page_that_cannot_be_unpacked_raises_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    dataset().to_parquet(path)
    found = listed("huggingface", path)
    content = bytearray(path.read_bytes())
    content[4:40] = bytes(36)
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot read the file"):
        found.reader.read(0)


def test_label_without_a_class_name_is_a_fault_of_its_image(tmp_path: Path) -> None:
    table = pa.table({"image": [encoded(image) for image in PIXELS], "label": [0, 1, 2, 3, 4, -2, 0, 1, 2]})
    metadata = FEATURES.arrow_schema.metadata
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "a.parquet")
    found = listed("huggingface", tmp_path / "a.parquet")
    assert found.labels[2:7] == ["émeu", None, None, None, "cat"]
    expected = "its label has no class name; expected a number from 0 to 2, one per class name"
    assert found.faults == {3: f"{expected}; got 3", 4: f"{expected}; got 4", 5: f"{expected}; got -2"}


def test_class_of_the_metadata_without_images_is_an_error_that_says_how_to_leave_it_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "cache"))
    images = [encoded(np.full((8, 8, 3), 10 * number, np.uint8)) for number in range(12)]
    table = pa.table({"image": images, "label": [0, 1] * 6})
    pq.write_table(table.replace_schema_metadata(FEATURES.arrow_schema.metadata), tmp_path / "a.parquet")
    with pytest.raises(DataError, match='class "émeu" has no image') as caught:
        DatasetTable.model_validate({"path": "a.parquet"}).dataset(tmp_path)
    assert "classes = [...]" in caught.value.problems[0].hint
    given = {"path": "a.parquet", "classes": ["dog", "cat"]}
    assert DatasetTable.model_validate(given).dataset(tmp_path).class_names == ("dog", "cat")


def test_empty_split_of_a_dataset_dictionary_has_no_image(tmp_path: Path) -> None:
    whole = dataset()
    datasets.DatasetDict({"train": whole, "test": whole.select([])}).save_to_disk(tmp_path / "d")
    found = listed("huggingface", tmp_path / "d")
    assert found.parts == ["train"] * len(whole)


def test_file_that_changes_after_the_listing_raises_when_it_is_read(tmp_path: Path) -> None:
    dataset().to_parquet(tmp_path / "a.parquet")
    found = listed("huggingface", tmp_path / "a.parquet")
    dataset().select([0, 1]).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="the file was changed while it was in use"):
        found.reader.read(0)


def test_rows_of_a_large_row_group_are_read_a_few_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset().to_parquet(tmp_path / "a.parquet", batch_size=5)
    monkeypatch.setattr(arrow_files, "BATCH_ROWS", 2)
    found = listed("huggingface", tmp_path / "a.parquet")
    for row in (0, 8, 1, 4, 3, 7, 2, 6, 5):
        assert found.reader.read(row) == encoded(PIXELS[row])


def test_missing_pyarrow_is_an_error_with_the_command_that_installs_it(tmp_path: Path) -> None:
    dataset().save_to_disk(tmp_path / "saved")
    program = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from pathlib import Path\n"
        "from convstudy.data.listing import SourceOptions\n"
        "from convstudy.data.sources.huggingface import LISTED_SOURCE\n"
        "path = Path(sys.argv[1])\n"
        "assert LISTED_SOURCE.recognise(path)\n"
        "try: LISTED_SOURCE.listing(path, SourceOptions())\n"
        "except Exception as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "saved")], capture_output=True, text=True, check=True
    )
    assert "Parquet and Arrow files need pyarrow" in done.stdout
    assert 'pip install "convstudy[data]"' in done.stdout


def test_column_that_cannot_be_labels_is_one_error(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"image": [encoded(image) for image in PIXELS[:3]], "y": [1, 2, 1]}), tmp_path / "a.parquet"
    )
    with pytest.raises(DataError, match="must be a column of text or whole numbers; got image: binary"):
        listed("huggingface", tmp_path / "a.parquet", label="image")
