"""The file of the test part: plain text, the same after reading and writing, with the line of each error."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convstudy.data.grouping import assignment_file
from convstudy.data.grouping.assignment import Assignment
from convstudy.data.grouping.assignment_file import read_assignment, write_assignment
from convstudy.errors import DataError

ASSIGNMENT = Assignment("group", 0.2, {"patient 7": "train", "a, b": "test", "ann": "train"})
TEXT = """\
# The test part of a dataset, set aside by convstudy. Keep this file: without it, other images become test images.
# fraction = 0.2
part,group
test,"a, b"
train,ann
train,patient 7
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "photos.parts.csv"


def test_file_is_sorted_text_and_reads_back(path: Path) -> None:
    assert read_assignment(path) is None
    write_assignment(path, ASSIGNMENT)
    assert path.read_text(encoding="utf-8") == TEXT
    read = read_assignment(path)
    assert read == ASSIGNMENT and read.file == "photos.parts.csv"
    path.write_text(TEXT.replace("\n", "\r\n"), encoding="utf-8-sig")  # as a spreadsheet saves it
    assert read_assignment(path) == ASSIGNMENT


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text(min_size=1).filter(lambda name: "\0" not in name), st.sampled_from(["train", "test"])
    )
)
def test_any_names_read_back(tmp_path_factory: pytest.TempPathFactory, parts: dict[str, str]) -> None:
    path = tmp_path_factory.mktemp("any") / "file.csv"
    assignment = Assignment("image", 1 / 3, parts)  # type: ignore[arg-type]
    write_assignment(path, assignment)
    assert read_assignment(path) == assignment


def test_names_of_undecodable_files_read_back(path: Path) -> None:
    assignment = Assignment("image", 0.2, {"caf\udce9.png": "test", '#a\n"b"': "train", "\ud800": "train"})
    write_assignment(path, assignment)
    assert read_assignment(path) == assignment


@pytest.mark.parametrize(
    ("change", "line", "what", "got"),
    [
        (("test,", "valid,"), 4, "the part must be train or test", "valid"),
        (("train,ann", "train,patient 7"), 6, "a name must not occur twice", "patient 7 in lines 5 and 6"),
        (("train,ann", "train"), 5, "a line must have a part and a name", "1 values"),
        (("train,ann", "train,ann,"), 5, "a line must have a part and a name", "3 values"),
        (("train,ann", "train,"), 5, "the name must not be empty", ""),
        (("train,ann", ",ann"), 5, "the part must be train or test", "an empty value"),
        (("part,group", "group,part"), 3, "the names of the columns are wrong", "group,part"),
        (("part,group\n", ""), 3, "the names of the columns are wrong", "test,a, b"),
        (("# fraction = 0.2\n", ""), None, "a comment must state the fraction of test images", ""),
        (("0.2", "2e9"), None, "a comment must state the fraction of test images", ""),
        (("0.2", "--e."), None, "a comment must state the fraction of test images", ""),
        ((TEXT, ""), None, "there is no line with the names of the columns", ""),
        (("ann", "a\0n"), None, "the file contains a zero byte", ""),
        (
            ("ann", "x" * 200_000),
            5,
            "this is not a valid line of CSV: field larger than field limit (131072)",
            "",
        ),
    ],
)
def test_edited_file_is_refused_with_its_line(
    path: Path, change: tuple[str, str], line: int | None, what: str, got: str
) -> None:
    assert change[0] in TEXT
    path.write_text(TEXT.replace(*change), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_assignment(path)
    problem = caught.value.problems[0]
    assert (problem.where.file, problem.where.line) == (str(path), line)
    assert (problem.what, problem.got) == (what, got)


def test_all_wrong_lines_are_reported_up_to_a_limit(path: Path) -> None:
    path.write_text(TEXT.replace("train", "valid"), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_assignment(path)
    assert [problem.where.line for problem in caught.value.problems] == [5, 6]
    path.write_text(TEXT + "x,y\n" * 100_000, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_assignment(path)
    assert len(caught.value.problems) == assignment_file.MAX_PROBLEMS


def test_other_bytes_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(TEXT.encode().replace(b"ann", b"\xff\xfe"))
    with pytest.raises(DataError, match=":5: this is not UTF-8 text"):
        read_assignment(path)
    monkeypatch.setattr(assignment_file, "MAX_BYTES", 100)
    write_assignment(path, ASSIGNMENT)
    with pytest.raises(DataError, match="the file is too large"):
        read_assignment(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match="cannot read the file of the test part"):
        read_assignment(path)
