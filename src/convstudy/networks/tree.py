"""A network's layers as a tree: the path of a layer, all layers in order, and the shapes on the way through them."""

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
"""Where a layer is, each place counted from 1: ``(4, 2)`` is the second layer inside the fourth. The branches of a
concat are counted too: ``(4, 1, 2)`` is the second layer of its first branch. :data:`SHORTCUT` leads to the layers that
a residual's shortcut is made of."""
SHORTCUT = 0


class Branch(NamedTuple):
    """A sequence of layers inside a layer, and the steps from that layer's path to it."""

    steps: LayerPath
    layers: tuple[Layer, ...]


class Step(NamedTuple):
    """A layer on the way of an image, its shape before and after it."""

    path: LayerPath
    layer: Layer
    before: Shape
    after: Shape


@dataclass(frozen=True)
class Source:
    """Where a layer is written.

    Attributes:
        block: the block whose ``layers`` have it; empty for those of the network itself.
        places: its place in them, counted from 0, one number for each list around it.
        used_at: where the block is used, for a layer of a block.
    """

    block: str
    places: LayerPath
    used_at: Source | None = None

    @property
    def location(self) -> Location:
        """The layer among those of the network or the block, for messages."""
        first, *others = self.places  # in a list, place 0 is the layer that holds the others
        return Location(layer=(first + 1, *others), block=self.block)


@dataclass(frozen=True)
class LayerProblem(Problem):
    """What is wrong with one layer.

    Attributes:
        path: its path in the tree; empty where there is no tree yet, because a text cannot be read.
        text: its text, where the tree is known; empty for the output layer, which no file has.
        source: where it is written, where that is known.
    """

    path: LayerPath = ()
    text: str = ""
    source: Source | None = None

    @property
    def location(self) -> Location:
        """Which layer it is, for messages."""
        if not self.path:
            return self.source.location if self.source else NOWHERE
        return Location(layer=named_path(self.path), layer_text=self.text) if self.text else OUTPUT_LAYER


OUTPUT_LAYER = Location(layer=OUTPUT)


def at_layer(problem: Problem, **places: object) -> LayerProblem:
    """Return a problem as one of a layer, with these of the fields of :class:`LayerProblem`."""
    known = {item.name: getattr(problem, item.name) for item in fields(problem)}
    return LayerProblem(**{**known, **places})


def path_text(path: LayerPath) -> str:
    """Return a path as people write it.

    >>> path_text((4, 2)), path_text((4, SHORTCUT, 1))
    ('4.2', '4.shortcut.1')
    """
    return ".".join(map(str, named_path(path)))


def named_path(path: LayerPath) -> tuple[int | str, ...]:
    """Return a path with a word for what leads to a shortcut."""
    return tuple("shortcut" if step == SHORTCUT else step for step in path)


def every_layer(layers: Iterable[Layer]) -> Iterator[Layer]:
    """Yield all layers of a tree, each before those inside it."""
    for layer in layers:
        yield layer
        for branch in layer.branches:
            yield from every_layer(branch.layers)


def mapped(layers: Iterable[Layer], change: Callable[[Layer], tuple[Layer, ...]]) -> tuple[Layer, ...]:
    """Return a tree with each layer replaced by what ``change`` returns for it; inner layers come first."""
    changed: list[Layer] = []
    for layer in layers:
        inside = tuple(mapped(branch.layers, change) for branch in layer.branches)
        changed += change(layer.with_branches(inside) if inside else layer)
    return tuple(changed)


@lru_cache(maxsize=10_000)
def shape_after(layers: tuple[Layer, ...], shape: Shape) -> Shape:
    """Return the shape after these layers; raise :class:`NetworkError` where one does not fit."""
    for layer in layers:
        shape = layer.output_shape(shape)
    return shape


def walk(
    layers: Iterable[Layer], shape: Shape, prefix: LayerPath = (), around: tuple[str, ...] = ()
) -> Iterator[Step]:
    """Yield each layer of a tree with the shapes before and after it, before the layers inside it.

    Args:
        layers: layers that follow each other.
        shape: the shape before the first.
        prefix: the path to them.
        around: the words of the layers around them.

    Raises:
        NetworkError: at the first layer that does not fit, with a :class:`LayerProblem` that has its path.
    """
    for number, layer in enumerate(layers, start=1):
        path = (*prefix, number)
        inner: list[Step] = []
        try:
            if layer.only_inside and layer.only_inside not in around:
                what = f'"{layer.word}" must be inside a {layer.only_inside}'
                raise NetworkError(Problem(what, got=layer.text, expected=f"layers of a {layer.only_inside}"))
            for steps, inside in layer.inside(shape):
                inner += walk(inside, shape, (*path, *steps), (*around, layer.word))
            after = layer.output_shape(shape)
        except NetworkError as error:
            found = (
                problem
                if isinstance(problem, LayerProblem)
                else at_layer(problem, path=path, text=layer.text)
                for problem in error.problems
            )
            raise NetworkError(*found) from None
        yield Step(path, layer, shape, after)
        yield from inner
        shape = after
