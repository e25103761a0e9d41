"""MBConv with and without squeeze-excite against plain torch; MobileNetV2 is in test_small_image_networks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from convstudy.networks import Network
from tests.networks.reference_networks import (
    Block,
    OneRow,
    SameConv,
    check_values,
    norm,
    reference_rows,
    rows,
)

IMAGE = (9, 8, 8)


class Squeeze(OneRow):
    """Squeeze-and-excitation in plain torch."""

    def __init__(self, n_channels: int, n_hidden: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(n_channels, n_hidden), nn.Linear(n_hidden, n_channels)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        hidden = nn.functional.silu(self.down(nn.functional.adaptive_avg_pool2d(images, 1).flatten(1)))
        return images * torch.sigmoid(self.up(hidden))[..., None, None]


class MBConv(Block):
    def __init__(self, n_in: int, n_out: int, stride: int, expand: int, kernel: int, squeezes: bool) -> None:
        super().__init__()
        wide = expand * n_in
        self.body = nn.Sequential(
            *(nn.Conv2d(n_in, wide, 1, bias=False), norm(wide), nn.SiLU()),
            *(SameConv(wide, wide, kernel, stride, groups=wide), norm(wide), nn.SiLU()),
            *([Squeeze(wide, n_in // 4)] if squeezes else []),
            *(nn.Conv2d(wide, n_out, 1, bias=False), norm(n_out)),
        )
        self.adds = n_in == n_out

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.body(images)
        return images + output if self.adds else output


@pytest.mark.parametrize("squeezes", [True, False])
def test_table_and_values_equal_the_reference(squeezes: bool) -> None:
    block = "mbconv-se" if squeezes else "mbconv"
    other = "squeeze=16" if squeezes else ""
    use = f"shortcut=identity-or-none activation=silu expand=4 {other}"
    texts = (
        f"residual {block} filters=12 stride=2 kernel=5 {use}",
        f"residual {block} filters=12 {use}",
        "global-average-pool",
    )
    network = Network.read(texts)

    def reference() -> nn.Sequential:
        blocks = MBConv(8, 12, 2, 4, 5, squeezes), MBConv(12, 12, 1, 4, 3, squeezes)
        return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 10))

    theirs = reference_rows(reference(), IMAGE)
    assert rows(network, IMAGE) == theirs
    assert len(theirs) == 2 * (9 + squeezes) + 2
    check_values(network, reference(), IMAGE)


def test_defaults_are_those_of_the_papers() -> None:
    texts = Network.read(["residual mbconv"]).texts
    assert texts == (
        (
            "residual",
            *("expand-conv 6 bias=no", "batch-norm", "activation relu6"),
            *("depthwise-conv 3 padding=same bias=no", "batch-norm", "activation relu6"),
            *("conv 16 1 bias=no", "batch-norm"),
        ),
    )
    squeezed = Network.read(["residual mbconv-se"]).layers[0].branches[0].layers
    # 6 · 16 / 24 is a quarter of the 16 input channels.
    assert [layer.text for layer in squeezed if layer.word == "squeeze-excite"] == ["squeeze-excite 24 silu"]
    (squeeze,) = (layer for layer in squeezed if layer.word == "squeeze-excite")
    assert squeeze.n_parameters((8, 8, 96)) == (96 * 4 + 4 + 4 * 96 + 96, 0)
