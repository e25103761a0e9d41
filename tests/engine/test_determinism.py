"""A fit is bit-identical whatever ran before it and wherever it was interrupted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from convstudy.engine.checkpoint import _digest, load_checkpoint
from convstudy.engine.fit import run_fit
from convstudy.engine.settings import repeatable
from convstudy.engine.weights import read_tensors, write_tensors
from convstudy.plan import Fit
from tests.engine.small import N_PARAMETERS, digits, scores_by_epoch, small_fit, stopped, trained


def test_repeated_fit_is_bit_identical_after_other_fits() -> None:
    first = trained(small_fit())
    other = trained(small_fit(seed=1))
    torch.manual_seed(99)
    again = trained(small_fit())
    assert first.record.weights_digest == again.record.weights_digest
    assert scores_by_epoch(first) == scores_by_epoch(again)
    assert first.record.weights_digest != other.record.weights_digest
    for name, tensor in first.validation.items():
        assert torch.equal(tensor, again.validation[name])


def test_settings_are_restored_after_error() -> None:
    def settings() -> tuple[object, ...]:
        filling = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
        return torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), filling

    before = settings()
    with pytest.raises(ZeroDivisionError), repeatable(1):
        assert settings() == (1, True, False)
        raise ZeroDivisionError
    assert settings() == before
    assert before[1:] == (False, True)


def test_record_describes_fit() -> None:
    fit = small_fit()
    result = trained(fit)
    record = result.record
    assert (record.fit_id, record.n_train, record.n_validation) == (fit.id, 96, 24)
    assert record.n_parameters == N_PARAMETERS
    assert [epoch.number for epoch in record.history] == [1, 2, 3]
    assert record.environment is not None
    assert record.environment.threads == 1
    indices = result.validation["indices"].numpy()
    assert len(np.unique(indices)) == 24
    probabilities = result.validation["probabilities"]
    assert probabilities.shape == (24, 10)
    labels = torch.from_numpy(digits().train.labels[indices])
    accuracy = float((probabilities.argmax(dim=1) == labels).double().mean())
    assert accuracy == pytest.approx(record.selected.validation["accuracy"], abs=1e-12)


RECIPES_BY_NAME = {
    "adam": {"optimizer": "adam", "weight_decay": 0.01, "schedule": "cosine"},
    "adamw": {"optimizer": "adamw", "weight_decay": 0.1, "augment": "shift", "checkpoint": "last"},
    "rmsprop": {"optimizer": "rmsprop", "schedule": "one-cycle", "clip_norm": 1.0},
    "sgd": {"optimizer": "sgd", "momentum": 0.0, "augment": "affine"},
    "momentum": {"optimizer": "sgd", "momentum": 0.9, "label_smoothing": 0.1},
    "nesterov": {
        "optimizer": "sgd",
        "nesterov": True,
        "schedule": "step",
        "step_epochs": 1,
        "step_factor": 0.5,
    },
    "bfloat16": {"precision": "bfloat16", "augment": "affine", "checkpoint": "last"},
    "bfloat16-nesterov": {"precision": "bfloat16", "optimizer": "sgd", "nesterov": True, "augment": "shift"},
    "muon": {
        "optimizer": "muon",
        "nesterov": True,
        "weight_decay": 0.01,
        "schedule": "triangular",
        "layers": ("conv 4 3 relu stride=4", "batch-norm", "flatten", "dense 8 relu"),
    },
    "muon-bfloat16": {
        "optimizer": "muon",
        "precision": "bfloat16",
        "augment": "shift+cutout",
        "checkpoint": "last",
    },
    "tree": {
        "optimizer": "muon",
        "precision": "bfloat16",
        "layers": (
            *("conv 4 3 stride=4 padding=same bias=no", "batch-norm torch", "activation prelu"),
            (
                "residual then=relu6",
                "depthwise-conv 3 padding=same",
                "squeeze-excite 2",
                "stochastic-depth 0.5",
            ),
            (
                "residual",
                "conv 4 2 padding=same groups=2 dilation=2",
                "layer-scale 0.1",
                "stochastic-depth 0.2 linear",
            ),
            *("dropout 0.3", "flatten"),
        ),
    },
    "ema_decay": {"ema_decay": 0.9, "augment": "cutout"},
    "augmented": {"augment": "strong noise=0.1 elastic=0.1 cutmix=1@0.5", "label_smoothing": 0.1},
    "trivial": {"augment": {"preset": "trivial-augment-wide", "flip": "both"}, "precision": "bfloat16"},
    "ema-last": {
        "ema_decay": 0.9,
        "optimizer": "muon",
        "checkpoint": "last",
        "tta": "shift",
        "train_eval_samples": 20,
    },
    "weighted": {
        "class_weights": "balanced",
        "sampling": "balanced",
        "logit_adjustment": 1.0,
        "normalise": "standard",
        "label_smoothing": 0.1,
        "ema_decay": 0.9,
        "augment": "shift",
    },
    "hard": {
        "sampling": "hard",
        "schedule": "triangular",
        "label_smoothing": 0.1,
        "ema_decay": 0.9,
        "augment": "shift",
        "precision": "bfloat16",
    },
    "focal": {
        "loss": "focal",
        "class_weights": {str(number): 1 + number for number in range(10)},
        "normalise": "standard",
        "precision": "bfloat16",
        "tta": "shift-uncertain",
    },
    "spectral": {"layers": ("conv 8 3 relu", "conv 8 11 relu", "global-average-pool")},
    "patience": {"optimizer": "sgd", "learning_rate": 2.0, "epochs": 6, "patience": 1},
}


@pytest.mark.parametrize("name", RECIPES_BY_NAME)
def test_resume_after_any_epoch_gives_identical_weights(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "spectral":  # so that the rule selects a layer of this size
        monkeypatch.setattr("convstudy.networks.modules.spectral.rule.LEAST_GAIN", 1.0)
    loaded: list[bool] = []

    def load(*arguments: Any) -> bool:
        loaded.append(load_checkpoint(*arguments))
        return loaded[-1]

    fit = small_fit(**RECIPES_BY_NAME[name])
    whole = trained(fit)
    monkeypatch.setattr("convstudy.engine.fit.load_checkpoint", load)
    for after in range(1, len(whole.record.history) + 1):
        checkpoint = tmp_path / f"{after}.safetensors"
        stopped(fit, checkpoint, after)
        resumed = trained(fit, checkpoint)
        assert loaded[-1], after  # otherwise it has trained from the start
        assert resumed.record.weights_digest == whole.record.weights_digest, after
        assert scores_by_epoch(resumed) == scores_by_epoch(whole), after
        assert (resumed.record.best_epoch, resumed.record.selected_epoch) == (
            whole.record.best_epoch,
            whole.record.selected_epoch,
        )
    if name == "patience":
        assert len(whole.record.history) < 6  # it did end early
    if name == "spectral":
        direct = trained(small_fit(**RECIPES_BY_NAME[name], conv_algorithm="direct"))
        assert direct.record.weights_digest != whole.record.weights_digest  # other roundings
        losses = [[scores[2] for scores in scores_by_epoch(each)] for each in (direct, whole)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_resume_after_several_stops_gives_identical_weights(tmp_path: Path) -> None:
    fit = small_fit(epochs=4)
    for after in (1, 2, 3):
        stopped(fit, tmp_path / "c", after)
    assert trained(fit, tmp_path / "c").record.weights_digest == trained(fit).record.weights_digest


@pytest.mark.parametrize("name", RECIPES_BY_NAME)
def test_fit_resumed_from_smaller_budget_is_bit_identical(name: str, tmp_path: Path) -> None:
    whole = small_fit(**{"epochs": 5, **RECIPES_BY_NAME[name]})
    once = trained(replace(whole, epoch_budget=4))
    assert len(once.record.history) == 4 or name == "patience"
    checkpoint = tmp_path / "c"
    early = trained(replace(whole, epoch_budget=2), checkpoint)
    assert len(early.record.history) <= 2
    assert early.record.fit_id == replace(whole, epoch_budget=2).id
    stopped(whole, tmp_path / "other", 1)  # another checkpoint file must not matter
    late = trained(replace(whole, epoch_budget=4), checkpoint)
    assert scores_by_epoch(late) == scores_by_epoch(once)
    assert late.record.weights_digest == once.record.weights_digest
    assert (late.record.best_epoch, late.record.selected_epoch) == (
        once.record.best_epoch,
        once.record.selected_epoch,
    )
    for name, tensor in once.validation.items():
        assert torch.equal(tensor, late.validation[name])
    # Up to the end of the recipe, it equals a fit without a budget.
    end = trained(whole, checkpoint)
    assert end.record.weights_digest == trained(whole).record.weights_digest
    assert end.record.fit_id == whole.id


def test_killed_fit_with_budget_resumes_at_next_epoch(tmp_path: Path) -> None:
    whole, checkpoint = small_fit(epochs=6), tmp_path / "c"
    trained(replace(whole, epoch_budget=2), checkpoint)
    stopped(replace(whole, epoch_budget=5), checkpoint, 4)
    numbers: list[int] = []
    result = run_fit(
        replace(whole, epoch_budget=5), digits().train, checkpoint, lambda epoch: numbers.append(epoch.number)
    )
    assert numbers == [5]
    assert result.record.weights_digest == trained(replace(whole, epoch_budget=5)).record.weights_digest
    assert _epochs_trained(checkpoint, whole) == [6]


def test_smaller_budget_leaves_checkpoint_of_longer_fit_unchanged(tmp_path: Path) -> None:
    whole, checkpoint = small_fit(epochs=5), tmp_path / "c"
    stopped(whole, checkpoint, 4)
    before = checkpoint.read_bytes()
    early = trained(replace(whole, epoch_budget=2), checkpoint)
    assert [epoch.number for epoch in early.record.history] == [1, 2]
    assert early.record.weights_digest == trained(replace(whole, epoch_budget=2)).record.weights_digest
    assert checkpoint.read_bytes() == before
    assert _epochs_trained(checkpoint, whole) == [5]


def _epochs_trained(checkpoint: Path, fit: Fit | None = None) -> list[int]:
    numbers: list[int] = []
    run_fit(fit or small_fit(), digits().train, checkpoint, lambda epoch: numbers.append(epoch.number))
    return numbers


def test_intact_checkpoint_is_resumed(tmp_path: Path) -> None:
    stopped(small_fit(), tmp_path / "c", 2)
    assert _epochs_trained(tmp_path / "c") == [3]


def test_damaged_checkpoint_restarts_training(tmp_path: Path) -> None:
    stopped(small_fit(), tmp_path / "good", 2)
    good = (tmp_path / "good").read_bytes()
    flipped = bytearray(good)
    flipped[-40] ^= 0x10
    for content in (b"", b"not a safetensors file", good[: len(good) // 2], bytes(flipped)):
        (tmp_path / "bad").write_bytes(content)
        assert _epochs_trained(tmp_path / "bad") == [1, 2, 3]


def test_incomplete_checkpoint_restarts_training(tmp_path: Path) -> None:
    stopped(small_fit(), tmp_path / "good", 2)
    tensors, metadata = read_tensors(tmp_path / "good")

    def trained_from(tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> list[int]:
        write_tensors(tmp_path / "bad", tensors, metadata)
        return _epochs_trained(tmp_path / "bad")

    assert trained_from(tensors, metadata) == [3]
    without_state = {name: t for name, t in tensors.items() if not name.startswith("optimizer.0")}
    assert trained_from(without_state, metadata) == [1, 2, 3]
    without_weights = {name: t for name, t in tensors.items() if not name.startswith("model.")}
    assert trained_from(without_weights, metadata) == [1, 2, 3]
    for key in ("fit_id", "history", "n_steps", "digest"):
        assert trained_from(tensors, {k: v for k, v in metadata.items() if k != key}) == [1, 2, 3], key
    # A matching digest does not make the content valid: it is checked too.
    for change in ({"n_steps": "[1]"}, {"n_steps": "nonsense"}, {"history": '[{"number": 1}]'}):
        changed = {key: value for key, value in (metadata | change).items() if key != "digest"}
        assert trained_from(tensors, {**changed, "digest": _digest(tensors, changed)}) == [1, 2, 3], change


def test_checkpoint_of_another_fit_is_ignored(tmp_path: Path) -> None:
    stopped(small_fit(seed=1), tmp_path / "c", 2)
    assert _epochs_trained(tmp_path / "c") == [1, 2, 3]


def test_checkpoint_folder_has_one_file_after_stop(tmp_path: Path) -> None:
    """Only the checkpoint remains: a plain safetensors file with JSON metadata."""
    stopped(small_fit(), tmp_path / "c", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
    tensors, metadata = read_tensors(tmp_path / "c")
    assert len(json.loads(metadata["history"])) == 1
    assert {name.split(".")[0] for name in tensors} == {"model", "best", "optimizer"}
    save_file(load_file(tmp_path / "c"), tmp_path / "copy")


def test_fit_restores_callers_generator_threads_and_settings(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    np.random.seed(5)
    numpy_state = np.random.get_state()[1].copy()  # type: ignore[index, union-attr]
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        trained(small_fit(augment="affine"))
        assert torch.equal(torch.random.get_rng_state(), state)
        assert np.array_equal(np.random.get_state()[1], numpy_state)  # type: ignore[index]
        assert torch.get_num_threads() == 2
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
        torch.set_num_threads(threads)
