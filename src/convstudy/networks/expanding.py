"""Layers as they are written to a tree of layers: parameters filled in, blocks in the place of their names.

==============================================  =====================================================================
``"block NAME [xN] [KEY=VALUE ...]"``           the layers of a block, one after the other
``"residual NAME [xN] [KEY=VALUE ...]"``        the same inside a residual
``"concat NAME identity ... [xN] [...]"``       one branch for each name; ``identity`` is the input itself
``["residual ...", "LAYER", ...]``              a residual written out
``["concat", ["branch", "LAYER", ...], ...]``   a concat written out
==============================================  =====================================================================

``xN`` repeats. ``KEY=VALUE`` is an argument of the block, or of the residual (``then``, ``shortcut``, ``init``). Only
the first repeat has the ``stride``; the others have ``stride=1``. A concat hands each argument to the branches whose
blocks have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from convstudy.errors import Location, NetworkError, Problem, nearest, unknown
from convstudy.networks.block import Block
from convstudy.networks.blocks import BLOCKS
from convstudy.networks.layers import LAYERS, Layer
from convstudy.networks.layers.concat import Concat
from convstudy.networks.layers.layer import arguments_of
from convstudy.networks.layers.residual import Residual
from convstudy.networks.parameters import Spec, Value, filled
from convstudy.networks.reading import read_layer, read_values
from convstudy.networks.tree import LayerPath, LayerProblem, Source, at_layer
from convstudy.networks.uses import IDENTITY, Use, filled_words, own_words, read_use

MOST_LAYERS = 10_000
"""How many layers one network may have, those inside others included; ResNet-1202 has 5,000."""
MOST_READ = 3 * MOST_LAYERS
"""How many layer texts are read for one network; a use that repeats is read twice at most."""
DEEPEST = 20
"""How many blocks and lists may be inside each other; a concat counts once, with its branches.

