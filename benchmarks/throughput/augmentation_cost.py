"""Measure the time of each augmentation per batch, compared with a training step; or draw them for the documentation.

::

    python -m benchmarks.throughput.augmentation_cost [--rounds 15]
    python -m benchmarks.throughput.augmentation_cost --picture docs/augmentation.png

A batch has 100 images. The step is that of a small CNN in float32, without augmentation, with one thread; its time
includes the conversion of the pixels. Step and augmentations alternate in one process with the environment of a worker.
Its CPU time is measured, so that other programs matter less. The picture shows a drawn image and a digit of
scikit-learn.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw

from benchmarks.parts.arguments import at_least
from benchmarks.throughput.as_worker import start_as_worker
from convstudy.engine.augmentation import augmented
from convstudy.engine.augmentation.examples import augmented_examples
from convstudy.engine.batches import ImageTensors
from convstudy.engine.optimizers import build_optimizer
from convstudy.engine.settings import repeatable
from convstudy.engine.training import EagerLoop, Step, train_epoch
from convstudy.networks import Network
from convstudy.networks.build import build_network
from convstudy.studyfile import Recipe
from convstudy.studyfile.transforms import ORIGINALS, PRESETS

BATCH_SIZE = 100
SHAPES = ((28, 28, 1), (64, 64, 3))
LAYERS = ("conv 32 3 relu", "max-pool 2", "conv 64 3 relu", "max-pool 2", "flatten", "dense 64 relu")
SINGLE = {
    "flip": 'flip = "horizontal"',
    "shift": "shift = 0.1",
    "rotate": "rotate = 15",
    "scale": "scale = 0.2",
    "shear": "shear = 15",
    "elastic": "elastic = 0.15",
    "blur": "blur = 1",
    "brightness": "brightness = 0.4",
    "contrast": "contrast = 0.6",
    "saturation": "saturation = 0.8",
    "noise": "noise = 0.15",
    "cutout": "cutout = 0.35",
    "mixup": "mixup = 0.5",
    "cutmix": "cutmix = 1",
}
"""Key -> the setting that is measured and drawn, as in a study file."""


def texts() -> dict[str, str]:
    """Return label -> text of each augmentation: single transforms, then presets."""
    single = {label: label.replace(" = ", "=").replace('"', "") for label in SINGLE.values()}
    return {**single, **{name: name for name in PRESETS}}


def step_of(shape: tuple[int, int, int]) -> Callable[[], None]:
    """Return a function that takes one training step on random images of this shape."""
    pixels = torch.randint(0, 256, (BATCH_SIZE, *shape), dtype=torch.uint8)
    part = ImageTensors(pixels, torch.arange(BATCH_SIZE) % 10)
    model = build_network(Network.read(LAYERS), shape, 10, torch.Generator().manual_seed(0))
    recipe = Recipe(batch_size=BATCH_SIZE, learning_rate=1e-6)
    loop = EagerLoop(Step(model, build_optimizer(recipe, model.parameters()), recipe), part)
    return lambda: train_epoch(loop, 0, 1) and None


def augmentation_of(text: str, shape: tuple[int, int, int]) -> Callable[[], None]:
    """Return a function that augments one batch of random images of this shape."""
    pixels = torch.randint(0, 256, (BATCH_SIZE, *shape), dtype=torch.uint8)
    recipe, generator = Recipe(augment=text), torch.Generator().manual_seed(0)

    def work() -> None:
        augmented(pixels, recipe, generator)

    return work


def milliseconds(works: Mapping[str, Callable[[], None]], n_rounds: int) -> dict[str, float]:
    """Return the median CPU time of each function, called in turn."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(n_rounds + 2):
        for name, work in works.items():
            started = time.process_time()
            work()
            times[name].append(1e3 * (time.process_time() - started))
    return {name: median(each[2:]) for name, each in times.items()}  # the first calls select kernels


