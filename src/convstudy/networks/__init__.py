"""Networks as data: what a layer is called, what it does to a shape, what it weighs, and how it becomes a module.

==================  ==========================================================================
``layers/``         one file a layer: its words, its shape rule, its counts, its module
``reading``         a layer text such as ``"conv 64 3 relu"`` to a layer, and back
``network``         a stack of layers, its variants, the shapes through it
``table``           the layer table: shapes, parameters, multiply-adds
``activations``     the activation functions by name
``initialisers``    the start weights by name, as Keras draws them
``build``           a network to a torch module
``modules/``        the torch modules that torch itself lacks
==================  ==========================================================================

Only ``build``, ``modules`` and the bodies of ``Layer.module`` touch torch, and only when called.
"""

from convstudy.networks.activations import ACTIVATIONS
from convstudy.networks.initialisers import INITIALISERS
from convstudy.networks.layers import LAYERS, Layer
from convstudy.networks.network import Network
from convstudy.networks.reading import read_layer
from convstudy.networks.shapes import Shape, shape_text
from convstudy.networks.table import LayerTable, layer_table

__all__ = [
    "ACTIVATIONS",
    "INITIALISERS",
    "LAYERS",
    "Layer",
    "LayerTable",
    "Network",
    "Shape",
    "layer_table",
    "read_layer",
    "shape_text",
]
