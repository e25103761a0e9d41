"""The search for faults in torch's convolutions: its cases, and the layers of convstudy."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.faults.convolution_faults import MACHINES, MAX_MACS, drawn, drawn_with_groups

HOME = Path(__file__).parents[1]


def test_convolution_cases_repeat_and_cover_parameter_ranges() -> None:
    cases = [drawn(0, number, layers=False) for number in range(2000)]
    assert cases == [drawn(0, number, layers=False) for number in range(2000)]
    assert {each.kernel[0] for each in cases} == set(range(1, 12))
    assert {each.stride[0] for each in cases} == {1, 2, 3}
    assert {each.channels for each in cases} == set(range(1, 65))
    assert max(each.batch for each in cases) > 90
    assert max(each.padding for each in cases) == 5
    assert len({each.kind for each in cases}) == 6
    for each in cases:
        sizes = zip(each.image, each.kernel, each.stride, strict=True)
        rows, columns = ((size + 2 * each.padding - kernel) // stride + 1 for size, kernel, stride in sizes)
        per_position = each.channels * each.filters * each.kernel[0] * each.kernel[1]
        assert 0 < rows * columns * per_position * each.batch <= MAX_MACS


def test_layer_cases_are_square() -> None:
    cases = [drawn(0, number, layers=True) for number in range(200)]
    assert all(len({*each.kernel}) == len({*each.stride}) == 1 for each in cases)


def test_grouped_and_dilated_cases_repeat_and_cover_parameter_ranges() -> None:
    cases = [drawn_with_groups(0, number) for number in range(1000)]
    assert cases == [drawn_with_groups(0, number) for number in range(1000)]
    kinds = {each.kind for each in cases}
    assert kinds == {"no groups, dilated", "groups", "groups, dilated", "depthwise", "depthwise, dilated"}
    assert {each.dilation for each in cases} == {1, 2, 3, 4}
    assert all(each.channels % each.groups == each.filters % each.groups == 0 for each in cases)
    assert all(min(each.image) > each.dilation * (each.kernel[0] - 1) for each in cases)
    assert {each.stride[0] > each.kernel[0] for each in cases} == {True, False}


@pytest.mark.slow
@pytest.mark.parametrize("groups", [[], ["--groups"]])
def test_convstudy_layers_show_no_fault(groups: list[str]) -> None:
    try:
        ctypes.CDLL("libc_malloc_debug.so.0")
    except OSError:
        pytest.skip("glibc has no checking allocator on this machine")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.faults.convolution_faults", "--layers", "--cases", "60", *groups],
        capture_output=True,
        text=True,
        check=True,
        cwd=HOME,
    )
    rows = [line for line in done.stdout.splitlines() if line.startswith("| all |")]
    assert rows == ["| all | 60 | 60 | 0 | 0 | 0 | 0 | 0 |"] * len(MACHINES)
