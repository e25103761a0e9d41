"""What every layer is: a frozen value with words, a shape rule, counts and a module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from convstudy.errors import NetworkError, Problem
from convstudy.networks.shapes import Shape, shape_text
from convstudy.networks.tree import Branch

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class Argument:
    """How one field of a layer is written: its place in the text, what it may be, and how it is read.

    ``how`` is ``"position"`` (``conv 64 3``), ``"word"`` (a bare name such as ``relu``) or ``"key"`` (``stride=2``).
    ``read`` turns the written text into the value and raises ``ValueError`` for what is not ``expected``.
    """

    how: str
    read: Callable[[str], Any]
    expected: str

    @property
    def names(self) -> tuple[str, ...]:
        """The names it may be, where it is a name."""
        return getattr(self.read, "names", ())


def argument(how: str, read: Callable[[str], Any], expected: str, default: Any = MISSING) -> Any:
    """Return a dataclass field that carries an :class:`Argument`."""
    metadata = {"argument": Argument(how, read, expected)}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Integer:
    """A reader of whole numbers between two bounds, both included."""

    smallest: int
    largest: int

    def __call__(self, text: str) -> int:
        """Return the number; raise ``ValueError`` for what is none."""
        is_number = text.isascii() and text.isdigit() and len(text) <= 9
        if not is_number or not self.smallest <= int(text) <= self.largest:
            raise ValueError(text)
        return int(text)


@dataclass(frozen=True)
class Decimal:
    """A reader of decimal numbers from ``smallest`` (included) to ``below`` (not included)."""

    smallest: float
    below: float

    def __call__(self, text: str) -> float:
        """Return the number; raise ``ValueError`` for what is none."""
        # Digits of other scripts and "1_0" are numbers to Python; here they would be a second way to say the same.
        if not text.isascii() or "_" in text:
            raise ValueError(text)
        value = abs(float(text)) if float(text) == 0 else float(text)
        if not self.smallest <= value < self.below:
            raise ValueError(text)
        return value


@dataclass(frozen=True)
class OneOf:
    """A reader of names out of a list."""

    names: tuple[str, ...]

    def __call__(self, text: str) -> str:
        """Return the name; raise ``ValueError`` for others."""
        if text not in self.names:
            raise ValueError(text)
        return text


def one_of(names: dict[str, Any] | tuple[str, ...]) -> OneOf:
    """Return a reader of names out of a list."""
    return OneOf(tuple(names))


def yes_no(text: str) -> bool:
    """Read ``yes`` or ``no``."""
    if text not in ("yes", "no"):
        raise ValueError(text)
    return text == "yes"


class Layer:
    """Base of all layers; a subclass is a frozen dataclass whose fields are made by :func:`argument`."""

    word: ClassVar[str]
    usage: ClassVar[str]
    holds: ClassVar[str] = ""
    """``"layers"`` or ``"branches"``, where layers are inside this one."""

    only_inside: ClassVar[str] = ""
    """The word of the layer that this one must be inside of, at any depth."""
    presets: ClassVar[dict[str, dict[str, Any]]] = {}
    """Word -> values that it stands for: ``batch-norm torch``."""

    @classmethod
    def summary(cls) -> str:
        """Return what the layer does in a sentence: the first one of its docstring, after its words."""
        first = " ".join((cls.__doc__ or "").partition("\n\n")[0].split())
        return first.partition("``: ")[2].replace("``", "")

    @property
    def text(self) -> str:
        """The canonical text, without what is at its default and without the layers inside."""
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
                words.append(number_text(value))
            elif value != type(self).__dataclass_fields__[name].default:  # type: ignore[attr-defined]
                words.append(value if how.how == "word" else f"{name}={number_text(value)}")
        return " ".join(words)

    @property
    def branches(self) -> tuple[Branch, ...]:
        """The sequences of layers inside this one, whatever its input."""
        return ()

    def with_branches(self, sequences: tuple[tuple[Layer, ...], ...]) -> Layer:
        """Return this layer with other layers inside, one sequence for each of its branches."""
        raise TypeError(f"{type(self).__name__} holds no layers")

    def inside(self, shape: Shape) -> Iterator[Branch]:
        """Yield the sequences of layers inside this one for an input; those that follow from the input too.

        Each must fit before the next is asked for.
        """
        yield from self.branches

    def left_out(self) -> tuple[Layer, ...]:
        """Return what stays of this layer where a variant leaves it out."""
        return ()

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape after this layer; raise :class:`NetworkError` where ``shape`` does not fit."""
        return shape

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        """Return how many numbers training changes, and how many it only keeps (moving averages), for an input."""
        return (0, 0)

    def macs(self, shape: Shape) -> int:
        """Return the multiply-add operations for one image of this input shape, in the forward direction."""
        return 0

    def no_op_reason(self, shape: Shape) -> str:
        """Return why this layer does nothing to such an input, or an empty string where it does something."""
        return ""

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return the torch module for an input of ``shape``, its start weights drawn from ``generator``."""
        raise TypeError(f"{type(self).__name__} has no module")

    def misfit(self, shape: Shape, what: str, expected: str) -> NetworkError:
        """Return the error "this layer does not fit an input of that shape"."""
        return NetworkError(Problem(what=what, got=f"an input of {shape_text(shape)}", expected=expected))

    def need_image(self, shape: Shape) -> tuple[int, int, int]:
        """Return height, width and channels; raise where the input is flat."""
        if len(shape) != 3:
            raise self.misfit(
                shape, f'"{self.word}" needs an image, but the input is flat', "height × width × channels"
            )
        return (shape[0], shape[1], shape[2])


def arguments_of(layer: type[Layer]) -> dict[str, Argument]:
    """Return the arguments of a layer by their names, in the order of its fields."""
    return {
        item.name: item.metadata["argument"]
        for item in fields(layer)  # type: ignore[arg-type]  # every Layer is a dataclass
        if "argument" in item.metadata
    }


def number_text(value: Any) -> str:
    """Return a value as it is written in a layer text; numbers at their shortest."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
