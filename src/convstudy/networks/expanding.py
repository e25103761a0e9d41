"""Turns layer texts into a tree of layers: fills in parameters and expands blocks.

==============================================  =====================================================================
``"block NAME [xN] [KEY=VALUE ...]"``           the layers of a block
``"residual NAME [xN] [KEY=VALUE ...]"``        a residual with the layers of a block inside
``"concat NAME identity ... [xN] [...]"``       a concat with one branch per block; ``identity`` is the input itself
``["residual ...", "LAYER", ...]``              a residual with its layers written out
``["concat", ["branch", "LAYER", ...], ...]``   a concat with its branches written out
==============================================  =====================================================================

``xN`` is the number of repeats. ``KEY=VALUE`` is an argument of the block, or an option of the residual (``then``,
``shortcut``, ``init``). Only the first repeat has the ``stride``; the others have ``stride=1``. A concat passes each
argument to the branches whose blocks have that parameter.
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
from convstudy.networks.parameters import Spec, Value, fill_parameters
from convstudy.networks.reading import read_layer, read_values
from convstudy.networks.tree import LayerPath, LayerProblem, Source, layer_problem
from convstudy.networks.uses import IDENTITY, Use, option_words, read_use, split_filled

MAX_LAYERS = 10_000
"""The largest number of layers of a network, inner layers included; ResNet-1202 has 5,000."""
MAX_TEXTS_READ = 3 * MAX_LAYERS
"""The largest number of layer texts that are read for one network. The limit stops blocks that use each other many
times. Repeats do not count: ``xN`` reads a block at most twice, once with the given stride and once with
``stride=1``."""
MAX_DEPTH = 20
"""The largest nesting depth of blocks and lists; a concat and its branches count as one level.

