"""Weights files, their digest, and the evaluation on the locked test set."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pytest
import torch

from convstudy.data import Images
from convstudy.engine.batches import ImageTensors
from convstudy.engine.evaluation import logits_of
from convstudy.engine.test_set import MAX_SAVED_ERRORS, evaluate_test_set
from convstudy.engine.weights import load_weights, read_tensors, weights_digest, write_tensors
from convstudy.errors import StoreError
from convstudy.networks.build import build_network
from tests.engine.small import digits, small_fit, trained


def _some() -> dict[str, torch.Tensor]:
    return {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor(3), "c": torch.ones(2, dtype=torch.bfloat16)}


def test_digest_changes_with_value_name_shape_and_dtype() -> None:
    whole = weights_digest(_some())
    others = []
    for name in ("a", "b", "c"):
        changed = _some()
        changed[name].view(-1)[-1] += 1
        others.append(changed)
    others += [
        {**_some(), "a": _some()["a"].view(3, 2)},
        {**_some(), "a": _some()["a"].double()},
        {("x" if name == "a" else name): tensor for name, tensor in _some().items()},
        {name: tensor for name, tensor in _some().items() if name != "b"},
    ]
    digests = {weights_digest(tensors) for tensors in others}
    assert len(digests) == len(others) == 7
    assert whole not in digests


def test_digest_does_not_depend_on_order_or_strides() -> None:
    one = {"x": torch.rand(2, 3, 4, 5), "y": torch.zeros(1)}
    other = {"y": one["y"], "x": one["x"].contiguous(memory_format=torch.channels_last)}
    assert weights_digest(one) == weights_digest(other)


def test_digest_is_stable() -> None:
    tensors = {"w": torch.tensor([[1.0, -2.5]]), "n": torch.tensor(7)}
    assert weights_digest(tensors) == "c4fffade54a9abf2b3ba18eed89c6e2e705431f385b1cc14329172a04b0f74ec"


def test_tensors_and_metadata_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "new" / "w.safetensors"
    write_tensors(path, _some(), {"fit_id": "é"})
    tensors, metadata = read_tensors(path)
    assert metadata == {"fit_id": "é"}
    assert weights_digest(tensors) == weights_digest(_some())
    assert [p.name for p in path.parent.iterdir()] == ["w.safetensors"]
    assert path.stat().st_mode & stat.S_IRUSR


@pytest.mark.parametrize("content", [None, b"", b"x" * 100, b"\xff" * 8 + b"{}"])
def test_invalid_safetensors_file_raises_store_error(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "w"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StoreError, match="safetensors"):
        read_tensors(path)


@pytest.mark.parametrize("change", ["name", "shape", "missing", "extra"])
def test_weights_of_another_network_raise_and_change_nothing(change: str) -> None:
    model = torch.nn.Linear(2, 3)
    before = model.weight.clone()
    tensors = {"weight": torch.zeros(3, 2), "bias": torch.zeros(3)}
    if change == "name":
        tensors["kernel"] = tensors.pop("weight")
    elif change == "shape":
        tensors["bias"] = torch.zeros(4)
    elif change == "missing":
        del tensors["bias"]
    else:
        tensors["more"] = torch.zeros(1)
    with pytest.raises(StoreError, match="another network"):
        load_weights(model, tensors)
    assert torch.equal(model.weight, before)


class _LoggedTestSet:
    """A test set that logs when it is read."""

    def __init__(self, log: list[str]) -> None:
        self.info = digits().test.info
        self.log = log

    def open(self, record_test_evaluation: object) -> Images:
        images = digits().test.open(record_test_evaluation)  # type: ignore[arg-type]
        self.log.append("read")
        return images


def test_wrong_weights_raise_before_test_set_is_read(tmp_path: Path) -> None:
    fit, path, log = small_fit(epochs=1), tmp_path / "w", []
    result = trained(fit)
    digest = result.record.weights_digest
    test_set = _LoggedTestSet(log)

    def attempt(weights: dict[str, torch.Tensor] | None, digest: str) -> None:
        path.unlink(missing_ok=True)
        if weights is not None:
            write_tensors(path, weights, {})
        with pytest.raises(StoreError):
            evaluate_test_set(fit, path, digest, test_set, lambda: log.append("recorded"))  # type: ignore[arg-type]

    name = next(iter(result.weights))
    changed = {**result.weights, name: result.weights[name] + 1e-6}
    attempt(changed, digest)
    attempt(None, digest)
    attempt(result.weights, "0" * 64)
    foreign = {"weight": torch.zeros(2)}
    attempt(foreign, weights_digest(foreign))
    assert log == []


def test_evaluation_is_recorded_before_test_images_are_read(tmp_path: Path) -> None:
    fit, path, log = small_fit(epochs=1), tmp_path / "w", []
    result = trained(fit)
    write_tensors(path, result.weights, {})
    result_on_test = evaluate_test_set(
        fit,
        path,
        result.record.weights_digest,
        _LoggedTestSet(log),  # type: ignore[arg-type]
        lambda: log.append("recorded"),
    )
    assert log == ["recorded", "read"]

    def refuse() -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        evaluate_test_set(fit, path, result.record.weights_digest, _LoggedTestSet(log), refuse)  # type: ignore[arg-type]
    assert log == ["recorded", "read"]

    # The result has scores, probabilities and misclassified images, most confident first.
    test = digits().test.open(lambda: None)
    labels, probabilities = (
        result_on_test.predictions["labels"].numpy(),
        result_on_test.predictions["probabilities"].numpy(),
    )
    assert np.array_equal(labels, test.labels)
    assert result_on_test.scores["accuracy"] == pytest.approx(
        float((probabilities.argmax(1) == labels).mean())
    )
    own = probabilities[np.arange(len(labels)), labels]
    assert result_on_test.scores["log-loss"] == pytest.approx(float(-np.log(own).mean()), rel=1e-4)
    rows = result_on_test.predictions["error_rows"].numpy()
    wrong = np.flatnonzero(probabilities.argmax(1) != labels)
    assert 0 < len(rows) <= MAX_SAVED_ERRORS
    confidence = probabilities.max(axis=1)
    assert np.array_equal(rows, wrong[np.argsort(-confidence[wrong], kind="stable")][:MAX_SAVED_ERRORS])
    assert np.array_equal(result_on_test.predictions["error_pixels"].numpy(), test.pixels[rows])


def test_test_evaluation_uses_tta_of_recipe(tmp_path: Path) -> None:
    fit, path = small_fit(epochs=1, tta="shift"), tmp_path / "w"
    result = trained(fit)
    write_tensors(path, result.weights, {})
    result_on_test = evaluate_test_set(fit, path, result.record.weights_digest, digits().test, lambda: None)
    test = ImageTensors.of(digits().test.open(lambda: None))
    model = build_network(fit.network, (28, 28, 1), 10, torch.Generator())
    load_weights(model, result.weights)
    shifted, plain = (logits_of(model, test, "float32", tta).softmax(1) for tta in ("shift", "none"))
    assert torch.allclose(result_on_test.predictions["probabilities"], shifted, atol=1e-6)
    assert not torch.allclose(result_on_test.predictions["probabilities"], plain, atol=1e-6)