def print_table(n_rounds: int) -> None:
    """Print the cost of each augmentation, as a fraction of a step."""
    rows = {"none": "none", **{name: name for name in ORIGINALS}, **texts()}
    columns = []
    for shape in SHAPES:
        works = {label: augmentation_of(text, shape) for label, text in rows.items()}
        columns.append(milliseconds({"step": step_of(shape), **works}, n_rounds))
    sizes = [" × ".join(map(str, shape)) for shape in SHAPES]
    print(f"Small CNN: {', '.join(LAYERS)}")
    for size, found in zip(sizes, columns, strict=True):
        print(f"A step on {BATCH_SIZE} images of {size}: {found['step']:.1f} ms")
    print()
    print(f"| augmentation | {' | '.join(f'{size}: ms | of a step' for size in sizes)} |")
    print("|---|" + "---|---|" * len(SHAPES))
    for label in rows:
        cells = []
        for found in columns:
            extra = max(found[label] - found["none"], 0.0)
            cells.append(f"{found[label]:.2f} | {100 * extra / found['step']:.0f} %")
        print(f"| `{label}` | {' | '.join(cells)} |")


SIDE = 48
N_VERSIONS = 6


def drawn_image() -> npt.NDArray[np.uint8]:
    """Return a drawn boat, ``(48, 48, 3)``; it is not symmetric, so that a mirrored one is seen."""
    scale = 8
    picture = Image.new("RGB", (SIDE * scale, SIDE * scale), (150, 200, 235))
    draw = ImageDraw.Draw(picture)

    def area(points: list[tuple[int, int]], colour: tuple[int, int, int]) -> None:
        draw.polygon([(x * scale, y * scale) for x, y in points], colour)

    draw.ellipse([35 * scale, 4 * scale, 44 * scale, 13 * scale], (250, 210, 60))
    area([(0, 36), (48, 36), (48, 48), (0, 48)], (40, 90, 160))
    area([(8, 33), (40, 33), (34, 41), (13, 41)], (140, 60, 40))
    area([(22, 31), (22, 7), (8, 31)], (245, 245, 240))
    area([(24, 31), (24, 11), (37, 31)], (210, 60, 60))
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def digit_image() -> npt.NDArray[np.uint8]:
    """Return a digit of scikit-learn, enlarged, ``(48, 48, 3)``."""
    from sklearn.datasets import load_digits

    values = (np.asarray(load_digits().images[2]) * (255 / 16)).astype(np.uint8)
    digit = Image.fromarray(np.pad(values, 1)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.repeat(np.asarray(digit)[:, :, None], 3, axis=2)


def draw_picture(path: Path) -> None:
    """Draw the original and augmented versions of both images, one row for each augmentation."""
    images, gap, margin = np.stack([drawn_image(), digit_image()]), 3, 150
    rows, tile = texts(), SIDE + gap
    width = margin + 2 * (N_VERSIONS + 1) * tile + 8 * gap
    page = Image.new("RGB", (width, len(rows) * tile + gap), "white")
    draw = ImageDraw.Draw(page)
    for number, (label, text) in enumerate(rows.items()):
        top = gap + number * tile
        draw.text((4, top + SIDE // 2), label, "black", anchor="lm", font_size=13)
        examples = augmented_examples(images, Recipe(augment=text), 0, N_VERSIONS)
        left = margin
        for image, versions in zip(images, examples, strict=True):
            for place, each in enumerate((image, *versions)):
                page.paste(Image.fromarray(each), (left, top))
                left += tile + (2 * gap if place == 0 else 0)
            left += 2 * gap
    page.quantize(256).save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=at_least(1), default=15, help="measurements of each augmentation")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw a picture instead")
    arguments = parser.parse_args()
    if arguments.picture is not None:
        draw_picture(arguments.picture)
        return
    start_as_worker()
    with repeatable(1):
        print_table(arguments.rounds)


if __name__ == "__main__":
    main()
