"""``[study] max_seeds``: its values, its document, and the keys that do not go with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from convstudy.errors import StudyError
from convstudy.history.documents import run_id_of
from convstudy.studyfile import (
    Ablate,
    Search,
    Study,
    Variant,
    check_study,
    load_study,
    study_document,
    study_of,
)
from tests.plan.made import study

NO_SEARCH = {"search": {}, "ablate": {}}


def test_default_is_a_fixed_number_of_seeds_and_keeps_run_ids() -> None:
    plain = study(**NO_SEARCH)
    assert plain.max_seeds is None
    assert "max_seeds" not in study_document(plain)["study"]
    assert run_id_of(plain) != run_id_of(study(**NO_SEARCH, max_seeds=30))


def test_seeds_have_no_effect_on_a_study_that_adds_seeds() -> None:
    three, nine = (study(**NO_SEARCH, max_seeds=30, seeds=n) for n in (3, 9))
    assert three == nine and run_id_of(three) == run_id_of(nine)
    document = study_document(nine)
    assert "seeds" not in document["study"] and document["study"]["max_seeds"] == 30
    assert study_of(document) == nine


def test_file_and_changes_set_it(tmp_path: Path) -> None:
    assert load_study("mnist", {"study.max_seeds": 12}).max_seeds == 12


@pytest.mark.parametrize("value", [0, 2, 1001, 3.5, "many"])
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        study(**NO_SEARCH, max_seeds=value)
    assert len(caught.value.errors()) == 1


def problems(asked: Study) -> list[str]:
    with pytest.raises(StudyError) as caught:
        check_study(asked)
    return [str(problem) for problem in caught.value.problems]


def test_a_study_without_a_comparison_is_refused() -> None:
    searched = {"kernel": Search(network="one", parameters={"kernel": (3, 5)}, folds=2)}
    (problem,) = problems(study(search=searched, compare={}, ablate={}, max_seeds=10))
    assert "study.max_seeds" in problem and "there is no [compare.NAME] or [ablate.NAME]" in problem


def test_interactions_are_refused() -> None:
    variants = {"sgd": Variant(recipe={"optimizer": "sgd"}), "short": Variant(recipe={"epochs": 2})}
    pairs = Ablate(network="two", interactions=True, variants=variants)
    (problem,) = problems(study(search={}, ablate={"two": pairs}, max_seeds=10))
    assert "interactions need a fixed number of seeds" in problem


def test_resampled_training_sets_are_refused() -> None:
    (problem,) = problems(study(**NO_SEARCH, resample="training", max_seeds=10))
    assert "training sets need a fixed number of seeds" in problem
