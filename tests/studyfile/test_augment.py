"""Names, texts and tables of ``augment`` are read, written in one normal form, and checked with one clear error."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from convstudy.errors import StudyError
from convstudy.studyfile import Recipe, load_study, study_document, study_of, study_schema
from convstudy.studyfile.augment import augmentation_of, checked_text
from convstudy.studyfile.transforms import (
    BORDERS,
    KEYS,
    NAMES,
    ORIGINALS,
    PRESETS,
    TRANSFORMS,
    augment_schema,
)

VALIDATOR = Draft202012Validator(augment_schema())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("none", "none"),
        ({}, "none"),
        ("affine+cutout", "affine+cutout"),
        ("natural", "natural"),
        ({"rotate": 15}, "rotate=15"),
        ({"rotate": 15.0, "shift": 0.1}, "shift=0.1 rotate=15"),  # in the order in which they are applied
        ("  rotate=15   shift=.1 ", "shift=0.1 rotate=15"),
        ({"rotate": [-15, 15]}, "rotate=15"),
        ({"rotate": (-5, 15)}, "rotate=-5..15"),
        ({"scale": 0.1}, "scale=0.1"),
        ({"scale": [0.9, 1.1]}, "scale=0.1"),
        ({"scale": [0.8, 1.1]}, "scale=0.8..1.1"),
        ({"scale": [2, 5]}, "scale=2..5"),
        ({"brightness": 1}, "brightness=1"),
        ({"noise": 0.05}, "noise=0.05"),
        ({"noise": [0.05, 0.05]}, "noise=0.05..0.05"),
        ({"cutout": 0.25}, "cutout=0.25"),
        ({"cutout": [0.25, 0.25]}, "cutout=0.25"),
        ({"flip": "both"}, "flip=both"),
        ({"flip": {"value": "both", "probability": 0.5}}, "flip=both"),
        ({"flip": {"value": "both", "probability": 1}}, "flip=both@1"),
        ({"blur": {"value": [0.5, 1], "probability": 0.3}}, "blur=0.5..1@0.3"),
        ({"mixup": 1e-5}, "mixup=1e-05"),
        ({"preset": "light", "mixup": 0.2}, "light mixup=0.2"),
        ({"mixup": 0.2, "preset": "light", "rotate": 0}, "light rotate=0 mixup=0.2"),
        ({"preset": "digits", "border": "zero"}, "digits border=zero"),
    ],
)
def test_value_becomes_a_text_in_its_normal_form(value: Any, text: str) -> None:
    recipe = Recipe(augment=value)
    assert recipe.augment == text
    assert Recipe(augment=text) == recipe
    assert VALIDATOR.is_valid(json.loads(json.dumps(value)))
    assert VALIDATOR.is_valid(text)
    assert Recipe(augment=recipe.augmentation.text).augmentation == recipe.augmentation


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (
            5,
            'recipe.augment must be a name, such as "light", or a table, such as { rotate = 15, shift = 0.1 }; got 5.',
        ),
        (True, "recipe.augment must be a name, such as"),
        (["light"], 'got ["light"]'),
        ("", "recipe.augment must be a name, such as"),
        ("lihgt", 'unknown augmentation "lihgt"; expected one of "none", "shift"'),
        ("lihgt", 'did you mean "light"?'),
        ("rotate", '"rotate" needs a value'),
        ("affine mixup=0.2", '"affine" cannot be combined with transforms; expected one of "light"'),
        ("none rotate=3", '"none" cannot be combined with transforms'),
        ("rotate=3 light", 'unknown transform "light"'),
        ("rotate=3 rotate=4", '"rotate" is given twice'),
        ({"rotat": 3}, 'unknown transform "rotat"; expected one of "flip", "shift"'),
        ({"rotat": 3}, 'did you mean "rotate"?'),
        ({"rotate": 400}, "rotate must be a number in [0, 180] or a range within [-180, 180]; got 400."),
        ({"rotate": -3}, "rotate must be a number in [0, 180] or a range within [-180, 180]; got -3."),
        (
            {"rotate": [15, -5]},
            "rotate must be a number in [0, 180] or a range within [-180, 180]; got [15, -5].",
        ),
        ({"rotate": [1, 2, 3]}, "got [1,2,3]."),
        ({"rotate": []}, "got []."),
        ({"rotate": True}, "got true."),
        ({"rotate": float("nan")}, "got nan."),
        ({"rotate": "1e999"}, "got 1e999."),
        ({"scale": 1.5}, "scale must be a number in [0, 0.9] or a range within [0.1, 10]; got 1.5."),
        ({"scale": [0, 1]}, "got [0, 1]."),
        ({"brightness": 1.2}, "brightness must be a number in [0, 1] or a range within [0, 10]; got 1.2."),
        ({"blur": 6}, "blur must be a number in [0, 5] or a range within [0, 5]; got 6."),
        ({"mixup": [0.1, 0.2]}, "mixup must be a number in [0, 100]; got [0.1, 0.2]."),
        ({"flip": "left"}, 'flip must be one of "horizontal", "vertical", "both"; got "left".'),
        ({"flip": 0.5}, 'flip must be one of "horizontal"'),
        ({"flip": True}, 'flip must be one of "horizontal"'),
        ({"border": "black"}, 'border must be one of "zero", "edge", "reflect"; got "black".'),
        (
            {"blur": {"value": 1, "probability": 2}},
            "the probability of blur must be a number in [0, 1]; got 2.",
        ),
        ({"blur": {"value": 1}}, "blur must be a number"),
        ({"blur": None}, "blur must be a number"),
        ({"preset": "lihgt"}, 'unknown augmentation "lihgt"'),
        ({"preset": "affine", "mixup": 1}, '"affine" cannot be combined with transforms'),
        ({"preset": 3}, "unknown augmentation"),
        ({"rotate=3 shift": 0.1}, 'unknown transform "rotate_3_shift"'),
    ],
)
def test_wrong_value_has_one_error_everywhere(value: Any, error: str) -> None:
    with pytest.raises(ValidationError):
        Recipe(augment=value)
    assert not VALIDATOR.is_valid(value) or "nan" in str(value) or _is_only_text(value)
    for place, prefix in _PLACES.items():
        document = _document(**{place: value})
        with pytest.raises(StudyError) as raised:
            study_of(document)
        (problem,) = raised.value.problems
        assert error.replace("recipe.augment must", "must") in str(problem).replace("'", '"')
        assert str(problem).startswith(prefix)


def _is_only_text(value: Any) -> bool:
    """Return whether the JSON Schema accepts a text whose values only the study file checks, or a preset's name."""
    return isinstance(value, str) or any(isinstance(each, (str, list)) for each in value.values())


