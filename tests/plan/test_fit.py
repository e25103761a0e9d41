"""Fit ids change with everything that determines a result, and with nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convstudy.data import Fold, Holdout, Outer
from convstudy.errors import StudyError
from convstudy.networks import Network
from convstudy.plan import Fit
from convstudy.plan import fit as fit_module
from convstudy.studyfile import Recipe
from tests.datasets import dataset_of_digest

DIGEST = "a" * 64


def _fit(**changes: Any) -> Fit:
    values: dict[str, Any] = {
        "dataset": dataset_of_digest(DIGEST),
        "network": Network.read(
            ["conv 8 3 relu", "max-pool 2", "batch-norm", "dropout 0.3", "flatten", "dense 16 tanh"]
        ),
        "recipe": Recipe(),
        "split": Holdout(0.1, 0),
        "seed": 0,
        "threads": 1,
    }
    return Fit(**{**values, **changes})


# Recorded: a change of one of these ids makes every stored fit train again.
KNOWN = {
    "plain": (_fit(), "83a57053d9df205e"),
    "fold": (_fit(split=Fold(2, 5, 0, 3000)), "14846dd41e43f328"),
    "recipe": (
        _fit(
            recipe=Recipe(
                optimizer="sgd", nesterov=True, schedule="step", step_epochs=3, checkpoint="last", epochs=7
            )
        ),
        "26faec85e0afb000",
    ),
    "init": (
        _fit(network=Network.read(["flatten", "dense 4 gelu"], "glorot-normal"), seed=3, threads=2),
        "91888aee383a833a",
    ),
    "bfloat16": (
        _fit(recipe=Recipe(precision="bfloat16", checkpoint="last", augment="affine", clip_norm=1.0)),
        "51750db5660ee1f7",
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_ids_of_known_fits_are_stable(name: str) -> None:
    fit, known = KNOWN[name]
    assert fit.id == known


CHANGES: dict[str, Any] = {
    "dataset": dataset_of_digest("b" * 64),
    "network": [
        Network.read(["conv 8 3 relu", "flatten"]),
        Network.read(
            ["conv 8 3 relu", "max-pool 2", "batch-norm", "dropout 0.31", "flatten", "dense 16 tanh"]
        ),
        Network.read(
            ["max-pool 2", "conv 8 3 relu", "batch-norm", "dropout 0.3", "flatten", "dense 16 tanh"]
        ),
        replace(_fit().network, init="he-uniform"),
    ],
    "split": [
        Holdout(0.2, 0),
        Holdout(0.1, 1),
        Holdout(0.1, 0, 100),
        Fold(0, 5, 0),
        Fold(1, 5, 0),
        Fold(0, 4, 0),
        Fold(0, 5, 0, None, Outer(0, 5)),
        Fold(0, 5, 0, None, Outer(1, 5)),
        Fold(0, 5, 0, None, Outer(0, 4)),
    ],
    "seed": 1,
    "threads": 2,
    "recipe": [
        Recipe(**change)
        for change in (
            {"optimizer": "adamw"},
            {"optimizer": "rmsprop"},
            {"optimizer": "muon"},
            {"optimizer": "muon", "adam_lr": 0.01},
            {"optimizer": "muon", "newton_schulz_steps": 4},
            {"optimizer": "muon", "nesterov": True},
            {"optimizer": "sgd"},
            {"optimizer": "sgd", "momentum": 0.5},
            {"optimizer": "sgd", "nesterov": True},
            {"learning_rate": 0.002},
            {"schedule": "cosine"},
            {"schedule": "step"},
            {"schedule": "step", "step_epochs": 3},
            {"schedule": "step", "step_factor": 0.3},
            {"epochs": 21},
            {"batch_size": 99},
            {"weight_decay": 0.1},
            {"label_smoothing": 0.1},
            {"clip_norm": 1.0},
            {"patience": 3},
            {"checkpoint": "last"},
            {"schedule": "triangular"},
            {"schedule": "triangular", "warmup_fraction": 0.1},
            {"augment": "shift"},
            {"augment": "cutout"},
            {"augment": "shift+cutout", "cutout_size": 5},
            {"augment": "light"},
            {"augment": {"rotate": 5}},
            {"augment": {"rotate": [0, 5]}},
            {"augment": {"rotate": 5, "border": "edge"}},
            {"augment": {"mixup": {"value": 1, "probability": 0.5}}},
            {"ema_decay": 0.99},
            {"tta": "shift"},
            {"tta": "shift-uncertain"},
            {"train_eval_samples": 100},
            {"precision": "bfloat16"},
            {"conv_algorithm": "direct"},
            {"loss": "focal"},
            {"loss": "focal", "focal_gamma": 1.0},
            {"class_weights": "balanced"},
            {"class_weights": {str(number): 1 + number for number in range(10)}},
            {"class_weights": {str(number): 10 - number for number in range(10)}},
            {"sampling": "balanced"},
            {"sampling": "hard"},
            {"sampling": "hard", "hard_fraction": 0.3},
            {"logit_adjustment": 1.0},
            {"normalise": "standard"},
        )
    ],
}


def test_every_determinant_changes_the_id() -> None:
    fits = [_fit()]
    for key, values in CHANGES.items():
        fits += [_fit(**{key: value}) for value in (values if isinstance(values, list) else [values])]
    assert len({fit.id for fit in fits}) == len(fits) == 64
    changed = {key for values in CHANGES["recipe"] for key in values.determinants()}
    assert changed == set(Recipe.model_fields)  # this test covers every key


def test_irrelevant_changes_keep_the_id() -> None:
    same = [
        _fit(dataset=dataset_of_digest(DIGEST, name="another-name")),
        _fit(recipe=Recipe(momentum=0.5)),  # adam has no momentum of this kind
        _fit(recipe=Recipe(nesterov=True)),
        _fit(recipe=Recipe(step_epochs=3, step_factor=0.5)),  # the schedule is constant
        _fit(recipe=Recipe(focal_gamma=1.0)),  # the loss is the cross-entropy
        _fit(recipe=Recipe(warmup_fraction=0.1, cutout_size=5, adam_lr=0.1, newton_schulz_steps=3)),
        _fit(recipe=Recipe(learning_rate=0.001, epochs=20)),  # the defaults, written out
        _fit(
            network=Network.read(
                [
                    "conv 8 3 relu stride=1",
                    "max-pool 2",
                    "batch-norm",
                    "dropout 0.30",
                    "flatten",
                    "dense 16 tanh",
                ]
            )
        ),
    ]
    assert {fit.id for fit in same} == {_fit().id}


def test_class_weights_enter_the_id_by_label_not_by_name() -> None:
    weights = {"class_weights": {str(number): 1.0 + number for number in range(10)}}
    fit = _fit(recipe=Recipe(**weights))
    names = fit.dataset.class_names
    renamed = {"class_weights": {f"class {number}": 1.0 + number for number in range(10)}}
    other = replace(fit.dataset, class_names=tuple(f"class {name}" for name in names))
    assert replace(fit, dataset=other, recipe=Recipe(**renamed)).id == fit.id
    # The same table on swapped names gives other weights, although the digest of the dataset is the same.
    swapped = replace(fit.dataset, class_names=(names[1], names[0], *names[2:]))
    assert replace(fit, dataset=swapped).id != fit.id


def test_engine_version_changes_the_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_module, "ENGINE_VERSION", fit_module.ENGINE_VERSION + 1)
    assert _fit().id != KNOWN["plain"][1]


def test_epoch_budget_changes_id_but_not_trial_id() -> None:
    whole, budgeted = _fit(), _fit(epoch_budget=7)
    assert (whole.n_epochs, budgeted.n_epochs) == (20, 7)
    assert budgeted.id != whole.id == whole.trial_id == budgeted.trial_id == _fit(epoch_budget=3).trial_id
    assert len({whole.id, budgeted.id, _fit(epoch_budget=3).id}) == 3
    assert _fit(epoch_budget=7, seed=1).trial_id != budgeted.trial_id
    # A budget of all epochs is no budget, so the result is found under the id of the whole fit.
    assert _fit(epoch_budget=20) == _fit(epoch_budget=25) == whole
    assert _fit(epoch_budget=20).epoch_budget is None
    assert "epoch_budget" not in whole.as_json()


splits = st.one_of(
    st.builds(
        Holdout,
        st.floats(0.01, 0.99),
        st.integers(0, 2**32 - 1),
        st.none() | st.integers(10, 60_000),
    ),
    st.integers(2, 20).flatmap(
        lambda of: st.builds(
            Fold,
            st.integers(0, of - 1),
            st.just(of),
            st.integers(0, 99),
            st.none(),
            st.none() | st.just(Outer(of - 1, of)),
        )
    ),
)
recipes = st.builds(
    Recipe,
    optimizer=st.sampled_from(["adam", "adamw", "muon", "rmsprop", "sgd"]),
    learning_rate=st.floats(1e-8, 100),
    schedule=st.sampled_from(["constant", "cosine", "one-cycle", "step", "triangular"]),
    epochs=st.integers(1, 1000),
    weight_decay=st.floats(0, 9),
    clip_norm=st.none() | st.floats(1e-3, 1e3),
    patience=st.none() | st.integers(1, 50),
    checkpoint=st.sampled_from(["best", "last"]),
    ema_decay=st.none() | st.floats(0.01, 0.999),
    augment=st.sampled_from(["none", "shift+cutout"]),
    tta=st.sampled_from(["none", "shift", "shift-uncertain"]),
    train_eval_samples=st.none() | st.integers(1, 1000),
    precision=st.sampled_from(["float32", "bfloat16"]),
)
networks = st.builds(
    lambda filters, kernel, rate, init: Network.read(
        [f"conv {filters} {kernel} gelu padding=same", f"dropout {rate}", "flatten"], init
    ),
    st.integers(1, 512),
    st.integers(1, 11),
    st.integers(0, 99).map(lambda n: n / 100),
    st.sampled_from(["he-normal", "orthogonal", "lecun-uniform"]),
)


@given(
    st.builds(
        _fit,
        network=networks,
        recipe=recipes,
        split=splits,
        seed=st.integers(0, 999),
        threads=st.integers(1, 64),
        epoch_budget=st.none() | st.integers(1, 1000),
    )
)
def test_fit_round_trips_through_json(fit: Fit) -> None:
    again = Fit.from_json(json.loads(json.dumps(fit.as_json())), fit.dataset)
    assert again == fit
    assert again.id == fit.id
    assert len(fit.id) == 16
    assert set(fit.id) <= set("0123456789abcdef")


def test_fit_with_auto_precision_raises() -> None:
    with pytest.raises(StudyError, match='must be one of "float32", "bfloat16"; got "auto"'):
        _fit(recipe=Recipe(precision="auto"))
