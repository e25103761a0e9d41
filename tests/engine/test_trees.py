"""Fits of networks with nested layers: training, optimizers, dead ReLUs, memory, first kernels."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from convstudy.engine.dead_relus import dead_relus, watched_relus
from convstudy.engine.memory import BYTES_PER_VALUE, step_bytes
from convstudy.engine.optimizers import build_optimizer
from convstudy.networks import Network
from convstudy.networks.build import build_network
from convstudy.networks.modules.spectral.rule import WORKSPACE
from convstudy.plan.fit import Fit
from convstudy.record import DeadRelus
from convstudy.report.thumbnails import first_kernels
from convstudy.studyfile import Recipe
from tests.engine.small import small_fit, stopped, trained

TREE = (
    "conv 4 3 stride=4 padding=same",
    "residual basic x2 filters=6 stride=2 then=relu",
    "residual basic filters=8 then=relu shortcut=pad",
    ("concat", ("branch",), ("branch", "conv 2 1 relu")),
    "dropout 0.2",
    "global-average-pool",
)


def tree_fit(**recipe: object) -> Fit:
    return small_fit(layers=TREE, **recipe)  # type: ignore[arg-type]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("optimizer", ["sgd", "muon"])
def test_tree_fit_is_reproducible(optimizer: str, precision: str) -> None:
    fit = tree_fit(optimizer=optimizer, precision=precision, ema_decay=0.9)
    first, second = trained(fit), trained(fit)
    assert first.record.weights_digest == second.record.weights_digest
    losses = [epoch.validation["log-loss"] for epoch in first.record.history]
    assert all(map(math.isfinite, losses))
    assert first.record.n_parameters == sum(each.numel() for each in model().parameters())


def test_resumed_tree_fit_gives_identical_weights(tmp_path: Path) -> None:
    fit = tree_fit(optimizer="adam")
    stopped(fit, tmp_path / "checkpoint", after=1)
    assert trained(fit, tmp_path / "checkpoint").record.weights_digest == trained(fit).record.weights_digest


def test_tree_fit_round_trips_through_json() -> None:
    fit = tree_fit()
    again = Fit.from_json(fit.as_json(), fit.dataset)
    assert again == fit
    assert again.id == fit.id
    named = small_fit(layers=(TREE[0], "residual basic filters=6 then=relu", *TREE[4:]))  # type: ignore[arg-type]
    body = Network.read(["block basic filters=6"]).texts
    written = small_fit(layers=(TREE[0], ("residual then=relu", *body), *TREE[4:]))  # type: ignore[arg-type]
    assert named.id == written.id != fit.id


def model() -> nn.Sequential:
    return build_network(Network.read(TREE), (28, 28, 1), 10, torch.Generator().manual_seed(1))


def test_muon_updates_kernels_of_bodies_and_shortcuts_but_not_output_layer() -> None:
    network = model()
    optimizer = build_optimizer(Recipe(optimizer="muon"), network.parameters())
    taken = {id(each) for group in optimizer.param_groups if group["orthogonal"] for each in group["params"]}
    kernels = {name: value for name, value in network.named_parameters() if value.ndim > 1}
    assert [name for name, value in kernels.items() if id(value) not in taken] == ["7.weight"]
    assert "1.shortcut.0.0.weight" in kernels
    assert len(kernels) == 1 + 3 * 2 + 1 + 1 + 1


def test_dead_units_are_reported_at_path_of_their_layer() -> None:
    network = Network.read(
        [
            "conv 3 3",
            ["residual", "activation relu", "conv 4 3 padding=same", "activation relu", "conv 3 1"],
            ["residual then=relu", "conv 3 1"],
            ["concat", ["branch", "conv 5 1 relu"], ["branch"]],
            "activation relu",
            "flatten",
            "dense 2 relu",
        ]
    )
    made = build_network(network, (6, 6, 1), 10, torch.Generator().manual_seed(1)).eval()
    for parameter in made.parameters():
        nn.init.zeros_(parameter)  # every ReLU outputs 0
    with watched_relus(made) as maxima, torch.inference_mode():
        made(torch.rand(2, 1, 6, 6))
    # The first ReLU of the residual belongs to the convolution before it.
    assert dead_relus(maxima) == (
        DeadRelus((1,), 3, 3),
        DeadRelus((2, 2), 4, 4),
        DeadRelus((3,), 3, 3),
        DeadRelus((4,), 8, 8),
        DeadRelus((4, 1, 1), 5, 5),
        DeadRelus((7,), 2, 2),
    )
    assert all(network.layer_at(each.layer) for each in dead_relus(maxima))
    assert not any(module._forward_hooks for module in made.modules())


def test_record_keeps_layer_paths_of_dead_units() -> None:
    record = trained(tree_fit(optimizer="sgd", learning_rate=30.0, epochs=1)).record
    assert any(len(each.layer) > 1 for each in record.dead_relus)
    assert type(record).from_json(record.as_json()) == record


def test_step_bytes_includes_nested_layers() -> None:
    flat = small_fit(layers=("conv 4 3 padding=same", "flatten"))
    tree = small_fit(layers=(("residual", "conv 4 3 padding=same"), "flatten"))  # type: ignore[arg-type]
    in_tree, in_flat = (step_bytes(fit, torch.device("cpu")) - WORKSPACE for fit in (tree, flat))
    more = in_tree - in_flat
    # The additional bytes are the residual's sum and the output of its projection.
    assert more == in_flat // (784 + 2 * 4 * 784 + 10) * 2 * 4 * 784
    assert more % BYTES_PER_VALUE == 0


def test_first_kernels_are_from_first_residual_body() -> None:
    texts = [["residual", "conv 4 3 padding=same", "conv 5 3 padding=same"], "flatten"]
    made = build_network(Network.read(texts), (8, 8, 1), 10, torch.Generator().manual_seed(1))
    weights = {name: value.numpy() for name, value in made.state_dict().items()}
    kernels = first_kernels(dict(reversed(weights.items())))
    assert kernels is not None
    assert kernels.shape == (4, 3, 3)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_step_does_not_read_tensor_values(precision: torch.dtype) -> None:
    """A CUDA graph cannot contain synchronization. Fake tensors have no values, so reading one raises."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    layers = tuple(layer for layer in TREE if layer != "dropout 0.2")
    made = build_network(Network.read(layers), (28, 28, 1), 10, torch.Generator().manual_seed(1))
    with FakeTensorMode() as mode, torch.autocast("cpu", precision, enabled=precision != torch.float32):
        weights = {name: mode.from_tensor(value) for name, value in made.state_dict(keep_vars=True).items()}
        logits = torch.func.functional_call(made, weights, (torch.empty(5, 1, 28, 28),))
        logits.float().square().sum().backward()
        with pytest.raises(Exception, match="local_scalar"):
            logits.sum().item()
    assert logits.shape == (5, 10)