_PLACES = {
    "recipe": "recipe.augment",
    "search": "search.s.parameters.augment",
    "search_recipe": "search.s.recipe.augment",
    "variant": "ablate.n.v.augment",
}


def _document(
    recipe: Any = "none", search: Any = "light", search_recipe: Any = None, variant: Any = "strong"
) -> dict[str, Any]:
    searched = {"parameters": {"augment": ["none", search]}}
    if search_recipe is not None:
        searched = {"parameters": {"epochs": [1, 2]}, "recipe": {"augment": search_recipe}}
    return {
        "study": {"name": "a", "dataset": "digits"},
        "recipe": {"augment": recipe},
        "network": {"n": {"layers": ["flatten"]}},
        "search": {"s": {"network": "n", **searched}},
        "ablate": {"n": {"v": {"augment": variant}}},
    }


TABLE = {"rotate": 15, "scale": [0.8, 1.1], "mixup": {"value": 0.2, "probability": 0.5}}


def test_table_is_allowed_wherever_a_recipe_key_is() -> None:
    document = _document(recipe=TABLE, search=TABLE, variant=TABLE)
    Draft202012Validator(study_schema()).validate(document)
    study, text = study_of(document), "rotate=15 scale=0.8..1.1 mixup=0.2@0.5"
    assert study.recipe.augment == text
    assert study.search["s"].parameters["augment"] == ("none", text)
    assert study.ablate["n"].variants["v"].recipe == {"augment": text}
    written = study_document(study)
    Draft202012Validator(study_schema()).validate(written)
    assert study_of(written) == study


