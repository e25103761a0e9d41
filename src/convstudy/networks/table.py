"""The layer table of a network, as Keras' ``summary()`` prints it, with multiply-adds and idle layers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from convstudy.networks.network import Network
from convstudy.networks.shapes import Shape
from convstudy.networks.tree import LayerPath, path_text


@dataclass(frozen=True)
class LayerRow:
    """One layer: its path and text, the shape after it, its own counts, and why it does nothing, if so.

    The layers inside a layer have rows of their own, after it; its counts are without theirs.
    """

    path: LayerPath
    text: str
    output_shape: Shape
    n_trainable: int
    n_not_trainable: int
    macs: int
    no_op_reason: str

    @property
    def number(self) -> str:
        """The path as people write it: ``"4.2"``."""
        return path_text(self.path)

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
    def macs(self) -> int:
        """Multiply-add operations for one image in the forward direction."""
        return sum(row.macs for row in self.rows)


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
    rows = [
        LayerRow(
            step.path,
            step.layer.text,
            step.after,
            *step.layer.n_parameters(step.before),
            step.layer.macs(step.before),
            step.layer.no_op_reason(step.before),
        )
        for step in network.walk(input_shape, n_classes)
    ]
    return LayerTable(input_shape, tuple(rows))