An expanded tree has lists instead of blocks. Blocks and lists count the same, so the texts of every network can be read
again."""
BLOCK, BRANCH = "block", "branch"
BLOCK_USAGE = "block NAME [xN] [KEY=VALUE ...]"
WORDS = (*LAYERS, BLOCK)
"""The allowed first words of a layer text."""


@dataclass(frozen=True)
class Expanded:
    """A tree of layers, and the place where each layer is written."""

    layers: tuple[Layer, ...]
    sources: Mapping[LayerPath, Source]


@dataclass(frozen=True)
class _Node:
    """A layer of the tree, its source, and the nodes inside it: the steps and the nodes of each branch."""

    layer: Layer
    source: Source
    inside: tuple[tuple[LayerPath, tuple[_Node, ...]], ...] = ()

    @property
    def size(self) -> int:
        return 1 + sum(_size(nodes) for _, nodes in self.inside)


@dataclass(frozen=True)
class _Scope:
    """The context in which a layer text is read.

    Attributes:
        blocks: the enclosing blocks, outermost first, each with the place of its use.
        parameters: the values of the innermost block's parameters, or of the network's.
        depth: the number of enclosing blocks and lists.
    """

    blocks: tuple[tuple[str, Source], ...]
    parameters: Mapping[str, Value]
    depth: int = 0

    def source(self, indices: LayerPath) -> Source:
        return Source(*((self.blocks[-1][0], indices, self.blocks[-1][1]) if self.blocks else ("", indices)))


class _TooMany(NetworkError):
    """The network is too large; unlike other errors, it stops the expansion."""


def expand(layers: Iterable[Spec], parameters: Mapping[str, Value], blocks: Iterable[Block] = ()) -> Expanded:
    """Parse layer texts, such as ``"conv 64 3 relu"``, into a tree of layers.

    Args:
        layers: layer texts, or lists of a text and the layers inside it.
        parameters: the value of each ``{name}``.
        blocks: the blocks that the layers use; they hide built-in blocks of the same name.

    Raises:
        NetworkError: with all problems, each a :class:`~convstudy.networks.tree.LayerProblem` with its source.
    """
    if isinstance(layers, str):  # possible from Python; a study file has been checked for types
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
    """The state of one expansion: the blocks, the problems so far, and the number of texts read."""

    def __init__(self, blocks: Mapping[str, Block]) -> None:
        self.blocks = blocks
        # Keyed by location and message, so that the problem of a block that is used twice is reported once.
        self.problems: dict[tuple[Location, str], Problem] = {}
        self.n_read = 0

    def sequence(self, specs: tuple[Spec, ...], scope: _Scope, at: LayerPath = ()) -> tuple[_Node, ...]:
        """Return the nodes of a sequence of layers; add the problems of unreadable texts and skip these texts."""
        nodes: list[_Node] = []
        n_layers = 0
        # An invalid text does not stop the loop, so that one error reports all problems of a network.
        first = 0 if not at else 1  # index 0 of an inner list is the text of the enclosing layer
        for place, spec in enumerate(specs, start=first):
            source = scope.source((*at, place))
            try:
                self.n_read += 1
                found = self._nodes(spec, scope, source) if self.n_read <= MAX_TEXTS_READ else ()
                n_layers += _size(found)
                if self.n_read > MAX_TEXTS_READ or n_layers > MAX_LAYERS:
                    raise _TooMany(_too_many(max(self.n_read, n_layers)))
                nodes += found
            except NetworkError as error:
                for problem in error.problems:
                    if not isinstance(
                        problem, LayerProblem
                    ):  # a LayerProblem has the source of an inner layer
                        problem = layer_problem(problem, where=source.location, source=source)
                    self.problems.setdefault((problem.where, problem.what), problem)
                if isinstance(error, _TooMany):
                    raise _TooMany(*self.problems.values()) from None
        return tuple(nodes)

    def _nodes(self, spec: Spec, scope: _Scope, source: Source) -> tuple[_Node, ...]:
        """Return the nodes of one text or list: a single node, the nodes of a block, or the nodes of several
        repeats.
        """
        # The depth is checked first, because lists from Python could be nested beyond the recursion limit.
        if scope.depth > MAX_DEPTH:
            names = " → ".join((*(name for name, _ in scope.blocks[:3]), "…"))
            got = names if scope.blocks else f"{scope.depth} levels"
            what = f"blocks and lists must not be nested deeper than {MAX_DEPTH} levels"
            raise NetworkError(Problem(what, got=got))
        if not isinstance(spec, (str, list, tuple)):  # possible from Python
            raise NetworkError(Problem("a layer must be a string or a list", got=repr(spec)))
        if not isinstance(spec, str):
            return self._written_out(spec, scope, source)
        words = split_filled(spec, scope.parameters)
        word = words[0] if words else ""
        if word == BLOCK:
            return self._block(read_use(words, None), scope, source)
        if word == Residual.word:
            return self._residual(words, scope, source)
        if word == Concat.word:
            return self._concat(words, scope, source)
        if word and word not in LAYERS:
            found = unknown("layer", word, WORDS)
            # A block is not a layer, so its name needs "residual" or "block" in front.
            if word in self.blocks:
                found = replace(
                    found, hint=f'use the block with "{Residual.word} {word}" or "{BLOCK} {word}"'
                )
            raise NetworkError(found)
        return (_Node(_leaf(fill_parameters(spec, scope.parameters)), source),)

    def _block(self, use: Use, scope: _Scope, source: Source) -> tuple[_Node, ...]:
        if len(use.names) != 1:
            what, hint = f'"{use.text}" must name one block', f"write {BLOCK_USAGE}"
            raise NetworkError(Problem(what, got=use.shown_names, hint=hint))
        self._check_arguments(use, ())
        # At most two bodies are expanded for any number of repeats: the first, and one for all others.
        return _repeated(
            [self._body(use.names[0], each, scope, source) for each in use.arguments_per_repeat], use.repeats
        )

    def _residual(self, words: list[str], scope: _Scope, source: Source) -> tuple[_Node, ...]:
        use = read_use(words, Residual)
        if len(use.names) != 1:
            what, hint = f'"{use.text}" must name one block', f"write {Residual.usage}"
            raise NetworkError(Problem(what, got=use.shown_names, hint=hint))
        # The other words are arguments of the block.
        values = read_values(Residual, option_words(words, Residual), use.text)
        self._check_arguments(use, tuple(arguments_of(Residual)))
        nodes: list[tuple[_Node, ...]] = []
        for arguments in use.arguments_per_repeat:
            body = self._body(use.names[0], arguments, scope, source)
            nodes.append((_Node(Residual(_layers(body), **values), source, (((), body),)),))
        return _repeated(nodes, use.repeats)

    def _concat(self, words: list[str], scope: _Scope, source: Source) -> tuple[_Node, ...]:
        use = read_use(words, Concat)
        if len(use.names) < 2:
            what, hint = f'"{use.text}" must name at least two branches', f"write {Concat.usage}"
            raise NetworkError(Problem(what, got=use.shown_names, hint=hint))
        self._check_arguments(use, ())
        nodes: list[tuple[_Node, ...]] = []
        for arguments in use.arguments_per_repeat:
            branches = tuple(
                () if name == IDENTITY else self._body(name, arguments, scope, source) for name in use.names
            )
            nodes.append((_concat_node(branches, source),))
        return _repeated(nodes, use.repeats)

    def _body(
        self, name: str, arguments: Mapping[str, str], scope: _Scope, source: Source
    ) -> tuple[_Node, ...]:
        """Return the nodes of a block; ignore arguments that are not parameters of the block."""
        block = self._found(name)
        names = [each for each, _ in scope.blocks]
        # Without this check, blocks that contain each other would be reported as nested too deeply.
        if name in names:
            raise NetworkError(_cycle(scope.blocks[names.index(name) :], source))
        written: object = block.layers
        if isinstance(written, str):  # possible from Python
            raise NetworkError(_no_list(written))
        if not block.layers:
            raise NetworkError(Problem(f'block "{name}" has no layers'))
        # Some blocks of a concat can lack a parameter. A block sees its own parameters only, not those of the network
        # that uses the block.
        taken = {key: value for key, value in arguments.items() if key in block.parameters}
        inner = _Scope((*scope.blocks, (name, source)), {**block.parameters, **taken}, scope.depth + 1)
        return self.sequence(block.layers, inner)

    def _found(self, name: str) -> Block:
        if name not in self.blocks:
            raise NetworkError(unknown("block", name, self.blocks))
        return self.blocks[name]

    def _check_arguments(self, use: Use, own: tuple[str, ...]) -> None:
        """Raise an error for an argument that is not a parameter of any block of the use."""
        blocks = [self._found(name) for name in use.names if name != IDENTITY]
        # dict.fromkeys drops repeated names and keeps their order.
        names = tuple(dict.fromkeys(key for block in blocks for key in block.parameters))
        for key in use.arguments:
            if key not in names:
                whose = f'block "{use.names[0]}" has' if len(use.names) == 1 else "these blocks have"
                what, expected = f'{whose} no parameter "{key}"', ", ".join((*names, *own))
                raise NetworkError(Problem(what, expected=expected, hint=nearest(key, (*names, *own))))

    def _written_out(self, spec: tuple[Spec, ...], scope: _Scope, source: Source) -> tuple[_Node, ...]:
        """Return the node of a list, which is a layer followed by the layers inside it."""
        head, *rest = spec or ("",)
        words = split_filled(head, scope.parameters) if isinstance(head, str) else []
        kind = LAYERS.get(words[0]) if words else None
        if kind is None or not kind.contains or not rest:
            holding = [f'["{word}", ...]' for word, layer in LAYERS.items() if layer.contains]
            what = f"a list must be a layer followed by the layers inside it: {' or '.join(holding)}"
            raise NetworkError(Problem(what, got=f'"{" ".join(words)}" and {len(rest)} layers'))
        text = " ".join(words)
        values = read_values(kind, words[1:], text)
        scope = replace(scope, depth=scope.depth + 1)
        if kind is Concat:
            branches = tuple(
                self._branch(each, scope, (*source.indices, at)) for at, each in enumerate(rest, 1)
            )
            return (_concat_node(branches, source),)
        body = self.sequence(tuple(rest), scope, source.indices)
        return (_Node(Residual(_layers(body), **values), source, (((), body),)),)

    def _branch(self, spec: Spec, scope: _Scope, indices: LayerPath) -> tuple[_Node, ...]:
        """Return the nodes of a branch of a concat that is written out."""
        if not isinstance(spec, (list, tuple)) or not spec or spec[0] != BRANCH:
            what = f'a concat must contain branches, ["{BRANCH}", LAYER, ...]'
            raise NetworkError(Problem(what))
        return self.sequence(tuple(spec[1:]), scope, indices)


# A search reads the same texts many times. Layers are immutable, so one object can serve all of them.
_leaf = lru_cache(maxsize=10_000)(read_layer)


def _concat_node(branches: tuple[tuple[_Node, ...], ...], source: Source) -> _Node:
    layer = Concat(tuple(map(_layers, branches)))
    return _Node(layer, source, tuple(((number,), branch) for number, branch in enumerate(branches, start=1)))


def _repeated(nodes: list[tuple[_Node, ...]], repeats: int) -> tuple[_Node, ...]:
    """Return the nodes of all repeats; ``nodes`` has those of the first repeat and of the others (``stride=1``)."""
    # The size is checked before the tuple is made, because "x1000" of a large block would fill the memory.
    n_layers = _size(nodes[0]) + (repeats - 1) * _size(nodes[-1])
    if n_layers > MAX_LAYERS:
        raise NetworkError(_too_many(n_layers))
    return nodes[0] + nodes[-1] * (repeats - 1)


def _layers(nodes: Iterable[_Node]) -> tuple[Layer, ...]:
    return tuple(node.layer for node in nodes)


def _cycle(blocks: tuple[tuple[str, Source], ...], source: Source) -> Problem:
    """Return the problem of blocks that contain each other.

    The problem starts with the first name in alphabetical order, so that a cycle is reported once, whichever block a
    network uses first.

    Args:
        blocks: the blocks of the cycle, each with the place of its use.
        source: the place where the first of them is used again.
    """
    # The first block was entered from outside of the cycle; inside the cycle, it is used at ``source``.
    uses = [(blocks[0][0], source), *blocks[1:]]
    start = min(range(len(uses)), key=lambda place: uses[place][0])
    names = [name for name, _ in (*uses[start:], *uses[: start + 1])]
    what = f'block "{names[0]}" contains itself: {" → ".join(names)}'
    place = uses[start][1]
    problem = Problem(what, where=place.location)
    return layer_problem(problem, source=place)


def _size(nodes: Iterable[_Node]) -> int:
    return sum(node.size for node in nodes)


def _no_list(layers: str) -> Problem:
    return Problem("layers must be a list of strings", got=f'the string "{layers}"')


def _too_many(n_layers: int) -> Problem:
    return Problem(f"a network must have at most {MAX_LAYERS:,} layers", got=f"{n_layers:,}")


def _sources(nodes: Iterable[_Node], prefix: LayerPath = ()) -> Iterator[tuple[LayerPath, Source]]:
    """Yield the path and the source of each node."""
    for number, node in enumerate(nodes, start=1):
        path = (*prefix, number)
        yield path, node.source
        for steps, inside in node.inside:
            yield from _sources(inside, (*path, *steps))
