"""Group normalisation of images, which require no gradient."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import nn

from convstudy.networks import Network, read_layer
from convstudy.networks.build import build_network

SHAPE, CLASSES, EPSILON = (9, 11, 6), 4, 0.001


def built(texts: Sequence[str]) -> nn.Sequential:
    network = Network(tuple(map(read_layer, texts)))
    return build_network(network, SHAPE, CLASSES, torch.Generator().manual_seed(1))


def by_definition(images: torch.Tensor, groups: int, module: nn.Sequential) -> list[torch.Tensor]:
    """Return the logits and the gradients of the sum of their squares for all parameters, in float64."""
    scale, shift, kernel, bias = (each.detach().double().requires_grad_() for each in module.parameters())
    values = images.double().reshape(len(images), groups, -1)
    centred = values - values.mean(2, keepdim=True)
    normalised = centred / (centred.square().mean(2, keepdim=True) + EPSILON).sqrt()
    scaled = normalised.reshape(images.shape) * scale[:, None, None] + shift[:, None, None]
    logits = scaled.mean((2, 3)) @ kernel.T + bias
    logits.square().sum().backward()
    return [logits, *(each.grad for each in (scale, shift, kernel, bias) if each.grad is not None)]


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize("before", [(), ("dropout 0",), ("average-pool 1",)])
def test_values_and_gradients_equal_the_definition(groups: int, before: tuple[str, ...]) -> None:
    module = built([*before, f"group-norm {groups}", "global-average-pool"]).train()
    images = torch.rand(5, *SHAPE, generator=torch.Generator().manual_seed(2)).permute(0, 3, 1, 2)
    logits = module(images)
    logits.square().sum().backward()
    found = [logits, *(each.grad for each in module.parameters() if each.grad is not None)]
    expected = by_definition(images, groups, module)
    assert len(found) == len(expected) == 5
    for own, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(own.double(), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("grad", [True, False])
def test_inputs_require_a_gradient_only_in_training(monkeypatch: pytest.MonkeyPatch, grad: bool) -> None:
    seen: list[bool] = []
    normalise = nn.functional.group_norm

    def watched(values: torch.Tensor, *more: object) -> torch.Tensor:
        seen.append(values.requires_grad)
        return normalise(values, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(nn.functional, "group_norm", watched)
    with torch.set_grad_enabled(grad):
        built(["group-norm 2", "flatten"])(torch.rand(3, 6, 9, 11))
    assert seen == [grad]
