"""Recipes accept the values of a file and refuse invalid ones."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from convstudy.studyfile import RECIPE_KEYS, Recipe


@pytest.mark.parametrize(
    "values",
    [
        {"learning_rate": "0.1"},
        {"learning_rate": True},
        {"learning_rate": 0},
        {"learning_rate": float("nan")},
        {"epochs": 2.0},
        {"epochs": "3"},
        {"nesterov": 1},
        {"momentum": 1},
        {"optimizer": "Adam"},
        {"patience": 0},
        {"unknown": 1},
        {"optimizer": "sgd", "nesterov": True, "momentum": 0},
        {"optimizer": "muon", "nesterov": True, "momentum": 0},
        {"newton_schulz_steps": 0},
        {"warmup_fraction": 1},
        {"ema_decay": 1},
        {"ema_decay": 0},
        {"augment": "cutout+shift"},
        {"cutout_size": 0},
        {"tta": 5},
        {"train_eval_samples": 0},
        {"loss": "hinge"},
        {"focal_gamma": -0.5},
        {"class_weights": "balance"},
        {"class_weights": {"a": 0}},
        {"class_weights": {"a": True}},
        {"class_weights": {"a": float("inf")}},
        {"class_weights": {0: 1.0}},
        {"class_weights": ["balanced"]},
        {"sampling": "weighted"},
        {"hard_fraction": 0},
        {"hard_fraction": 1.5},
        {"logit_adjustment": -1},
        {"normalise": True},
    ],
)
def test_invalid_recipe_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Recipe(**values)


def test_integers_become_floats_for_float_keys() -> None:
    recipe = Recipe(learning_rate=1, clip_norm=2, weight_decay=0)
    assert recipe == Recipe(learning_rate=1.0, clip_norm=2.0, weight_decay=0.0)
    assert isinstance(recipe.learning_rate, float)


def test_none_in_a_file_is_read_as_null() -> None:
    assert Recipe(clip_norm="none", patience="none") == Recipe()  # type: ignore[arg-type]
    assert Recipe(ema_decay="none") == Recipe()  # type: ignore[arg-type]
    assert Recipe(train_eval_samples="none").train_eval_samples is None  # type: ignore[arg-type]
    assert Recipe(patience=3).varied({"patience": "none"}).patience is None


def test_table_of_class_weights_is_hashable_and_keeps_no_order() -> None:
    first, second = Recipe(class_weights={"b": 2, "a": 1}), Recipe(class_weights={"a": 1.0, "b": 2.0})
    assert first == second and hash(first) == hash(second)
    assert first.model_dump()["class_weights"] == {"a": 1.0, "b": 2.0}
    assert Recipe(**first.model_dump()) == first.varied({}) == first
    assert Recipe.model_validate_json(first.model_dump_json()) == first


def test_momentum_determines_fits_of_sgd_and_muon_only() -> None:
    assert Recipe(optimizer="adam", nesterov=True, momentum=0).nesterov


def test_varied_does_not_modify_the_recipe() -> None:
    recipe = Recipe(epochs=3)
    assert recipe.varied({"optimizer": "sgd"}) == Recipe(epochs=3, optimizer="sgd")
    assert recipe.optimizer == "adam"


def test_every_key_has_a_description() -> None:
    assert len(RECIPE_KEYS) == 31
    assert all(field.description for field in Recipe.model_fields.values())
