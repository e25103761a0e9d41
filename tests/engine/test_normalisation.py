"""Normalisation of the input: its statistics, its place in saved weights, and what a network receives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from convstudy.data import Images, split_indices
from convstudy.data.arrays import PixelFile, map_array
from convstudy.engine import normalisation
from convstudy.engine.batches import ImageTensors, PixelsOnDisk, network_input
from convstudy.engine.evaluation import logits_of
from convstudy.engine.normalisation import NormalisedNetwork, build_model, channel_statistics, set_statistics
from convstudy.engine.test_set import evaluate_test_set
from convstudy.engine.weights import load_weights, read_tensors, weights_digest, write_tensors
from convstudy.networks import Network
from convstudy.networks.build import build_network
from convstudy.studyfile import Recipe
from tests.engine.small import LAYERS, digits, small_fit, trained

NORMALISED = Recipe(normalise="standard")


def _images(n: int = 33) -> Images:
    """Return images whose channels have other distributions; the third is constant."""
    random = np.random.default_rng(5)
    pixels = random.integers(0, 256, (n, 6, 5, 3)).astype(np.uint8)
    pixels[..., 1] //= 9
    pixels[..., 2] = 77
    return Images(pixels, np.arange(n) % 4)


@pytest.mark.parametrize("n_per_piece", [1, 7, 1000])
def test_statistics_are_mean_and_deviation_of_each_channel(
    n_per_piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(normalisation, "IMAGES_PER_PIECE", n_per_piece)
    images, rows = _images(), np.arange(3, 33, 2)
    found = channel_statistics(ImageTensors.of(images, rows))
    values = images.pixels[rows].astype(np.float64) / 255
    np.testing.assert_allclose(found.mean, values.mean(axis=(0, 1, 2)), rtol=1e-13)
    np.testing.assert_allclose(found.std[:2], values.std(axis=(0, 1, 2))[:2], rtol=1e-13)
    assert found.std[2] == 1.0  # a constant channel
    assert found.mean.tolist() == channel_statistics(ImageTensors.of(images, rows[::-1].copy())).mean.tolist()


def test_statistics_of_images_on_disk_equal_those_in_memory(tmp_path: Path) -> None:
    images, path, rows = _images(), tmp_path / "x.npy", np.arange(2, 30)
    np.save(path, images.pixels)
    mapped = map_array(path, "|u1", images.pixels.shape)
    on_disk = ImageTensors.of(Images(mapped, images.labels, PixelFile.of(mapped, path)), rows)
    assert isinstance(on_disk.pixels, PixelsOnDisk)
    for found, expected in zip(
        channel_statistics(on_disk), channel_statistics(ImageTensors.of(images, rows)), strict=True
    ):
        assert found.tolist() == expected.tolist()


def test_network_receives_channels_of_mean_0_and_deviation_1() -> None:
    images = ImageTensors.of(_images())
    model = NormalisedNetwork(torch.nn.Sequential(torch.nn.Identity()), 3)
    set_statistics(model, channel_statistics(images))
    found = model(network_input(images.pixels[:]))
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert found.mean(dim=(0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-5)
    assert found.std(dim=(0, 2, 3), correction=0).tolist() == pytest.approx([1, 1, 0], abs=1e-5)


def test_layers_keep_their_names_and_weights() -> None:
    network = Network.read(LAYERS)
    plain = build_network(network, (28, 28, 1), 10, torch.Generator().manual_seed(1)).state_dict()
    model = build_model(network, NORMALISED, (28, 28, 1), 10, torch.Generator().manual_seed(1))
    own = model.state_dict()
    assert set(own) - set(plain) == {"input_mean", "input_std"}
    assert all(torch.equal(own[name], tensor) for name, tensor in plain.items())


def test_padding_of_augmentation_is_as_black_as_a_black_pixel() -> None:
    """Zeros that a shift pads with are normalised like pixels of value 0."""
    from convstudy.engine.augmentation.original import shifted

    images = ImageTensors.of(_images())
    model = NormalisedNetwork(torch.nn.Sequential(torch.nn.Identity()), 3)
    set_statistics(model, channel_statistics(images))
    black = torch.zeros(8, 6, 5, 3, dtype=torch.uint8)
    moved = shifted(black.permute(0, 3, 1, 2), Recipe(), torch.Generator().manual_seed(0))
    expected = model(network_input(black))
    assert torch.equal(model(moved.float()), expected)
    assert expected.min() < -1  # and black is not 0 any more


def test_saved_weights_contain_statistics_of_training_part_and_predict_alike(tmp_path: Path) -> None:
    fit = small_fit(normalise="standard", tta="shift", ema_decay=0.9)
    result = trained(fit)
    rows, validation_rows = split_indices(digits().train.labels, fit.split)
    expected = channel_statistics(ImageTensors.of(digits().train, rows))
    assert result.weights["input_mean"].tolist() == torch.from_numpy(expected.mean).float().tolist()
    assert result.weights["input_std"].tolist() == torch.from_numpy(expected.std).float().tolist()
    # They are covered by the digest, and the evaluation of the test set uses them.
    path = tmp_path / "w.safetensors"
    write_tensors(path, result.weights, {})
    evaluated = evaluate_test_set(fit, path, result.record.weights_digest, digits().test, lambda: None)
    model = build_model(fit.network, fit.recipe, (28, 28, 1), 10, torch.Generator())
    load_weights(model, read_tensors(path)[0])
    test = ImageTensors.of(digits().test.open(lambda: None))
    logits = logits_of(model, test, "float32", "shift")
    assert torch.equal(logits.softmax(dim=1), evaluated.predictions["probabilities"])
    validation = logits_of(model, ImageTensors.of(digits().train, validation_rows), "float32", "shift")
    assert torch.equal(validation.softmax(dim=1), result.validation["probabilities"])
    changed = {**result.weights, "input_std": 2 * result.weights["input_std"]}
    assert weights_digest(changed) != result.record.weights_digest


def test_weights_of_another_normalisation_are_refused(tmp_path: Path) -> None:
    from convstudy.errors import StoreError

    fit, path = small_fit(epochs=1), tmp_path / "w"
    result = trained(fit)
    write_tensors(path, result.weights, {})
    other = replace(fit, recipe=fit.recipe.varied({"normalise": "standard"}))
    with pytest.raises(StoreError, match="another network"):
        evaluate_test_set(other, path, result.record.weights_digest, digits().test, lambda: None)


def test_fit_with_normalisation_on_disk_is_bit_identical(tmp_path: Path) -> None:
    from convstudy.engine.fit import run_fit

    train, path = digits().train, tmp_path / "train.npy"
    fit = small_fit(normalise="standard", sampling="balanced", class_weights="balanced", epochs=2)
    np.save(path, train.pixels)
    mapped = map_array(path, "|u1", train.pixels.shape)
    on_disk = run_fit(fit, Images(mapped, train.labels, PixelFile.of(mapped, path)))
    assert on_disk.record.weights_digest == trained(fit).record.weights_digest
