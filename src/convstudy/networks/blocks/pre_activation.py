"""The pre-activation block of residual networks: normalisation and activation come before each convolution.

Nothing follows the sum, so the input reaches all later blocks unchanged. Add a normalisation and an activation after
the last block of a network. A projection gets the input of the block, not its normalised input.
"""

from convstudy.networks.block import Block

BLOCK = Block(
    name="pre-activation",
    layers=(
        "{norm}",
        "activation {activation}",
        "conv {filters} 3 stride={stride} padding=same bias=no",
        "{norm}",
        "activation {activation}",
        "conv {filters} 3 padding=same bias=no",
    ),
    parameters={"filters": 16, "stride": 1, "norm": "batch-norm", "activation": "relu"},
    source="He et al. 2016, Identity Mappings in Deep Residual Networks, figure 4e",
)
