"""A decode process whose decoder crashes or hangs for some files, as a decoder in C can.

The file content decides: ``crash``, ``hang``, or ``crash once PATH``, which crashes unless PATH exists.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import convstudy.data.decoding
from convstudy.data.decoded import worker

_decode = convstudy.data.decoding.decode


def _hostile(data: Any, options: Any) -> Any:
    word, _, rest = bytes(data[:200]).partition(b" ")
    if word == b"crash" and not (rest and Path(os.fsdecode(rest)).exists()):
        if rest:
            Path(os.fsdecode(rest)).touch()
        os.kill(os.getpid(), signal.SIGSEGV)
    if word == b"hang":
        time.sleep(60)
    return _decode(data, options)


convstudy.data.decoding.decode = _hostile

if __name__ == "__main__":
    if os.environ.get("CONVSTUDY_TEST_WORKER") == "broken":
        sys.exit("no decoder here")
    worker.main()
