"""Measure training on a dataset that is larger than memory: one epoch on 1,000,000 memory-mapped 32 × 32 × 3 images.

The script writes 3.07 GB of noise with labels to a temporary folder, and a smaller dataset. Each measurement runs in a
new process, which loads the dataset, verifies its digest, splits it, trains one epoch, evaluates both parts, and
evaluates the test set::

    python -m benchmarks.scale.memory_map                  # some minutes
    python -m benchmarks.scale.memory_map --folder FOLDER  # a folder with 4 GB of free space

Peak memory is VmHWM in /proc/self/status (Linux only). It counts anonymous memory and file pages, so it includes the
memory map. The smaller dataset is trained alternately from memory and from its file.
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

BIG, SMALL, N_TEST = 1_000_000, 80_000, 10_000
SHAPE = (32, 32, 3)
N_CLASSES = 10
LIMIT_MEGABYTES = 2_000
LAYERS = ("conv 8 3 relu stride=2", "max-pool 2", "flatten")


def write(folder: Path, n_train: int) -> None:
    """Write a dataset, 10,000 images at a time, and its digests."""
    import numpy as np

    from convstudy.data import Images
    from convstudy.data.arrays import PixelFile, map_array

    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    digests = {}
    for part, n in (("train", n_train), ("test", N_TEST)):
        labels = rng.integers(0, N_CLASSES, n)
        np.save(folder / f"{part}-labels.npy", labels)
        path = folder / f"{part}-images.npy"
        with path.open("wb") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": (n, *SHAPE)}
            np.lib.format.write_array_header_1_0(file, header)
            for start in range(0, n, 10_000):
                noise = rng.integers(0, 200, (min(10_000, n - start), *SHAPE), dtype=np.uint8)
                noise += (5 * labels[start : start + 10_000]).astype(np.uint8)[:, None, None, None]
                file.write(noise.tobytes())
        pixels = map_array(path, "|u1", (n, *SHAPE))
        digests[part] = Images(pixels, labels, PixelFile.of(pixels, path)).digest()
    (folder / "digests.json").write_text(json.dumps(digests), encoding="utf-8")


def measure(folder: Path, n_train: int, in_memory: bool) -> None:
    """Load, split, train one epoch, evaluate and test in this process; print times and memory as JSON."""
    from convstudy.data import Dataset, Holdout
    from convstudy.data.sources import npy
    from convstudy.engine.fit import run_fit
    from convstudy.engine.test_set import evaluate_test_set
    from convstudy.engine.weights import write_tensors
    from convstudy.networks import Network
    from convstudy.plan import Fit
    from convstudy.studyfile import Recipe

    digests = json.loads((folder / "digests.json").read_text(encoding="utf-8"))
    source = npy.NpySource(str(folder), SHAPE, n_train, N_TEST, digests["train"], digests["test"])
    names = tuple("0123456789")
    info = Dataset(folder.name, folder.name, SHAPE, names, n_train, N_TEST, source)
    npy.MAX_BYTES_IN_MEMORY = 1 << 40 if in_memory else 0
    before = time.perf_counter(), time.process_time()
    dataset = info.load()
    loaded = time.perf_counter(), time.process_time()
    recipe = Recipe(epochs=1, batch_size=100)
    fit = Fit(info, Network.read(LAYERS), recipe, Holdout(0.1, 0), 0, 1)
    trained = run_fit(fit, dataset.train)
    fitted = time.perf_counter(), time.process_time()
    if not trained.record.done:
        raise SystemExit(trained.record.error)
    with tempfile.TemporaryDirectory() as temporary:
        weights = Path(temporary) / "weights.safetensors"
        write_tensors(weights, trained.weights, {})
        tested = evaluate_test_set(fit, weights, trained.record.weights_digest, dataset.test, lambda: None)
    (epoch,) = trained.record.history
    n_passes = trained.record.n_train * 2 + trained.record.n_validation * 2
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text("utf-8").splitlines())
    found = {
        "load_seconds": loaded[0] - before[0],
        "load_cpu": loaded[1] - before[1],
        "fit_seconds": fitted[0] - loaded[0],
        "fit_cpu": fitted[1] - loaded[1],
        "train_images_per_second": trained.record.n_train / epoch.train_seconds,
        "cpu_microseconds_per_image": 1e6 * (fitted[1] - loaded[1]) / n_passes,
        "test_accuracy": tested.scores["accuracy"],
        "weights_digest": trained.record.weights_digest,
        **{f"{key}_megabytes": int(status[key].split()[0]) / 1024 for key in ("VmHWM", "RssAnon", "RssFile")},
    }
    print(json.dumps(found))


def in_process(*arguments: object) -> Any:
    """Run this file in a new process and return the JSON that it prints, or None."""
    command = [sys.executable, "-P", __file__, *map(str, arguments)]
    environment = {**os.environ, "CONVSTUDY_DATA": str(Path(str(arguments[1])).parent)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout) if done.stdout else None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="the folder for the temporary datasets")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="processes for each value [3]")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    for name in ("--write", "--on-disk", "--in-memory"):
        parser.add_argument(name, nargs=2, metavar=("FOLDER", "N"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        write(Path(options.write[0]), int(options.write[1]))
    elif options.on_disk or options.in_memory:
        folder, n_train = options.on_disk or options.in_memory
        measure(Path(folder), int(n_train), bool(options.in_memory))
    else:
        with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
            compare(Path(temporary), options.repeats, options.json)


def compare(folder: Path, n_repeats: int, as_json: bool) -> None:
    """Write the datasets, measure, and print the tables or JSON."""
    for name, n_train in (("big", BIG), ("small", SMALL)):
        print(f"writing {n_train:,} images ...", file=sys.stderr)
        in_process("--write", folder / name, n_train)
    big = [in_process("--on-disk", folder / "big", BIG) for _ in range(n_repeats)]
    modes = ("--in-memory", "--on-disk")
    small: dict[str, list[Any]] = {mode: [] for mode in modes}
    for _ in range(n_repeats):
        for mode in modes:
            small[mode].append(in_process(mode, folder / "small", SMALL))
    digests = {run["weights_digest"] for runs in small.values() for run in runs}
    if len(digests) != 1:
        raise SystemExit("training from the file and from memory gave different weights")
    if as_json:
        print(json.dumps({"big": big, "small": small}, indent=1))
        return
    lines = [
        "| images | pixels | peak resident (VmHWM) | anonymous, file-backed at the end | load and verify | fit, CPU |"
        " training images per second | CPU µs per image and pass |",
        "|---|---|---|---|---|---|---|---|",
        _row(BIG, "in their file", big),
        _row(SMALL, "in memory", small["--in-memory"]),
        _row(SMALL, "in their file", small["--on-disk"]),
    ]
    print("\n".join(lines))
    met = max(run["VmHWM_megabytes"] for run in big) < LIMIT_MEGABYTES
    print(
        f"\nPeak resident memory below {LIMIT_MEGABYTES:,} MB with {BIG:,} images: {'yes' if met else '**no**'}"
    )


def _row(n_images: int, where: str, runs: list[Any]) -> str:
    def cell(key: str, digits: int = 0, unit: str = "") -> str:
        values = [run[key] for run in runs]
        return f"{median(values):,.{digits}f}{unit} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"

    pages = f"{cell('RssAnon_megabytes')}, {cell('RssFile_megabytes')} MB"
    cells = [
        f"{n_images:,}",
        where,
        cell("VmHWM_megabytes", 0, " MB"),
        pages,
        f"{cell('load_seconds', 1, ' s')}, CPU {cell('load_cpu', 1, ' s')}",
        cell("fit_cpu", 1, " s"),
        cell("train_images_per_second"),
        cell("cpu_microseconds_per_image", 1),
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
