"""The basic block of a residual network: two 3 × 3 convolutions."""

from dataclasses import fields

from convstudy.networks.block import Block
from convstudy.networks.layers.conv import Conv

NO_BIAS = " bias=no" if any(item.name == "bias" for item in fields(Conv)) else ""

BLOCK = Block(
    name="basic",
    layers=(
        "conv {filters} 3 stride={stride} padding=same" + NO_BIAS,
        "{norm}",
        "activation {activation}",
        "conv {filters} 3 padding=same" + NO_BIAS,
        "{norm}",
    ),
    parameters={"filters": 16, "stride": 1, "norm": "batch-norm", "activation": "relu"},
    source="He et al. 2016, Deep Residual Learning for Image Recognition, figure 5, left",
)
