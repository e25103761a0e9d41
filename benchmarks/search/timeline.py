"""Show where the time of a run goes, from the events that ``convstudy run STUDY --events FILE`` writes.

::

    python -m benchmarks.search.timeline FILE [FILE ...]

A row per file, in seconds. "start": until a worker starts the first fit, without the start of the command itself. "all
busy": every worker trains. "some idle": a worker has nothing to train, because a rung or a stage is not complete yet.
"last fit": only the last fit trains. "end": from the last training to the last event, which is the test-set evaluation
or the inspection of the images. A file must have one run that was not interrupted.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

TITLES = ("whole", "start", "all busy", "some idle", "last fit", "end")


@dataclass(frozen=True)
class Timeline:
    """The seconds of each phase of a run."""

    whole: float
    start: float
    all_busy: float
    some_idle: float
    last_fit: float
    end: float


def timeline(lines: Sequence[str]) -> Timeline:
    """Return the phases of the run in these lines of JSON.

    Raises:
        ValueError: if the lines have no run in which a fit ended.
    """
    events = [json.loads(line) for line in lines]
    times = [datetime.fromisoformat(event["at"]).timestamp() for event in events]
    changes = [
        (at, 1 if event["kind"] == "fit-started" else -1)
        for at, event in zip(times, events, strict=True)
        if event["kind"] in ("fit-started", "fit-ended")
    ]
    if not changes or events[0]["kind"] != "run-started":
        raise ValueError("there is no run in which a fit ended")
    n_workers = events[0]["workers"]
    last_start = max(at for at, change in changes if change > 0)
    all_busy = some_idle = last_fit = 0.0
    n_running = 0
    for (at, change), (following, _) in pairwise(changes):
        n_running += change
        if n_running == n_workers:
            all_busy += following - at
        elif at >= last_start and n_running == 1:
            last_fit += following - at
        else:
            some_idle += following - at
    first, last = changes[0][0], changes[-1][0]
    return Timeline(times[-1] - times[0], first - times[0], all_busy, some_idle, last_fit, times[-1] - last)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    print(f"| run | {' | '.join(TITLES)} |\n|---|{'---:|' * len(TITLES)}")
    for path in parser.parse_args().files:
        try:
            found = timeline(path.read_text(encoding="utf-8").splitlines())
        except (OSError, ValueError, KeyError) as error:
            raise SystemExit(f"{path} must be a file of events of one run: {error}") from None
        print(f"| {path.stem} | {' | '.join(f'{seconds:.1f}' for seconds in astuple(found))} |")


if __name__ == "__main__":
    main()
