"""Measure the decoding of one JPEG file of 500 × 375 pixels to 64 × 64: libraries, filters, reduced decoding.

One process with one thread decodes the same files by turns. Times are CPU times, so that other programs matter less::

    python -m benchmarks.data.decode_one [--photos 60] [--rounds 15]

The first table compares whole paths from the bytes of a file to uint8 pixels. simplejpeg and imagecodecs decode with
the same libjpeg-turbo, and Pillow resizes their arrays; a library that is not installed is left out. The second table
has Pillow's filters: the time of the resize, and how much of stripes finer than the small image can show remains. The
third shows how much ``decode = "reduced"`` changes pixels.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.data.make_photos import HEIGHT, WIDTH, make_photos
from benchmarks.parts.arguments import at_least
from convstudy.data.decoding import DecodeOptions, decode, probe
from convstudy.data.decoding.fitting import REDUCING_GAP, crop_box

SIZE = (64, 64)
FULL = DecodeOptions(SIZE, 3)
BOX = crop_box((HEIGHT, WIDTH), SIZE)
FILTERS: tuple[tuple[str, float | None], ...] = (
    ("BILINEAR", REDUCING_GAP),
    *((name, None) for name in ("BILINEAR", "BOX", "HAMMING", "BICUBIC", "LANCZOS")),
)
"""(filter, ``reducing_gap``) of Pillow; the first one is ours."""

Pixels = npt.NDArray[np.uint8]
Way = Callable[[bytes], object]


def resized(image: Image.Image, name: str = "BILINEAR", gap: float | None = REDUCING_GAP) -> Pixels:
    return np.array(image.resize(SIZE, Image.Resampling[name], BOX, gap))


def paths() -> dict[str, Way]:
    """Return name -> the path from the bytes of a file to pixels."""
    found: dict[str, Way] = {
        "convstudy (Pillow)": lambda data: decode(data, FULL).pixels,
        "Pillow alone": lambda data: resized(Image.open(io.BytesIO(data))),
    }
    try:
        import simplejpeg

        def by_simplejpeg(data: bytes) -> Pixels:
            # Four bytes per pixel are the layout of Pillow's memory, which needs no copy then.
            array = simplejpeg.decode_jpeg(data, colorspace="RGBX")
            size = (array.shape[1], array.shape[0])
            return resized(Image.frombuffer("RGBX", size, array, "raw", "RGBX", 0, 1))[..., :3]

        found["simplejpeg, Pillow's resize"] = by_simplejpeg
    except ImportError:
        print("simplejpeg is not installed")
    try:
        import imagecodecs

        found["imagecodecs, Pillow's resize"] = lambda data: resized(
            Image.fromarray(imagecodecs.jpeg8_decode(data))
        )
    except ImportError:
        print("imagecodecs is not installed")
    found['convstudy, decode = "reduced"'] = lambda data: (
        decode(data, DecodeOptions(SIZE, 3, decode="reduced")).pixels
    )
    found['convstudy, decode = "reduced", channels = 1'] = lambda data: (
        decode(data, DecodeOptions(SIZE, 1, decode="reduced")).pixels
    )
    found["convstudy, channels = 1"] = lambda data: decode(data, DecodeOptions(SIZE, 1)).pixels
    found["Pillow, only decoding"] = lambda data: Image.open(io.BytesIO(data)).load()
    found["convstudy, only the header"] = probe
    return found


def milliseconds(run: Callable[[], object]) -> float:
    started = time.process_time_ns()
    run()
    return (time.process_time_ns() - started) / 1e6


def compare_paths(files: list[bytes], n_rounds: int) -> None:
    ways = paths()
    times: dict[str, list[list[float]]] = {name: [] for name in ways}
    for _ in range(n_rounds):
        for each in times.values():
            each.append([])
        for data in files:
            for name, way in ways.items():
                times[name][-1].append(milliseconds(lambda way=way, data=data: way(data)))
    first = next(iter(ways))
    print(f"\n{len(files)} files of {median(map(len, files)) / 1000:.0f} KB (median), {n_rounds} rounds\n")
    print(
        "| from bytes to 64 × 64 pixels | CPU ms | speed relative to the first row | quartiles of the rounds |"
    )
    print("|---|---|---|---|")
    for name, rounds in times.items():
        ratios = [median(ours) / median(theirs) for ours, theirs in zip(times[first], rounds, strict=True)]
        low, _, high = quantiles(ratios, n=4)
        all_times = median(value for each in rounds for value in each)
        print(f"| {name} | {all_times:.3f} | {median(ratios):.2f} | {low:.2f} to {high:.2f} |")


def stripes(period: float) -> Image.Image:
    """Return grey stripes of full contrast with this period in pixels of the large image."""
    wave = 127.5 + 127.5 * np.sin(2 * np.pi * (np.arange(WIDTH) + 0.3) / period)
    return Image.fromarray(np.rint(np.tile(wave, (HEIGHT, 1))).astype(np.uint8))


def compare_filters(files: list[bytes], n_rounds: int) -> None:
    images = [Image.open(io.BytesIO(data)) for data in files[:20]]
    for image in images:
        image.load()
    # 64 pixels of 5.9: stripes below 11.7 pixels are finer than the small image can show.
    finest = 2 * (BOX[2] - BOX[0]) / SIZE[1]
    periods = np.linspace(2.2, 0.9 * finest, 40)
    shown = np.linspace(1.3 * finest, 3 * finest, 40)
    print(
        "\n| filter of Pillow | CPU ms per resize | contrast kept of stripes too fine to show | of coarser stripes |"
    )
    print("|---|---|---|---|")
    times: dict[tuple[str, float | None], list[float]] = {each: [] for each in FILTERS}
    for _ in range(n_rounds):
        for image in images:
            for each in FILTERS:
                times[each].append(milliseconds(lambda image=image, each=each: resized(image, *each)))
    for name, gap in FILTERS:
        too_fine, coarser = (
            100 * np.mean([resized(stripes(period), name, gap).std() / (127.5 / 2**0.5) for period in each])
            for each in (periods, shown)
        )
        label = name if gap is None else f"{name}, `reducing_gap = {gap:g}`"
        print(f"| {label} | {median(times[name, gap]):.3f} | {too_fine:.1f} % | {coarser:.0f} % |")


def compare_reduced(files: list[bytes]) -> None:
    print(
        '\n| `decode = "reduced"`, target | decoded at | largest difference | mean | images with more than 8 levels |'
    )
    print("|---|---|---|---|---|")
    for side in (16, 32, 64, 96, 128):
        full, reduced = (DecodeOptions((side, side), 3, decode=each) for each in ("full", "reduced"))
        largest, mean = [], []
        for data in files:
            difference = np.abs(decode(data, full).pixels.astype(int) - decode(data, reduced).pixels)
            largest.append(int(difference.max()))
            mean.append(float(difference.mean()))
        image = Image.open(io.BytesIO(files[0]))
        image.draft(None, (-(-2 * side * WIDTH // (BOX[2] - BOX[0])), 2 * side))
        many = sum(value > 8 for value in largest) / len(files)
        print(
            f"| {side} × {side} | {image.width} × {image.height} | {max(largest)} | {np.mean(mean):.2f} | {many:.0%} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=at_least(4), default=60)
    parser.add_argument("--rounds", type=at_least(3), default=15)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_photos(Path(folder), arguments.photos)
        files = [path.read_bytes() for path in sorted(Path(folder).rglob("*.jpg"))]
    compare_paths(files, arguments.rounds)
    compare_filters(files, arguments.rounds)
    compare_reduced(files)


if __name__ == "__main__":
    main()
