"""A block: a named sequence of layers with parameters, which networks can use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from convstudy.networks.parameters import Spec, Value


@dataclass(frozen=True)
class Block:
    """A named sequence of layers. A layer text that uses the block can set its parameters.

    Attributes:
        name: the name of the block in a layer text such as ``"residual basic x3 filters=32"``.
        layers: the layer texts (strings such as ``"conv 64 3"``), first to last. They can contain parameters, as in
            ``"conv {filters} 3"``.
        parameters: the default value of each parameter by name. If a layer text repeats the block (``x3``), only the
            first repeat has the given ``stride``; the others have ``stride=1``.
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
