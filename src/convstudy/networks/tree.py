"""The layers of a network as a tree: the paths of layers, and the shapes before and after each layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from convstudy.errors import NOWHERE, OUTPUT, Location, NetworkError, Problem
from convstudy.networks.shapes import Shape

if TYPE_CHECKING:
    from convstudy.networks.layers.layer import Layer

LayerPath = tuple[int, ...]
"""The path of a layer, with numbers from 1: ``(4, 2)`` is the second layer inside the fourth. A concat adds the number
of the branch: ``(4, 1, 2)`` is the second layer of its first branch. :data:`SHORTCUT` is the step to the layers of a
residual's projection."""
SHORTCUT = 0


class Branch(NamedTuple):
    """A sequence of layers inside a layer; ``steps`` are appended to the outer layer's path."""

    steps: LayerPath
    layers: tuple[Layer, ...]


class Step(NamedTuple):
    """A layer with its path, and the shapes of one image before and after it."""

    path: LayerPath
    layer: Layer
    before: Shape
    after: Shape


@dataclass(frozen=True)
class Source:
    """The place in a study file, or in arguments, where a layer is written.

    Attributes:
        block: the name of the block whose ``layers`` contain the layer; empty for a layer of the network itself.
        indices: the index in ``layers``, counted from 0; inside a list, followed by the index in the list.
        used_at: the place where the block is used; ``None`` for a layer of the network itself.
    """

    block: str
    indices: LayerPath
    used_at: Source | None = None

    @property
    def location(self) -> Location:
        first, *others = self.indices  # in an inner list, index 0 is the text of the enclosing layer
        return Location(layer=(first + 1, *others), block=self.block)


@dataclass(frozen=True)
class LayerProblem(Problem):
    """A problem of one layer.

    Attributes:
        path: the path of the layer; empty if the layer text cannot be parsed, because there is no tree then.
        text: the text of the layer; empty without a tree, and for the output layer, which has no text.
        source: the place where the layer is written, if it is known.
    """

    path: LayerPath = ()
    text: str = ""
    source: Source | None = None

    @property
    def location(self) -> Location:
        if not self.path:
            return self.source.location if self.source else NOWHERE
        return Location(layer=named_path(self.path), layer_text=self.text) if self.text else OUTPUT_LAYER


OUTPUT_LAYER = Location(layer=OUTPUT)


def layer_problem(problem: Problem, **given: object) -> LayerProblem:
    """Return a :class:`LayerProblem` with the fields of ``problem`` and the given fields."""
    known = {item.name: getattr(problem, item.name) for item in fields(problem)}
    return LayerProblem(**{**known, **given})


def path_text(path: LayerPath) -> str:
    """Return a path with dots.

    >>> path_text((4, 2)), path_text((4, SHORTCUT, 1))
    ('4.2', '4.shortcut.1')
    """
    return ".".join(map(str, named_path(path)))


def named_path(path: LayerPath) -> tuple[int | str, ...]:
    """Return a path in which the step :data:`SHORTCUT` is the word "shortcut"."""
    return tuple("shortcut" if step == SHORTCUT else step for step in path)


def all_layers(layers: Iterable[Layer]) -> Iterator[Layer]:
    """Yield all layers of a tree, each before the layers inside it."""
    for layer in layers:
        yield layer
        for branch in layer.branches:
            yield from all_layers(branch.layers)


def map_layers(layers: Iterable[Layer], change: Callable[[Layer], tuple[Layer, ...]]) -> tuple[Layer, ...]:
    """Return a tree with each layer replaced by the layers that ``change`` returns; inner layers are changed first."""
    changed: list[Layer] = []
    for layer in layers:
        inside = tuple(map_layers(branch.layers, change) for branch in layer.branches)
        changed += change(layer.with_branches(inside) if inside else layer)
    return tuple(changed)


# Residual and Concat request the shape after the same layers several times.
@lru_cache(maxsize=10_000)
def shape_after(layers: tuple[Layer, ...], shape: Shape) -> Shape:
    """Return the shape after a sequence of layers; raise :class:`NetworkError` if a layer does not fit."""
    for layer in layers:
        shape = layer.output_shape(shape)
    return shape


def walk(
    layers: Iterable[Layer], shape: Shape, prefix: LayerPath = (), enclosing: tuple[str, ...] = ()
) -> Iterator[Step]:
    """Yield the layers of a tree with the shapes before and after them; a layer comes before the layers inside it.

    Args:
        layers: the layers, first to last.
        shape: the input shape of the first layer.
        prefix: the path of the enclosing layer.
        enclosing: the words of the enclosing layers.

    Raises:
        NetworkError: if a layer does not fit its input; each problem is a :class:`LayerProblem` with the path of the
            layer.
    """
    for number, layer in enumerate(layers, start=1):
        path = (*prefix, number)
        inner: list[Step] = []
        try:
            if layer.only_inside and layer.only_inside not in enclosing:
                raise NetworkError(Problem(f'"{layer.word}" must be inside a {layer.only_inside}'))
            # Inner layers first: output_shape() would raise the error of an inner layer without its path.
            for steps, inside in layer.inner_sequences(shape):
                inner += walk(inside, shape, (*path, *steps), (*enclosing, layer.word))
            after = layer.output_shape(shape)
        except NetworkError as error:
            found = (
                problem
                if isinstance(problem, LayerProblem)  # of a layer inside, which has the longer path
                else layer_problem(problem, path=path, text=layer.text)
                for problem in error.problems
            )
            raise NetworkError(*found) from None
        yield Step(path, layer, shape, after)
        yield from inner
        shape = after
