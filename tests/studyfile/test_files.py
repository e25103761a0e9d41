"""Files that are no study files are refused with a reason, a place and a way out."""

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


def test_built_in_studies_are_found_by_name() -> None:
    assert BUILT_IN_STUDIES == ("digits", "mnist", "mnist-accuracy", "mnist-speedrun")
    assert tuple(load_study(name).name for name in BUILT_IN_STUDIES) == BUILT_IN_STUDIES


def test_a_path_is_a_path_even_with_a_built_in_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "no such study file" in problem_of(Path("digits")).what


def test_a_name_that_nothing_has() -> None:
    problem = problem_of("mnits")
    assert problem.what == "there is no such study file and no built-in study of that name"
    assert problem.expected.endswith("a built-in study: digits, mnist, mnist-accuracy, mnist-speedrun")
    assert problem.hint == 'did you mean "mnist"? or write one with "convstudy init"'


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "letters.toml").write_text("")
    problem = problem_of(str(tmp_path / "leters.toml"))
    assert problem.what == "there is no such study file"
    assert f'did you mean "{tmp_path / "letters.toml"}"?' in problem.hint
    assert "convstudy init" in problem.hint


def test_a_folder(tmp_path: Path) -> None:
    assert problem_of(tmp_path).what == "this is a folder"


def test_a_device_is_not_read() -> None:
    assert problem_of(Path(os.devnull)).what == "this is not a file"


def test_a_path_that_cannot_be() -> None:
    assert "cannot be read" in problem_of("a\0b.toml").what or "no such" in problem_of("a\0b.toml").what


def test_a_file_that_is_too_large(tmp_path: Path, good_text: str) -> None:
    path = tmp_path / "large.toml"
    path.write_text(good_text + "#" * (1_000_000 - len(good_text)))
    assert load_study(path).name == "good"
    path.write_text(good_text + "#" * (1_000_001 - len(good_text)))
    assert problem_of(path).expected == "at most 1,000,000 bytes"


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes(b'[study]\nname = "caf\xe9"\n')
    problem = problem_of(path)
    assert str(problem.where) == f"{path}:2"
    assert problem.got == "the byte 0xe9"


def test_a_byte_order_mark_and_carriage_returns_do_no_harm(tmp_path: Path, good_text: str) -> None:
    path = tmp_path / "windows.toml"
    path.write_bytes(b"\xef\xbb\xbf" + good_text.replace("\n", "\r\n").encode())
    assert load_study(path).name == "good"
    path.write_bytes(path.read_bytes().replace(b"epochs = 3", b"epochs = 0"))
    assert str(problem_of(path).where) == f"{path}:7: recipe.epochs"


@pytest.mark.parametrize(
    ("text", "place", "got"),
    [
        ('[study]\nname = "a"\nseeds == 2\n', ":3:8", "seeds == 2"),
        ('[study]\nname = "a\n', ":2:10", 'name = "a'),
        ("[study]\n[study]\n", ":2:7", "[study]"),
        ("[study]\nseeds = 1\nseeds = 2\n", ":3:10", "seeds = 2"),
        ("[study]\nlist = [\n1,\n", ":4", ""),
    ],
)
def test_what_is_not_toml_is_told_with_line_and_column(
    tmp_path: Path, text: str, place: str, got: str
) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(text)
    problem = problem_of(path)
    assert str(problem.where) == f"{path}{place}"
    assert problem.what.startswith("this is not TOML: ")
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
def test_what_goes_too_deep_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "deep.toml"
    path.write_text(text)
    assert problem_of(path).what == "tables and lists go too deep into each other"


def test_a_number_of_too_many_digits(tmp_path: Path) -> None:
    path = tmp_path / "digits.toml"
    path.write_text("a = " + "9" * 10_000)
    assert "this is not TOML" in problem_of(path).what
