"""Which number format the benchmarks measure: bfloat16 where the processor computes in it, else float32.

Emulated bfloat16 takes many times as long as float32 and says nothing about the engine.
"""

from __future__ import annotations

from functools import cache
from typing import Literal


@cache
def fast_format() -> Literal["float32", "bfloat16"]:
    """Return what ``precision = "auto"`` means on this processor, with the limits of its instruction sets."""
    import torch

    from convstudy.engine.bfloat16 import computes_bfloat16

    return "bfloat16" if computes_bfloat16(torch.device("cpu")) else "float32"


def emulated(name: str) -> bool:
    """Return whether something with this name would compute in bfloat16 that is emulated here."""
    return "bfloat16" in name and fast_format() == "float32"


def skipped(names: str) -> str:
    """Return the line that says what is not measured, and why."""
    return f"Skipped, because this processor has no bfloat16 instructions or may not use them: {names}."
