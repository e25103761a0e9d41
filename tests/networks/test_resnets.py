"""ResNet-20 (He et al. 2016, section 4.2) as layer texts, against a reference in plain torch."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from convstudy.networks import Network, layer_table
from convstudy.networks.build import build_network

IMAGE = (32, 32, 3)


def resnet(shortcut: str, depth: int = 20) -> Network:
    """Return the network with 6n + 2 layers with weights."""
    n = (depth - 2) // 6
    return Network.read(
        [
            "conv 16 3 padding=same bias=no",
            "batch-norm",
            "activation relu",
            f"residual basic x{n} filters=16 then=relu shortcut={shortcut}",
            f"residual basic x{n} filters=32 stride=2 then=relu shortcut={shortcut}",
            f"residual basic x{n} filters=64 stride=2 then=relu shortcut={shortcut}",
            "global-average-pool",
        ]
    )


class SameConv(nn.Conv2d):
    """A 3 × 3 convolution, padded as TensorFlow's "same": only at the end if the stride is 2."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__(n_in, n_out, 3, stride, bias=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        before = 1 if self.stride == (1, 1) else 0
        return super().forward(nn.functional.pad(images, (before, 1, before, 1)))


def norm(n_channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(n_channels, eps=0.001, momentum=0.01)


class Basic(nn.Module):
    """A basic block in plain torch; ``shortcut`` is "pad" or "projection"."""

    def __init__(self, n_in: int, n_out: int, stride: int, shortcut: str) -> None:
        super().__init__()
        self.conv1 = SameConv(n_in, n_out, stride)
        self.norm1 = norm(n_out)
        self.relu1 = nn.ReLU()
        self.conv2 = SameConv(n_out, n_out, 1)
        self.norm2 = norm(n_out)
        self.stride, self.n_more = stride, n_out - n_in
        self.projects = shortcut == "projection" and (stride, n_in) != (1, n_out)
        if self.projects:
            self.projection = nn.Conv2d(n_in, n_out, 1, stride, bias=False)
            self.norm3 = norm(n_out)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        output = self.norm2(self.conv2(self.relu1(self.norm1(self.conv1(images)))))
        if self.projects:
            return torch.relu(output + self.norm3(self.projection(images)))
        images = images[:, :, :: self.stride, :: self.stride]
        zeros = images.new_zeros(len(images), self.n_more, *images.shape[2:])
        return torch.relu(output + torch.cat([images, zeros], dim=1))


class ResNet20(nn.Module):
    def __init__(self, shortcut: str) -> None:
        super().__init__()
        self.conv, self.norm, self.relu = SameConv(3, 16, 1), norm(16), nn.ReLU()
        sizes = [(16, 16, 1), (16, 16, 1), (16, 16, 1), (16, 32, 2), (32, 32, 1), (32, 32, 1)]
        sizes += [(32, 64, 2), (64, 64, 1), (64, 64, 1)]
        self.blocks = nn.Sequential(*(Basic(*size, shortcut) for size in sizes))
        self.pool, self.output = nn.AdaptiveAvgPool2d(1), nn.Linear(64, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        output = self.pool(self.blocks(self.relu(self.norm(self.conv(images)))))
        return self.output(output.flatten(1))


@dataclass(frozen=True)
class Row:
    """The numbers of one row of a layer table."""

    shape: tuple[int, ...]
    n_trainable: int
    n_buffers: int
    macs: int


def reference_rows(reference: nn.Module) -> list[Row]:
    """Return a measured row for each layer and block of the reference, a block before its layers."""
    found: dict[nn.Module, Row] = {}

    def measure(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        own = list(module.parameters(recurse=False))
        kept = [each for each in module.buffers(recurse=False) if each.ndim]
        shape = tuple(output.squeeze((2, 3)).shape[1:]) if output.ndim == 4 and output.shape[2] == 1 else None
        shape = shape or tuple(output.movedim(1, -1).shape[1:])
        work = 0
        if isinstance(module, nn.Conv2d):
            work = output[0].numel() * module.weight[0].numel()
        elif isinstance(module, nn.Linear):
            work = module.weight.numel()
        found[module] = Row(shape, sum(map(torch.numel, own)), sum(map(torch.numel, kept)), work)

    layers = [each for each in reference.modules() if isinstance(each, Basic) or not list(each.children())]
    hooks = [layer.register_forward_hook(measure) for layer in layers]
    reference.eval()(torch.zeros(1, 3, 32, 32))
    for hook in hooks:
        hook.remove()
    return [found[layer] for layer in layers]


@pytest.mark.parametrize(("shortcut", "n_trainable"), [("pad", 269_722), ("projection", 272_474)])
def test_layer_table_of_resnet_20_equals_the_reference(shortcut: str, n_trainable: int) -> None:
    table = layer_table(resnet(shortcut), IMAGE, 10)
    ours = [Row(row.output_shape, row.n_trainable, row.n_not_trainable, row.macs) for row in table.rows]
    theirs = reference_rows(ResNet20(shortcut))
    assert len(ours) == len(theirs) == 3 + 9 * 6 + 2 + (4 if shortcut == "projection" else 0)
    for row, own, other in zip(table.rows, ours, theirs, strict=True):
        assert own == other, (row.number, row.text)
    assert table.n_trainable == n_trainable
    assert table.n_trainable == sum(each.numel() for each in ResNet20(shortcut).parameters())
    assert sum("shortcut" in row.number for row in table.rows) == (4 if shortcut == "projection" else 0)


@pytest.mark.parametrize("shortcut", ["pad", "projection"])
def test_values_and_gradients_of_resnet_20_equal_the_reference(shortcut: str) -> None:
    model = build_network(resnet(shortcut), IMAGE, 10, torch.Generator().manual_seed(1)).double()
    reference = ResNet20(shortcut).double()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for own, other in zip(model.parameters(), reference.parameters(), strict=True):
            if own.ndim == 1:  # biases and scales, which would be all 0 or 1
                own.add_(torch.randn(own.shape, generator=generator, dtype=own.dtype), alpha=0.1)
            other.copy_(own)
    images = torch.randn(4, 3, 32, 32, generator=generator, dtype=torch.float64)
    images = images.contiguous(memory_format=torch.channels_last).requires_grad_()
    same = images.detach().clone().requires_grad_()
    labels = torch.tensor([3, 1, 4, 1])
    for network, given in ((model, images), (reference, same)):
        network.train()
        nn.functional.cross_entropy(network(given), labels).backward()
    torch.testing.assert_close(model(images), reference(same), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(images.grad, same.grad, rtol=1e-7, atol=1e-10)
    for (name, own), other in zip(model.named_parameters(), reference.parameters(), strict=True):
        assert torch.allclose(own.grad, other.grad, rtol=1e-7, atol=1e-9), name


@pytest.mark.parametrize("depth", [32, 44, 56, 110])
def test_deeper_resnets_have_the_parameters_of_the_paper(depth: int) -> None:
    """He et al. 2016, table 6, in millions: 0.46, 0.66, 0.85, 1.7."""
    n = layer_table(resnet("pad", depth), IMAGE, 10).n_trainable / 1e6
    assert f"{n:.2f}" in {32: ["0.46"], 44: ["0.66"], 56: ["0.85", "0.86"], 110: ["1.73"]}[depth]


def test_bottleneck_has_the_parameters_of_torchvision() -> None:
    """conv2_x of ResNet-50 as in torchvision: 75,008 with its projection, 70,400 without."""
    network = Network.read(["residual bottleneck x2 filters=64 then=relu", "global-average-pool"])
    table = layer_table(network, (56, 56, 64), 10)
    first, second = (sum(row.n_trainable for row in table.rows if row.path[0] == block) for block in (1, 2))
    assert (first, second) == (75_008, 70_400)
    assert table.rows[0].output_shape == (56, 56, 256)
