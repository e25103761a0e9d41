"""Whether a device has instructions for bfloat16."""

from __future__ import annotations

import os

import torch

# Values that limit oneDNN to AVX-512 without bfloat16: it still accepts the format, and emulates it.
ONEDNN_WITHOUT_BFLOAT16 = ("AVX512_CORE", "AVX512_CORE_VNNI")


def computes_bfloat16(device: torch.device) -> bool:
    """Return whether a device has instructions for bfloat16, so that it is faster there than float32.

    Without them a processor takes twice as long as in float32, or many times (docs/performance.md). The environment
    variables that limit the instruction sets of oneDNN, MKL and ATen count: a limit below AVX-512 rules bfloat16 out.
    Processors other than x86-64 return False: nothing was measured there.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16")) and not _limited()


def _limited() -> bool:
    """Return whether oneDNN, MKL or ATen may not use bfloat16 instructions that the processor has.

    oneDNN and ATen say what they use. Their answers come first; the variables add what these leave open.
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
    """Return oneDNN's own answer, which heeds ``ONEDNN_MAX_CPU_ISA``; False in a torch that lacks oneDNN."""
    accepts = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return accepts is not None and bool(accepts())
