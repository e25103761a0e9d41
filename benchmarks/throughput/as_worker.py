"""Run a script in the environment of a worker of ``convstudy run``: allocator settings and number of threads."""

from __future__ import annotations

import os
import sys

from convstudy.run.executors.processes import KEEP_BLOCKS


def start_as_worker(threads: int = 1) -> None:
    """Restart this script with the environment of a worker, unless it has it already.

    A restart is necessary because glibc reads these variables before the program starts. Call this first: everything
    before it runs twice. Variables that are already set keep their values, as for a worker.
    """
    environment = {**KEEP_BLOCKS, "OMP_NUM_THREADS": str(threads), **os.environ}
    if environment != dict(os.environ):
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
