"""The base class of layers, and the parsers of their options.

A layer is an immutable value (a frozen dataclass). It gives its layer text, its output shape, its numbers of
parameters and MACs, and its torch module. A *layer text* is the string that describes a layer, such as
``"conv 64 3 relu"``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from convstudy.errors import NetworkError, Problem
from convstudy.networks.shapes import Shape
from convstudy.networks.tree import Branch

if TYPE_CHECKING:
    import torch
    from torch import nn


class Reader(Protocol):
    """Parses the text of an option into its value; raises ``ValueError`` if the text is not allowed."""

    @property
    def expected(self) -> str:
        """The allowed values, as a phrase that follows "must be"."""
        ...

    def __call__(self, text: str) -> Any:
        """Return the value of the text."""
        ...


@dataclass(frozen=True)
class Argument:
    """How one field of a layer is written in a layer text.

    ``how`` is ``"position"`` (``conv 64 3``), ``"word"`` (a bare name such as ``relu``) or ``"key"`` (``stride=2``).
    """

    how: str
    read: Reader

    @property
    def names(self) -> tuple[str, ...]:
        """The allowed names; empty if the value is not a name."""
        return getattr(self.read, "names", ())


def argument(how: str, read: Reader, default: Any = MISSING) -> Any:
    """Return a dataclass field that carries an :class:`Argument`."""
    metadata = {"argument": Argument(how, read)}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Integer:
    """A reader of integers between two bounds, both included."""

    smallest: int
    largest: int

    @property
    def expected(self) -> str:
        return f"an integer in [{self.smallest}, {self.largest}]"

    def __call__(self, text: str) -> int:
        # int() also accepts "+3", "1_0" and digits of other scripts; they are refused, so that a layer has one text.
        is_number = text.isascii() and text.isdigit() and len(text) <= 9
        if not is_number or not self.smallest <= int(text) <= self.largest:
            raise ValueError(text)
        return int(text)


@dataclass(frozen=True)
class Decimal:
    """A reader of decimal numbers from ``smallest`` (included) to ``below`` (not included)."""

    smallest: float
    below: float

    @property
    def expected(self) -> str:
        return f"a number in [{self.smallest:g}, {self.below:g})"

    def __call__(self, text: str) -> float:
        # float() also accepts "1_0" and digits of other scripts; they are refused, so that a layer has one text.
        if not text.isascii() or "_" in text:
            raise ValueError(text)
        value = abs(float(text)) if float(text) == 0 else float(text)  # -0.0 becomes 0.0
        if not self.smallest <= value < self.below:
            raise ValueError(text)
        return value


@dataclass(frozen=True)
class OneOf:
    """A reader of names from a list."""

    names: tuple[str, ...]

    @property
    def expected(self) -> str:
        return ("one of " if len(self.names) > 1 else "") + ", ".join(self.names)

    def __call__(self, text: str) -> str:
        if text not in self.names:
            raise ValueError(text)
        return text


def one_of(names: dict[str, Any] | tuple[str, ...]) -> OneOf:
    return OneOf(tuple(names))


@dataclass(frozen=True)
class YesNo:
    """A reader of ``yes`` and ``no``."""

    expected: ClassVar[str] = "yes or no"

    def __call__(self, text: str) -> bool:
        if text not in ("yes", "no"):
            raise ValueError(text)
        return text == "yes"


class Layer:
    """Base class of layers. A subclass is a frozen dataclass whose fields are made by :func:`argument`.

    Shapes are those of one image without the batch: ``(height, width, channels)``, or ``(features,)`` for flat input.
    """

    word: ClassVar[str]
    """The first word of the layer text, such as ``"conv"``."""
    usage: ClassVar[str]
    """The syntax of the layer text, with all options."""
    contains: ClassVar[str] = ""
    """``"layers"`` or ``"branches"`` for a layer that contains other layers."""

    only_inside: ClassVar[str] = ""
    """The word of the layer that must contain this one, at any depth."""
    presets: ClassVar[dict[str, dict[str, Any]]] = {}
    """Name of a preset, such as ``torch`` in ``batch-norm torch`` -> the option values that it sets."""

    @classmethod
    def summary(cls) -> str:
        """Return the first sentence of the docstring, without the layer text at its start."""
        first = " ".join((cls.__doc__ or "").partition("\n\n")[0].split())
        return first.partition("``: ")[2].replace("``", "")

    @property
    def text(self) -> str:
        """The canonical layer text, without default values and without the layers inside."""
        # A preset is written instead of its options if each of these options has the value of the preset.
        presets = self.presets.items()
        preset = [key for key, given in presets if all(getattr(self, name) == given[name] for name in given)][
            :1
        ]
        words = [self.word, *preset]
        for name, how in arguments_of(type(self)).items():
            if preset and name in self.presets[preset[0]]:
                continue
            value = getattr(self, name)
            if how.how == "position":
                words.append(value_text(value))
            elif value != type(self).__dataclass_fields__[name].default:  # type: ignore[attr-defined]
                words.append(value if how.how == "word" else f"{name}={value_text(value)}")
        return " ".join(words)

    @property
    def branches(self) -> tuple[Branch, ...]:
        """The sequences of layers inside this layer that do not depend on the input shape."""
        return ()

    def with_branches(self, sequences: tuple[tuple[Layer, ...], ...]) -> Layer:
        """Return this layer with other layers inside, one sequence per branch."""
        raise TypeError(f"{type(self).__name__} contains no layers")

    def inner_sequences(self, shape: Shape) -> Iterator[Branch]:
        """Yield all sequences of layers inside this layer, including those that depend on the input shape.

        The caller must check the shapes of a sequence before it requests the next one: in a residual block, the
        layers of the projection shortcut depend on the output shape of the block.
        """
        yield from self.branches

    def remaining_layers(self) -> tuple[Layer, ...]:
        """Return the layers that remain when a variant removes this one (``without = [...]``)."""
        return ()

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the output.

        Raises:
            NetworkError: if the layer does not accept an input of this shape.
        """
        return shape

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        """Return the numbers of trainable and of non-trainable values (moving averages) for an input shape."""
        return (0, 0)

    def macs(self, shape: Shape) -> int:
        """Return the multiply-accumulate operations (MACs) of the forward pass of one image."""
        return 0

    def no_op_reason(self, shape: Shape) -> str:
        """Return why this layer does not change an input of this shape; empty if it changes it."""
        return ""

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return the torch module for an input shape; its initial weights are drawn from ``generator``."""
        raise TypeError(f"{type(self).__name__} has no module")

    def need_image(self, shape: Shape) -> tuple[int, int, int]:
        """Return ``(height, width, channels)``; raise :class:`NetworkError` for a flat input."""
        if len(shape) != 3:
            raise misfit(f'"{self.word}" needs an image of shape (height, width, channels)', got=shape)
        return (shape[0], shape[1], shape[2])


def misfit(what: str, hint: str = "", got: Shape = ()) -> NetworkError:
    """Return the error of a layer that does not fit its input. If ``got`` is an input shape, the error shows it."""
    return NetworkError(Problem(what, got=str(got) if got else "", hint=hint))


def arguments_of(layer: type[Layer]) -> dict[str, Argument]:
    """Return the arguments of a layer by name, in the order of its fields."""
    return {
        item.name: item.metadata["argument"]
        for item in fields(layer)  # type: ignore[arg-type]  # every Layer is a dataclass
        if "argument" in item.metadata
    }


def value_text(value: Any) -> str:
    """Return the value of an option as it is written in a layer text: ``yes``, ``64``, ``0.5``."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    # Use six digits if they are exact, so that 1e-05 stays short; else use Python's shortest exact form.
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
