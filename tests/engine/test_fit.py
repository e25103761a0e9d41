"""One fit: the selected epoch, evaluation, failures, and the lock."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from convstudy.data import split_indices
from convstudy.engine import checkpoint, memory
from convstudy.engine import fit as engine_fit
from convstudy.engine.batches import ImageTensors
from convstudy.engine.device_lock import DEVICE_LOCK
from convstudy.engine.environment import environment
from convstudy.engine.evaluation import evaluate, scores_of
from convstudy.engine.fit import best_epoch, run_fit
from convstudy.engine.randomness import numpy_generator, stream_seed, torch_generator
from convstudy.engine.run_time import estimate_run_time
from convstudy.engine.weights import load_weights
from convstudy.networks.build import build_network
from convstudy.record import Epoch
from tests.engine.small import digits, scores_by_epoch, small_fit, stopped, trained
from tests.scores import epoch_of


def _epoch(number: int, accuracy: float, loss: float) -> Epoch:
    return epoch_of(number, 0.1, (1.0, 0.5), (loss, accuracy), 0.0, 0.0)


def test_best_epoch_is_by_accuracy_then_loss_then_number() -> None:
    assert best_epoch([_epoch(1, 0.5, 1.0), _epoch(2, 0.7, 3.0), _epoch(3, 0.6, 0.1)]) == 2
    assert best_epoch([_epoch(1, 0.7, 1.0), _epoch(2, 0.7, 0.9), _epoch(3, 0.6, 0.1)]) == 2
    assert best_epoch([_epoch(1, 0.7, 0.9), _epoch(2, 0.7, 0.9)]) == 1


def _scores(weights: dict[str, torch.Tensor], part: int, **recipe: Any) -> tuple[float, float]:
    """Return loss and accuracy of weights on the training (0) or validation (1) part of the small fit."""
    fit, images = small_fit(**recipe), digits().train
    model = build_network(fit.network, images.image_shape, 10, torch.Generator())
    load_weights(model, weights)
    score = evaluate(
        model,
        ImageTensors.of(images.take(split_indices(images.labels, fit.split)[part])),
        fit.recipe.precision,
        fit.recipe.tta if part else "none",
    )
    return score["log-loss"], score["accuracy"]


UNSTEADY = {"optimizer": "sgd", "learning_rate": 1.0, "epochs": 6}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("checkpoint", ["best", "last"])
def test_weights_are_those_of_selected_epoch(checkpoint: str, precision: str) -> None:
    result = trained(small_fit(**UNSTEADY, checkpoint=checkpoint, precision=precision))
    record = result.record
    assert record.best_epoch == best_epoch(list(record.history))
    assert record.best_epoch != 6  # otherwise best and last would be the same
    assert record.selected_epoch == (record.best_epoch if checkpoint == "best" else 6)
    # The history has the scores of these weights in evaluation mode, on both parts.
    selected = record.selected
    assert _scores(result.weights, 0, **UNSTEADY, precision=precision) == pytest.approx(
        (selected.train["log-loss"], selected.train["accuracy"]), rel=1e-6
    )
    assert _scores(result.weights, 1, **UNSTEADY, precision=precision) == pytest.approx(
        (selected.validation["log-loss"], selected.validation["accuracy"]), rel=1e-6
    )


@pytest.mark.parametrize("checkpoint", ["best", "last"])
def test_history_and_weights_use_ema_and_tta(checkpoint: str) -> None:
    recipe = {"checkpoint": checkpoint, "ema_decay": 0.9, "tta": "shift"}
    result, plain = trained(small_fit(**recipe)), trained(small_fit(checkpoint=checkpoint))
    assert result.record.weights_digest != plain.record.weights_digest
    selected = result.record.selected
    assert _scores(result.weights, 0, **recipe) == pytest.approx(
        (selected.train["log-loss"], selected.train["accuracy"]), rel=1e-6
    )
    on_validation = _scores(result.weights, 1, **recipe)
    assert on_validation == pytest.approx(
        (selected.validation["log-loss"], selected.validation["accuracy"]), rel=1e-6
    )
    # TTA has an effect, and the saved predictions include it.
    assert _scores(result.weights, 1, **{**recipe, "tta": "none"}) != on_validation
    labels = torch.from_numpy(digits().train.labels[result.validation["indices"].numpy()])
    chances = result.validation["probabilities"].gather(1, labels[:, None])
    assert float(-chances.log().mean()) == pytest.approx(selected.validation["log-loss"], rel=1e-4)


def test_ema_with_tiny_decay_equals_weights_and_does_not_change_training() -> None:
    plain, averaged = trained(small_fit()), trained(small_fit(ema_decay=1e-12))
    assert averaged.record.weights_digest == plain.record.weights_digest
    assert scores_by_epoch(averaged) == scores_by_epoch(plain)


@pytest.mark.parametrize("metric", ["balanced-accuracy", "macro-f1", "roc-auc", "kappa", "mcc"])
def test_metric_undefined_on_sample_fails_before_first_epoch(
    metric: str,
) -> None:
    epochs: list[Epoch] = []
    fit = replace(small_fit(train_eval_samples=1), metric=metric)
    record = run_fit(fit, digits().train, None, epochs.append).record
    assert not record.done
    assert "is not defined on a sample of training images" in record.error
    assert "train_eval_samples = 1" in record.error
    assert epochs == []


def test_train_eval_samples_changes_training_scores_only() -> None:
    whole, sampled = trained(small_fit()), trained(small_fit(train_eval_samples=10))
    assert sampled.record.weights_digest == whole.record.weights_digest
    for one, other in zip(whole.record.history, sampled.record.history, strict=True):
        assert (one.validation["log-loss"], one.validation["accuracy"]) == (
            other.validation["log-loss"],
            other.validation["accuracy"],
        )
        assert one.train["log-loss"] != other.train["log-loss"]
        assert other.train["accuracy"] * 10 == pytest.approx(round(other.train["accuracy"] * 10))
    assert sampled.record.n_train == 96
    assert scores_by_epoch(trained(small_fit(train_eval_samples=96))) == scores_by_epoch(whole)
    # The sample is random over the whole training part, not its first images.
    train = ImageTensors(torch.arange(1000)[:, None, None, None].to(torch.uint8), torch.arange(1000))
    rows = engine_fit._train_eval_sample(small_fit(train_eval_samples=100), train).labels.tolist()
    assert len(set(rows)) == 100
    assert min(rows) < 250 and max(rows) > 750
    # By default, 10,000 images are sampled from a larger part.
    large = ImageTensors(torch.zeros(10_001, 1, 1, 1, dtype=torch.uint8), torch.zeros(10_001))
    assert len(engine_fit._train_eval_sample(small_fit(), large)) == 10_000
    assert len(engine_fit._train_eval_sample(small_fit(train_eval_samples=None), large)) == 10_001


def test_checkpoint_key_does_not_change_history() -> None:
    assert scores_by_epoch(trained(small_fit(**UNSTEADY))) == scores_by_epoch(
        trained(small_fit(**UNSTEADY, checkpoint="last"))
    )


def test_patience_ends_fit_without_lower_validation_loss() -> None:
    losses = [e.validation["log-loss"] for e in trained(small_fit(**UNSTEADY)).record.history]
    for patience in (1, 2):
        history = trained(small_fit(**UNSTEADY, patience=patience)).record.history
        expected = 6
        for n in range(1, 7):
            lowest = losses.index(min(losses[:n])) + 1
            if n - lowest >= patience:
                expected = n
                break
        assert len(history) == expected
        assert [e.validation["log-loss"] for e in history] == losses[: len(history)]


def test_history_has_learning_rate_of_last_step() -> None:
    recipe = {"schedule": "step", "step_epochs": 2, "step_factor": 0.5, "epochs": 4}
    rates = [epoch.learning_rate for epoch in trained(small_fit(**recipe)).record.history]
    assert rates == pytest.approx([0.01, 0.01, 0.005, 0.005])


@pytest.mark.parametrize("seed", [0, 1])
def test_diverged_fit_returns_failed_record(seed: int) -> None:
    fit = small_fit(
        seed=seed,
        optimizer="sgd",
        learning_rate=100.0,
        epochs=10,
        layers=("flatten", "dense 16", "dense 16", "dense 16"),
    )
    result = run_fit(fit, digits().train)
    record = result.record
    assert (record.status, record.error_kind, record.done) == ("failed", "diverged", False)
    assert "finite" in record.error
    assert "learning_rate" in record.error
    assert result.weights == {}
    assert record.environment is not None


def test_nonfinite_evaluation_loss_counts_as_diverged(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = scores_of(torch.tensor([[math.nan, 1.0]]), torch.tensor([0]))
    monkeypatch.setattr(engine_fit, "evaluate", lambda *_, **more: bad)
    record = run_fit(small_fit(), digits().train).record
    assert (record.error_kind, record.selected_epoch) == ("diverged", None)


@pytest.mark.parametrize("error", [MemoryError("no memory"), RuntimeError("no memory, in any language")])
def test_out_of_memory_returns_failed_record(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def train_epoch(*_: Any) -> float:
        raise error

    monkeypatch.setattr(memory, "_has_room", lambda *_: False)
    monkeypatch.setattr(engine_fit, "train_epoch", train_epoch)
    record = run_fit(small_fit(), digits().train).record
    assert (record.status, record.error_kind) == ("failed", "out-of-memory")
    assert "memory" in record.error


def test_programming_error_is_not_reported_as_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def train_epoch(*_: Any) -> float:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(engine_fit, "train_epoch", train_epoch)
    with pytest.raises(RuntimeError, match="mat1"):
        run_fit(small_fit(), digits().train)


def test_seeds_differ_by_purpose_and_epoch_and_are_stable() -> None:
    streams = {
        stream_seed(seed, purpose, epoch)
        for seed in range(20)
        for purpose in ("weights", "order", "noise")
        for epoch in range(20)
    }
    assert len(streams) == 20 * 3 * 20
    assert all(0 <= number < 2**63 for number in streams)
    # Recorded: another seed would change every fit without changing its id.
    assert stream_seed(0, "weights") == 4660774874278342653
    assert stream_seed(3, "order", 2) == 3439164922838858864
    assert numpy_generator(0, "order", 1).permutation(5).tolist() == [1, 3, 2, 0, 4]
    assert torch_generator(0, "weights").initial_seed() == stream_seed(0, "weights")


def test_environment_has_machine_and_versions() -> None:
    here = environment(3)
    assert here.threads == 3
    assert here.n_cores >= 1
    assert here.torch == torch.__version__
    assert all((here.machine, here.cpu, here.device, here.python, here.numpy, here.scikit_learn))
    assert re.fullmatch(r"\d+\.\d+\.\d+, source [0-9a-f]{12}", here.convstudy)


def test_run_time_estimate_covers_fits_that_would_diverge() -> None:
    fits = [
        small_fit(epochs=1),
        small_fit(epochs=10),
        small_fit(optimizer="sgd", learning_rate=100.0, layers=("flatten", "dense 16", "dense 16")),
        small_fit(optimizer="muon", adam_lr=100.0, ema_decay=0.9, layers=("flatten", "dense 16")),
    ]
    expected = estimate_run_time(fits, seconds=0.1).seconds
    assert set(expected) == {fit.id for fit in fits}
    assert all(seconds > 0 for seconds in expected.values())


def test_finished_fit_builds_no_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU, a loop costs warm-up steps and a capture."""
    fit, path = small_fit(ema_decay=0.9), tmp_path / "checkpoint.safetensors"
    whole = trained(fit, path)

    def loop(*_: object) -> None:
        raise AssertionError("there is nothing to train")

    monkeypatch.setattr(engine_fit, "_loop", loop)
    again = trained(fit, path)
    assert again.record.weights_digest == whole.record.weights_digest
    assert scores_by_epoch(again) == scores_by_epoch(whole)


