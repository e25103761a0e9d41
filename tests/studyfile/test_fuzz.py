"""Any document gives a Study or a StudyError, and no other exception."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convstudy.errors import Location, StudyError
from convstudy.studyfile import BUILT_IN_STUDIES, load_study, study_document, study_of
from convstudy.studyfile.files import FOLDER, parsed
from convstudy.studyfile.recipe import RECIPE_KEYS

WORDS = (
    *("block", "residual", "concat", "residual plain x2", "block plain", "blocks", "branch"),
    *("study", "recipe", "network", "search", "compare", "ablate", "name", "dataset", "seeds", "validation"),
    *(
        "subset",
        "threads",
        "layers",
        "init",
        "kernel",
        "parameters",
        "folds",
        "networks",
        "without",
        "activation",
    ),
    *("method", "trials", "budget", "low", "high", "log", "step", "random", "halving", "tpe", "kernel-size"),
    *("plain", "best", "digits", "mnist", "two-conv", "five-conv", "conv", "flatten", "self"),
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([*WORDS, *RECIPE_KEYS, "conv 8 {kernel}", "dense 3", "", "none"])
    | st.text(max_size=8)
    | st.dates()
)
keys = st.sampled_from([*WORDS, *RECIPE_KEYS]) | st.text(max_size=4)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = {name: study_document(load_study(name)) for name in BUILT_IN_STUDIES}
TEXTS = {name: (FOLDER / f"{name}.toml").read_text(encoding="utf-8") for name in BUILT_IN_STUDIES}


def read(document: Any) -> None:
    """Read a document; check that each problem of an error has a statement."""
    try:
        study_of(document, Location("study.toml"))
    except StudyError as error:
        assert error.problems
        assert all(problem.what or problem.expected for problem in error.problems)
        assert all(len(problem.got) < 200 for problem in error.problems)


@given(st.dictionaries(keys, values, max_size=6))
@settings(max_examples=150, deadline=None)
def test_any_document_is_read_or_refused(document: dict[str, Any]) -> None:
    read(document)


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_study_with_any_value_at_any_key_is_read_or_refused(data: st.DataObject) -> None:
    document = copy.deepcopy(DOCUMENTS[data.draw(st.sampled_from(BUILT_IN_STUDIES))])
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = document
        for _ in range(data.draw(st.integers(0, 4))):
            inner = [
                item
                for item in (place.values() if isinstance(place, dict) else place)
                if isinstance(item, (dict, list))
            ]
            if not inner:
                break
            place = data.draw(st.sampled_from(inner))
        if isinstance(place, dict):
            place[data.draw(st.sampled_from([*place]) | keys if place else keys)] = data.draw(values)
        elif place:
            place[data.draw(st.integers(0, len(place) - 1))] = data.draw(values)
    read(document)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_file_with_a_part_removed_or_inserted_is_read_or_refused(
    tmp_path_factory: Any, data: st.DataObject
) -> None:
    text = TEXTS[data.draw(st.sampled_from(BUILT_IN_STUDIES))]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + 40, len(text))))
    piece = data.draw(st.text(alphabet="[]{}=\"'#.,\n\\ 19ax-", max_size=6))
    path: Path = tmp_path_factory.getbasetemp() / "edited.toml"
    path.write_text(text[:start] + piece + text[end:], encoding="utf-8")
    try:
        load_study(path)
    except StudyError as error:
        assert error.problems


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_file_of_any_bytes_is_read_or_refused(tmp_path_factory: Any, content: bytes) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "bytes.toml"
    path.write_bytes(content)
    try:
        load_study(path)
    except StudyError as error:
        assert error.problems


def test_built_in_studies_are_toml() -> None:
    assert set(TEXTS) == {"digits", "mnist", "mnist-accuracy", "mnist-speedrun"}
    assert all(parsed(text, name)["study"]["name"] == name for name, text in TEXTS.items())
