"""Check the shapes of every network, of every value of a search and of every variant.

No module is built and nothing is trained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import product

from convstudy.data.dataset import Dataset
from convstudy.errors import NOWHERE, KeyPath, Location, NetworkError, Problem
from convstudy.networks import Network
from convstudy.networks.tree import LayerPath, LayerProblem, Source
from convstudy.studyfile.ablate import Variant
from convstudy.studyfile.checks import MAX_CANDIDATES, bases, checked_values, n_combinations
from convstudy.studyfile.draft import Draft
from convstudy.studyfile.file_error import FileError, shown
from convstudy.studyfile.pairs import pairs_of
from convstudy.studyfile.part import SearchValue
from convstudy.studyfile.patterns import BlockPattern, NetworkPattern
from convstudy.studyfile.ranges import Range

Values = Mapping[str, SearchValue]
MAX_LAYERS = 500_000
"""The maximum number of layers of a study, over all values and variants."""


@dataclass(frozen=True)
class Misfit:
    """Values with which a network cannot be built, and the problem."""

    values: Values
    problem: Problem


def check_shapes(draft: Draft) -> None:
    """Add an error for each network, candidate and variant whose layers do not fit."""
    n_layers = sum(_n_networks(draft, name) * _n_layers(draft.networks[name]) for name in draft.networks)
    if n_layers > MAX_LAYERS:
        what = "the networks have too many layers, over all values and variants"
        draft.report((), what, f"{n_layers:,}", f"at most {MAX_LAYERS:,}")
        return
    # Blocks first, so that an error in a block is not reported again for each network that uses it.
    for name, block in draft.blocks.items():
        _check_block(draft, name, block)
    for name in draft.networks:
        _check_network(draft, name)
    for name in draft.searches:
        _check_candidates(draft, name)
    for name in draft.networks:
        _check_winners_together(draft, name)
    # A variant that has an error is not what the user meant, so a second error about its shapes would not help.
    reported = {error.path[:3] for error in draft.errors}
    for name, ablate in draft.ablates.items():
        for base in bases(draft, ablate.network):
            for variant_name, variant in ablate.variants.items():
                path: KeyPath = ("ablate", name, variant_name)
                if variant.changes_network and path not in reported:
                    _check_variant(draft, base, path, variant_name, variant)
    reported = {error.path[:3] for error in draft.errors}
    for name, ablate in draft.ablates.items():
        for pair in pairs_of(ablate):
            alone: set[KeyPath] = {("ablate", name, pair.first), ("ablate", name, pair.second)}
            if pair.changes_network and not alone & reported:
                for base in bases(draft, ablate.network):
                    _check_variant(draft, base, ("ablate", name, "interactions"), pair.name, pair.together)


def _location(problem: Problem) -> Location:
    """Return the location of the layer of a problem."""
    return problem.location if isinstance(problem, LayerProblem) else NOWHERE


def _n_layers(pattern: NetworkPattern) -> int:
    """Return the number of layers of a pattern with its own values, including those inside other layers."""
    try:
        return len(pattern.network().layer_types)
    except NetworkError:
        return len(pattern.layers)


def _n_networks(draft: Draft, name: str) -> int:
    """Return the number of networks that one pattern makes, including variants and pairs of variants."""
    n_values = math.prod(len(values) for values in _varied_parameters(draft, name).values())
    n_variants = sum(
        sum(variant.changes_network for variant in ablate.variants.values())
        + sum(pair.changes_network for pair in pairs_of(ablate))
        for ablate in draft.ablates.values()
        if name in bases(draft, ablate.network)
    )
    return n_values * (1 + n_variants)


def _varied_parameters(draft: Draft, name: str) -> dict[str, Sequence[SearchValue]]:
    """Return the parameters of a network that searches vary, each with its checked values."""
    parameters = draft.networks[name].parameters
    return {
        key: checked_values(key, values)
        for search in draft.searches.values()
        if search.network == name and n_combinations(search) <= MAX_CANDIDATES
        for key, values in search.parameters.items()
        if key in parameters and values != ()
    }


def _check_block(draft: Draft, name: str, pattern: BlockPattern) -> None:
    """Report the layers of a block that cannot be read with its own values, even if no network uses it."""
    alone = NetworkPattern(layers=(f"block {name}",), blocks=draft.blocks)
    for problem in _problems(alone, None, {}):
        path = _path(draft, problem, ("block", name))
        if path[:2] == ("block", name):
            parts = problem.what, problem.got, problem.expected, problem.hint
            draft.errors.append(FileError(path, *parts, where=_location(problem)))


def _check_network(draft: Draft, name: str) -> None:
    """Report the problems of a network with its own values, except those of its blocks, which are reported already."""
    reported = {error.path for error in draft.errors}
    for problem in _problems(draft.networks[name], draft.dataset, {}):
        path = _path(draft, problem, ("network", name))
        if not (_is_unread(problem) and path[0] == "block" and path in reported):
            draft.errors.append(_file_error(path, Misfit({}, problem), draft.networks[name], name))


def _path(draft: Draft, problem: Problem, owner: KeyPath) -> KeyPath:
    """Return the path of the layer of a problem; for a layer inside a built-in block, the path of the block's use."""
    source = problem.source if isinstance(problem, LayerProblem) else None
    while source is not None and source.block and source.block not in draft.blocks:
        source = source.used_at
    if source is None:
        return (*owner, "layers")
    of = ("block", source.block) if source.block else owner
    return (*of, "layers", *source.indices)


