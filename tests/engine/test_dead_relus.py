"""Dead ReLUs output 0 on every image. They are reported per layer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from convstudy.engine.dead_relus import dead_relus, watched_relus
from convstudy.networks import Network, read_layer
from convstudy.networks.build import build_network, use_direct_convolutions
from convstudy.networks.parameters import Spec
from convstudy.record import DeadRelus, Record
from tests.engine.small import small_fit, trained

# The first ReLU moves behind its pool; the second one is a separate layer.
LAYERS = (
    "conv 4 3 relu",
    "max-pool 2",
    "conv 3 2",
    "batch-norm",
    "activation relu",
    "flatten",
    "dense 5 relu",
    "dense 6 tanh",
)


def network() -> nn.Sequential:
    """Return the network for images of 8 × 8 × 1, in evaluation mode."""
    return build_network(Network.read(LAYERS), (8, 8, 1), 10, torch.Generator().manual_seed(1)).eval()


def weighted(model: nn.Sequential) -> list[nn.Conv2d | nn.Linear]:
    """Return the modules with kernels, in order."""
    return [module for module in model.modules() if isinstance(module, (nn.Conv2d, nn.Linear))]


def found_dead(model: nn.Sequential, n_batches: int = 3) -> tuple[DeadRelus, ...]:
    generator = torch.Generator().manual_seed(0)
    with watched_relus(model) as maxima, torch.inference_mode():
        for _ in range(n_batches):
            model(torch.rand(20, 1, 8, 8, generator=generator).contiguous(memory_format=torch.channels_last))
    return dead_relus(maxima)


def test_dead_units_are_counted_per_layer() -> None:
    model = network()
    first, second, third, fourth, _ = weighted(model)
    with torch.no_grad():
        for module in (first, second, third, fourth):
            module.weight.zero_()
            module.bias.fill_(1.0)  # type: ignore[union-attr]
    assert found_dead(model) == ()
    with torch.no_grad():
        for module, n_dead in ((first, 2), (second, 1), (third, 4), (fourth, 6)):
            module.bias[:n_dead] = -1.0  # type: ignore[index]
    # The last dense layer has tanh, which cannot die.
    assert found_dead(model) == (DeadRelus((1,), 2, 4), DeadRelus((3,), 1, 3), DeadRelus((7,), 4, 5))


@pytest.mark.parametrize("is_direct", [True, False])
def test_rounding_on_blank_pixels_is_no_activation(is_direct: bool) -> None:
    """A convolution by spectrum does not return exactly 0 where the image is blank."""
    layers = ("conv 4 3", "conv 32 9 relu bias=no padding=same", "flatten")
    model = build_network(Network.read(layers), (24, 24, 1), 10, torch.Generator().manual_seed(1)).eval()
    if is_direct:
        use_direct_convolutions(model)
    first, second, _ = weighted(model)
    images = torch.zeros(100, 1, 24, 24)
    images[:, :, 8:14, 8:14] = torch.rand(100, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        first.weight.abs_()
        second.weight[:5] = -second.weight[:5].abs()
        second.weight[5] *= 1e-5  # small, but not dead
    with watched_relus(model) as maxima, torch.inference_mode():
        model(images)
    assert dead_relus(maxima) == (DeadRelus((2,), 5, 32),)


def test_unit_active_on_one_image_is_not_dead() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 3), nn.ReLU()))
    with torch.no_grad():
        model[0][0].weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]))  # type: ignore[index]
        model[0][0].bias.zero_()  # type: ignore[index]
    with watched_relus(model) as maxima, torch.inference_mode():
        model(torch.tensor([[1.0, 0.0], [2.0, 0.0]]))
        assert dead_relus(maxima) == (DeadRelus((1,), 2, 3),)
        model(torch.tensor([[0.0, 0.5]]))
    assert dead_relus(maxima) == (DeadRelus((1,), 1, 3),)


@pytest.mark.parametrize(
    ("name", "dead_at", "alive_at"), [("relu", 0.0, 0.1), ("relu6", 0.0, 7.0), ("hardswish", -3.0, -2.9)]
)
def test_activations_with_zero_gradient_can_die(name: str, dead_at: float, alive_at: float) -> None:
    dense = read_layer(f"dense 3 {name}").module((1,), torch.Generator().manual_seed(1))
    with torch.no_grad():
        dense[0].weight.zero_()  # type: ignore[index]
        dense[0].bias.copy_(torch.tensor([dead_at, alive_at, dead_at - 5.0]))  # type: ignore[index]
    with watched_relus(nn.Sequential(dense)) as maxima, torch.inference_mode():
        dense(torch.ones(4, 1))
    assert dead_relus(maxima) == (DeadRelus((1,), 2, 3),)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (("conv 4 3 relu", "flatten", "activation relu"), {(1,): 4, (3,): 144}),
        ((("residual then=relu", "conv 4 1"), "flatten", "activation relu"), {(1,): 4, (3,): 256}),
        (("conv 4 3 relu", "squeeze-excite 2", "activation relu", "flatten"), {(1,): 4, (2,): 2}),
        (("conv 4 3", "squeeze-excite 1", "batch-norm", "activation relu", "flatten"), {(1,): 4, (2,): 4}),
        # Squeeze-excite with zero weights halves the image, which stays above 0.
        (("squeeze-excite 1", "activation relu", "conv 4 3", "flatten"), {(1,): 1}),
    ],
)
def test_relus_with_other_unit_counts_have_their_own_layer(
    layers: tuple[Spec, ...], expected: dict[tuple[int, ...], int]
) -> None:
    model = build_network(Network.read(layers), (8, 8, 1), 10, torch.Generator().manual_seed(1)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert found_dead(model) == tuple(DeadRelus(layer, n, n) for layer, n in expected.items())


def test_watched_relus_removes_its_hooks() -> None:
    model = network()
    found_dead(model)
    assert not any(module._forward_hooks for module in model.modules())


def test_record_with_dead_units_round_trips_through_json() -> None:
    # With such a large learning rate, weights move to where no image activates them.
    record = trained(small_fit(optimizer="sgd", learning_rate=30.0, epochs=1)).record
    if not record.done:
        pytest.fail(record.error)
    assert record.dead_relus
    assert Record.from_json(record.as_json()) == record
    old = record.as_json()
    del old["dead_relus"]
    assert Record.from_json(old).dead_relus == ()
