"""Checks before training: problems in networks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from convstudy.checks.check import Planned, Spot
from convstudy.checks.text import listed
from convstudy.data import split_sizes
from convstudy.errors import NetworkError
from convstudy.networks import Layer, Network, layer_table
from convstudy.networks.layers.norm import BatchNorm
from convstudy.networks.layers.residual import Residual
from convstudy.networks.tree import LayerPath, Source, path_text
from convstudy.numbers import percent, shortest
from convstudy.plan import Candidate
from convstudy.studyfile import NetworkPattern, Study
from convstudy.studyfile.checks import checked_values
from convstudy.studyfile.part import SearchValue

# Layers without weights pass on a variance that dropout has distorted.
WITHOUT_WEIGHTS = (
    "dropout",
    "flatten",
    "activation",
    "crop",
    "max-pool",
    "average-pool",
    "adaptive-average-pool",
    "global-average-pool",
)
MAX_INITIAL_FRACTION = 0.1
"""The largest fraction of its initial value that a moving average may still contain when training ends."""
TARGET_INITIAL_FRACTION = 0.01
LARGER_BATCHES = "set batch_size = 2 or more, or use layer-norm or group-norm 1 instead of the batch-norm"


def no_op_layers(planned: Planned) -> Iterator[Spot]:
    """Find layers that do nothing, such as a pool over 1 × 1; a layer in a block of the study is reported once."""
    study = planned.plan.study
    reported: set[tuple[str, LayerPath, str]] = set()
    for name, pattern in study.network.items():
        expanded = pattern.expanded()
        table = layer_table(
            Network(expanded.layers, pattern.init), study.dataset.image_shape, study.dataset.n_classes
        )
        for row in table.rows:
            source = expanded.sources.get(row.path)
            if not row.no_op_reason or source is None:
                continue
            where, used_in = f"network.{name}", ""
            if source.block in study.block:
                key = (source.block, source.indices, row.no_op_reason)
                if key in reported:
                    continue
                reported.add(key)
                where, used_in = f"block.{source.block}", f" in the network {name}"
            yield Spot(
                where,
                f'layer {row.number}, "{row.text}", does nothing{used_in}: {row.no_op_reason}',
                "remove it, or give it the intended size",
            )


def unused_networks(planned: Planned) -> Iterator[Spot]:
    """Find networks that no search, comparison or ablation uses."""
    study = planned.plan.study
    named = {search.network for search in study.search.values()}
    named |= {network for compare in study.compare.values() for network in compare.networks}
    named |= {ablate.network for ablate in study.ablate.values()}
    for name in study.network:
        if name not in named:
            yield Spot(
                f"network.{name}",
                f"no search, comparison or ablation uses {name}, so it is not trained",
                "add it to a [compare] section, or remove it",
            )


def unused_blocks(planned: Planned) -> Iterator[Spot]:
    """Find blocks that no network uses, neither directly nor inside another block, for any value of a search."""
    study = planned.plan.study
    used: set[str] = set()
    for name, pattern in study.network.items() if study.block else ():
        for values in _values_of(study, name):
            for source in _sources(pattern, values):
                place: Source | None = source
                while place is not None:
                    used.add(place.block)
                    place = place.used_at
    for name in study.block:
        if name not in used:
            yield Spot(
                f"block.{name}",
                f"no network uses the block {name}",
                f'use it ("residual {name}" or "block {name}"), or remove it',
            )


def _values_of(study: Study, name: str) -> Iterator[Mapping[str, SearchValue]]:
    """Yield the network's own values (an empty mapping), then each value that a search tries for a parameter."""
    yield {}
    parameters = study.network[name].parameters
    for search in study.search.values():
        if search.network == name:
            for key, values in search.parameters.items():
                if key in parameters:
                    yield from ({key: value} for value in checked_values(key, values))


def _sources(pattern: NetworkPattern, values: Mapping[str, SearchValue]) -> Iterable[Source]:
    """Return where a network's layers are written; empty if these values are valid only with other values."""
    try:
        return pattern.expanded(**values).sources.values()
    except NetworkError:
        return ()


def dropout_before_norm(planned: Planned) -> Iterator[Spot]:
    """Find dropout before a batch-norm without a layer with weights between them.

    The moving variance of such a batch-norm is wrong in evaluation mode.

    Source: Li et al. 2019, variance shift.
    """
    for name, pattern in planned.plan.study.network.items():
        found: list[tuple[LayerPath, LayerPath]] = []
        _follow_dropout(pattern.network().layers, (), (), found)
        for dropout, norm in found:
            yield Spot(
                f"network.{name}",
                f"the dropout of layer {path_text(dropout)} distorts the moving variance of the batch-norm of layer "
                f"{path_text(norm)}",
                "put the dropout after the batch-norm",
            )


