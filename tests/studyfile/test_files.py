"""Files that are not study files are refused with a reason, a location and a hint."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from convstudy.errors import Problem, StudyError
from convstudy.studyfile import BUILT_IN_STUDIES, load_study


def problem_of(source: str | Path) -> Problem:
    with pytest.raises(StudyError) as caught:
        load_study(source)
    (problem,) = caught.value.problems
    return problem


def test_built_in_studies_load_by_name() -> None:
    assert BUILT_IN_STUDIES == ("digits", "mnist", "mnist-accuracy", "mnist-speedrun")
    assert tuple(load_study(name).name for name in BUILT_IN_STUDIES) == BUILT_IN_STUDIES


def test_path_object_never_means_a_built_in_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "no such study file" in problem_of(Path("digits")).what


def test_unknown_name_hints_at_the_nearest_built_in_study() -> None:
    problem = problem_of("mnits")
    assert problem.what == "there is no such study file and no built-in study of that name"
    assert problem.expected.endswith("a built-in study: digits, mnist, mnist-accuracy, mnist-speedrun")
    assert problem.hint == 'did you mean "mnist"?'


def test_missing_file_hints_at_a_similar_name(tmp_path: Path) -> None:
    (tmp_path / "letters.toml").write_text("")
    problem = problem_of(str(tmp_path / "leters.toml"))
    assert problem.what == "there is no such study file"
    assert f'did you mean "{tmp_path / "letters.toml"}"?' in problem.hint


def test_missing_file_without_a_similar_name_hints_at_init(tmp_path: Path) -> None:
    assert problem_of(tmp_path / "xyz.toml").hint == "`convstudy init` writes a new one"


def test_folder_is_refused(tmp_path: Path) -> None:
    assert problem_of(tmp_path).got == "a folder"


def test_device_is_refused_unread() -> None:
    assert problem_of(Path(os.devnull)).got == "something that is not a file"


def test_path_with_a_null_byte_is_refused() -> None:
    assert "cannot be read" in problem_of("a\0b.toml").what or "no such" in problem_of("a\0b.toml").what


def test_file_above_1_mb_is_refused(tmp_path: Path, valid_text: str) -> None:
    path = tmp_path / "large.toml"
    path.write_text(valid_text + "#" * (1_000_000 - len(valid_text)))
    assert load_study(path).name == "good"
    path.write_text(valid_text + "#" * (1_000_001 - len(valid_text)))
    assert problem_of(path).expected == "a file of at most 1,000,000 bytes"


def test_file_that_is_not_utf_8_is_refused_with_line_and_byte(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes(b'[study]\nname = "caf\xe9"\n')
    problem = problem_of(path)
    assert str(problem.where) == f"{path}:2"
    assert problem.got == "the byte 0xe9"


def test_file_with_byte_order_mark_and_carriage_returns_is_read(tmp_path: Path, valid_text: str) -> None:
    path = tmp_path / "windows.toml"
    path.write_bytes(b"\xef\xbb\xbf" + valid_text.replace("\n", "\r\n").encode())
    assert load_study(path).name == "good"
    path.write_bytes(path.read_bytes().replace(b"epochs = 3", b"epochs = 0"))
    assert str(problem_of(path).where) == f"{path}:7: recipe.epochs"


@pytest.mark.parametrize(
    ("text", "place", "got"),
    [
        ('[study]\nname = "a"\nseeds == 2\n', ":3:8", "'seeds == 2'"),
        ('[study]\nname = "a\n', ":2:10", repr('name = "a')),
        ("[study]\n[study]\n", ":2:7", "'[study]'"),
        ("[study]\nseeds = 1\nseeds = 2\n", ":3:10", "'seeds = 2'"),
        ("[study]\nlist = [\n1,\n", ":4", ""),
    ],
)
def test_invalid_toml_is_reported_with_line_and_column(
    tmp_path: Path, text: str, place: str, got: str
) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(text)
    problem = problem_of(path)
    assert str(problem.where) == f"{path}{place}"
    assert problem.what.startswith("invalid TOML: ")
    assert problem.got == got


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 50_000 + "]" * 50_000,
        "a = " + "[" * 46 + "]" * 46,
        ".".join(["a"] * 1000) + " = 1",
        "a = " + "{a=" * 50 + "1" + "}" * 50,
    ],
)
def test_deep_nesting_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "deep.toml"
    path.write_text(text)
    assert problem_of(path).what == "tables and lists are nested too deeply"


def test_integer_of_10_000_digits_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "digits.toml"
    path.write_text("a = " + "9" * 10_000)
    assert "invalid TOML" in problem_of(path).what


def test_symbolic_link_to_nothing_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "photos").symlink_to("gone")
    assert problem_of(str(tmp_path / "photos")).what == "this symbolic link leads to no file"


@pytest.mark.parametrize("address", ["https://example.org/photos.zip", "s3://bucket/photos"])
def test_web_address_is_named_as_such(address: str) -> None:
    problem = problem_of(address)
    assert problem.what == "this is a web address" and problem.hint.startswith("download")
