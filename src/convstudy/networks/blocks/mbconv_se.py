"""MBConv with squeeze-excite, as in MnasNet and EfficientNet: the channels are weighed after the depthwise convolution.

``squeeze`` divides the wide channels: 24, with ``expand`` 6, leaves a quarter of the block's input channels.
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
