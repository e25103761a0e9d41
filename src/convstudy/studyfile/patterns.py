"""Networks and blocks as they are written: layer texts with parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from convstudy.networks import Block, Network
from convstudy.networks.expanding import DEEPEST, MOST_LAYERS, Expanded, expand
from convstudy.networks.initialisers import DEFAULT_INIT
from convstudy.studyfile.part import Init, Many, Name, Part, Tried, Value, gathered

MOST_LISTS = 2 * DEEPEST
"""How many lists may be in each other: a concat that is written out is two of them."""


def _layer(value: Any, depth: int = 0) -> Any:
    """Return a layer as it is written: a text, or a tuple of a text and the layers that it holds."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)) and value and depth < MOST_LISTS:
        return tuple(_layer(each, depth + 1) for each in value)
    raise PydanticCustomError("layer", "a layer must be a string or a list")


Written = Annotated[
    Any,
    AfterValidator(lambda value: _layer(value)),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "minItems": 1}]}),
]
"""A layer as it is written: :data:`convstudy.networks.parameters.Spec`."""


class BlockPattern(Part):
    """Layers under a name, for networks to use: ``"residual NAME x3 filters=32"``.

    A parameter has the value given here where a use gives none. In a study file the parameters are keys next to
    ``layers``; here they are one mapping. Where a pattern is asked for, a :class:`~convstudy.networks.Block` will do;
    the key of the study is its name.

    >>> pair = BlockPattern(layers=["conv {filters} 3", "batch-norm"], parameters={"filters": 8})
    >>> NetworkPattern(layers=["block pair", "flatten"], blocks={"pair": pair}).network().texts
    ('conv 8 3', 'batch-norm', 'flatten')
    """

    layers: Many[Written] = Field(
        min_length=1, max_length=MOST_LAYERS, description="The layers of the block, first to last."
    )
    parameters: dict[str, Value] = Field(
        default_factory=dict, description="The value of {name} in a layer text, where a use gives none."
    )

    @model_validator(mode="before")
    @classmethod
    def _gather_parameters(cls, values: Any) -> Any:
        """Move the keys that are not fields under ``parameters``; take a block as it is."""
        if isinstance(values, Block):
            return {"layers": values.layers, "parameters": dict(values.parameters)}
        return gathered(values, tuple(cls.model_fields), "parameters")

    def block(self, name: str) -> Block:
        """Return the block under this name."""
        return Block(name, self.layers, self.parameters)


class NetworkPattern(Part):
    """A stack of layer texts that may hold parameters: ``"conv 64 {kernel} relu"`` with ``kernel = 7``.

    A list of texts is a layer and those inside it. In a study file the parameters are keys next to ``layers``; here
    they are one mapping. ``blocks`` are those of the study, which fills them in. Where a pattern is asked for, a
    :class:`~convstudy.networks.Network` will do.
    """

    layers: Many[Written] = Field(
        min_length=1,
        max_length=MOST_LAYERS,
        description="The hidden layers, first to last; the output layer follows.",
    )
    init: Init = Field(default=DEFAULT_INIT, description="How start weights are drawn, where no layer says.")
    parameters: dict[str, Value] = Field(
        default_factory=dict, description="The value of {name} in a layer text."
    )
    blocks: dict[Name, BlockPattern] = Field(
        default_factory=dict, description="The blocks that the layers use, besides the built-in ones."
    )

    @model_validator(mode="before")
    @classmethod
    def _gather_parameters(cls, values: Any) -> Any:
        """Move the keys that are not fields under ``parameters``; take a network as it is."""
        if isinstance(values, Network):
            return {"layers": values.texts, "init": values.init}
        return gathered(values, tuple(cls.model_fields), "parameters")

    def network(self, /, **values: Tried) -> Network:
        """Return the network with these parameter values, the pattern's own where none is given.

        Raises:
            NetworkError: for each layer text that cannot be read or names a parameter or block that is not there.
        """
        return Network(self.expanded(**values).layers, self.init)

    def expanded(self, /, **values: Tried) -> Expanded:
        """Return the layers with these parameter values, and where each of them is written.

        Raises:
            NetworkError: as :meth:`network` does.
        """
        blocks = (pattern.block(name) for name, pattern in self.blocks.items())
        return expand(self.layers, {**self.parameters, **values}, blocks)

    def with_blocks(self, blocks: Mapping[str, BlockPattern]) -> NetworkPattern:
        """Return the pattern with these blocks and its own."""
        return self.model_copy(update={"blocks": {**self.blocks, **blocks}}) if blocks else self
