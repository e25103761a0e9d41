#!/usr/bin/env bash
# People expect a save that runs out of space to raise OSError with errno ENOSPC, and catch that to stop and resume. Of
# four functions, only np.savez does. safetensors 0.8.0 raises SafetensorError and torch.save 2.13.0 RuntimeError. Neither
# is an OSError, neither has an errno, and torch's text does not name the cause. np.save (numpy 2.4.6) raises OSError with
# errno None. So a search treats a full disk as one failed training of many, continues, and chooses among the others.
# This script uses a limit on the file size (EFBIG) instead of a full disk: the write fails at the same place.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6 torch==2.13.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import platform
import resource
import sys

import numpy as np
import safetensors
import safetensors.numpy
import torch

print("Python", platform.python_version(), "numpy", np.__version__, "torch", torch.__version__, "safetensors", safetensors.__version__)
array = np.arange(1 << 18, dtype=np.float32)  # 1 MiB
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
functions = {
    "np.savez": lambda: np.savez("a.npz", a=array),
    "np.save": lambda: np.save("a.npy", array),
    "safetensors save_file": lambda: safetensors.numpy.save_file({"a": array}, "a.safetensors"),
    "torch.save": lambda: torch.save({"a": torch.from_numpy(array)}, "a.pt"),
}
expected = {
    "np.savez": (True, True),
    "np.save": (True, False),
    "safetensors save_file": (False, False),
    "torch.save": (False, False),
}
seen = {}
for name, save in functions.items():
    try:
        save()
    except Exception as error:
        seen[name] = (isinstance(error, OSError), getattr(error, "errno", None) is not None)
        print(f"{name:22} {type(error).__name__:16} OSError {seen[name][0]!s:5} errno {getattr(error, 'errno', None)}  {str(error)[:90]}")
    else:
        print(f"{name:22} saved without an error")
sys.exit(seen != expected)
PYTHON
