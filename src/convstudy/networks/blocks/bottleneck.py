"""The bottleneck block of deep residual networks: 1 × 1, 3 × 3, and 1 × 1 with four times the filters.

The 3 × 3 convolution has the stride, as in fb.resnet.torch and torchvision; in the paper, the first 1 × 1 convolution
has the stride.
"""

from convstudy.networks.block import Block

BLOCK = Block(
    name="bottleneck",
    layers=(
        "conv {filters} 1 bias=no",
        "{norm}",
        "activation {activation}",
        "conv {filters} 3 stride={stride} padding=same bias=no",
        "{norm}",
        "activation {activation}",
        "conv {4*filters} 1 bias=no",
        "{norm}",
    ),
    parameters={"filters": 64, "stride": 1, "norm": "batch-norm", "activation": "relu"},
    source="He et al. 2016, Deep Residual Learning for Image Recognition, figure 5, right",
)
