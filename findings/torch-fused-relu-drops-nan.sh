#!/usr/bin/env bash
# People expect an optimised network to return NaN where the network itself does: relu(NaN) is NaN in torch, and a NaN in
# the output shows that an image or a weight is broken. In torch 2.13.0 on x86-64 CPUs, oneDNN computes ReLUs as
# max(x, 0) in an instruction that returns 0 for NaN. So torch.jit.optimize_for_inference returns finite logits for an
# image of NaN, or for a network with a NaN in each kernel of a layer: a broken model predicts a class with certainty.
# torch.compile with freezing, which fuses the ReLU into the convolution in the same way, does so too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.13.0
"$folder/venv/bin/python" - <<'PYTHON'
import platform
import sys
import warnings

import torch
from torch import nn

warnings.filterwarnings("ignore")
print("Python", platform.python_version(), "torch", torch.__version__)
torch.manual_seed(0)
network = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3)).eval()
image = torch.rand(1, 1, 8, 8)
black = torch.zeros(1, 1, 8, 8)
standardized = (black - black.mean()) / black.std()  # 0 / 0
seen = []
with torch.no_grad():
    for name, model, given in (("an image", network, image), ("NaN image", network, standardized)):
        optimized = torch.jit.optimize_for_inference(torch.jit.script(model))
        eager, fast = model(given).softmax(1)[0], optimized(given).softmax(1)[0]
        print(f"{name:10} eager {eager.tolist()}\n{'':10} optimized {fast.tolist()}")
        seen.append((bool(eager.isnan().any()), bool(fast.isnan().any())))
    network[0].weight[:, 0, 0, 0] = torch.nan
    optimized = torch.jit.optimize_for_inference(torch.jit.script(network))
    eager, fast = network(image).softmax(1)[0], optimized(image).softmax(1)[0]
    print(f"NaN weight eager {eager.tolist()}\n{'':10} optimized {fast.tolist()}")
    seen.append((bool(eager.isnan().any()), bool(fast.isnan().any())))
sys.exit(seen != [(False, False), (True, False), (True, False)])
PYTHON
