"""``convstudy networks``: the layer tables of a study's networks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from convstudy.cli.options import examples, json_option, study_argument, study_of
from convstudy.cli.output import print_json, table
from convstudy.errors import Location, UsageError, unknown

if TYPE_CHECKING:
    from convstudy.networks import LayerTable
    from convstudy.studyfile import Study


INDENT = "  "
"""The indentation of a layer text, per level of nesting."""


@dataclass(frozen=True)
class NamedTable:
    """The layer table and the name of a network (``"two-conv"``) or variant (``"ablate.five-conv.plain"``)."""

    name: str
    layers: LayerTable


@click.command(epilog=examples("convstudy networks mnist", "convstudy networks mnist two-conv"))
@study_argument
@click.argument("name", required=False)
@json_option
@click.pass_context
def networks(context: click.Context, source: str, name: str | None, as_json: bool) -> None:
    """Show the layers, parameters and MACs of each network.

    For each network of STUDY, a table lists the layers with their output shapes, numbers of parameters, and
    multiply-accumulate operations (MACs) per image. NAME selects one network. Ablation variants are
    shown if they change the layers.

    Exit status: 0 success, 2 wrong usage.
    """
    study = study_of(context, source)
    tables = networks_of(study)
    if name is not None:
        names = [each.name for each in tables]
        if name not in names:
            raise UsageError(unknown("network", name, names, Location(subject=context.command_path)))
        tables = [each for each in tables if each.name == name]
    if as_json:
        print_json(
            {"study": study.name, "dataset": study.dataset.name, "networks": [_json(each) for each in tables]}
        )
    else:
        click.echo("\n\n".join(_text(each) for each in tables))


def networks_of(study: Study) -> list[NamedTable]:
    """Return the networks of a study, then the ablation variants, single and paired, that change the layers.

    Variants of ``"best"`` are omitted, because their network is known only after the comparison.
    """
    from convstudy.networks import layer_table
    from convstudy.studyfile import BEST, pairs_of

    info = study.dataset
    found = {name: pattern.network() for name, pattern in study.network.items()}
    for section, ablate in study.ablate.items():
        if ablate.network == BEST:
            continue
        base = study.network[ablate.network].network()
        for name, variant in ablate.variants.items():
            if variant.network(base) != base:
                found[f"ablate.{section}.{name}"] = variant.network(base)
        for pair in pairs_of(ablate):
            if pair.changes_network:
                found[f"ablate.{section}.{pair.name}"] = pair.together.network(base)
    return [
        NamedTable(name, layer_table(network, info.image_shape, info.n_classes))
        for name, network in found.items()
    ]


def _text(named: NamedTable) -> str:
    from convstudy.networks import shape_text

    layers = named.layers
    rows = [
        (
            row.number,
            INDENT * (len(row.path) - 1) + row.text,
            shape_text(row.output_shape),
            row.n_parameters,
            row.macs,
            f"does nothing: {row.no_op_reason}" if row.no_op_reason else "",
        )
        for row in layers.rows
    ]
    return "\n".join(
        (
            f"{named.name}, input {shape_text(layers.input_shape)}",
            "",
            table(("", "layer", "output shape", "parameters", "MACs", ""), rows, right=(3, 4)),
            "",
            f"parameters: {layers.n_parameters:,} total, {layers.n_trainable:,} trainable, "
            f"{layers.n_not_trainable:,} not trainable; MACs per image: {layers.macs:,}",
        )
    )


def _json(named: NamedTable) -> dict[str, Any]:
    layers = named.layers
    return {
        "name": named.name,
        "input_shape": list(layers.input_shape),
        "layers": [
            {"number": row.number, **_without_path(asdict(row)), "n_parameters": row.n_parameters}
            for row in layers.rows
        ],
        "n_parameters": layers.n_parameters,
        "n_trainable": layers.n_trainable,
        "n_not_trainable": layers.n_not_trainable,
        "macs": layers.macs,
    }


def _without_path(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without its path, because ``number`` is the path as text."""
    return {key: value for key, value in row.items() if key != "path"}
