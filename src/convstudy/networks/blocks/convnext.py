"""The ConvNeXt block: depthwise 7 × 7, layer normalisation, 1 × 1 to four times the channels, 1 × 1 back, layer scale.

``filters`` must be the number of input channels. Between stages the paper uses ``layer-norm epsilon=1e-06`` and
``conv {filters} 2 stride=2``.
"""

from convstudy.networks.block import Block

BLOCK = Block(
    name="convnext",
    layers=(
        "depthwise-conv {kernel} padding=same",
        "layer-norm epsilon=1e-06",
        "expand-conv {expand} {activation}",
        "conv {filters} 1",
        "layer-scale {scale}",
    ),
    parameters={"filters": 96, "kernel": 7, "expand": 4, "activation": "gelu", "scale": 1e-6},
    source="Liu et al. 2022, A ConvNet for the 2020s, figure 4",
)
