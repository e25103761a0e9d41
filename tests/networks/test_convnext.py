"""The ConvNeXt block against a reference in plain torch in the form of the authors' code."""

from __future__ import annotations

import torch
from torch import nn

from convstudy.networks import Network, layer_table
from tests.networks.reference_networks import Block, check_values, reference_rows, rows

IMAGE = (8, 9, 3)
TEXTS = (
    "conv 6 2 stride=2",
    "layer-norm epsilon=1e-06",
    "residual convnext x2 filters=6 scale=0.3",
    "global-average-pool",
)


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of ``(n, c, h, w)``."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(images.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Scale(nn.Module):
    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((n_channels,), 0.3))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images * self.gamma[:, None, None]


class Wide(nn.Conv2d):
    """A 1 × 1 convolution with its activation, in one row."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return nn.functional.gelu(super().forward(images))


class ConvNeXt(Block):
    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(n_channels, n_channels, 7, padding=3, groups=n_channels)
        self.norm = ChannelNorm(n_channels, eps=1e-6)
        self.wide, self.narrow = Wide(n_channels, 4 * n_channels, 1), nn.Conv2d(4 * n_channels, n_channels, 1)
        self.scale = Scale(n_channels)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.scale(self.narrow(self.wide(self.norm(self.depthwise(images)))))
        return images + output


def reference() -> nn.Sequential:
    """Return the reference network."""
    return nn.Sequential(
        *(nn.Conv2d(3, 6, 2, 2), ChannelNorm(6, eps=1e-6), ConvNeXt(6), ConvNeXt(6)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 10)),
    )


def test_table_and_values_equal_the_reference() -> None:
    network = Network.read(TEXTS)
    theirs = reference_rows(reference(), IMAGE)
    assert rows(network, IMAGE) == theirs
    assert len(theirs) == 2 + 2 * 6 + 2
    check_values(network, reference(), IMAGE)


def test_block_of_convnext_tiny_has_the_parameters_of_the_paper() -> None:
    """96 channels, stage 1 of ConvNeXt-T: 4,800 + 192 + 37,248 + 36,960 + 96."""
    table = layer_table(Network.read(["residual convnext", "global-average-pool"]), (56, 56, 96), 10)
    assert sum(row.n_trainable for row in table.rows if row.path[0] == 1) == 79_296
    assert table.rows[5].text == "layer-scale 1e-06"
