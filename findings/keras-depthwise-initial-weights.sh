#!/usr/bin/env bash
# People expect he_normal to draw a depthwise kernel with variance 2 / fan_in, where fan_in is the k x k inputs of one
# channel, as torch.nn.init.kaiming_normal_ does for Conv2d(groups=channels). Keras 3.15.1 counts all channels in the fan
# of DepthwiseConv2D and SeparableConv2D, so the standard deviation is too small by the square root of the number of
# channels: 0.06 instead of 0.47 for 3 x 3 and 64 channels. In a MobileNet without normalization, signals vanish within a
# few layers, and the same initialiser gives different networks in the two frameworks.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check keras==3.15.1 numpy==2.4.6 torch==2.13.0
cd "$folder"
KERAS_BACKEND=torch KERAS_HOME="$folder" "$folder/venv/bin/python" - <<'PYTHON'
import platform
import sys

import keras
import numpy as np
import torch

print("Python", platform.python_version(), "keras", keras.__version__, "torch", torch.__version__, "numpy", np.__version__)
keras.utils.set_random_seed(0)
torch.manual_seed(0)
seen = []
print(f"{'channels':>8} {'sqrt(2 / 9)':>12} {'torch':>8} {'Keras':>8} {'separable':>10} {'ratio':>6} {'sqrt(channels)':>15}")
for channels in (16, 64, 256):
    expected = (2 / 9) ** 0.5
    depthwise = keras.layers.DepthwiseConv2D(3, depthwise_initializer="he_normal")
    depthwise.build((None, 8, 8, channels))
    separable = keras.layers.SeparableConv2D(8, 3, depthwise_initializer="he_normal")
    separable.build((None, 8, 8, channels))
    ours = float(np.std(np.asarray(keras.ops.convert_to_numpy(depthwise.kernel))))
    both = float(np.std(np.asarray(keras.ops.convert_to_numpy(separable.depthwise_kernel))))
    conv = torch.nn.Conv2d(channels, channels, 3, groups=channels)
    torch.nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    theirs = float(conv.weight.detach().std())
    ratio = theirs / ours
    print(f"{channels:8} {expected:12.3f} {theirs:8.3f} {ours:8.3f} {both:10.3f} {ratio:6.1f} {channels ** 0.5:15.1f}")
    is_torch_right = abs(theirs / expected - 1) < 0.2
    is_keras_small = all(abs(expected / each / channels**0.5 - 1) < 0.2 for each in (ours, both))
    seen.append(is_torch_right and is_keras_small)
sys.exit(not all(seen))
PYTHON
