"""The layers, by the first word of their text.

To add a layer, add one module here with a tuple ``LAYERS`` of its classes, and a test. There is no list to extend.
Modules without ``LAYERS`` contain code that layers share.
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
