"""The layer table of a network, as Keras' ``summary()`` prints it, with multiply-adds and idle layers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from convstudy.networks.layers.dense import Dense
from convstudy.networks.network import Network
from convstudy.networks.reading import layer_text
from convstudy.networks.shapes import Shape


@dataclass(frozen=True)
class LayerRow:
    """One layer: its text, the shape after it, what it weighs, and why it does nothing, if so."""

    text: str
    output_shape: Shape
    n_trainable: int
    n_not_trainable: int
    multiply_adds: int
    idle: str

    @property
    def n_parameters(self) -> int:
        """All numbers of the layer, trained or kept."""
        return self.n_trainable + self.n_not_trainable


@dataclass(frozen=True)
class LayerTable:
    """All layers of a network for one input shape, the output layer last."""

    input_shape: Shape
    rows: tuple[LayerRow, ...]

    @property
    def n_parameters(self) -> int:
        """All numbers of the network."""
        return self.n_trainable + self.n_not_trainable

    @property
    def n_trainable(self) -> int:
        """The numbers that training changes."""
        return sum(row.n_trainable for row in self.rows)

    @property
    def n_not_trainable(self) -> int:
        """The numbers that are only kept: the moving averages of batch normalisation."""
        return sum(row.n_not_trainable for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """Multiply-add operations for one image in the forward direction."""
        return sum(row.multiply_adds for row in self.rows)


def layer_table(network: Network, input_shape: Shape, n_classes: int) -> LayerTable:
    """Return the layer table for images of ``(height, width, channels)``.

    Raises:
        NetworkError: where a layer does not fit the shape before it.
    """
    return _table(network, input_shape, n_classes)


# A plan asks for the table of each of its fits, and these share their networks.
@lru_cache(maxsize=10_000)
def _table(network: Network, input_shape: Shape, n_classes: int) -> LayerTable:
    """Return the layer table."""
    # As written: the layers of the walk have the network's initialiser filled in.
    texts = (*network.texts, layer_text(Dense(n_classes)))
    rows = [
        LayerRow(
            text,
            after,
            *layer.n_parameters(before),
            layer.multiply_adds(before),
            layer.idle_reason(before),
        )
        for text, (layer, before, after) in zip(texts, network.walk(input_shape, n_classes), strict=True)
    ]
    return LayerTable(input_shape, tuple(rows))
