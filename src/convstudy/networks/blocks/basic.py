"""The basic block of a residual network: two 3 × 3 convolutions."""

from convstudy.networks.block import Block

BLOCK = Block(
    name="basic",
    layers=(
        "conv {filters} 3 stride={stride} padding=same bias=no",
        "{norm}",
        "activation {activation}",
        "conv {filters} 3 padding=same bias=no",
        "{norm}",
    ),
    parameters={"filters": 16, "stride": 1, "norm": "batch-norm", "activation": "relu"},
    source="He et al. 2016, Deep Residual Learning for Image Recognition, figure 5, left",
)
