"""``convstudy networks``: the layer tables of a study's networks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from convstudy.cli.options import json_option, study_argument, study_of
from convstudy.cli.output import print_json, table
from convstudy.errors import Location, UsageError, unknown

if TYPE_CHECKING:
    from convstudy.networks import LayerTable
    from convstudy.studyfile import Study


INDENT = "  "
"""Before the text of a layer, for each layer around it."""


@dataclass(frozen=True)
class Named:
    """A network of a study, or a variant that changes one: ``"two-conv"``, ``"ablate.five-conv.plain"``."""

    name: str
    layers: LayerTable


@click.command()
@study_argument
@click.argument("name", required=False)
@json_option
@click.pass_context
def networks(context: click.Context, source: str, name: str | None, as_json: bool) -> None:
    """Show the layers of the networks of STUDY.

    Each layer with its output shape, parameters and multiply-adds. NAME shows one network only. Variants of an
    ablation are shown where they change the layers.
    """
    study = study_of(context, source)
    every = networks_of(study)
    if name is not None:
        names = [each.name for each in every]
        if name not in names:
            raise UsageError(unknown("network", name, names, Location(subject=context.command_path)))
        every = [each for each in every if each.name == name]
    if as_json:
        print_json(
            {"study": study.name, "dataset": study.dataset.name, "networks": [_json(each) for each in every]}
        )
    else:
        click.echo("\n\n".join(_text(each) for each in every))


def networks_of(study: Study) -> list[Named]:
    """Return a study's networks as they are declared, then the variants of named networks that differ from them, and
    what two variants make together that neither makes alone.

    Variants of ``"best"`` are left out: what they change is known after the comparison only.
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
        Named(name, layer_table(network, info.image_shape, info.n_classes)) for name, network in found.items()
    ]


def _text(named: Named) -> str:
    """Return a network's table and totals for a person."""
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
            table(("", "layer", "output shape", "parameters", "multiply-adds", ""), rows, right=(3, 4)),
            "",
            f"parameters: {layers.n_parameters:,} total, {layers.n_trainable:,} trainable, "
            f"{layers.n_not_trainable:,} not trainable; multiply-adds an image: {layers.macs:,}",
        )
    )


def _json(named: Named) -> dict[str, Any]:
    """Return a network's table and totals for a program."""
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
    """Return a row without the numbers of its path, which ``number`` has in words."""
    return {key: value for key, value in row.items() if key != "path"}
