"""The precision that the benchmarks measure: bfloat16 if the CPU has instructions for it, otherwise float32.

Emulated bfloat16 is several times slower than float32 and is not representative of the engine.
"""

from __future__ import annotations

from functools import cache
from typing import Literal


@cache
def fast_precision() -> Literal["float32", "bfloat16"]:
    """Return the precision that ``"auto"`` selects on this CPU, within limits such as ``ONEDNN_MAX_CPU_ISA``."""
    import torch

    from convstudy.engine.bfloat16 import computes_bfloat16

    return "bfloat16" if computes_bfloat16(torch.device("cpu")) else "float32"


def is_emulated(name: str) -> bool:
    """Return whether ``name`` contains "bfloat16" and this CPU would emulate it."""
    return "bfloat16" in name and fast_precision() == "float32"


def skip_note(names: str) -> str:
    """Return the note about measurements that are skipped."""
    return f"Skipped, because this CPU has no bfloat16 instructions or they are disabled: {names}."
