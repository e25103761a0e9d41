"""Before training: what is the matter with a network."""

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
from convstudy.studyfile.part import Tried

# Layers without weights: what dropout does to the variance of their input, they hand on.
PASS_ON_VARIANCE = (
    "dropout",
    "flatten",
    "activation",
    "max-pool",
    "average-pool",
    "adaptive-average-pool",
    "global-average-pool",
)
MOST_OF_START = 0.1
"""The share of its start values that a moving average may still hold when training ends."""
WANTED_OF_START = 0.01
LARGER_BATCHES = "batch_size = 2 or more, or no batch-norm over single values (layer-norm, group-norm 1)"


def no_op_layers(planned: Planned) -> Iterator[Spot]:
    """Layers that do nothing, such as a pool over 1 × 1; one of a block of the study is reported once."""
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
                key = (source.block, source.places, row.no_op_reason)
                if key in reported:
                    continue
                reported.add(key)
                where, used_in = f"block.{source.block}", f" in the network {name}"
            yield Spot(
                where,
                f'layer {row.number}, "{row.text}", does nothing{used_in}: {row.no_op_reason}',
                "take it out, or give it the size that was meant",
            )


def unused_networks(planned: Planned) -> Iterator[Spot]:
    """Networks that no question names."""
    study = planned.plan.study
    named = {search.network for search in study.search.values()}
    named |= {network for compare in study.compare.values() for network in compare.networks}
    named |= {ablate.network for ablate in study.ablate.values()}
    for name in study.network:
        if name not in named:
            yield Spot(
                f"network.{name}",
                f"no question names {name}, so it is not trained",
                "name it in a [compare] section, or take it out",
            )


def unused_blocks(planned: Planned) -> Iterator[Spot]:
    """Blocks that no network uses, directly or through another block, with its own values or those of a search."""
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
                f'use it ("residual {name}", "block {name}"), or take it out',
            )


def _values_of(study: Study, name: str) -> Iterator[Mapping[str, Tried]]:
    """Yield no values, and then each value that a search tries for a parameter of a network."""
    yield {}
    parameters = study.network[name].parameters
    for search in study.search.values():
        if search.network == name:
            for key, values in search.parameters.items():
                if key in parameters:
                    yield from ({key: value} for value in checked_values(key, values))


def _sources(pattern: NetworkPattern, values: Mapping[str, Tried]) -> Iterable[Source]:
    """Return where the layers of a network are written; of values that go with others only, nothing."""
    try:
        return pattern.expanded(**values).sources.values()
    except NetworkError:
        return ()


def dropout_before_norm(planned: Planned) -> Iterator[Spot]:
    """Dropout before batch-norm, no weights between: in training the norm sees another variance (Li et al. 2019)."""
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
    """Note each dropout whose variance reaches a batch-norm, and return the one that reaches the end of the layers.

    Args:
        layers: a sequence of layers of the tree.
        prefix: the path to them.
        dropout: the path of the dropout whose variance reaches them; empty for none.
        found: the pairs of dropout and batch-norm so far.
    """
    for number, layer in enumerate(layers, start=1):
        path = (*prefix, number)
        if layer.branches:
            # A sum or a concatenation has the variance of all that goes into it; a shortcut hands its input on.
            ends = [_follow_dropout(each, (*path, *steps), dropout, found) for steps, each in layer.branches]
            through = [end for end in ends if end]
            dropout = through[0] if through else dropout if isinstance(layer, Residual) else ()
        elif layer.word == "dropout":
            dropout = path
        elif layer.word == "batch-norm" and dropout:
            found.append((dropout, path))
            dropout = ()
        elif layer.word not in PASS_ON_VARIANCE:
            dropout = ()
    return dropout


def norms_at_their_start(planned: Planned) -> Iterator[Spot]:
    """Batch-norms whose moving averages still hold much of their start (mean 0, variance 1) when training ends."""
    for stage in planned.plan.stages:
        if stage.question in ("inner", "nested"):
            continue  # these train as the search that they judge does
        short = [(candidate, n_steps(candidate)) for candidate in stage.candidates]
        late = [
            (candidate, steps) for candidate, steps in short if _slowest(candidate) ** steps > MOST_OF_START
        ]
        if late:
            candidate, steps = late[0]
            momentum = _slowest(candidate)
            names = listed([each.name for each, _ in late])
            yield Spot(
                f"{stage.key}: {names}",
                f"a fit has {steps:,} steps, after which a batch-norm with momentum {shortest(momentum)} still holds "
                f"{percent(momentum**steps, 0)} of its start values, and is judged with them",
                f"batch-norm momentum={shortest(_quick_enough(steps))}, or more epochs",
            )


def norms_over_one_value(planned: Planned) -> Iterator[Spot]:
    """Batch-norms that see one value of each channel in a batch: they return the same for every image."""
    for stage in planned.plan.stages:
        if stage.question in ("inner", "nested"):
            continue  # these train as the search that they judge does
        found: dict[str, list[str]] = {}
        for candidate in stage.candidates:
            if what := lone_norm(candidate):
                found.setdefault(what, []).append(candidate.name)
        for what, names in found.items():
            yield Spot(f"{stage.key}: {listed(names)}", what, LARGER_BATCHES)


def lone_norm(candidate: Candidate) -> str:
    """Return a sentence on the first batch-norm that sees one value of each channel in a batch; "" without one.

    Its output is then its shift, so the layers before it get no gradient. A last batch of one image is no such case
    (:func:`convstudy.engine.batches.batches` leaves it out), and a layer-norm or group-norm of one value is refused.
    """
    if candidate.recipe.batch_size > 1:
        return ""
    info = candidate.fits[0].dataset
    for path, layer, shape, _ in candidate.network.walk(info.image_shape, info.n_classes):
        if isinstance(layer, BatchNorm) and math.prod(shape[:-1]) == 1:
            return (
                f"with batch_size 1 the batch-norm of layer {path_text(path)} sees one value of each channel, so its "
                "output is the same for every image and the layers before it learn nothing"
            )
    return ""


def n_steps(candidate: Candidate) -> int:
    """Return how many steps a candidate's first fit has, over all epochs that it is trained or paused after.

    The last batch of an epoch may be a smaller one.
    """
    fit = candidate.fits[0]
    n_train, _ = split_sizes(fit.dataset.n_train, fit.split)
    return fit.n_epochs * math.ceil(n_train / candidate.recipe.batch_size)


def _slowest(candidate: Candidate) -> float:
    """Return the highest momentum of a candidate's batch-norms, 0 where there is none."""
    return max(
        (layer.momentum for layer in candidate.network.every_layer() if isinstance(layer, BatchNorm)),
        default=0.0,
    )


def _quick_enough(steps: int) -> float:
    """Return a momentum, in two digits, that leaves no more than a hundredth of the start after so many steps."""
    return math.floor(100 * float(WANTED_OF_START ** (1 / steps))) / 100
