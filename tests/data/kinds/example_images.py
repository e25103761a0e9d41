"""The images of the tests of all kinds of files: scikit-learn's digits in grey, and drawn shapes in colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from sklearn.datasets import load_digits

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Example:
    """Images with class names: uint8 pixels (n, height, width, channels), and the class name of each image."""

    pixels: Pixels
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def class_names(self) -> list[str]:
        return sorted(set(self.labels))

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """The number of each image's class, in the order of the sorted names."""
        return np.array([self.class_names.index(label) for label in self.labels], dtype=np.int64)


def grey_digits(n_per_class: int = 12) -> Example:
    """Return digits of three classes, 8 × 8 grey, with values from 0 to 255."""
    data = load_digits()
    pixels = np.minimum(data.images * 16, 255).astype(np.uint8)[..., None]
    rows = np.concatenate([np.flatnonzero(data.target == digit)[:n_per_class] for digit in (0, 3, 7)])
    return Example(pixels[rows], tuple(str(label) for label in data.target[rows]))


def colour_shapes(n_per_class: int = 12, size: tuple[int, int] = (12, 16)) -> Example:
    """Return circles, crosses and squares of random colours and places, height × width × 3."""
    random = np.random.default_rng(0)
    height, width = size
    images, labels = [], []
    for label in ("circle", "cross", "square"):
        for _ in range(n_per_class):
            back, front = (tuple(map(int, random.integers(0, 256, 3))) for _ in range(2))
            image = Image.new("RGB", (width, height), back)
            draw = ImageDraw.Draw(image)
            x, y = random.integers(0, width - 7), random.integers(0, height - 7)
            if label == "circle":
                draw.ellipse((x, y, x + 6, y + 6), fill=front)
            elif label == "square":
                draw.rectangle((x, y, x + 6, y + 6), fill=front)
            else:
                draw.line((x, y, x + 6, y + 6), fill=front, width=2)
                draw.line((x, y + 6, x + 6, y), fill=front, width=2)
            images.append(np.asarray(image))
            labels.append(label)
    return Example(np.stack(images), tuple(labels))
