"""Networks as values: their layers, shapes, numbers of parameters and MACs, and torch modules.

A *layer text* is the string that describes a layer, such as ``"conv 64 3 relu"``.

==================  ==========================================================================
``layers/``         the layers, one file each: text, shapes, counts, module
``blocks/``         the built-in blocks, one file each
``block``           a named sequence of layers with parameters
``parameters``      fills ``{kernel}`` in a layer text
``reading``         parses a layer text such as ``"conv 64 3 relu"``
``uses``            parses a use of a block: ``"residual basic x3 filters=32"``
``expanding``       turns layer texts into a tree of layers, with blocks expanded
``shapes``          the shape of one image between two layers
``tree``            paths and shapes of the layers of a tree
``network``         a tree of layers and its variants
``table``           the layer table: shapes, parameters, MACs
``activations``     the activation functions by name
``initialisers``    the weight initialisers by name, as in Keras
``build``           builds the torch module of a network
``modules/``        torch modules that torch itself lacks
==================  ==========================================================================

Only ``build``, ``modules`` and the bodies of ``Layer.module`` import torch, when they are called.
"""

from convstudy.networks.activations import ACTIVATIONS
from convstudy.networks.block import Block
from convstudy.networks.blocks import BLOCKS
from convstudy.networks.initialisers import INITIALISERS
from convstudy.networks.layers import LAYERS, Layer
from convstudy.networks.network import Network
from convstudy.networks.reading import read_layer
from convstudy.networks.shapes import Shape, shape_text
from convstudy.networks.table import LayerTable, layer_table

__all__ = [
    "ACTIVATIONS",
    "BLOCKS",
    "INITIALISERS",
    "LAYERS",
    "Block",
    "Layer",
    "LayerTable",
    "Network",
    "Shape",
    "layer_table",
    "read_layer",
    "shape_text",
]
