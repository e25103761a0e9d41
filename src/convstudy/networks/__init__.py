"""Networks as data: what a layer is called, what it does to a shape, what it weighs, and how it becomes a module.

==================  ==========================================================================
``layers/``         one file a layer: its words, its shape rule, its counts, its module
``blocks/``         the built-in blocks, one file each
``block``           layers under a name, for networks to use
``parameters``      ``{kernel}`` in a layer text
``reading``         a layer text such as ``"conv 64 3 relu"`` to a layer
``uses``            a use of blocks: ``"residual basic x3 filters=32"``
``expanding``       layers as they are written to a tree of layers, blocks in the place of their names
``tree``            paths, all layers in order, the shapes through a tree
``network``         a tree of layers, its variants, the shapes through it
``table``           the layer table: shapes, parameters, multiply-adds
``activations``     the activation functions by name
``initialisers``    the start weights by name, as Keras draws them
``build``           a network to a torch module
``modules/``        the torch modules that torch itself lacks
==================  ==========================================================================

Only ``build``, ``modules`` and the bodies of ``Layer.module`` touch torch, and only when called.
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
