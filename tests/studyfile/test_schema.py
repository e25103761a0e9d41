"""The JSON Schema accepts every valid study file, and refuses errors of single values."""

from __future__ import annotations

import copy
import json
import tomllib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from convstudy.data import BUILT_IN_DATASETS
from convstudy.metrics import metrics
from convstudy.networks import LAYERS
from convstudy.studyfile import (
    BUILT_IN_STUDIES,
    RECIPE_KEYS,
    Study,
    load_study,
    starter_file,
    study_document,
    study_schema,
)
from convstudy.studyfile.files import FOLDER
from tests.studyfile.studies import studies

VALIDATOR = Draft202012Validator(study_schema())


def test_schema_is_valid_and_json() -> None:
    Draft202012Validator.check_schema(study_schema())
    assert json.loads(json.dumps(study_schema(), allow_nan=False)) == study_schema()


@pytest.mark.parametrize("name", BUILT_IN_STUDIES)
def test_schema_accepts_the_built_in_studies(name: str) -> None:
    VALIDATOR.validate(tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8")))
    VALIDATOR.validate(study_document(load_study(name)))


@pytest.mark.parametrize("dataset", BUILT_IN_DATASETS)
def test_schema_accepts_the_starter_files(dataset: str) -> None:
    VALIDATOR.validate(tomllib.loads(starter_file(dataset)))


@given(studies())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_schema_accepts_every_study(study: Study) -> None:
    VALIDATOR.validate(study_document(study))


def with_change(path: str, value: Any) -> dict[str, Any]:
    document: dict[str, Any] = copy.deepcopy(study_document(load_study("mnist")))
    *heads, last = path.split("/")
    table: Any = document
    for head in heads:
        table = table[int(head)] if isinstance(table, list) else table[head]
    if value is None:
        del table[last]
    elif isinstance(table, list):
        table[int(last)] = value
    else:
        table[last] = value
    return document


BAD = [
    ("study/name", "my study"),
    ("study/name", None),
    ("study/dataset", "mnits"),
    ("study/seeds", 0),
    ("study/seeds", 2.5),
    ("study/equivalence_margin", -0.1),
    ("study/equivalence_margin", "10"),
    ("study/equivalence_margin", {}),
    ("study/equivalence_margin", {"acuracy": 0.1}),
    ("study/equivalence_margin", {"accuracy": "much"}),
    ("study/subset", "none"),
    ("study/final_threads", 0),
    ("study/final_threads", "none"),
    ("study/unknown", 1),
    ("recipe/optimizer", "adm"),
    ("recipe/epochs", "3"),
    ("recipe/clip_norm", "off"),
    ("recipe/unknown", 1),
    ("network/two-conv/layers", []),
    ("network/two-conv/layers", None),
    ("network/two-conv/layers/0", "con 3 3"),
    ("network/two-conv/layers/0", 3),
    ("network/two-conv/init", "he"),
    ("network/two-conv/kernel", [3]),
    ("network/best", {"layers": ["flatten"]}),
    ("network/a b", {"layers": ["flatten"]}),
    ("search/kernel-size/network", None),
    ("search/kernel-size/parameters", {}),
    ("search/kernel-size/parameters/kernel", []),
    ("search/kernel-size/parameters/kernel", [3, 3]),
    ("search/kernel-size/parameters/kernel", {"low": 3, "high": 5}),
    ("search/kernel-size/method", "guess"),
    ("search/kernel-size/trials", 5),
    ("search/kernel-size/budget", 0.5),
    ("search/kernel-size/folds", 1),
    ("search/kernel-size/recipe/epocs", 1),
    ("compare/architectures/networks", ["two-conv"]),
    ("ablate/five-conv/plain/without", ["batchnorm"]),
    ("ablate/five-conv/plain/activation", "tan"),
    ("ablate/five-conv/plain/init", "none"),
    ("ablate/five-conv/plain/optimizer", "adm"),
    ("ablate/five-conv/plain/unknown", 1),
    ("ablate/five-conv/plain", {}),
    ("ablate/five-conv/interactions", "yes"),
    ("ablate/five-conv/interactions", {"epochs": 3}),
    ("ablate/five-conv", {}),
    ("more", {}),
    ("network", None),
]


@pytest.mark.parametrize(("path", "value"), BAD)
def test_schema_refuses_errors_of_single_values(path: str, value: Any) -> None:
    assert not VALIDATOR.is_valid(with_change(path, value))


VALID = [
    ("recipe/clip_norm", "none"),
    ("recipe/patience", 3),
    ("study/equivalence_margin", 0.5),
    ("study/equivalence_margin", "10 %"),
    ("study/equivalence_margin", {"accuracy": "2.5%", "log-loss": 0.01}),
    ("network/two-conv/layers/0", "{anything}"),
    ("network/two-conv/more", "text"),
    ("search/kernel-size/parameters/nesterov", [True, False]),
    ("ablate/five-conv/plain/patience", "none"),
    ("ablate/five-conv/network", "best"),
    ("ablate/five-conv/interactions", True),
]


@pytest.mark.parametrize(("path", "value"), VALID)
def test_schema_accepts_optional_forms(path: str, value: Any) -> None:
    VALIDATOR.validate(with_change(path, value))


@pytest.mark.parametrize(
    ("search", "good"),
    [
        ({"method": "random", "trials": 5, "parameters": {"kernel": {"low": 3, "high": 5}}}, True),
        ({"method": "tpe", "parameters": {"learning_rate": {"low": 1e-4, "high": 0.1, "log": True}}}, True),
        ({"method": "halving", "budget": 0.5}, True),
        ({"method": "halving", "parameters": {"kernel": {"low": 3, "high": 5}}}, False),
        ({"method": "halving", "trials": 5}, False),
        ({"method": "screening"}, True),
        ({"method": "screening", "budget": 0.5}, True),
        ({"method": "screening", "parameters": {"kernel": {"low": 3, "high": 5}}}, False),
        ({"method": "screening", "trials": 5}, False),
        ({"nested": True, "outer_folds": 3}, True),
        ({"nested": True}, True),
        ({"nested": False, "outer_folds": 3}, False),
        ({"outer_folds": 3}, False),
        ({"method": "random", "parameters": {"kernel": {"low": 3}}}, False),
        ({"method": "random", "parameters": {"kernel": {"low": 3, "high": 5, "more": 1}}}, False),
    ],
)
def test_schema_accepts_only_the_keys_of_the_method(search: dict[str, Any], good: bool) -> None:
    document = study_document(load_study("mnist"))
    document["search"]["kernel-size"].update(search)
    assert VALIDATOR.is_valid(document) == good


def test_schema_describes_every_layer_and_recipe_key() -> None:
    properties = study_schema()["properties"]
    assert set(properties["recipe"]["properties"]) == set(RECIPE_KEYS)
    assert all(schema["description"] for schema in properties["recipe"]["properties"].values())
    for section in ("network", "block"):
        items = properties[section]["additionalProperties"]["properties"]["layers"]["items"]
        assert items == {"$ref": "#/$defs/layer"}
    text, _ = study_schema()["$defs"]["layer"]["anyOf"]
    assert all(layer.usage in text["description"] for layer in LAYERS.values())


def test_schema_needs_a_question() -> None:
    document = study_document(load_study("mnist"))
    for section in ("search", "compare", "ablate"):
        assert VALIDATOR.is_valid(document)
        del document[section]
    assert not VALIDATOR.is_valid(document)


def test_described_default_margins_are_those_of_the_metrics() -> None:
    margins = {(each.unit, each.margin) for each in metrics().values()}
    assert margins == {("percent", 0.001), ("", 0.001), ("nats", 0.0)}
    assert {each.name for each in metrics().values() if each.unit == ""} == {"brier", "kappa", "mcc"}
    text = Study.model_fields["equivalence_margin"].description or ""
    assert text.endswith(
        "0.1 percentage points for accuracy and others in percent, 0.001 for brier, kappa and mcc, 0 for log-loss."
    )
