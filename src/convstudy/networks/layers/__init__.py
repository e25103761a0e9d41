"""The layers by the word that a study file uses.

A new layer is one file here and its test: a module with a tuple ``LAYERS`` of its classes is found without a list.
Modules without that name hold what layers share.
"""

from convstudy.discovery import members
from convstudy.networks.layers.layer import Layer

LAYERS: dict[str, type[Layer]] = {
    layer.word: layer
    for layer in sorted(
        (layer for module in members(__name__) for layer in getattr(module, "LAYERS", ())),
        key=lambda layer: layer.word,
    )
}
"""Word -> class, in the order of the words."""

__all__ = ["LAYERS", "Layer"]
