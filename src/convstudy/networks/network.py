"""A network: a tree of layers as a value, its variants, and the shapes between its layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

from convstudy.errors import Location, NetworkError, Problem, unknown
from convstudy.networks.block import Block
from convstudy.networks.expanding import BRANCH, expand
from convstudy.networks.initialisers import DEFAULT_INIT, INITIALISERS
from convstudy.networks.layers import Layer
from convstudy.networks.layers.dense import Dense
from convstudy.networks.layers.stochastic_depth import with_linear_rates
from convstudy.networks.parameters import Spec
from convstudy.networks.shapes import Shape
from convstudy.networks.tree import LayerPath, LayerProblem, Step, all_layers, map_layers, walk


@dataclass(frozen=True)
class Network:
    """The hidden layers of a classifier. The output layer is added when the number of classes is known.

    Args:
        layers: the layers, first to last; usually made by :meth:`read`.
        init: the initialiser of layers that set none, a key of ``INITIALISERS``.

    >>> Network.read(["conv 32 3 relu", "flatten"]).texts
    ('conv 32 3 relu', 'flatten')
    """

    layers: tuple[Layer, ...]
    init: str = DEFAULT_INIT

    @classmethod
    def read(cls, texts: Iterable[Spec], init: str = DEFAULT_INIT, blocks: Iterable[Block] = ()) -> Network:
        """Parse layer texts, such as ``"conv 64 3 relu"``.

        Args:
            texts: layer texts; an inner list is a layer followed by the layers inside it.
            init: the initialiser of layers that set none, a key of ``INITIALISERS``.
            blocks: the blocks that the texts use, in addition to the built-in ones.

        Raises:
            NetworkError: if a text cannot be parsed. The error has one problem per invalid text, with its position.
        """
        problems: list[Problem] = []
        if init not in INITIALISERS:
            problems.append(unknown("initialiser", init, INITIALISERS, where=Location(key=("init",))))
        try:
            expanded = expand(texts, {}, blocks)
        except NetworkError as error:
            problems += error.problems
        if problems:
            raise NetworkError(*problems)
        return cls(expanded.layers, init)

    @cached_property
    def texts(self) -> tuple[Spec, ...]:
        """The canonical layer texts, nested as the layers are. :meth:`read` turns them back into an equal network."""
        return _texts(self.layers)

    def as_json(self) -> list[Any]:
        """Return :attr:`texts` with lists instead of tuples; :meth:`read` accepts both."""
        return [_listed(text) for text in self.texts]

    @cached_property
    def layer_types(self) -> tuple[str, ...]:
        """The first word of each layer text, in the order of :meth:`all_layers`."""
        return tuple(layer.word for layer in self.all_layers())

    def all_layers(self) -> Iterator[Layer]:
        """Yield all layers, each before the layers inside it."""
        return all_layers(self.layers)

    def without(self, words: Iterable[str]) -> Network:
        """Return the network without the layers of these types (``"dropout"``, ``"batch-norm"``, ...).

        ``without(["residual"])`` removes the shortcuts and keeps the layers inside.
        """
        return replace(self, layers=_without(self.layers, frozenset(words)))

    def with_activation(self, name: str) -> Network:
        """Return the network with every hidden activation replaced by ``name``; it adds no activations."""

        def change(layer: Layer) -> tuple[Layer, ...]:
            given = {key: name for key in ("activation", "then") if getattr(layer, key, None)}
            return (replace(layer, **given) if given else layer,)  # type: ignore[type-var]

        return replace(self, layers=map_layers(self.layers, change))

    def with_init(self, name: str) -> Network:
        """Return the network with ``name`` as the initialiser of every layer, the output layer included."""
        # A layer whose init is None uses the initialiser of the network.
        return Network(map_layers(self.layers, lambda layer: (_with_init(layer, None),)), name)

    def complete(self, n_classes: int) -> tuple[Layer, ...]:
        """Return the layers and the output layer, which has no activation because the loss takes logits.

        The initialiser of each layer and the rates of linear stochastic depth are filled in.
        """

        def change(layer: Layer) -> tuple[Layer, ...]:
            return (_with_init(layer, self.init) if getattr(layer, "init", "") is None else layer,)

        return with_linear_rates(map_layers((*self.layers, Dense(n_classes)), change))

    def walk(self, input_shape: Shape, n_classes: int) -> Iterator[Step]:
        """Yield each layer with its path and the shapes before and after it; the output layer is included.

        The layers inside a layer follow it, including the layers of a projection.

        Args:
            input_shape: ``(height, width, channels)`` of one image.
            n_classes: the number of outputs.

        Raises:
            NetworkError: if a layer does not fit; the problem names it ("layer 2: kernel 11 does not fit ...").
        """
        try:
            yield from walk((*self.layers, Dense(n_classes)), input_shape)
        except NetworkError as error:
            raise NetworkError(*(self._located(problem) for problem in error.problems)) from None

    def layer_at(self, path: LayerPath) -> Layer | None:
        """Return the layer at a path; ``None`` for the output layer and the layers of a projection."""
        layers: tuple[Layer, ...] = self.layers
        rest = path
        while rest:
            number, *others = rest
            if not 1 <= number <= len(layers):
                return None
            layer, rest = layers[number - 1], tuple(others)
            if not rest:
                return layer
            # The steps are the number of the branch for a concat, and empty for a residual.
            branch = next((each for each in layer.branches if each.steps == rest[: len(each.steps)]), None)
            if branch is None:
                return None
            layers, rest = branch.layers, rest[len(branch.steps) :]
        return None

    def _located(self, problem: Problem) -> Problem:
        """Return a problem with its layer as the location."""
        if not isinstance(problem, LayerProblem):
            return problem
        # The output layer is not in the study file, so its text would mislead.
        if problem.path == (len(self.layers) + 1,):
            problem = replace(problem, text="")
        return replace(problem, where=problem.location)


def _without(layers: Iterable[Layer], dropped: frozenset[str]) -> tuple[Layer, ...]:
    """Return a tree without the layers of these types, and without layers that lose all layers inside."""
    kept: list[Layer] = []
    for layer in layers:
        inside = tuple(_without(branch.layers, dropped) for branch in layer.branches)
        # A concat with an identity branch stays. If its other branch loses all layers, that branch becomes the identity
        # too.
        is_emptied = bool(inside) and all(branch.layers for branch in layer.branches) and not any(inside)
        changed = layer.with_branches(inside) if inside else layer
        if layer.word in dropped or is_emptied:
            kept += [inner for inner in changed.remaining_layers() if inner.word not in dropped]
        else:
            kept.append(changed)
    return tuple(kept)


def _with_init(layer: Layer, init: str | None) -> Layer:
    """Return a layer with this initialiser, or the layer itself if it has no weights to initialise."""
    if "init" not in {item.name for item in fields(layer)}:  # type: ignore[arg-type]  # every Layer is a dataclass
        return layer
    return replace(layer, init=init)  # type: ignore[type-var]


def _listed(text: Spec) -> Any:
    return text if isinstance(text, str) else [_listed(each) for each in text]


def _texts(layers: Iterable[Layer]) -> tuple[Spec, ...]:
    """Return the layer texts of a tree. A layer with layers inside is a tuple of its text and their texts."""
    return tuple((layer.text, *_branch_texts(layer)) if layer.branches else layer.text for layer in layers)


def _branch_texts(layer: Layer) -> Iterator[Spec]:
    for steps, layers in layer.branches:
        if steps:
            yield (BRANCH, *_texts(layers))
        else:
            yield from _texts(layers)
