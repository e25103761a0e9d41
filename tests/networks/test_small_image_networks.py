"""ResNet-18 and MobileNetV2 for small images as layer texts, against references in plain torch."""

from __future__ import annotations

import torch
from torch import nn

from convstudy.networks import Network, layer_table
from tests.networks.reference_networks import Block, SameConv, check_values, norm, reference_rows, rows

IMAGE = (32, 32, 3)

# The form for CIFAR: a first convolution of 3 × 3 with stride 1 and no pooling.
RESNET_18 = (
    "conv 64 3 padding=same bias=no",
    "batch-norm",
    "activation relu",
    "residual basic x2 filters=64 then=relu",
    "residual basic x2 filters=128 stride=2 then=relu",
    "residual basic x2 filters=256 stride=2 then=relu",
    "residual basic x2 filters=512 stride=2 then=relu",
    "global-average-pool",
)
# Sandler et al. 2018, table 2, with stride 1 in the first convolution and in the stage of 24 filters.
MOBILENET_V2 = (
    "conv 32 3 padding=same bias=no",
    "batch-norm",
    "activation relu6",
    # The first stage has no expansion: depthwise and 1 × 1.
    "depthwise-conv 3 padding=same bias=no",
    "batch-norm",
    "activation relu6",
    "conv 16 1 bias=no",
    "batch-norm",
    "residual mbconv x2 filters=24 shortcut=identity-or-none",
    "residual mbconv x3 filters=32 stride=2 shortcut=identity-or-none",
    "residual mbconv x4 filters=64 stride=2 shortcut=identity-or-none",
    "residual mbconv x3 filters=96 shortcut=identity-or-none",
    "residual mbconv x3 filters=160 stride=2 shortcut=identity-or-none",
    "residual mbconv x1 filters=320 shortcut=identity-or-none",
    "conv 1280 1 bias=no",
    "batch-norm",
    "activation relu6",
    "global-average-pool",
)


class BasicBlock(Block):
    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.norm1, self.relu = SameConv(n_in, n_out, 3, stride), norm(n_out), nn.ReLU()
        self.conv2, self.norm2 = SameConv(n_out, n_out, 3), norm(n_out)
        self.shortcut = nn.Sequential()
        if stride != 1 or n_in != n_out:
            self.shortcut = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), norm(n_out))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        output = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(images)))))
        return torch.relu(output + self.shortcut(images))


class ResNet18(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        blocks = []
        n_in = 64
        for n_out, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            blocks += [BasicBlock(n_in, n_out, stride), BasicBlock(n_out, n_out, 1)]
            n_in = n_out
        self.layers = nn.Sequential(SameConv(3, 64, 3), norm(64), nn.ReLU(), *blocks, nn.AdaptiveAvgPool2d(1))
        self.output = nn.Linear(512, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.output(self.layers(images).flatten(1))
        return output


class InvertedResidual(Block):
    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        wide = 6 * n_in
        self.layers = nn.Sequential(
            *(nn.Conv2d(n_in, wide, 1, bias=False), norm(wide), nn.ReLU6()),
            *(SameConv(wide, wide, 3, stride, groups=wide), norm(wide), nn.ReLU6()),
            *(nn.Conv2d(wide, n_out, 1, bias=False), norm(n_out)),
        )
        self.adds = stride == 1 and n_in == n_out

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.layers(images)
        return images + output if self.adds else output


class MobileNetV2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        blocks = []
        n_in = 16
        for n_out, n_blocks, stride in (
            *((24, 2, 1), (32, 3, 2), (64, 4, 2)),
            *((96, 3, 1), (160, 3, 2), (320, 1, 1)),
        ):
            for number in range(n_blocks):
                blocks.append(InvertedResidual(n_in, n_out, stride if number == 0 else 1))
                n_in = n_out
        self.layers = nn.Sequential(
            *(SameConv(3, 32, 3), norm(32), nn.ReLU6()),
            *(SameConv(32, 32, 3, groups=32), norm(32), nn.ReLU6()),
            *(nn.Conv2d(32, 16, 1, bias=False), norm(16)),
            *blocks,
            *(nn.Conv2d(320, 1280, 1, bias=False), norm(1280), nn.ReLU6()),
            nn.AdaptiveAvgPool2d(1),
        )
        self.output = nn.Linear(1280, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.output(self.layers(images).flatten(1))
        return output


def test_layer_table_of_resnet_18_equals_the_reference() -> None:
    network = Network.read(RESNET_18)
    table = layer_table(network, IMAGE, 10)
    ours, theirs = rows(network, IMAGE), reference_rows(ResNet18(), IMAGE)
    assert len(ours) == len(theirs) == 3 + 8 * 6 + 3 * 2 + 2
    for row, own, other in zip(table.rows, ours, theirs, strict=True):
        assert own == other, (row.number, row.text)
    assert table.n_trainable == 11_173_962
    # By hand: the convolutions of the four stages, the projections, the first convolution and the output layer.
    stages = [(64, 64, 1), (64, 128, 4), (128, 256, 16), (256, 512, 64)]
    work = sum((9 * a * b + 3 * 9 * b * b + (a != b) * a * b) * 1024 // by for a, b, by in stages)
    assert table.macs == work + 9 * 3 * 64 * 1024 + 512 * 10 == 555_422_720


def test_values_of_resnet_18_equal_the_reference() -> None:
    check_values(Network.read(RESNET_18), ResNet18(), (8, 8, 3))


def test_layer_table_of_mobilenet_v2_equals_the_reference() -> None:
    network = Network.read(MOBILENET_V2)
    table = layer_table(network, IMAGE, 10)
    ours, theirs = rows(network, IMAGE), reference_rows(MobileNetV2(), IMAGE)
    assert len(ours) == len(theirs) == 8 + 16 * 9 + 4 + 1
    for row, own, other in zip(table.rows, ours, theirs, strict=True):
        assert own == other, (row.number, row.text)
    # torchvision's mobilenet_v2 has 2,223,872 without its classifier.
    assert table.n_trainable == 2_223_872 + 1280 * 10 + 10 == 2_236_682


def test_values_of_mobilenet_v2_equal_the_reference() -> None:
    check_values(Network.read(MOBILENET_V2), MobileNetV2(), (8, 8, 3))
