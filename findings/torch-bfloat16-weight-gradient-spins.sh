#!/usr/bin/env bash
# People expect a second thread on a busy core to cost a little: threads that wait should sleep, above all with
# OMP_WAIT_POLICY=passive. In torch 2.13.0 (oneDNN, x86-64 CPUs with AVX512-BF16 or AMX), the gradient of a convolution's
# weights in bfloat16 waits by spinning. With two threads on one core it takes about 50 times the CPU time of one thread,
# and a training step 16 times; other kernels, and the same gradient in float32, take the same time as with one thread.
# A container limited to fewer cores than torch.get_num_threads() trains that slowly.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.13.0
cd "$folder"
OMP_WAIT_POLICY=passive "$folder/venv/bin/python" - <<'PYTHON'
import os
import platform
import sys
import time

import torch

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
print("Python", platform.python_version(), "torch", torch.__version__, "one core")
if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
    sys.exit("This needs a CPU with bfloat16 instructions.")


def seconds(threads, work):
    torch.set_num_threads(threads)
    work()
    before = time.process_time()
    for _ in range(3):
        work()
    return (time.process_time() - before) / 3


ratios = {}
print(f"{'precision':>10} {'kernel':>16} {'1 thread':>10} {'2 threads':>10} {'ratio':>6}")
for dtype in (torch.float32, torch.bfloat16):
    conv = torch.nn.Conv2d(64, 32, 7).to(dtype, memory_format=torch.channels_last)
    images = torch.randn(100, 64, 22, 22).to(dtype, memory_format=torch.channels_last)
    output = torch.randn(100, 32, 16, 16).to(dtype, memory_format=torch.channels_last)
    settings = [32], [1, 1], [0, 0], [1, 1], False, [0, 0], 1

    def gradient(of_weights):
        mask = [not of_weights, of_weights, False]
        torch.ops.aten.convolution_backward(output, images, conv.weight, *settings, mask)

    works = {
        "forward": lambda: conv(images),
        "input gradient": lambda: gradient(False),
        "weight gradient": lambda: gradient(True),
    }
    for kernel, work in works.items():
        with torch.no_grad():
            one, two = seconds(1, work), seconds(2, work)
        ratios[dtype, kernel] = two / one
        name = str(dtype).removeprefix("torch.")
        print(f"{name:>10} {kernel:>16} {1e3 * one:7.1f} ms {1e3 * two:7.1f} ms {two / one:6.1f}")
spinning = ratios.pop((torch.bfloat16, "weight gradient"))
sys.exit(not (spinning > 5 and all(ratio < 2 for ratio in ratios.values())))
PYTHON
