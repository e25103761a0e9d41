"""MBConv with squeeze-excite after the depthwise convolution, as in MnasNet and EfficientNet.

``squeeze`` divides the expanded channels: with ``expand=6``, ``squeeze=24`` gives a quarter of the input channels.
"""

from convstudy.networks.block import Block

BLOCK = Block(
    name="mbconv-se",
    layers=(
        "expand-conv {expand} bias=no",
        "{norm}",
        "activation {activation}",
        "depthwise-conv {kernel} stride={stride} padding=same bias=no",
        "{norm}",
        "activation {activation}",
        "squeeze-excite {squeeze} {activation}",
        "conv {filters} 1 bias=no",
        "{norm}",
    ),
    parameters={
        "filters": 16,
        "stride": 1,
        "expand": 6,
        "kernel": 3,
        "squeeze": 24,
        "norm": "batch-norm",
        "activation": "silu",
    },
    source="Tan & Le 2019, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, table 1",
)
