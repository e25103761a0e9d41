"""Squeeze-and-excitation against numbers computed by hand, and its initial weights."""

from __future__ import annotations

import pytest
import torch

from convstudy.errors import NetworkError
from convstudy.networks import Network, read_layer
from convstudy.networks.build import build_network
from convstudy.networks.modules.squeeze_excite import SqueezeExcitation


def test_output_equals_values_computed_by_hand() -> None:
    module = read_layer("squeeze-excite 2").module((1, 2, 2), torch.Generator().manual_seed(1))
    assert isinstance(module, SqueezeExcitation)
    with torch.no_grad():
        module.down.weight.copy_(torch.tensor([[1.0, 2.0]]))
        module.up.weight.copy_(torch.tensor([[1.0], [-1.0]]))
        module.up.bias.copy_(torch.tensor([0.0, 0.5]))
    images = torch.tensor([[[[1.0, 3.0]], [[-1.0, 0.0]]]])  # means 2 and -0.5
    output = module(images)
    # down: 2 - 1 = 1; up: 1 and -0.5; sigmoid: 0.7310586 and 0.3775407
    expected = images * torch.tensor([0.7310586, 0.3775407])[None, :, None, None]
    assert torch.allclose(output, expected, atol=1e-6)
    with torch.no_grad():
        module.down.bias.fill_(-3.0)  # relu: 0; up: 0 and 0.5
    expected = images * torch.tensor([0.5, 0.6224593])[None, :, None, None]
    assert torch.allclose(module(images), expected, atol=1e-6)


def test_with_init_and_with_activation_change_squeeze_excite() -> None:
    network = Network.read(["squeeze-excite 2", "squeeze-excite 2 silu init=lecun-normal", "flatten"])
    assert network.with_activation("tanh").texts[:2] == (
        "squeeze-excite 2 tanh",
        "squeeze-excite 2 tanh init=lecun-normal",
    )
    inits = [getattr(layer, "init", "") for layer in network.with_init("he-uniform").complete(3)]
    assert inits == ["he-uniform", "he-uniform", "", "he-uniform"]
    orthogonal = build_network(
        network.with_init("orthogonal"), (2, 2, 8), 3, torch.Generator().manual_seed(1)
    )
    first = orthogonal[0]
    assert isinstance(first, SqueezeExcitation)
    assert torch.allclose(first.down.weight @ first.down.weight.T, torch.eye(4), atol=1e-5)


def test_flat_input_raises() -> None:
    with pytest.raises(NetworkError, match='"squeeze-excite" needs an image'):
        read_layer("squeeze-excite 4").output_shape((16,))
