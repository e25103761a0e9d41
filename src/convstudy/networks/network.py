"""A network: a tree of layers as data, its variants, and the shapes through it."""

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
from convstudy.networks.layers.stochastic_depth import with_rates
from convstudy.networks.parameters import Spec
from convstudy.networks.shapes import Shape
from convstudy.networks.tree import LayerPath, LayerProblem, Step, every_layer, mapped, walk


@dataclass(frozen=True)
class Network:
    """The hidden layers of a classifier; the output layer follows from the number of classes.

    >>> Network.read(["conv 32 3 relu", "flatten"]).texts
    ('conv 32 3 relu', 'flatten')
    """

    layers: tuple[Layer, ...]
    init: str = DEFAULT_INIT

    @classmethod
    def read(cls, texts: Iterable[Spec], init: str = DEFAULT_INIT, blocks: Iterable[Block] = ()) -> Network:
        """Return the network of these layer texts.

        Args:
            texts: layer texts; a list of texts is a layer and those inside it.
            init: how start weights are drawn, where no layer says.
            blocks: the blocks that it uses, besides the built-in ones.

        Raises:
            NetworkError: with every bad text, numbered.
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
        """The canonical layer texts, nested as the layers are, which :meth:`read` reads back to an equal network."""
        return _texts(self.layers)

    def as_json(self) -> list[Any]:
        """Return :attr:`texts` with lists for tuples; :meth:`read` takes them."""
        return [_listed(text) for text in self.texts]

    @cached_property
    def layer_types(self) -> tuple[str, ...]:
        """The words of all layers, each before those of the layers inside it."""
        return tuple(layer.word for layer in self.every_layer())

    def every_layer(self) -> Iterator[Layer]:
        """Yield all layers, each before those inside it."""
        return every_layer(self.layers)

    def without(self, words: Iterable[str]) -> Network:
        """Return the network without the layers of these words (``"dropout"``, ``"batch-norm"``, ...).

        Without ``"residual"`` the shortcuts are gone, and the layers inside stay.
        """
        return replace(self, layers=_without(self.layers, frozenset(words)))

    def with_activation(self, name: str) -> Network:
        """Return the network with every hidden activation replaced by ``name``; where there was none, none comes."""

        def change(layer: Layer) -> tuple[Layer, ...]:
            given = {key: name for key in ("activation", "then") if getattr(layer, key, None)}
            return (replace(layer, **given) if given else layer,)  # type: ignore[type-var]

        return replace(self, layers=mapped(self.layers, change))

    def with_init(self, name: str) -> Network:
        """Return the network with every layer's start weights drawn by ``name``, the output layer's too."""
        return Network(mapped(self.layers, lambda layer: (_with_init(layer, None),)), name)

    def complete(self, n_classes: int) -> tuple[Layer, ...]:
        """Return all layers with the output layer (no activation: the loss takes logits).

        Each init is filled in, and each rate of stochastic depth that rises with depth.
        """

        def change(layer: Layer) -> tuple[Layer, ...]:
            return (_with_init(layer, self.init) if getattr(layer, "init", "") is None else layer,)

        return with_rates(mapped((*self.layers, Dense(n_classes)), change))

    def walk(self, input_shape: Shape, n_classes: int) -> Iterator[Step]:
        """Yield each layer, output layer included, with its path and the shapes before and after it.

        The layers inside another follow it; those of a projection are among them.

        Raises:
            NetworkError: at the first layer that does not fit, naming it ("layer 2: kernel 11 does not fit: ...").
        """
        try:
            yield from walk((*self.layers, Dense(n_classes)), input_shape)
        except NetworkError as error:
            raise NetworkError(*(self._placed(problem) for problem in error.problems)) from None

    def layer_at(self, path: LayerPath) -> Layer | None:
        """Return the layer at a path; None for the output layer and for those of a projection."""
        layers: tuple[Layer, ...] = self.layers
        rest = path
        while rest:
            number, *others = rest
            if not 1 <= number <= len(layers):
                return None
            layer, rest = layers[number - 1], tuple(others)
            if not rest:
                return layer
            branch = next((each for each in layer.branches if each.steps == rest[: len(each.steps)]), None)
            if branch is None:
                return None
            layers, rest = branch.layers, rest[len(branch.steps) :]
        return None

    def _placed(self, problem: Problem) -> Problem:
        """Return a problem of a layer with where it is."""
        if not isinstance(problem, LayerProblem):
            return problem
        if problem.path == (len(self.layers) + 1,):
            problem = replace(problem, text="")
        return replace(problem, where=problem.location)


def _without(layers: Iterable[Layer], dropped: frozenset[str]) -> tuple[Layer, ...]:
    """Return a tree without the layers of these words, and without those that have lost all layers inside."""
    kept: list[Layer] = []
    for layer in layers:
        inside = tuple(_without(branch.layers, dropped) for branch in layer.branches)
        # A concat that had the input for a branch stays: another branch that loses its layers is the input, too.
        is_emptied = bool(inside) and all(branch.layers for branch in layer.branches) and not any(inside)
        changed = layer.with_branches(inside) if inside else layer
        if layer.word in dropped or is_emptied:
            kept += [stays for stays in changed.left_out() if stays.word not in dropped]
        else:
            kept.append(changed)
    return tuple(kept)


def _with_init(layer: Layer, init: str | None) -> Layer:
    """Return a layer with this initialiser, where it has one."""
    if "init" not in {item.name for item in fields(layer)}:  # type: ignore[arg-type]  # every Layer is a dataclass
        return layer
    return replace(layer, init=init)  # type: ignore[type-var]


def _listed(text: Spec) -> Any:
    return text if isinstance(text, str) else [_listed(each) for each in text]


def _texts(layers: Iterable[Layer]) -> tuple[Spec, ...]:
    """Return the texts of a tree: a layer that holds others is a list of its text and theirs."""
    return tuple((layer.text, *_branch_texts(layer)) if layer.branches else layer.text for layer in layers)


def _branch_texts(layer: Layer) -> Iterator[Spec]:
    for steps, layers in layer.branches:
        if steps:
            yield (BRANCH, *_texts(layers))
        else:
            yield from _texts(layers)