def _follow_dropout(
    layers: tuple[Layer, ...],
    prefix: LayerPath,
    dropout: LayerPath,
    found: list[tuple[LayerPath, LayerPath]],
) -> LayerPath:
    """Collect pairs of a dropout and a batch-norm whose input variance this dropout changes.

    Args:
        layers: a sequence of layers of the tree.
        prefix: the path to this sequence.
        dropout: the path of the dropout whose variance reaches the first layer; empty for none.
        found: receives the pairs.

    Returns:
        The path of the dropout whose variance leaves the last layer; empty for none.
    """
    for number, layer in enumerate(layers, start=1):
        path = (*prefix, number)
        if layer.branches:
            # The variance of a sum or concatenation depends on all its inputs; a shortcut returns its input unchanged.
            ends = [_follow_dropout(each, (*path, *steps), dropout, found) for steps, each in layer.branches]
            through = [end for end in ends if end]
            dropout = through[0] if through else dropout if isinstance(layer, Residual) else ()
        elif layer.word == "dropout":
            dropout = path
        elif layer.word == "batch-norm" and dropout:
            found.append((dropout, path))
            dropout = ()
        elif layer.word not in WITHOUT_WEIGHTS:
            dropout = ()
    return dropout


def norms_at_their_start(planned: Planned) -> Iterator[Spot]:
    """Find batch-norms whose moving averages still contain much of their initial values when training ends.

    The initial values are mean 0 and variance 1.
    """
    for stage in planned.plan.stages:
        if stage.question in ("inner", "nested"):
            continue  # nested cross-validation trains like its search, which is already checked
        short = [(candidate, n_steps(candidate)) for candidate in stage.candidates]
        late = [
            (candidate, steps)
            for candidate, steps in short
            if _largest_momentum(candidate) ** steps > MAX_INITIAL_FRACTION
        ]
        if late:
            candidate, steps = late[0]
            momentum = _largest_momentum(candidate)
            names = listed([each.name for each, _ in late])
            yield Spot(
                f"{stage.key}: {names}",
                f"a fit has {steps:,} steps; then the moving averages of a batch-norm with momentum "
                f"{shortest(momentum)} still contain {percent(momentum**steps, 0)} of their initial values, and "
                "evaluation uses these averages",
                f"use batch-norm momentum={shortest(_sufficient_momentum(steps))}, or more epochs",
            )


def norms_over_one_value(planned: Planned) -> Iterator[Spot]:
    """Find batch-norms over one value per channel: their output is the same for every image."""
    for stage in planned.plan.stages:
        if stage.question in ("inner", "nested"):
            continue  # nested cross-validation trains like its search, which is already checked
        found: dict[str, list[str]] = {}
        for candidate in stage.candidates:
            if what := single_value_norm(candidate):
                found.setdefault(what, []).append(candidate.name)
        for what, names in found.items():
            yield Spot(f"{stage.key}: {listed(names)}", what, LARGER_BATCHES)


def single_value_norm(candidate: Candidate) -> str:
    """Describe the first batch-norm of a candidate that sees one value per channel; "" if there is none.

    Such a batch-norm returns its shift, so the layers before it get no gradient. A smaller last batch needs no check
    (:func:`convstudy.engine.batches.batches` drops a batch of one image), and layer-norm and group-norm refuse one
    value.
    """
    if candidate.recipe.batch_size > 1:
        return ""
    info = candidate.fits[0].dataset
    for path, layer, shape, _ in candidate.network.walk(info.image_shape, info.n_classes):
        if isinstance(layer, BatchNorm) and math.prod(shape[:-1]) == 1:
            return (
                f"with batch_size = 1, the batch-norm of layer {path_text(path)} sees one value per channel: its "
                "output is the same for every image, and the layers before it learn nothing"
            )
    return ""


def n_steps(candidate: Candidate) -> int:
    """Return the number of optimizer steps of a candidate's first fit, up to its epoch budget.

    The smaller last batch of an epoch counts as a step.
    """
    fit = candidate.fits[0]
    n_train, _ = split_sizes(fit.dataset.n_train, fit.split)
    return fit.n_epochs * math.ceil(n_train / candidate.recipe.batch_size)


def _largest_momentum(candidate: Candidate) -> float:
    """Return the largest momentum of a candidate's batch-norms, 0 without any."""
    return max(
        (layer.momentum for layer in candidate.network.all_layers() if isinstance(layer, BatchNorm)),
        default=0.0,
    )


def _sufficient_momentum(steps: int) -> float:
    """Return a momentum, rounded down to two decimals, that leaves at most 1 % of the initial value after ``steps``."""
    return math.floor(100 * float(TARGET_INITIAL_FRACTION ** (1 / steps))) / 100