def _check_candidates(draft: Draft, name: str) -> None:
    """Report the values of a search with which its network cannot be built."""
    search = draft.searches[name]
    pattern = draft.networks.get(search.network)
    if pattern is None or any(error.path[:3] == ("search", name, "parameters") for error in draft.errors):
        return  # the invalid values are reported already
    varied = {key: values for key, values in search.parameters.items() if key in pattern.parameters}
    choices = {key: checked_values(key, values) for key, values in varied.items()}
    ranges = {key for key, values in varied.items() if isinstance(values, Range)}
    for path, misfit, also in _by_cause(_misfits(pattern, draft.dataset, choices), choices, ranges):
        at: KeyPath = ("search", name, "parameters", *path)
        draft.errors.append(_file_error(at, misfit, pattern, search.network, also))


def _check_winners_together(draft: Draft, name: str) -> None:
    """Report values of several searches that fit alone, but not together."""
    searches = [key for key, search in draft.searches.items() if search.network == name]
    if len(searches) < 2 or any(error.path[1:2] in [(key,) for key in searches] for error in draft.errors):
        return
    misfits = _misfits(draft.networks[name], draft.dataset, _varied_parameters(draft, name))
    for misfit in misfits[:1]:
        path: KeyPath = ("search", searches[-1], "parameters")
        draft.errors.append(_file_error(path, misfit, draft.networks[name], name, len(misfits) - 1))


def _check_variant(draft: Draft, base: str, path: KeyPath, name: str, variant: Variant) -> None:
    """Report a variant, or a pair of them, that cannot be built although the network itself can."""
    pattern = draft.networks[base]
    choices = _varied_parameters(draft, base)
    own: Values = {key: pattern.parameters[key] for key in choices}
    # The network's own values come first, because their message is shorter.
    for values in [own, *(dict(zip(choices, row, strict=True)) for row in product(*choices.values()))]:
        problems = _problems(pattern, draft.dataset, values, variant.network)
        if problems and not _problems(pattern, draft.dataset, values):
            shown_values = {} if values == own else values
            draft.errors.append(
                _file_error(path, Misfit(shown_values, problems[0]), pattern, base, variant=name)
            )
            return


def _misfits(
    pattern: NetworkPattern, dataset: Dataset | None, choices: Mapping[str, Sequence[SearchValue]]
) -> list[Misfit]:
    """Return the combinations of values with which a network cannot be built. Its own problems are ignored."""
    known = _problems(pattern, dataset, {})
    misfits = []
    for row in product(*choices.values()):
        values = dict(zip(choices, row, strict=True))
        problems = [item for item in _problems(pattern, dataset, values) if not _is_known(item, known)]
        misfits += [Misfit(values, problem) for problem in problems[:1]]
    return misfits


def _is_known(problem: Problem, known: tuple[Problem, ...]) -> bool:
    """Return whether the network has this problem with its own values too. If so, it is reported already."""
    for other in known:
        if _spot(other) == _spot(problem) and (
            other.what == problem.what or (_is_unread(problem) and other.got == problem.got)
        ):
            return True
    return False


