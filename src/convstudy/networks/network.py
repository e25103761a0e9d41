"""A network: a stack of layers as data, its variants, and the shapes through it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property

from convstudy.errors import NetworkError, Problem, unknown
from convstudy.networks.initialisers import DEFAULT_INIT, INITIALISERS
from convstudy.networks.layers.dense import Dense
from convstudy.networks.layers.layer import Layer
from convstudy.networks.reading import layer_text, read_layer
from convstudy.networks.shapes import Shape


@dataclass(frozen=True)
class Network:
    """The hidden layers of a classifier; the output layer follows from the number of classes.

    >>> Network.read(["conv 32 3 relu", "flatten"]).texts
    ('conv 32 3 relu', 'flatten')
    """

    layers: tuple[Layer, ...]
    init: str = DEFAULT_INIT

    @classmethod
    def read(cls, texts: Iterable[str], init: str = DEFAULT_INIT) -> Network:
        """Return the network of these layer texts; raise :class:`NetworkError` with every bad text, numbered."""
        layers: list[Layer] = []
        problems: list[Problem] = []
        if init not in INITIALISERS:
            problems.append(unknown("initialiser", init, INITIALISERS, where="init"))
        for number, text in enumerate(texts, start=1):
            try:
                layers.append(read_layer(text))
            except NetworkError as error:
                problems += [replace(problem, where=f"layer {number}") for problem in error.problems]
        if problems:
            raise NetworkError(*problems)
        return cls(tuple(layers), init)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The canonical layer texts, which :meth:`read` reads back to an equal network."""
        return tuple(layer_text(layer) for layer in self.layers)

    def without(self, words: Iterable[str]) -> Network:
        """Return the network without the layers of these words (``"dropout"``, ``"batch-norm"``, ...)."""
        dropped = set(words)
        return replace(self, layers=tuple(layer for layer in self.layers if layer.word not in dropped))

    def with_activation(self, name: str) -> Network:
        """Return the network with every hidden activation replaced by ``name``; where there was none, none comes."""
        return replace(
            self,
            layers=tuple(
                replace(layer, activation=name) if getattr(layer, "activation", None) else layer  # type: ignore[type-var]
                for layer in self.layers
            ),
        )

    def with_init(self, name: str) -> Network:
        """Return the network with every layer's start weights drawn by ``name``, the output layer's too."""
        layers = tuple(
            replace(layer, init=None) if "init" in {item.name for item in fields(layer)} else layer  # type: ignore[arg-type, type-var]
            for layer in self.layers
        )
        return Network(layers, name)

    def complete(self, n_classes: int) -> tuple[Layer, ...]:
        """Return all layers with the output layer (no activation: the loss takes logits), each init filled in."""
        return tuple(
            replace(layer, init=self.init) if getattr(layer, "init", "") is None else layer  # type: ignore[type-var]
            for layer in (*self.layers, Dense(n_classes))
        )

    def walk(self, input_shape: Shape, n_classes: int) -> Iterator[tuple[Layer, Shape, Shape]]:
        """Yield each layer, output layer included, with the shape before and after it.

        Raises:
            NetworkError: at the first layer that does not fit, naming it ("layer 2: kernel 11 does not fit: ...").
        """
        shape = input_shape
        for number, layer in enumerate(self.complete(n_classes), start=1):
            is_output = number > len(self.layers)
            try:
                after = layer.output_shape(shape)
            except NetworkError as error:
                where = "the output layer" if is_output else f'layer {number}, "{self.texts[number - 1]}"'
                raise NetworkError(*(replace(problem, where=where) for problem in error.problems)) from None
            yield layer, shape, after
            shape = after
