"""MBConv, the inverted residual of MobileNetV2: 1 × 1 to six times the channels, depthwise, 1 × 1 back.

In the paper, blocks that change the shape have no shortcut: ``residual mbconv x2 filters=24 stride=2
shortcut=identity-or-none``. No activation follows the last convolution.
"""

from convstudy.networks.block import Block

BLOCK = Block(
    name="mbconv",
    layers=(
        "expand-conv {expand} bias=no",
        "{norm}",
        "activation {activation}",
        "depthwise-conv {kernel} stride={stride} padding=same bias=no",
        "{norm}",
        "activation {activation}",
        "conv {filters} 1 bias=no",
        "{norm}",
    ),
    parameters={
        "filters": 16,
        "stride": 1,
        "expand": 6,
        "kernel": 3,
        "norm": "batch-norm",
        "activation": "relu6",
    },
    source="Sandler et al. 2018, MobileNetV2: Inverted Residuals and Linear Bottlenecks, table 1",
)
