"""The built-in blocks by name.

To add a block, add one module here with a ``BLOCK``, and a test. There is no list to extend. A block of a study hides
the built-in block of the same name.
"""

from convstudy.discovery import members
from convstudy.networks.block import Block

BLOCKS: dict[str, Block] = {
    module.BLOCK.name: module.BLOCK for module in members(__name__) if hasattr(module, "BLOCK")
}
"""Block name -> block, in the order of the file names."""

__all__ = ["BLOCKS"]