def test_study_file_and_set_accept_a_table(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text(
        '[study]\nname = "a"\ndataset = "digits"\n[recipe.augment]\nrotate = 15\nflip = "horizontal"\n'
        '[network.n]\nlayers = ["flatten"]\n[search.s]\nnetwork = "n"\n'
        'parameters = { augment = ["none", "light", { shift = 0.1 }] }\n',
        encoding="utf-8",
    )
    Draft202012Validator(study_schema()).validate(tomllib.loads(file.read_text(encoding="utf-8")))
    study = load_study(file)
    assert study.recipe.augment == "flip=horizontal rotate=15"
    assert study.search["s"].parameters["augment"] == ("none", "light", "shift=0.1")
    assert load_study(file, {"recipe.augment": {"shear": 5}}).recipe.augment == "shear=5"
    assert load_study(file, {"recipe.augment.rotate": 5}).recipe.augment == "flip=horizontal rotate=5"


def test_equal_augmentations_in_a_search_are_a_repeat() -> None:
    document = _document(search={"rotate": 5})
    document["search"]["s"]["parameters"]["augment"].append("rotate=5.0")
    with pytest.raises(StudyError, match="a value is listed twice"):
        study_of(document)


def test_preset_and_its_transforms_determine_the_same_fit() -> None:
    for name, text in PRESETS.items():
        assert Recipe(augment=name).determinants() == Recipe(augment=text).determinants() == {"augment": text}
    for name in ORIGINALS:
        assert Recipe(augment=name).determinants() == {"augment": name}
    assert Recipe(augment={"rotate": 0, "border": "edge"}).determinants() == {}


def test_keys_next_to_a_preset_replace_its_transforms() -> None:
    light = {each.key: each for each in augmentation_of("light").settings}
    changed = {
        each.key: each for each in augmentation_of("light rotate=30 scale=0 mixup=0.2 border=edge").settings
    }
    assert set(changed) == set(light) - {"scale"} | {"mixup"}
    assert (light["rotate"].high, changed["rotate"].high) == (8, 30)
    assert changed["shift"] == light["shift"]
    assert augmentation_of("light border=edge").border == "edge"
    assert augmentation_of("light").border == "reflect"


def test_error_of_a_recipe_in_python_is_a_sentence() -> None:
    with pytest.raises(
        ValidationError, match=r"rotate must be a number in \[0, 180\] or .*; got 400\. \[type"
    ):
        Recipe(augment={"rotate": 400})  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match=r'"rotate" needs a value\.\n'):
        Recipe(augment="rotate")


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_valid_and_in_the_schema(name: str) -> None:
    assert Recipe(augment=name).augment == name
    assert VALIDATOR.is_valid(name)


def test_only_preset_natural_mirrors_images() -> None:
    assert [name for name, text in PRESETS.items() if "flip" in text] == ["natural"]


def test_table_of_the_schema_has_every_key() -> None:
    properties = augment_schema()["anyOf"][2]["properties"]
    assert set(properties) == {"preset", *KEYS}
    assert all(each["description"] for each in properties.values())


_numbers = st.floats(0, 1, allow_nan=False).map(lambda value: round(value, 6))


@st.composite
def tables(draw: st.DrawFn) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key in draw(st.lists(st.sampled_from(sorted(TRANSFORMS)), unique=True)):
        transform = TRANSFORMS[key]
        value: Any = draw(st.sampled_from(transform.choices)) if transform.choices else None
        if value is None:
            value = draw(_numbers) * transform.greatest
            if transform.has_range and draw(st.booleans()):
                ends = [transform.low + draw(_numbers) * (transform.high - transform.low) for _ in range(2)]
                value = sorted(round(end, 6) for end in ends)
        table[key] = {"value": value, "probability": draw(_numbers)} if draw(st.booleans()) else value
    if draw(st.booleans()):
        table["border"] = draw(st.sampled_from(BORDERS))
    return table


@given(tables())
def test_any_table_is_valid_and_its_text_means_the_same(table: dict[str, Any]) -> None:
    assert VALIDATOR.is_valid(table)
    text = checked_text(table)
    assert VALIDATOR.is_valid(text)
    assert checked_text(text) == text
    augmentation = augmentation_of(text)
    assert augmentation_of(augmentation.text).settings == augmentation.settings


@given(
    st.text(max_size=40)
    | st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists)
)
def test_any_other_value_has_one_error_or_is_read(value: Any) -> None:
    for given_value in (value, {"rotate": value}, {"flip": value}, {"preset": value}):
        try:
            checked_text(given_value)
        except Exception as error:
            assert type(error).__name__ == "PydanticCustomError"
