"""The built-in blocks by name.

A new block is one file here and its test: a module with ``BLOCK`` is found without a list. A study that has a block of
the same name uses its own.
"""

from convstudy.discovery import members
from convstudy.networks.block import Block

BLOCKS: dict[str, Block] = {
    module.BLOCK.name: module.BLOCK for module in members(__name__) if hasattr(module, "BLOCK")
}
"""Name -> block, in the order of the names of their files."""

__all__ = ["BLOCKS"]
