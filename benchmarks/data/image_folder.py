"""Compare the time from a folder of JPEG files to arrays of 64 × 64: convstudy, a torch DataLoader, Keras.

The folder has 20,000 files of 500 × 375 pixels (``make_photos.py``); it is read once before the measurements, so that
no contender waits for the disk. Each measurement is a new process; the contenders alternate. Processor time is that of
all processes and less sensitive to other load than the time on the clock::

    python -m benchmarks.data.image_folder speed --peers .venv-peers/bin/python --rounds 5
    python -m benchmarks.data.image_folder memory --images 20000 100000     # Linux; needs 8 GB of disk

``memory`` prints the largest sum of the proportional set sizes (PSS) of the driver and its decode processes, and the
time of a second start, which decodes nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.data.make_photos import make_photos

HERE = Path(__file__).resolve().parents[1] / "contenders"
SIZE = 64
KERAS, LOADER = "Keras, squashed", "DataLoader, 2 workers"
N_SECOND_STARTS = 5


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("speed", "memory"))
    parser.add_argument(
        "--peers", default=".venv-peers/bin/python", help="the Python of the other frameworks"
    )
    parser.add_argument("--images", type=int, nargs="+", default=[20_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--folder", type=Path, help="where the images are made and kept; default: a temporary folder"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        for n_images in arguments.images:
            folder = (arguments.folder or Path(temporary)) / f"photos-{n_images}"
            make_photos(folder, n_images)
            for path in folder.rglob("*.jpg"):
                path.read_bytes()
            if arguments.what == "speed":
                compare(folder, arguments.peers, arguments.rounds)
            else:
                measure_memory(folder)


def compare(folder: Path, peers: str, rounds: int) -> None:
    """Time all contenders in turn, and print their speeds."""
    ours, images = str(HERE / "images_ours.py"), [str(folder), str(SIZE)]
    contenders = {
        "convstudy, full": [sys.executable, ours, *images, "full"],
        "convstudy, reduced": [sys.executable, ours, *images, "reduced"],
        LOADER: [peers, str(HERE / "images_dataloader.py"), *images],
        KERAS: [peers, str(HERE / "images_keras.py"), *images],
        "Keras, cropped": [peers, str(HERE / "images_keras.py"), *images, "crop"],
    }
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name, command in contenders.items():
            found[name].append(_output(command))
            each = found[name][-1]
            speed, load = each["images"] / each["seconds"], os.getloadavg()[0]
            print(f"round {number + 1}: {name}: {speed:,.0f} images/s, load {load:.1f}", file=sys.stderr)
    print(
        "| contender | images/s: median (min to max) | × DataLoader | × Keras | ms of processor time per image |"
    )
    print("|---|---|---|---|---|")
    speeds = {name: [each["images"] / each["seconds"] for each in some] for name, some in found.items()}
    for name, some in speeds.items():
        # The ratio of each round, because load changes between rounds.
        ratios = [median(a / b for a, b in zip(some, speeds[peer], strict=True)) for peer in (LOADER, KERAS)]
        processor = median(1000 * each["processor"] / each["images"] for each in found[name])
        print(
            f"| {name} | {median(some):,.0f} ({min(some):,.0f} to {max(some):,.0f}) "
            f"| {ratios[0]:.2f} | {ratios[1]:.2f} | {processor:.2f} |"
        )
    parts = median(each["parts"] for name in found for each in found[name] if "parts" in each)
    print(f"\nconvstudy then writes the arrays of both parts in {parts:.1f} s")


def measure_memory(folder: Path) -> None:
    """Decode in a new process, and print its memory and the time of a second start."""
    with tempfile.TemporaryDirectory() as cache:
        command = [
            sys.executable,
            str(HERE / "images_ours.py"),
            str(folder),
            str(SIZE),
            "full",
            "--cache",
            cache,
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            largest = 0
            while process.poll() is None:
                largest = max(largest, _pss(process.pid))
                time.sleep(0.2)
            assert process.stdout is not None
            first = json.loads(process.stdout.read())
        starts, whole = [], []
        for _ in range(N_SECOND_STARTS):
            started = time.perf_counter()
            starts.append(_output(command))
            whole.append(time.perf_counter() - started)
        assert first["decoded"] == first["images"] and not any(each["decoded"] for each in starts)
        second = [each["seconds"] + each["parts"] for each in starts]
        range_of_second = f"{median(second):.2f} s ({min(second):.2f} to {max(second):.2f})"
        print(
            f"{first['images']:,} images: {largest / 1e6:,.0f} MB at most (sum of PSS); second start "
            f"{range_of_second}, with Python and imports {median(whole):.2f} s; load {os.getloadavg()[0]:.1f}"
        )


def _output(command: list[str]) -> dict[str, Any]:
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    values: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return values


def _pss(parent: int) -> int:
    """Return the sum of the PSS of a process and its children in bytes."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            its_parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent in (its_parent, int(folder.name)):
                lines = (folder / "smaps_rollup").read_text().splitlines()
                total += sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except (OSError, IndexError):
            continue
    return total


if __name__ == "__main__":
    main()
