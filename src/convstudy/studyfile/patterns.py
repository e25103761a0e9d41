"""Networks and blocks of a study file: layer texts (strings such as ``"conv 64 {kernel} relu"``) and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from convstudy.networks import Block, Network
from convstudy.networks.expanding import MAX_DEPTH, MAX_LAYERS, Expanded, expand
from convstudy.networks.initialisers import DEFAULT_INIT
from convstudy.studyfile.part import Init, Many, Name, Part, SearchValue, Value, gathered

MAX_LISTS = 2 * MAX_DEPTH
"""The maximum depth of nested lists. A concat that is written as lists has two levels."""


def _layer(value: Any, depth: int = 0) -> Any:
    """Return a layer text, or a tuple of a layer text and the layers inside it."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)) and value and depth < MAX_LISTS:
        return tuple(_layer(each, depth + 1) for each in value)
    raise PydanticCustomError("layer", "a layer must be a string or a list")


LayerSpec = Annotated[
    Any,
    AfterValidator(lambda value: _layer(value)),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "minItems": 1}]}),
]
"""A layer text or a list: :data:`convstudy.networks.parameters.Spec`."""


class BlockPattern(Part):
    """Layers with a name, which networks use: ``"residual NAME x3 filters=32"``.

    In a study file, the parameters are keys next to ``layers``. A value of the mapping ``Study(block={...})`` can
    also be a :class:`~convstudy.networks.Block`; the key in the mapping then replaces its name.

    Attributes:
        layers: layer texts, first to last.
        parameters: name -> the default value, if a network uses the block without setting this parameter.

    >>> pair = BlockPattern(layers=["conv {filters} 3", "batch-norm"], parameters={"filters": 8})
    >>> NetworkPattern(layers=["block pair", "flatten"], blocks={"pair": pair}).network().texts
    ('conv 8 3', 'batch-norm', 'flatten')
    """

    layers: Many[LayerSpec] = Field(
        min_length=1, max_length=MAX_LAYERS, description="The layers of the block, from first to last."
    )
    parameters: dict[str, Value] = Field(
        default_factory=dict, description="The default value of {name} in a layer text."
    )

    @model_validator(mode="before")
    @classmethod
    def _gather_parameters(cls, values: Any) -> Any:
        """Move the keys that are not fields under ``parameters``; convert a ``Block``."""
        if isinstance(values, Block):
            return {"layers": values.layers, "parameters": dict(values.parameters)}
        return gathered(values, tuple(cls.model_fields), "parameters")

    def block(self, name: str) -> Block:
        """Return the pattern as a block with this name."""
        return Block(name, self.layers, self.parameters)


class NetworkPattern(Part):
    """Layer texts with parameters: ``"conv 64 {kernel} relu"`` with ``kernel = 7``.

    In a study file, the parameters are keys next to ``layers``. ``Study(network=...)`` also takes a
    :class:`~convstudy.networks.Network`.

    Attributes:
        layers: layer texts, first to last. A list is a layer text and the layers inside that layer.
        init: the initialiser of layers that name none.
        parameters: name -> value.
        blocks: the blocks of the study, which the study sets.
    """

    layers: Many[LayerSpec] = Field(
        min_length=1,
        max_length=MAX_LAYERS,
        description="The hidden layers, from first to last. The output layer is added.",
    )
    init: Init = Field(default=DEFAULT_INIT, description="The initialiser of layers that name none.")
    parameters: dict[str, Value] = Field(
        default_factory=dict, description="The value of {name} in a layer text."
    )
    blocks: dict[Name, BlockPattern] = Field(
        default_factory=dict, description="The blocks that the layers use, in addition to the built-in ones."
    )

    @model_validator(mode="before")
    @classmethod
    def _gather_parameters(cls, values: Any) -> Any:
        """Move the keys that are not fields under ``parameters``; convert a ``Network``."""
        if isinstance(values, Network):
            return {"layers": values.texts, "init": values.init}
        return gathered(values, tuple(cls.model_fields), "parameters")

    def network(self, /, **values: SearchValue) -> Network:
        """Return the network with these parameter values; the others have the values of the pattern.

        Raises:
            NetworkError: for each layer text that cannot be read, or that uses an unknown parameter or block.
        """
        return Network(self.expanded(**values).layers, self.init)

    def expanded(self, /, **values: SearchValue) -> Expanded:
        """Return the layers with these parameter values, and the place where each layer is written.

        Raises:
            NetworkError: as :meth:`network` does.
        """
        blocks = (pattern.block(name) for name, pattern in self.blocks.items())
        return expand(self.layers, {**self.parameters, **values}, blocks)

    def with_blocks(self, blocks: Mapping[str, BlockPattern]) -> NetworkPattern:
        """Return the pattern with these blocks in addition to its own."""
        return self.model_copy(update={"blocks": {**self.blocks, **blocks}}) if blocks else self