So the tree of any network, which has no blocks, is read again."""
BLOCK, BRANCH = "block", "branch"
BLOCK_USAGE = "block NAME [xN] [KEY=VALUE ...]"
WORDS = (*LAYERS, BLOCK)
"""The first words that a layer text may have."""


@dataclass(frozen=True)
class Expanded:
    """A tree of layers, and where each of them is written."""

    layers: tuple[Layer, ...]
    sources: Mapping[LayerPath, Source]


@dataclass(frozen=True)
class _Node:
    """A layer of the tree, where it is written, and the nodes inside it: for each branch, its steps and its nodes."""

    layer: Layer
    source: Source
    inside: tuple[tuple[LayerPath, tuple[_Node, ...]], ...] = ()

    @property
    def size(self) -> int:
        """The number of layers here."""
        return 1 + sum(_size(nodes) for _, nodes in self.inside)


@dataclass(frozen=True)
class _Scope:
    """What is being read.

    Attributes:
        blocks: those around it, with where they are used.
        parameters: their values.
        depth: the number of blocks and lists around it.
    """

    blocks: tuple[tuple[str, Source], ...]
    parameters: Mapping[str, Value]
    depth: int = 0

    def source(self, places: LayerPath) -> Source:
        return Source(*((self.blocks[-1][0], places, self.blocks[-1][1]) if self.blocks else ("", places)))


class _TooMany(NetworkError):
    """There is no end of layers to read: the whole expansion stops."""


def expand(layers: Iterable[Spec], parameters: Mapping[str, Value], blocks: Iterable[Block] = ()) -> Expanded:
    """Return the tree of these layers.

    Args:
        layers: as they are written.
        parameters: the value of ``{name}`` in a layer, by name.
        blocks: those that it may use besides the built-in ones; of two with one name, the one given here is used.

    Raises:
        NetworkError: with every problem, each a :class:`~convstudy.networks.tree.LayerProblem` with its source.
    """
    if isinstance(layers, str):  # a caller in Python
        raise NetworkError(_no_list(layers))
    expansion = _Expansion({**BLOCKS, **{block.name: block for block in blocks}})
    try:
        nodes = expansion.sequence(tuple(layers), _Scope((), parameters))
    except _TooMany as error:
        raise NetworkError(*error.problems) from None
    if expansion.problems:
        raise NetworkError(*expansion.problems.values())
    return Expanded(tuple(node.layer for node in nodes), dict(_sources(nodes)))


class _Expansion:
    """One expansion: the blocks, and the problems so far."""

    def __init__(self, blocks: Mapping[str, Block]) -> None:
        self.blocks = blocks
        self.problems: dict[tuple[Location, str], Problem] = {}  # in their order, each once
        self.n_read = 0

    def sequence(self, specs: tuple[Spec, ...], scope: _Scope, at: LayerPath = ()) -> tuple[_Node, ...]:
        """Return the nodes of layers that follow each other; what cannot be read is noted and left out."""
        nodes: list[_Node] = []
        n_layers = 0
        first = 0 if not at else 1  # the first text of a list is the layer that holds the others
        for place, spec in enumerate(specs, start=first):
            source = scope.source((*at, place))
            try:
                self.n_read += 1
                found = self._nodes(spec, scope, source) if self.n_read <= MOST_READ else ()
                n_layers += _size(found)
                if self.n_read > MOST_READ or n_layers > MOST_LAYERS:
                    raise _TooMany(_too_many(max(self.n_read, n_layers)))
                nodes += found
            except NetworkError as error:
                for problem in error.problems:
                    if not isinstance(problem, LayerProblem):
                        problem = at_layer(problem, where=source.location, source=source)
                    self.problems.setdefault((problem.where, problem.what), problem)
                if isinstance(error, _TooMany):
                    raise _TooMany(*self.problems.values()) from None
        return tuple(nodes)

    def _nodes(self, spec: Spec, scope: _Scope, source: Source) -> tuple[_Node, ...]:
        """Return what one written layer becomes: one node, or those of a block or of several repeats."""
        if scope.depth > DEEPEST:
            names = " → ".join((*(name for name, _ in scope.blocks[:3]), "…"))
            got = names if scope.blocks else f"{scope.depth} levels"
            what = "layers are too deep inside each other"
            raise NetworkError(Problem(what, got=got, expected=f"{DEEPEST} levels of blocks and lists"))
        if not isinstance(spec, (str, list, tuple)):  # a caller in Python
            raise NetworkError(
                Problem("a layer must be a text or a list", got=repr(spec), expected="a text or a list")
            )
        if not isinstance(spec, str):
            return self._written_out(spec, scope, source)
        words = filled_words(spec, scope.parameters)
        word = words[0] if words else ""
        if word == BLOCK:
            return self._block(read_use(words, None), scope, source)
        if word == Residual.word:
            return self._residual(words, scope, source)
        if word == Concat.word:
            return self._concat(words, scope, source)
        if word and word not in LAYERS:
            found = unknown("layer", word, WORDS)
            if word in self.blocks:
                found = replace(
                    found, hint=f'use the block with "{Residual.word} {word}" or "{BLOCK} {word}"'
                )
            raise NetworkError(found)
        return (_Node(_leaf(filled(spec, scope.parameters)), source),)

    def _block(self, use: Use, scope: _Scope, source: Source) -> tuple[_Node, ...]:
        if len(use.names) != 1:
            raise NetworkError(
                Problem(f'"{use.text}" must name one block', got=use.shown_names, expected=BLOCK_USAGE)
            )
        self._check_arguments(use, ())
        return _repeated(
            [self._body(use.names[0], each, scope, source) for each in use.each_repeat], use.repeats
        )

    def _residual(self, words: list[str], scope: _Scope, source: Source) -> tuple[_Node, ...]:
        use = read_use(words, Residual)
        if len(use.names) != 1:
            raise NetworkError(
                Problem(f'"{use.text}" must name one block', got=use.shown_names, expected=Residual.usage)
            )
        values = read_values(Residual, own_words(words, Residual), use.text)
        self._check_arguments(use, tuple(arguments_of(Residual)))
        nodes: list[tuple[_Node, ...]] = []
        for arguments in use.each_repeat:
            body = self._body(use.names[0], arguments, scope, source)
            nodes.append((_Node(Residual(_layers(body), **values), source, (((), body),)),))
        return _repeated(nodes, use.repeats)

    def _concat(self, words: list[str], scope: _Scope, source: Source) -> tuple[_Node, ...]:
        use = read_use(words, Concat)
        if len(use.names) < 2:
            raise NetworkError(
                Problem(
                    f'"{use.text}" must name two branches or more', got=use.shown_names, expected=Concat.usage
                )
            )
        self._check_arguments(use, ())
        nodes: list[tuple[_Node, ...]] = []
        for arguments in use.each_repeat:
            branches = tuple(
                () if name == IDENTITY else self._body(name, arguments, scope, source) for name in use.names
            )
            nodes.append((_concat_node(branches, source),))
        return _repeated(nodes, use.repeats)

    def _body(
        self, name: str, arguments: Mapping[str, str], scope: _Scope, source: Source
    ) -> tuple[_Node, ...]:
        """Return the nodes of a block with these arguments, of which it takes those that it has."""
        block = self._found(name)
        names = [each for each, _ in scope.blocks]
        if name in names:
            raise NetworkError(_circle(scope.blocks[names.index(name) :], source))
        written: object = block.layers
        if isinstance(written, str):  # a caller in Python
            raise NetworkError(_no_list(written))
        if not block.layers:
            raise NetworkError(
                Problem(f'block "{name}" has no layers', got="()", expected="one layer or more")
            )
        taken = {key: value for key, value in arguments.items() if key in block.parameters}
        inner = _Scope((*scope.blocks, (name, source)), {**block.parameters, **taken}, scope.depth + 1)
        return self.sequence(block.layers, inner)

    def _found(self, name: str) -> Block:
        if name not in self.blocks:
            raise NetworkError(unknown("block", name, self.blocks))
        return self.blocks[name]

    def _check_arguments(self, use: Use, own: tuple[str, ...]) -> None:
        """Refuse an argument that no block of the use has."""
        blocks = [self._found(name) for name in use.names if name != IDENTITY]
        names = tuple(dict.fromkeys(key for block in blocks for key in block.parameters))
        for key in use.arguments:
            if key not in names:
                whose = f'block "{use.names[0]}"' if len(use.names) == 1 else "no block here"
                verb = "has no" if len(use.names) == 1 else "has a"
                raise NetworkError(
                    Problem(
                        f'{whose} {verb} parameter "{key}"',
                        got=key,
                        expected=", ".join((*names, *own)) or "nothing: there are no parameters",
                        hint=nearest(key, (*names, *own)),
                    )
                )

    def _written_out(self, spec: tuple[Spec, ...], scope: _Scope, source: Source) -> tuple[_Node, ...]:
        """Return the node of a list: a layer and the layers inside it."""
        head, *rest = spec or ("",)
        words = filled_words(head, scope.parameters) if isinstance(head, str) else []
        kind = LAYERS.get(words[0]) if words else None
        if kind is None or not kind.holds or not rest:
            holding = [f'["{word}", ...]' for word, layer in LAYERS.items() if layer.holds]
            raise NetworkError(
                Problem(
                    "a list must be a layer that holds others, and these",
                    got=f'"{" ".join(words)}" and {len(rest)} layers',
                    expected=", ".join(holding),
                )
            )
        text = " ".join(words)
        values = read_values(kind, words[1:], text)
        scope = replace(scope, depth=scope.depth + 1)
        if kind is Concat:
            branches = tuple(
                self._branch(each, scope, (*source.places, at)) for at, each in enumerate(rest, 1)
            )
            return (_concat_node(branches, source),)
        body = self.sequence(tuple(rest), scope, source.places)
        return (_Node(Residual(_layers(body), **values), source, (((), body),)),)

    def _branch(self, spec: Spec, scope: _Scope, places: LayerPath) -> tuple[_Node, ...]:
        """Return the nodes of a branch that is written out."""
        if isinstance(spec, str) or not spec or spec[0] != BRANCH:
            raise NetworkError(
                Problem("what is inside a concat must be branches", expected=f'["{BRANCH}", LAYER, ...]')
            )
        return self.sequence(tuple(spec[1:]), scope, places)


# A search reads most layers again and again; layers are values, so that one may stand for all.
_leaf = lru_cache(maxsize=10_000)(read_layer)


def _concat_node(branches: tuple[tuple[_Node, ...], ...], source: Source) -> _Node:
    layer = Concat(tuple(map(_layers, branches)))
    return _Node(layer, source, tuple(((number,), branch) for number, branch in enumerate(branches, start=1)))


def _repeated(nodes: list[tuple[_Node, ...]], repeats: int) -> tuple[_Node, ...]:
    """Return the nodes of all repeats, from those of the first and of any other."""
    n_layers = _size(nodes[0]) + (repeats - 1) * _size(nodes[-1])
    if n_layers > MOST_LAYERS:
        raise NetworkError(_too_many(n_layers))
    return nodes[0] + nodes[-1] * (repeats - 1)


def _layers(nodes: Iterable[_Node]) -> tuple[Layer, ...]:
    return tuple(node.layer for node in nodes)


def _circle(blocks: tuple[tuple[str, Source], ...], source: Source) -> Problem:
    """Return the problem of blocks that contain each other, placed where the first by name is used in the circle.

    Args:
        blocks: the circle, each block with where it is used.
        source: where the first of them is used again.
    """
    uses = [(blocks[0][0], source), *blocks[1:]]
    start = min(range(len(uses)), key=lambda place: uses[place][0])
    names = [name for name, _ in (*uses[start:], *uses[: start + 1])]
    what = f'block "{names[0]}" contains itself'
    place = uses[start][1]
    problem = Problem(what, where=place.location, got=" → ".join(names), expected="other blocks")
    return at_layer(problem, source=place)


def _size(nodes: Iterable[_Node]) -> int:
    return sum(node.size for node in nodes)


def _no_list(layers: str) -> Problem:
    return Problem("layers must be a list", got=f'"{layers}", a text', expected="a list of layer texts")


def _too_many(n_layers: int) -> Problem:
    return Problem(
        "the network has too many layers", got=f"{n_layers:,}", expected=f"at most {MOST_LAYERS:,}"
    )


def _sources(nodes: Iterable[_Node], prefix: LayerPath = ()) -> Iterator[tuple[LayerPath, Source]]:
    """Yield the path and the source of each node."""
    for number, node in enumerate(nodes, start=1):
        path = (*prefix, number)
        yield path, node.source
        for steps, inside in node.inside:
            yield from _sources(inside, (*path, *steps))
