"""Detection of bfloat16 instructions, and of limits on their use."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest
import torch

from convstudy.engine import bfloat16
from convstudy.engine.bfloat16 import computes_bfloat16
from convstudy.engine.devices import CPU

LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "ATEN_CPU_CAPABILITY")
AS_AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate a CPU with bfloat16 instructions and no limits."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr(bfloat16, "_onednn_accepts_bfloat16", lambda: True)
    for name in LIMITS:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("capabilities", "able"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, True),
        ({"avx512_bf16": False, "amx_bf16": True}, True),
        ({"avx2": True, "avx512_bf16": False}, False),
        # Other CPUs report none of these; their speed in bfloat16 was not measured.
        ({"neon": True, "bf16": True}, False),
    ],
)
def test_bfloat16_on_cpu_needs_avx512_bf16_or_amx(
    capabilities: dict[str, bool], able: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert computes_bfloat16(CPU) is able


@pytest.mark.parametrize(("capability", "able"), [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_bfloat16_on_gpu_needs_compute_capability_8(
    capability: tuple[int, int], able: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert computes_bfloat16(torch.device("cuda:0")) is able


@pytest.mark.parametrize(
    ("name", "value", "able"),
    [
        ("ONEDNN_MAX_CPU_ISA", "AVX512_CORE", False),
        ("ONEDNN_MAX_CPU_ISA", "avx512_core_vnni", False),
        ("DNNL_MAX_CPU_ISA", "AVX512_CORE", False),
        ("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16", True),
        ("ONEDNN_MAX_CPU_ISA", "AVX10_1_512_AMX", True),
        ("ONEDNN_MAX_CPU_ISA", "DEFAULT", True),
        ("MKL_ENABLE_INSTRUCTIONS", "AVX2", False),
        ("MKL_ENABLE_INSTRUCTIONS", "SSE4_2", False),
        ("MKL_ENABLE_INSTRUCTIONS", "AVX512", True),
        ("MKL_ENABLE_INSTRUCTIONS", "", True),
    ],
)
def test_instruction_set_variables_limit_bfloat16(
    name: str, value: str, able: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert computes_bfloat16(CPU) is able


def test_limits_reported_by_onednn_and_aten_are_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    assert computes_bfloat16(CPU)
    with monkeypatch.context() as patch:
        patch.setattr(bfloat16, "_onednn_accepts_bfloat16", lambda: False)
        assert not computes_bfloat16(CPU)
    for capability in ("AVX2", "DEFAULT"):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda reported=capability: reported)
        assert not computes_bfloat16(CPU)


def test_cpu_limited_to_avx2_has_no_bfloat16() -> None:
    """In a new process, because the libraries read the variables once, at their start."""
    output = subprocess.run(
        [
            sys.executable,
            "-c",
            "import torch; from convstudy.engine import bfloat16 as b, devices as d;"
            "print(b._onednn_accepts_bfloat16(), torch.backends.cpu.get_cpu_capability(), b.computes_bfloat16(d.CPU))",
        ],
        env={**os.environ, **AS_AVX2},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    accepted, capability, able = output.split()
    assert able == "False"
    if platform.machine().lower() in ("x86_64", "amd64"):
        assert (accepted, capability != "AVX512") == ("False", True)
