"""The three networks of a first study, for images of any shape: a linear model, a small CNN and a residual network."""

from __future__ import annotations

from dataclasses import dataclass

from convstudy.studyfile.part import SearchValue

NORM = "batch-norm momentum=0.9"
"""A momentum below the default, 0.99, because a first study trains for few steps."""
MAX_LINEAR_WEIGHTS = 4_000_000
LINEAR, SMALL_CNN, RESNET = "linear", "small-cnn", "resnet"


@dataclass(frozen=True)
class ResnetSize:
    """The size of the residual network: the filters of its first stage, and the blocks of each stage."""

    width: int
    blocks: int


RESNET_SIZES = (ResnetSize(32, 2), ResnetSize(16, 2), ResnetSize(16, 1), ResnetSize(8, 1))
"""The possible sizes, the largest first."""


@dataclass(frozen=True)
class FirstNetwork:
    """A network of a first study.

    Attributes:
        name: its name in the study file.
        comment: what it is, in one line.
        layers: the texts of its layers, one group per line of the file.
        parameters: the values of its parameters.
    """

    name: str
    comment: str
    layers: tuple[tuple[str, ...], ...]
    parameters: tuple[tuple[str, SearchValue], ...] = ()

    def document(self) -> dict[str, SearchValue | list[str]]:
        """Return the keys of ``[network.NAME]``."""
        return {**dict(self.parameters), "layers": [text for line in self.layers for text in line]}


def first_networks(
    image_shape: tuple[int, int, int], n_classes: int, size: ResnetSize
) -> tuple[FirstNetwork, FirstNetwork, FirstNetwork]:
    """Return the networks of a first study.

    Args:
        image_shape: (height, width, channels) of the images.
        n_classes: the number of classes.
        size: the size of the residual network.

    >>> linear, cnn, resnet = first_networks((28, 28, 1), 10, RESNET_SIZES[1])
    >>> linear.layers
    (('flatten',),)
    >>> len(cnn.layers), resnet.parameters[0]
    (5, ('width', 16))
    """
    return linear(image_shape, n_classes), small_cnn(image_shape), resnet(image_shape, size)


def linear(image_shape: tuple[int, int, int], n_classes: int) -> FirstNetwork:
    """Return the linear model, on means of square blocks if the pixels would need too many weights."""
    height, width, channels = image_shape
    block, least = 1, min(height, width)
    weights = height * width * channels * n_classes
    while weights > MAX_LINEAR_WEIGHTS and 2 * block <= least:
        block *= 2
        weights = (height // block) * (width // block) * channels * n_classes
    if block == 1:
        return FirstNetwork(LINEAR, "a linear model on the pixels: the score to beat", (("flatten",),))
    comment = f"a linear model on the means of {block} × {block} pixels: the score to beat"
    return FirstNetwork(LINEAR, comment, ((f"average-pool {block}", "flatten"),))


def small_cnn(image_shape: tuple[int, int, int]) -> FirstNetwork:
    """Return convolutions that alternate with max-pooling, until the feature map has a side of 3 to 5."""
    side = min(image_shape[:2])
    lines: list[tuple[str, ...]] = []
    filters = 16
    stride = 2 if side > 80 else 1  # the first layer works on the most pixels
    side = -(-side // stride)
    while True:
        first = f" stride={stride}" if not lines and stride > 1 else ""
        line = (f"conv {filters} 3{first} padding=same bias=no", NORM, "activation relu")
        pools = side >= 6 or (side >= 4 and not lines)
        lines.append((*line, "max-pool 2") if pools else line)
        if not pools:
            break
        side, filters = side // 2, min(64, 2 * filters)
    lines.append(("flatten",))
    return FirstNetwork(SMALL_CNN, "convolutions and pooling", tuple(lines))


def resnet(image_shape: tuple[int, int, int], size: ResnetSize) -> FirstNetwork:
    """Return a residual network of up to three stages; each stage halves the resolution of the one before."""
    side = min(image_shape[:2])
    stem = ["conv {width} 3 padding=same bias=no", "{norm}", "activation relu"]
    if side > 40:
        stem[0] = "conv {width} 3 stride=2 padding=same bias=no"
        side = -(-side // 2)
    if side > 40:
        stem.append("max-pool 2")
        side //= 2
    lines = [tuple(stem)]
    for stage, factor in enumerate(("", "2*", "4*")):
        if stage and side < 2:
            break
        stride = " stride=2" if stage else ""
        lines.append(
            (f"residual basic x{size.blocks} filters={{{factor}width}}{stride} norm={{norm}} then=relu",)
        )
        side = -(-side // 2) if stage else side
    lines.append(("global-average-pool",))
    parameters: tuple[tuple[str, SearchValue], ...] = (("width", size.width), ("norm", NORM))
    return FirstNetwork(
        RESNET, "residual blocks of two convolutions (He et al. 2016)", tuple(lines), parameters
    )
