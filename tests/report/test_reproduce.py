"""The study file in the report gives the same study."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convstudy.report.toml import toml_text
from convstudy.studyfile import BUILT_IN_STUDIES, load_study, study_document, study_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PLAIN = st.one_of(
    st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), TEXTS
)
VALUES = st.one_of(PLAIN, st.lists(PLAIN, max_size=4), st.dictionaries(TEXTS, PLAIN, max_size=3))
DOCUMENTS = st.dictionaries(
    TEXTS,
    st.dictionaries(
        TEXTS, st.one_of(VALUES, st.dictionaries(TEXTS, VALUES, min_size=1, max_size=3)), min_size=1
    ),
)


@pytest.mark.parametrize("name", BUILT_IN_STUDIES)
def test_built_in_study_survives_a_toml_round_trip(name: str) -> None:
    study = load_study(name)
    assert study_of(tomllib.loads(toml_text(study_document(study)))) == study


def test_random_search_with_ranges_survives_a_toml_round_trip() -> None:
    study = load_study(
        "digits",
        {
            "search.kernel-size.method": "random",
            "search.kernel-size.parameters": {
                "kernel": {"low": 3, "high": 7, "step": 2},
                "learning_rate": {"low": 1e-5, "high": 0.1, "log": True},
            },
        },
    )
    assert study_of(tomllib.loads(toml_text(study_document(study)))) == study


@given(DOCUMENTS)
def test_any_document_survives_a_toml_round_trip(document: dict[str, object]) -> None:
    text = toml_text(document)
    assert tomllib.loads(text) == _without_empty(document)


def _without_empty(document: dict[str, object]) -> dict[str, object]:
    """Return a document without empty tables, which :func:`toml_text` omits."""
    found = {}
    for key, value in document.items():
        assert isinstance(value, dict)
        inner = {name: each for name, each in value.items() if each != {}}
        if inner:
            found[key] = inner
    return found


def test_nested_lists_are_indented() -> None:
    body = ["conv {filters} 3 stride={stride} padding=same bias=no", "{norm}", "activation relu"]
    document = {"block": {"long": {"layers": ["{norm}", ["residual", *body, ["concat", ["branch"], body]]]}}}
    text = toml_text(document)
    assert tomllib.loads(text) == document
    assert text.splitlines()[1:6] == [
        "layers = [",
        '  "{norm}",',
        "  [",
        '    "residual",',
        '    "conv {filters} 3 stride={stride} padding=same bias=no",',
    ]
    assert text.endswith("    ],\n  ],\n]\n")
