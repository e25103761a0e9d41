"""``convstudy layers``: the layers, blocks, activations and initialisers of study files."""

from __future__ import annotations

import click

from convstudy.cli.options import examples, json_option
from convstudy.cli.output import print_json, table


@click.command(epilog=examples("convstudy layers", "convstudy layers --json"))
@json_option
def layers(as_json: bool) -> None:
    """List the layers, blocks and activations for study files.

    The list has each layer with its arguments and a description, then blocks, activations and initialisers.
    docs/networks.md shows how to build networks from them.

    Exit status: 0 success.
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
    layer_list = "\n".join(f"{layer.usage}\n    {layer.summary()}" for layer in LAYERS.values())
    blocks = table(
        ("block", "parameters", "source"),
        [
            (name, " ".join(f"{key}={value}" for key, value in block.parameters.items()), block.source)
            for name, block in BLOCKS.items()
        ],
    )
    click.echo(
        f"{layer_list}\n\n{blocks}\n\nactivations: {', '.join(ACTIVATIONS)}\ninitialisers: {', '.join(INITIALISERS)}"
    )