def _spot(problem: Problem) -> tuple[LayerPath, Source | None]:
    """Return the path and the source of the layer of a problem."""
    return (problem.path, problem.source) if isinstance(problem, LayerProblem) else ((), None)


def _is_unread(problem: Problem) -> bool:
    """Return whether the problem is a layer text that cannot be read."""
    return not (isinstance(problem, LayerProblem) and problem.path)


def _by_cause(
    misfits: list[Misfit], choices: Mapping[str, Sequence[SearchValue]], ranges: Set[str]
) -> Iterable[tuple[KeyPath, Misfit, int]]:
    """Yield one misfit for each cause, with its path below ``parameters`` and the number of similar misfits.

    A value is a cause if every combination with it fails, for the same reason. The values of a range have the same
    path, so one misfit represents all values of the range that are causes.
    """
    # Values that fail in every combination come first; their error is at the value. The error of other combinations is
    # at ``parameters``.
    rest = list(misfits)
    n_all = math.prod(len(values) for values in choices.values())
    for key, values in choices.items():
        failing: dict[SearchValue, list[Misfit]] = {}
        for misfit in rest:
            failing.setdefault(misfit.values[key], []).append(misfit)
        causes: list[tuple[KeyPath, Misfit]] = []
        for place, value in enumerate(values):
            same = failing.get(value, [])
            # Each value is in n_all / len(values) combinations.
            if len(same) * len(values) == n_all and len({misfit.problem for misfit in same}) == 1:
                causes.append(((key, place), Misfit({key: value}, same[0].problem)))
                del failing[value]
        if key in ranges:
            for _, misfit in causes[:1]:
                yield (key,), misfit, len(causes) - 1
        else:
            for path, misfit in causes:
                yield path, misfit, 0
        rest = [misfit for group in failing.values() for misfit in group]
    reasons: dict[tuple[Location, str], list[Misfit]] = {}
    for misfit in rest:
        # The layer text contains the values, so it would put each combination into its own group.
        layer = replace(_location(misfit.problem), layer_text="")
        reasons.setdefault((layer, misfit.problem.what), []).append(misfit)
    for group in reasons.values():
        yield (), group[0], len(group) - 1


def _problems(
    pattern: NetworkPattern,
    dataset: Dataset | None,
    values: Values,
    change: Callable[[Network], Network] | None = None,
) -> tuple[Problem, ...]:
    """Return the problems of a network with these values. Without a dataset, the layers are parsed only."""
    sources: Mapping[LayerPath, Source] = {}
    try:
        expanded = pattern.expanded(**values)
        network = Network(expanded.layers, pattern.init)
        if change is None:
            sources = expanded.sources
        else:
            network = change(network)  # the paths of the layers have changed
        if dataset is not None:
            for _ in network.walk(dataset.image_shape, dataset.n_classes):
                pass
    except NetworkError as error:
        return tuple(_with_source(problem, sources) for problem in error.problems)
    return ()


def _with_source(problem: Problem, sources: Mapping[LayerPath, Source]) -> Problem:
    """Return a problem with the source of its layer. A projection has the source of its residual."""
    if not isinstance(problem, LayerProblem) or problem.source is not None:
        return problem
    found = next((sources[path] for path in _upwards(problem.path) if path in sources), None)
    return replace(problem, source=found)


def _upwards(path: LayerPath) -> Iterable[LayerPath]:
    return (path[:length] for length in range(len(path), 0, -1))


def _file_error(
    path: KeyPath, misfit: Misfit, pattern: NetworkPattern, name: str, also: int = 0, variant: str = ""
) -> FileError:
    """Return a misfit as an error that names the network and the values."""
    values = {**pattern.parameters, **misfit.values}
    context = f'variant "{variant}" of network "{name}"' if variant else f'network "{name}"'
    assignments = ", ".join(f"{key} = {shown(value)}" for key, value in values.items())
    context += f" with {assignments}" if assignments else ""
    context += f", and {also:,} more combination{'s' if also > 1 else ''}" if also else ""
    problem = misfit.problem
    what, expected = problem.what, problem.expected
    if not what:
        what, expected = f"the layer must be {expected}", ""
    what = f"{what} ({context})"
    return FileError(path, what, problem.got, expected, problem.hint, _location(problem))
