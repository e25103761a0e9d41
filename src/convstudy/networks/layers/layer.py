"""What every layer is: a frozen value with words, a shape rule, counts and a module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from convstudy.errors import NetworkError, Problem
from convstudy.networks.shapes import Shape, shape_text

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class Argument:
    """How one field of a layer is written: its place in the text, what it may be, and how it is read.

    ``how`` is ``"position"`` (``conv 64 3``), ``"word"`` (a bare name such as ``relu``) or ``"key"`` (``stride=2``).
    ``read`` turns the written text into the value and raises ``ValueError`` for what is not ``allowed``.
    """

    how: str
    read: Callable[[str], Any]
    allowed: str


def argument(how: str, read: Callable[[str], Any], allowed: str, default: Any = MISSING) -> Any:
    """Return a dataclass field that carries an :class:`Argument`."""
    metadata = {"argument": Argument(how, read, allowed)}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


def whole(smallest: int, largest: int) -> Callable[[str], int]:
    """Return a reader of whole numbers between two bounds, both included."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > 9 or not smallest <= int(text) <= largest:
            raise ValueError(text)
        return int(text)

    return read


def decimal(smallest: float, below: float) -> Callable[[str], float]:
    """Return a reader of decimal numbers from ``smallest`` (included) to ``below`` (not included)."""

    def read(text: str) -> float:
        # Digits of other scripts and "1_0" are numbers to Python; here they would be a second way to say the same.
        if not text.isascii() or "_" in text:
            raise ValueError(text)
        value = abs(float(text)) if float(text) == 0 else float(text)
        if not smallest <= value < below:
            raise ValueError(text)
        return value

    return read


def one_of(names: dict[str, Any] | tuple[str, ...]) -> Callable[[str], str]:
    """Return a reader of names out of a list."""

    def read(text: str) -> str:
        if text not in names:
            raise ValueError(text)
        return text

    return read


class Layer:
    """Base of all layers; a subclass is a frozen dataclass whose fields are made by :func:`argument`."""

    word: ClassVar[str]
    usage: ClassVar[str]

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape after this layer; raise :class:`NetworkError` where ``shape`` does not fit."""
        return shape

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        """Return how many numbers training changes, and how many it only keeps (moving averages), for an input."""
        return (0, 0)

    def multiply_adds(self, shape: Shape) -> int:
        """Return the multiply-add operations for one image of this input shape, in the forward direction."""
        return 0

    def idle_reason(self, shape: Shape) -> str:
        """Return why this layer does nothing to such an input, or an empty string where it does something."""
        return ""

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return the torch module for an input of ``shape``, its start weights drawn from ``generator``."""
        raise TypeError(f"{type(self).__name__} has no module")

    def misfit(self, shape: Shape, what: str, allowed: str) -> NetworkError:
        """Return the error "this layer does not fit an input of that shape"."""
        return NetworkError(Problem(what=what, got=f"an input of {shape_text(shape)}", allowed=allowed))

    def need_image(self, shape: Shape) -> tuple[int, int, int]:
        """Return height, width and channels; raise where the input is flat."""
        if len(shape) != 3:
            raise self.misfit(
                shape, f'"{self.word}" needs an image, but the input is flat', "height × width × channels"
            )
        return (shape[0], shape[1], shape[2])
