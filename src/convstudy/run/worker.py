"""The main program of a worker process: ``python -m convstudy.run.worker RUNS``.

The worker reads tasks from standard input and writes messages to standard output, both as lines of JSON. The input ends
when the parent process ends. Then the worker exits at once, even during a training; the checkpoint of the last epoch is
on the disk.
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
    """Execute tasks until the input ends."""
    layout = Layout(Path(sys.argv[1]))
    # Only messages go to the real standard output. The output of libraries goes to the log.
    messages = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(lines,), daemon=True).start()

    def send(message: WorkerMessage) -> None:
        print(json.dumps(message_as_json(message)), file=messages, flush=True)

    while True:
        execute(task_from_json(json.loads(lines.get())), layout, send)


def _read(lines: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        lines.put(line)
    # sys.exit would end only this thread, and the training would continue without the parent process.
    os._exit(0)


if __name__ == "__main__":
    main()
