"""The main program of a worker process: ``python -m convstudy.run.worker RUNS``.

Tasks come in as lines of JSON, messages go out the same way. When its input ends, because whoever started it has
ended, the worker ends at once, in the middle of a training too: the checkpoint of its last epoch is on the disk.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from pathlib import Path

from convstudy.run.execute import execute
from convstudy.run.tasks import WorkerMessage, message_as_json, task_from_json
from convstudy.store import Layout


def main() -> None:
    """Do tasks until the input ends."""
    layout = Layout(Path(sys.argv[1]))
    # Messages keep the real output for themselves; whatever a library prints goes to the log.
    messages = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(lines,), daemon=True).start()

    def send(message: WorkerMessage) -> None:
        print(json.dumps(message_as_json(message)), file=messages, flush=True)

    while True:
        execute(task_from_json(json.loads(lines.get())), layout, send)


def _read(lines: queue.SimpleQueue[str]) -> None:
    """Pass input lines on; end the whole process when there are no more."""
    for line in sys.stdin:
        lines.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
