"""Detect whether a device has instructions for bfloat16."""

from __future__ import annotations

import os

import torch

# These values limit oneDNN to AVX-512 without bfloat16 instructions: it still accepts bfloat16 but emulates it.
ONEDNN_WITHOUT_BFLOAT16 = ("AVX512_CORE", "AVX512_CORE_VNNI")


def computes_bfloat16(device: torch.device) -> bool:
    """Return whether a device has instructions for bfloat16, which make it faster than float32.

    Without such instructions, bfloat16 takes 2 to 11 times as long as float32 on a CPU (docs/performance.md). The
    environment variables that limit the instruction sets of oneDNN, MKL and ATen are respected: below AVX-512 there is
    no bfloat16. For CPUs other than x86-64 the function returns ``False``, because none was measured. GPUs need compute
    capability 8.0.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")) and not _is_limited()


def _is_limited() -> bool:
    """Return whether oneDNN, MKL or ATen is limited to instruction sets without bfloat16.

    oneDNN and ATen report the limit that they use. Only the environment variables show whether oneDNN emulates bfloat16
    and whether MKL is limited.
    """
    onednn = os.environ.get("ONEDNN_MAX_CPU_ISA", os.environ.get("DNNL_MAX_CPU_ISA", "")).upper()
    mkl = os.environ.get("MKL_ENABLE_INSTRUCTIONS", "").upper()
    return (
        not _onednn_accepts_bfloat16()
        or onednn in ONEDNN_WITHOUT_BFLOAT16
        or not torch.backends.cpu.get_cpu_capability().startswith("AVX512")
        or (mkl != "" and not mkl.startswith("AVX512"))
    )


def _onednn_accepts_bfloat16() -> bool:
    """Return whether oneDNN accepts bfloat16 under ``ONEDNN_MAX_CPU_ISA``; ``False`` if torch lacks oneDNN."""
    accepts = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return accepts is not None and bool(accepts())
