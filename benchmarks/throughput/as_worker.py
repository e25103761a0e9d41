"""A script's process as ``convstudy run`` starts a worker's: the allocator keeps big blocks, and threads are few."""

from __future__ import annotations

import os
import sys

from convstudy.run.executors.processes import KEEP_BLOCKS


def start_as_worker(threads: int = 1) -> None:
    """Start this script anew with a worker's environment, unless it has one: glibc reads it before a program begins.

    To be called first, as everything until then is done twice. What is set already stays, as it does for a worker.
    """
    environment = {**KEEP_BLOCKS, "OMP_NUM_THREADS": str(threads), **os.environ}
    if environment != dict(os.environ):
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
