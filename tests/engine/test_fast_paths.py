"""What makes a fit fast beside its plain form, where neither is a module of its own (those: ``tests/networks``)."""

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
from tests.engine.small import LAYERS, digits, small_fit, story, trained


def network() -> nn.Sequential:
    return build_network(
        Network.read(LAYERS), digits().train.image_shape, 10, torch.Generator().manual_seed(1)
    )


def test_new_tensors_that_are_not_filled_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = trained(small_fit())
    original = engine_fit.train_epoch
    filled = []

    def filling(*arguments: Any) -> float:
        torch.utils.deterministic.fill_uninitialized_memory = True  # type: ignore[attr-defined]
        filled.append(True)
        return original(*arguments)

    monkeypatch.setattr(engine_fit, "train_epoch", filling)
    again = trained(small_fit())
    assert len(filled) == 3
    assert again.record.weights_digest == plain.record.weights_digest
    assert story(again) == story(plain)


@pytest.mark.parametrize("tta", ["none", "shift"])
def test_evaluation_in_large_batches_is_evaluation_one_by_one(
    tta: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, part = network(), ImageTensors.of(digits().train, torch.arange(50).numpy())
    large = logits_of(model, part, "float32", tta)
    monkeypatch.setattr(evaluation, "BATCH_SIZE", 1)
    torch.testing.assert_close(logits_of(model, part, "float32", tta), large, rtol=1e-5, atol=1e-6)


def test_bytes_with_channels_last_are_the_same_inputs_as_floats_with_channels_first() -> None:
    pixels = torch.randint(0, 256, (7, 8, 8, 3), dtype=torch.uint8)
    plain = (pixels.float() / 255).permute(0, 3, 1, 2).contiguous()
    fast = network_input(pixels)
    assert fast.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(fast, plain)
    convolution = nn.Conv2d(3, 4, 3)
    torch.testing.assert_close(convolution(fast), convolution(plain), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("captured", [False, True])
def test_a_fit_gives_torch_no_convolution_with_a_stride_above_its_kernel(
    captured: bool, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In no loop, number format, augmentation or view: torch 2.13 has faults there (``SkippingConv``)."""
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
