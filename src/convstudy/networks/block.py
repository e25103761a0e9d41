"""A block: a named sequence of layers with parameters, which networks can use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from convstudy.networks.parameters import Spec, Value


@dataclass(frozen=True)
class Block:
    """A named sequence of layers. A use of the block can set its parameters.

    Attributes:
        name: the name in a use such as ``"residual basic x3 filters=32"``.
        layers: the layer texts, first to last, which can contain parameters: ``"conv {filters} 3"``.
        parameters: the default value of each parameter by name. In a use that repeats the block, only the first
            repeat has the ``stride`` of the use; the others have ``stride=1``.
        source: the paper of a built-in block.

    >>> from convstudy.networks import Network
    >>> twice = Block("twice", ("conv {filters} 3", "conv {filters} 3 relu"), {"filters": 8})
    >>> Network.read(["block twice filters=4", "flatten"], blocks=[twice]).texts
    ('conv 4 3', 'conv 4 3 relu', 'flatten')
    """

    name: str
    layers: tuple[Spec, ...]
    parameters: Mapping[str, Value] = field(default_factory=dict)
    source: str = ""
