"""A decode process that can write files of up to 4,000 bytes only, as on a full disk."""

from __future__ import annotations

import resource
import signal

from convstudy.data.decoded import worker

if __name__ == "__main__":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, 4_000))
    worker.main()
