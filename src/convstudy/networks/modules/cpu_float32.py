"""The condition that the fast paths for float32 on a CPU share."""

from __future__ import annotations

import torch


def is_float32_on_cpu(values: torch.Tensor) -> bool:
    """Return whether a module computes these values in float32 on a CPU: autocast would change them to bfloat16."""
    return (
        values.device.type == "cpu" and values.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    )
