"""A block: layers under a name, with parameters, for networks to use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from convstudy.networks.parameters import Spec, Value


@dataclass(frozen=True)
class Block:
    """Layers under a name; their parameters are the arguments of a use.

    Attributes:
        name: what a use calls it: ``"residual basic x3 filters=32"``.
        layers: the layer texts, first to last, which may hold parameters: ``"conv {filters} 3"``.
        parameters: name -> value where a use says nothing. ``stride`` is special: the repeats of a use after the first
            have ``stride=1``.
        source: where the block is from, for built-in ones.

    >>> from convstudy.networks import Network
    >>> twice = Block("twice", ("conv {filters} 3", "conv {filters} 3 relu"), {"filters": 8})
    >>> Network.read(["block twice filters=4", "flatten"], blocks=[twice]).texts
    ('conv 4 3', 'conv 4 3 relu', 'flatten')
    """

    name: str
    layers: tuple[Spec, ...]
    parameters: Mapping[str, Value] = field(default_factory=dict)
    source: str = ""