def test_fit_releases_lock_during_disk_access_and_hashing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit, path, seen = small_fit(), tmp_path / "checkpoint.safetensors", []

    def watched(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def watch(*arguments: Any) -> Any:
            seen.append((name, DEVICE_LOCK._n_shared))
            return work(*arguments)

        return watch

    names = {
        checkpoint: ("read_tensors", "write_tensors", "weights_digest"),
        engine_fit: ("split_indices", "weights_digest", "environment", "train_epoch"),
    }
    for module, functions in names.items():
        for name in functions:
            monkeypatch.setattr(module, name, watched(name, getattr(module, name)))
    with DEVICE_LOCK.shared():  # as on a GPU
        stopped(fit, path, 2)
        assert DEVICE_LOCK._n_shared == 1
        trained(fit, path)
        assert DEVICE_LOCK._n_shared == 1
    assert {name for name, _ in seen} == {name for functions in names.values() for name in functions}
    assert {(name, n) for name, n in seen if n} == {("train_epoch", 1)}


def test_evaluation_yields_lock_between_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    passed = []
    monkeypatch.setattr(DEVICE_LOCK, "yield_to_exclusive", lambda: passed.append(True))
    part = ImageTensors(torch.zeros(1_200, 8, 8, 1, dtype=torch.uint8), torch.zeros(1_200, dtype=torch.int64))
    evaluate(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), part, "float32")
    assert len(passed) == 3
