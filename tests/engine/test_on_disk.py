"""Images that stay on disk give bit-identical training, evaluation and test results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from convstudy.data import BUILT_IN_DATASETS, Images, LockedTest
from convstudy.data.arrays import PixelFile, map_array
from convstudy.data.sources.digits import DigitsSource
from convstudy.engine.batches import ImageTensors, PixelsOnDisk, batches, epoch_order
from convstudy.engine.fit import run_fit
from convstudy.engine.test_set import evaluate_test_set
from convstudy.engine.weights import write_tensors
from convstudy.errors import DataError
from tests.engine.small import digits, scores_by_epoch, small_fit


def on_disk(images: Images, path: Path) -> Images:
    """Return the same images with their pixels in a file."""
    np.save(path, images.pixels)
    mapped = map_array(path, "|u1", images.pixels.shape)
    return Images(mapped, images.labels, PixelFile.of(mapped, path))


def test_batches_of_disk_images_equal_batches_in_memory(tmp_path: Path) -> None:
    rows = np.arange(3, 1400, 2)
    in_memory = ImageTensors.of(digits().train, rows)
    on_disk_images = ImageTensors.of(on_disk(digits().train, tmp_path / "train.npy"), rows)
    assert isinstance(on_disk_images.pixels, PixelsOnDisk)
    assert len(on_disk_images) == len(in_memory) == len(rows)
    pairs = zip(
        batches(in_memory, epoch_order(len(rows), 0, 1), 32),
        batches(on_disk_images, epoch_order(len(rows), 0, 1), 32),
        strict=True,
    )
    for (pixels, labels, _, _), (read, read_labels, _, _) in pairs:
        assert torch.equal(read, pixels)
        assert read.stride() == pixels.stride()
        assert torch.equal(read_labels, labels)
    assert torch.equal(on_disk_images.pixels[500:1000], in_memory.pixels[500:1000])


@pytest.mark.parametrize("augment", ["none", "shift"])
def test_fit_on_disk_images_is_bit_identical(tmp_path: Path, augment: str) -> None:
    fit = small_fit(augment=augment, epochs=2)
    first = run_fit(fit, digits().train)
    second = run_fit(fit, on_disk(digits().train, tmp_path / "train.npy"))
    assert second.record.done, second.record.error
    assert scores_by_epoch(second) == scores_by_epoch(first)
    assert second.record.weights_digest == first.record.weights_digest
    for name, tensor in first.validation.items():
        assert torch.equal(second.validation[name], tensor), name


def test_test_evaluation_of_disk_images_is_bit_identical(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = small_fit(epochs=1)
    trained = run_fit(fit, digits().train)
    weights = tmp_path / "weights.safetensors"
    write_tensors(weights, trained.weights, {})
    locked = LockedTest(BUILT_IN_DATASETS["digits"])
    first = evaluate_test_set(fit, weights, trained.record.weights_digest, locked, lambda: None)
    on_disk_images = on_disk(locked.open(lambda: None), tmp_path / "test.npy")
    monkeypatch.setattr(DigitsSource, "read", lambda *_: on_disk_images)
    second = evaluate_test_set(fit, weights, trained.record.weights_digest, locked, lambda: None)
    assert second.scores == first.scores
    assert len(first.predictions["error_rows"]) > 0
    for name, tensor in first.predictions.items():
        assert torch.equal(second.predictions[name], tensor), name


def test_file_truncated_during_fit_raises_data_error(tmp_path: Path) -> None:
    images = on_disk(digits().train, tmp_path / "train.npy")
    (tmp_path / "train.npy").write_bytes(b"gone")
    with pytest.raises(DataError, match="changed while it was in use"):
        run_fit(small_fit(), images)
