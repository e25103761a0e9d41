"""The layer table of a network, as in Keras' ``summary()``, with MACs and no-op layers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from convstudy.networks.network import Network
from convstudy.networks.shapes import Shape
from convstudy.networks.tree import LayerPath, path_text


@dataclass(frozen=True)
class LayerRow:
    """One layer of the table.

    The layers inside a layer have their own rows after it; the counts of the outer layer exclude them.

    Attributes:
        path: the path of the layer.
        text: the canonical layer text, such as ``"conv 64 3 relu"``.
        output_shape: the shape of one image after the layer.
        n_trainable: the number of values that training changes.
        n_not_trainable: the number of moving averages.
        macs: the MACs of the forward pass of one image.
        no_op_reason: why the layer does nothing; empty if it does something.
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
        """The path with dots: ``"4.2"``."""
        return path_text(self.path)

    @property
    def n_parameters(self) -> int:
        return self.n_trainable + self.n_not_trainable


@dataclass(frozen=True)
class LayerTable:
    """All layers of a network for one input shape, the output layer last."""

    input_shape: Shape
    rows: tuple[LayerRow, ...]

    @property
    def n_parameters(self) -> int:
        return self.n_trainable + self.n_not_trainable

    @property
    def n_trainable(self) -> int:
        """The number of values that training changes."""
        return sum(row.n_trainable for row in self.rows)

    @property
    def n_not_trainable(self) -> int:
        """The number of moving averages of batch normalisation."""
        return sum(row.n_not_trainable for row in self.rows)

    @property
    def macs(self) -> int:
        """The multiply-accumulate operations of the forward pass of one image."""
        return sum(row.macs for row in self.rows)


def layer_table(network: Network, input_shape: Shape, n_classes: int) -> LayerTable:
    """Return the layer table for images of ``(height, width, channels)``.

    Raises:
        NetworkError: if a layer does not fit its input.
    """
    return _table(network, input_shape, n_classes)


# A plan needs the table of each of its fits, and most fits share a network.
@lru_cache(maxsize=10_000)
def _table(network: Network, input_shape: Shape, n_classes: int) -> LayerTable:
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
