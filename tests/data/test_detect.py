"""The kind of a source follows from its path."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from convstudy.data import detect as module
from convstudy.data.detect import check_options, detect
from convstudy.data.listing import SourceOptions
from convstudy.data.sources import NAMED_SOURCES
from convstudy.errors import DataError

FOLDER = NAMED_SOURCES["folder"]


def test_missing_path_is_an_error_that_names_the_part_that_exists(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        detect(tmp_path / "photos" / "new")
    assert "photos/new: there is no such file or folder." in str(caught.value)
    assert f"hint: {tmp_path} exists, but does not contain it" in str(caught.value)
    with pytest.raises(DataError, match="there is no such file or folder"):
        detect(tmp_path / "photos", "folder")
    for name in ("a\0b", "a" * 1000):
        with pytest.raises(DataError, match="there is no such file or folder"):
            detect(tmp_path / name)
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(DataError, match="link: this symbolic link leads to no file"):
        detect(tmp_path / "link")


def test_path_that_no_kind_recognises_is_an_error_with_all_forms(tmp_path: Path) -> None:
    (tmp_path / "notes.docx").write_bytes(b"text")
    with pytest.raises(DataError) as caught:
        detect(tmp_path / "notes.docx")
    for kind in NAMED_SOURCES.values():
        assert f'{kind.path_form} (source = "{kind.name}")' in str(caught.value)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("t.xlsx", "CSV in UTF-8"),
        ("t.7z", "create a zip archive"),
        ("t.PT", "np.savez"),
        ("1.jpg", "the folder"),
    ],
)
def test_file_of_a_known_format_that_cannot_be_read_is_an_error_that_says_what_helps(
    name: str, hint: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes((b"PK\3\4" if name in ("t.xlsx", "t.PT") else b"text") + bytes(100))
    with pytest.raises(DataError, match=f"hint: .*{hint}"):
        detect(tmp_path / name)


def test_unknown_source_is_an_error_that_lists_all(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        detect(tmp_path, "foldr")
    assert str(caught.value).startswith("dataset.source must be ")
    assert 'did you mean "folder"?' in str(caught.value)


def test_special_kind_is_preferred_to_a_fallback_and_two_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    special = replace(FOLDER, name="special", is_fallback=False)
    kinds = {"folder": FOLDER, "special": special}
    monkeypatch.setattr(module, "NAMED_SOURCES", kinds)
    assert detect(tmp_path) is special
    assert detect(tmp_path, "folder") is FOLDER
    kinds["other"] = replace(special, name="other")
    with pytest.raises(DataError, match="several ways") as caught:
        detect(tmp_path)
    assert 'set source = "special" or "other"' in str(caught.value)


def test_option_that_a_source_does_not_use_is_an_error() -> None:
    check_options(FOLDER, SourceOptions(parts="ignore"))
    with pytest.raises(DataError) as caught:
        check_options(FOLDER, SourceOptions(label="y", transpose=True))
    assert str(caught.value).splitlines() == [
        'dataset.label: source "folder" does not use this key; it uses parts.',
        'dataset.transpose: source "folder" does not use this key; it uses parts.',
    ]


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("t.zip", b"", "the file is empty"),
        ("1.jpg", b"", "the file is empty"),
        ("t.zip", b"hello", "this is not a valid .zip file"),
        ("t.tar", b"hello", "this is not a valid .tar file"),
        ("t.csv.gz", b"\x1f\x8bhello", "this is not a valid .gz file"),
    ],
)
def test_damaged_file_is_named_as_damaged(name: str, data: bytes, what: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=what) as caught:
        detect(tmp_path / name)
    assert caught.value.problems[0].where.file == str(tmp_path / name)


def test_device_is_refused_unread() -> None:
    with pytest.raises(DataError, match="must be a regular file; got a device"):
        detect(Path("/dev/zero"))


def test_file_of_one_array_hints_at_the_folder(tmp_path: Path) -> None:
    (tmp_path / "X.npy").write_bytes(b"\x93NUMPY" + bytes(100))
    with pytest.raises(DataError, match=r"hint: .*the folder that has the arrays of images and labels"):
        detect(tmp_path / "X.npy")


def test_group_without_a_column_hints_at_a_pattern() -> None:
    with pytest.raises(DataError, match=r"hint: .*a pattern over names contains a group"):
        check_options(NAMED_SOURCES["folder"], SourceOptions(group="patient"))
