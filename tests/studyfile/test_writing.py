"""A Study is written to a document and read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from convstudy.stats import Share
from convstudy.studyfile import BUILT_IN_STUDIES, Study, check_study, load_study, study_document, study_of
from tests.studyfile.studies import studies


@given(studies())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_document_is_read_back_to_an_equal_study(study: Study) -> None:
    check_study(study)
    document = study_document(study)
    written = json.dumps(document, allow_nan=False)
    assert study_of(document) == study
    assert study_of(json.loads(written)) == study
    assert study_document(study_of(document)) == document


@pytest.mark.parametrize("name", BUILT_IN_STUDIES)
def test_documents_of_built_in_studies_are_read_back(name: str) -> None:
    study = load_study(name)
    assert study_of(study_document(study)) == study


def test_document_has_the_form_of_a_file(good: Study) -> None:
    document = study_document(good)
    assert list(document) == ["study", "recipe", "network", "search", "compare", "ablate"]
    assert document["network"]["two-conv"]["kernel"] == 5
    assert document["ablate"] == {
        "two-conv": {
            "network": "two-conv",
            "bare": {"without": ["batch-norm", "dropout"]},
            "tanh": {"activation": "tanh", "init": "glorot-normal", "optimizer": "sgd"},
        }
    }
    assert document["recipe"]["batch_size"] == 100, "defaults are written out"
    assert "patience" not in document["recipe"]


def test_document_keeps_the_order_of_networks_and_questions(tmp_path: Path, valid_text: str) -> None:
    path = tmp_path / "study.toml"
    path.write_text(valid_text)
    assert list(study_document(load_study(path))["network"]) == ["two-conv", "plain"]


def test_none_is_written_for_keys_with_another_default(good: Study) -> None:
    every_image = good.model_copy(update={"recipe": good.recipe.varied({"train_eval_samples": "none"})})
    assert study_document(every_image)["recipe"]["train_eval_samples"] == "none"
    assert study_of(study_document(every_image)) == every_image


def test_document_leaves_out_the_default_number_of_final_threads(good: Study) -> None:
    """As for the margin, runs from before the key keep their ids."""
    assert "final_threads" not in study_document(good)["study"]
    only_search = good.model_copy(update={"compare": {}, "ablate": {}, "final_threads": 1})
    assert study_document(only_search)["study"]["final_threads"] == 1
    assert study_of(study_document(only_search)) == only_search


def _with_margin(good: Study, margin: Any, metric: str = "accuracy") -> Study:
    document = study_document(good)
    document["study"] |= {"equivalence_margin": margin, "metric": metric}
    return study_of(document)


def test_equal_margins_give_equal_documents(good: Study) -> None:
    """The run id depends on the document: all ways of writing a margin give one document."""
    assert _with_margin(good, {"accuracy": 0.2}) == _with_margin(good, 0.2)
    assert _with_margin(good, {"accuracy": 0.2, "log-loss": 0}) == _with_margin(good, 0.2)
    assert _with_margin(good, {"log-loss": 0.0}) == good
    assert _with_margin(good, 1) == _with_margin(good, 1.0)
    assert _with_margin(good, " 10% ") == _with_margin(good, "10 %")
    written = study_document(_with_margin(good, 2))["study"]["equivalence_margin"]
    assert isinstance(written, float)


def test_margins_in_a_document_are_read_back(good: Study) -> None:
    for margin in (0.2, "10 %", {"accuracy": "10 %", "log-loss": 0.01}, {"log-loss": "5 %"}):
        study = _with_margin(good, margin)
        document = study_document(study)
        assert document["study"]["equivalence_margin"] == margin
        assert study_of(document) == study and hash(study.equivalence_margin) is not None


def test_margin_of_each_metric(good: Study) -> None:
    study = _with_margin(good, {"kappa": 0.02, "log-loss": "5 %"}, "kappa")
    assert (study.margin, study.margin_of("log-loss")) == (0.02, Share(0.05))
    assert study.margin_of("accuracy") == 0.001
    plain = _with_margin(good, 0.2)
    assert (plain.margin, plain.margin_of("log-loss")) == (0.002, 0.0)
    assert _with_margin(good, "10 %").margin == Share(0.1)


def test_a_small_margin_in_percentage_points_is_not_taken_for_the_default(good: Study) -> None:
    """0.001 percentage points are not 0.1, the default, which is 0.001 as a fraction."""
    assert _with_margin(good, 0.001).margin == pytest.approx(0.00001)
    assert _with_margin(good, 0.001, "brier").equivalence_margin is None


def test_document_leaves_out_a_default_margin(good: Study) -> None:
    """The run id depends on the document, so that runs from before the margin keep theirs."""
    assert "equivalence_margin" not in study_document(good)["study"]
    assert (
        study_document(good.model_copy(update={"equivalence_margin": 0.2}))["study"]["equivalence_margin"]
        == 0.2
    )
    assert (
        study_of(study_document(good.model_copy(update={"equivalence_margin": 0.2}))).equivalence_margin
        == 0.2
    )
