"""Draw a folder of small colour photos of shapes, one folder per class, as an example of a user's own images.

    python -m benchmarks.data.draw_shapes shapes

The images have different sizes and aspect ratios, backgrounds and noise, so that a linear model on the pixels fails.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

CLASSES = ("circle", "cross", "square", "star", "triangle")
SIDES = (72, 128)
"""The smallest and the largest height and width of an image, in pixels."""


def draw_folder(
    folder: Path,
    counts: Mapping[str, int],
    seed: int = 0,
    sides: tuple[int, int] = SIDES,
    mode: str = "RGB",
    suffix: str = ".jpg",
) -> None:
    """Write one folder per class.

    Args:
        folder: the folder of the classes; it is created.
        counts: class -> the number of images.
        seed: determines the images.
        sides: the smallest and the largest height and width of an image.
        mode: ``"RGB"`` or ``"L"``.
        suffix: the suffix of the files.
    """
    rng = np.random.default_rng(seed)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            image = draw(name, rng, sides).convert(mode)
            image.save(folder / name / f"{name}-{number:04}{suffix}")


def draw(name: str, rng: np.random.Generator, sides: tuple[int, int] = SIDES) -> Image.Image:
    """Return an RGB image of a shape at a random place, in a random size, rotation and colour."""
    height, width = (int(side) for side in rng.integers(sides[0], sides[1], 2, endpoint=True))
    corners = rng.uniform(60, 200, (2, 2, 3)).astype(np.uint8)
    image = Image.fromarray(corners).resize((width, height), Image.Resampling.BILINEAR)
    radius = rng.uniform(0.28, 0.45) * min(height, width)
    x, y = (rng.uniform(radius, side - radius) for side in (width, height))
    base = rng.choice((0, 255))  # darker or lighter than any background
    colour = np.clip(base + rng.uniform(-50, 50, 3), 0, 255)
    points = [
        (x + radius * across, y + radius * down)
        for across, down in outline(name, rng.uniform(0, 2 * math.pi))
    ]
    ImageDraw.Draw(image).polygon(points, fill=tuple(int(value) for value in colour))
    noise = rng.normal(0, rng.uniform(4, 12), (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def outline(name: str, angle: float) -> list[tuple[float, float]]:
    """Return the corners of a shape within a circle of radius 1.

    Args:
        name: one of :data:`CLASSES`.
        angle: its rotation, in radians.
    """
    if name == "cross":
        arm = 0.3
        corners = [(1, arm), (arm, arm), (arm, 1), (-arm, 1), (-arm, arm), (-1, arm)]
        corners += [(-across, -down) for across, down in corners]
        turned = [
            (
                across * math.cos(angle) - down * math.sin(angle),
                across * math.sin(angle) + down * math.cos(angle),
            )
            for across, down in corners
        ]
        return turned
    n_corners = {"circle": 40, "square": 4, "star": 10, "triangle": 3}[name]
    radii = (1.0, 0.45) if name == "star" else (1.0,)
    return [
        (
            radii[corner % len(radii)] * math.cos(angle + 2 * math.pi * corner / n_corners),
            radii[corner % len(radii)] * math.sin(angle + 2 * math.pi * corner / n_corners),
        )
        for corner in range(n_corners)
    ]


def main() -> None:
    """Draw the folder that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--of-each-class", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    draw_folder(arguments.folder, dict.fromkeys(CLASSES, arguments.of_each_class), arguments.seed)


if __name__ == "__main__":
    main()
