"""Optimizations of the engine compared with their reference implementations (modules: ``tests/networks``)."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from convstudy.engine import evaluation
from convstudy.engine import fit as engine_fit
from convstudy.engine.batches import ImageTensors, network_input
from convstudy.engine.cuda.graph import EagerCalls
from convstudy.engine.cuda.loop import CapturedLoop
from convstudy.engine.evaluation import logits_of
from convstudy.networks import Network
from convstudy.networks.build import build_network
from tests.convolutions import ConvolutionCalls
from tests.engine.small import LAYERS, digits, scores_by_epoch, small_fit, trained


def network() -> nn.Sequential:
    return build_network(
        Network.read(LAYERS), digits().train.image_shape, 10, torch.Generator().manual_seed(1)
    )


def test_unfilled_memory_does_not_change_results(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = trained(small_fit())
    original = engine_fit.train_epoch
    filled = []

    def filling(*arguments: Any) -> float:
        torch.utils.deterministic.fill_uninitialized_memory = True  # type: ignore[attr-defined]
        filled.append(True)
        return original(*arguments)

    monkeypatch.setattr(engine_fit, "train_epoch", filling)
    again = trained(small_fit())
    assert len(filled) == 3
    assert again.record.weights_digest == reference.record.weights_digest
    assert scores_by_epoch(again) == scores_by_epoch(reference)


@pytest.mark.parametrize("tta", ["none", "shift", "shift-uncertain"])
def test_evaluation_does_not_depend_on_batch_size(tta: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, part = network(), ImageTensors.of(digits().train, torch.arange(50).numpy())
    large = logits_of(model, part, "float32", tta)
    monkeypatch.setattr(evaluation, "BATCH_SIZE", 1)
    torch.testing.assert_close(logits_of(model, part, "float32", tta), large, rtol=1e-5, atol=1e-6)


def test_channels_last_uint8_input_equals_channels_first_float_input() -> None:
    pixels = torch.randint(0, 256, (7, 8, 8, 3), dtype=torch.uint8)
    reference = (pixels.float() / 255).permute(0, 3, 1, 2).contiguous()
    fast = network_input(pixels)
    assert fast.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(fast, reference)
    convolution = nn.Conv2d(3, 4, 3)
    torch.testing.assert_close(convolution(fast), convolution(reference), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("captured", [False, True])
def test_fit_never_calls_convolution_with_stride_above_kernel(
    captured: bool, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In any loop, precision, augmentation or TTA: torch 2.13 has faults there (``SkippingConv``)."""
    if captured:
        monkeypatch.setattr(
            engine_fit, "_loop", lambda step, part, before: CapturedLoop(step, part, EagerCalls, before)
        )
    layers = ("conv 4 1 relu stride=2", "conv 4 2", "conv 4 2 stride=3 padding=same", "flatten")
    fit = small_fit(
        layers=layers, epochs=1, batch_size=20, precision=precision, augment="affine+cutout", tta="shift"
    )
    with ConvolutionCalls() as calls:
        trained(fit)
    assert {kernel for kernel, _ in calls.backward} == {(1, 1), (2, 2)}
    assert {kernel for kernel, _ in calls.forward} == {(1, 1), (2, 2)}
    assert not calls.skipping
