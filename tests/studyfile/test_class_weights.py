"""Keys for classes of different sizes in a study file: errors with their lines, and what a written study contains."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from convstudy import Compare, Network, Study
from convstudy.data import BUILT_IN_DATASETS
from convstudy.errors import StudyError
from convstudy.studyfile import Recipe, check_study, load_study, study_document, study_of, study_schema
from convstudy.studyfile.weighted_classes import MAX_SHOWN

FILE = """\
[study]
name = "weighted"
dataset = "digits"
[recipe]
RECIPE
[network.a]
layers = ["flatten"]
[network.b]
layers = ["flatten", "dense 4"]
[search.k]
network = "a"
parameters = { class_weights = ["none", "balanced"] }
[compare.both]
networks = ["a", "b"]
[ablate.a]
plain = { class_weights = "none", sampling = "balanced" }
VARIANT
"""
ALL = "{ " + ", ".join(f'"{number}" = {1 + number}' for number in range(10)) + " }"


def load(tmp_path: Path, recipe: str = "", variant: str = "") -> Study:
    path = tmp_path / "weighted.toml"
    path.write_text(FILE.replace("RECIPE", recipe).replace("VARIANT", variant), "utf-8")
    return load_study(path)


@pytest.mark.parametrize(
    ("recipe", "variant", "expected"),
    [
        ('loss = "focall"', "", ['5: recipe.loss must be one of "cross-entropy", "focal"; got "focall".']),
        ("focal_gamma = -1", "", ["5: recipe.focal_gamma must be a number in [0, 10]; got -1."]),
        (
            'sampling = "balance"',
            "",
            ['5: recipe.sampling must be one of "shuffle", "balanced", "hard"; got "balance".'],
        ),
        ("logit_adjustment = 11", "", ["5: recipe.logit_adjustment must be a number in [0, 10]; got 11."]),
        (
            "normalise = true",
            "",
            ['5: recipe.normalise must be one of "none", "standard"; got true (a boolean).'],
        ),
        (
            'class_weights = "balance"',
            "",
            ['5: recipe.class_weights must be one of "none", "balanced"; got "balance".'],
        ),
        (
            "class_weights = 3",
            "",
            ['5: recipe.class_weights must be one of "none", "balanced" or a table; got 3 (an integer).'],
        ),
        (
            f"class_weights = {ALL.replace('= 4', '= 0')}",
            "",
            ["5: recipe.class_weights.3 must be a number in (0, 1000000]; got 0."],
        ),
        (
            "[recipe.class_weights]\n0 = 1\nten = 2",
            "",
            [
                '7: recipe.class_weights.ten: unknown class; expected one of "0", "1", "2", "3", "4", "5", "6", "7", '
                '"8", "9".',
                '5: recipe.class_weights: each class must have a weight; there is none for "1", "2", "3", "4", "5" and '
                "4 more.",
            ],
        ),
        (
            "class_weights = {}",
            "",
            ["5: recipe.class_weights: each class must have a weight; there is none for"],
        ),
        (
            "",
            'odd = { class_weights = { "1" = 2 } }',
            ["17: ablate.a.odd.class_weights: each class must have a weight; there is none for"],
        ),
        (
            "",
            'odd = { class_weights = { "1" = true } }',
            ["17: ablate.a.odd.class_weights.1 must be a number in"],
        ),
    ],
)
def test_wrong_value_is_one_error_with_its_line(
    tmp_path: Path, recipe: str, variant: str, expected: list[str]
) -> None:
    with pytest.raises(StudyError) as caught:
        load(tmp_path, recipe, variant)
    found = [str(problem).splitlines()[0] for problem in caught.value.problems]
    assert len(found) == len(expected)
    for text in expected:
        assert any(text in line for line in found), found


def test_only_some_unknown_classes_of_a_table_are_reported(tmp_path: Path) -> None:
    names = ", ".join(f'"x{number}" = 1' for number in range(500))
    with pytest.raises(StudyError) as caught:
        load(tmp_path, f"class_weights = {{ {names} }}")
    assert len(caught.value.problems) == MAX_SHOWN


def test_table_in_python_is_checked_like_one_in_a_file() -> None:
    networks = {"a": Network.read(["flatten"]), "b": Network.read(["flatten", "dense 4"])}
    study = Study(
        name="weighted",
        dataset="digits",
        recipe=Recipe(class_weights={"0": 1, "cat": 2}),
        network=networks,
        compare={"both": Compare(networks=("a", "b"))},
    )
    with pytest.raises(StudyError, match=r"recipe\.class_weights\.cat: unknown class"):
        check_study(study)


def test_written_study_has_the_table_and_reads_back(tmp_path: Path) -> None:
    study = load(
        tmp_path, f"class_weights = {ALL}\nlogit_adjustment = 0.5", f"odd = {{ class_weights = {ALL} }}"
    )
    document = study_document(study)
    assert document["recipe"]["class_weights"] == {str(number): 1.0 + number for number in range(10)}
    assert document["recipe"]["logit_adjustment"] == 0.5
    assert study_of(json.loads(json.dumps(document))) == study


def test_written_study_omits_the_newer_keys_at_their_defaults(tmp_path: Path) -> None:
    """Runs of versions without these keys keep their ids."""
    recipe = study_document(load(tmp_path))["recipe"]
    assert "optimizer" in recipe
    assert not {"class_weights", "focal_gamma", "logit_adjustment", "loss", "normalise", "sampling"} & set(
        recipe
    )


def test_schema_accepts_names_and_tables_and_refuses_others() -> None:
    schema = study_schema()["properties"]["recipe"]
    for value in ("none", "balanced", {"a": 1, "b": 2.5}):
        jsonschema.validate({"class_weights": value}, schema)
    for value in ("balance", 3, {"a": 0}, {"a": "x"}, ["a"]):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"class_weights": value}, schema)
    assert BUILT_IN_DATASETS["digits"].class_names == tuple(map(str, range(10)))
