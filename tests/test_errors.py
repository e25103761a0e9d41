"""Errors: their parts as JSON, and their sentences."""

from __future__ import annotations

import json

import pytest

from convstudy.errors import (
    NOWHERE,
    OUTPUT,
    ConvstudyError,
    KeyPath,
    Location,
    Problem,
    StudyError,
    key_text,
    unknown,
)


@pytest.mark.parametrize(
    ("where", "text"),
    [
        (NOWHERE, ""),
        (Location("study.toml"), "study.toml"),
        (Location("study.toml", 12), "study.toml:12"),
        (Location("study.toml", 12, column=3), "study.toml:12:3"),
        (Location("study.toml", 12, ("recipe", "epochs")), "study.toml:12: recipe.epochs"),
        (Location(key=("search", "size", "parameters", "kernel", 4)), "search.size.parameters.kernel"),
        (Location(key=("recip e", "x")), '"recip e".x'),
        (Location(key=("epochs",), subject="--set recipe.epochs"), "--set recipe.epochs: epochs"),
        (Location(key=("recipe", "epochs"), subject="--set recipe.epochs"), "--set recipe.epochs"),
        (Location(layer=(2,)), "layer 2"),
        (Location(layer=(4, "shortcut", 1), layer_text="conv 8 1"), 'layer 4.shortcut.1, "conv 8 1"'),
        (Location(layer=(2,), block="basic"), 'layer 2 of block "basic"'),
        (Location(layer=OUTPUT), "the output layer"),
    ],
)
def test_location_is_written_from_its_parts_and_survives_json(where: Location, text: str) -> None:
    assert str(where) == text
    assert Location.from_json(json.loads(json.dumps(where.as_json()))) == where


EPOCHS = Location("a.toml", 7, ("recipe", "epochs"))


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("no space"), "no space."),
        (Problem("no space", Location("a"), "0 bytes", hint="free it"), "a: no space; got 0 bytes.\n  hint: free it"),
        (Problem("two sizes", expected="one", got="8 and 9"), "two sizes; expected one; got 8 and 9."),
        (Problem(where=EPOCHS, expected="a number", got='"3"'), 'a.toml:7: recipe.epochs must be a number; got "3".'),
        (Problem("unknown key", EPOCHS, '"epochs"'), "a.toml:7: recipe.epochs: unknown key."),
        (Problem('"conv 64" lacks its kernel', got="conv 64"), '"conv 64" lacks its kernel.'),
    ],
)  # fmt: skip
def test_problem_is_one_sentence_that_repeats_nothing(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_reason_is_never_empty() -> None:
    assert Problem("no space", EPOCHS, "0").reason == "no space"
    assert Problem(where=EPOCHS, expected="> 0").reason == "a.toml:7: recipe.epochs must be > 0"


def test_error_as_json_gives_the_parts_of_each_location() -> None:
    error = StudyError(Problem("too large", Location("a.toml", 3, ("study", "seeds"))), "and more")
    first, second = json.loads(json.dumps(error.as_json()))
    assert (first["what"], first["where"]["file"], first["where"]["line"]) == ("too large", "a.toml", 3)
    assert first["where"]["key"] == ["study", "seeds"]
    assert second["where"] == NOWHERE.as_json()
    assert [Problem.from_json(each) for each in (first, second)] == list(error.problems)
    assert isinstance(error, ConvstudyError)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("a", 0, "b-c"), "a.b-c"),
        (("a.b",), '"a.b"'),
        (("a\n",), '"a�"'),
        (("x" * 90 + "!",), None),
    ],
)
def test_key_text_quotes_what_toml_would_not_take_bare(path: KeyPath, text: str | None) -> None:
    if text is None:
        assert len(key_text(path)) < 90 and key_text(path).endswith("…")
    else:
        assert key_text(path) == text


@pytest.mark.parametrize(
    ("where", "text"),
    [
        (NOWHERE, 'unknown layer "dens"; expected one of "dense", "conv".'),
        (Location(layer=(1,)), 'layer 1: unknown layer "dens"; expected one of "dense", "conv".'),
        (
            Location(key=("a", "without", 0)),
            'a.without: unknown layer "dens"; expected one of "dense", "conv".',
        ),
        (Location(key=("a", "layer")), 'a.layer must be one of "dense", "conv"; got "dens".'),
        (Location(key=("a", "dens")), 'a.dens: unknown layer; expected one of "dense", "conv".'),
    ],
)
def test_unknown_name_lists_the_known_ones_and_hints_at_the_nearest(where: Location, text: str) -> None:
    problem = unknown("layer", "dens", ["dense", "conv"], where)
    assert str(problem) == f'{text}\n  hint: did you mean "dense"?'


def test_unknown_name_is_reported_if_no_name_exists() -> None:
    where = Location(key=("compare", "a", "network"))
    assert str(unknown("network", "x", [], where)) == 'compare.a.network: unknown network "x": there is none.'
