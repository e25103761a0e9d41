"""``convstudy layers``: what a network may be made of."""

from __future__ import annotations

import click

from convstudy.cli.options import json_option
from convstudy.cli.output import print_json, table


@click.command()
@json_option
def layers(as_json: bool) -> None:
    """List layers, blocks, activations and initialisers.

    docs/networks.md shows how they become a network.
    """
    from convstudy.networks import ACTIVATIONS, BLOCKS, INITIALISERS, LAYERS

    if as_json:
        print_json(
            {
                "layers": [
                    {"word": word, "usage": layer.usage, "description": layer.summary()}
                    for word, layer in LAYERS.items()
                ],
                "blocks": [
                    {"name": name, "parameters": dict(block.parameters), "source": block.source}
                    for name, block in BLOCKS.items()
                ],
                "activations": list(ACTIVATIONS),
                "initialisers": list(INITIALISERS),
            }
        )
        return
    every = "\n".join(f"{layer.usage}\n    {layer.summary()}" for layer in LAYERS.values())
    blocks = table(
        ("block", "parameters", "source"),
        [
            (name, " ".join(f"{key}={value}" for key, value in block.parameters.items()), block.source)
            for name, block in BLOCKS.items()
        ],
    )
    click.echo(
        f"{every}\n\n{blocks}\n\nactivations: {', '.join(ACTIVATIONS)}\ninitialisers: {', '.join(INITIALISERS)}"
    )
