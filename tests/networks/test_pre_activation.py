"""The pre-activation block against a reference in plain torch."""

from __future__ import annotations

import torch
from torch import nn

from convstudy.networks import Network
from tests.networks.reference_networks import Block, SameConv, check_values, norm, reference_rows, rows

IMAGE = (8, 8, 3)
TEXTS = (
    "conv 4 3 padding=same bias=no",
    "residual pre-activation x2 filters=4",
    "residual pre-activation filters=6 stride=2",
    "batch-norm",
    "activation relu",
    "global-average-pool",
)


class PreActivation(Block):
    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(norm(n_in), nn.ReLU(), SameConv(n_in, n_out, 3, stride)),
            *(norm(n_out), nn.ReLU(), SameConv(n_out, n_out, 3)),
        )
        self.shortcut = nn.Sequential()
        if n_in != n_out:
            self.shortcut = nn.Conv2d(n_in, n_out, 1, stride, bias=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.body(images) + self.shortcut(images)
        return output


def reference() -> nn.Sequential:
    """Return the reference network."""
    return nn.Sequential(
        *(SameConv(3, 4, 3), PreActivation(4, 4, 1), PreActivation(4, 4, 1), PreActivation(4, 6, 2)),
        *(norm(6), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 10)),
    )


def test_table_and_values_equal_the_reference() -> None:
    network = Network.read(TEXTS)
    theirs = reference_rows(reference(), IMAGE)
    assert rows(network, IMAGE) == theirs
    assert len(theirs) == 1 + 3 * 7 + 1 + 4
    check_values(network, reference(), IMAGE)
