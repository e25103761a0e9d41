"""Read a folder of images with a torch DataLoader, two workers and Pillow: ``python images_dataloader.py FOLDER SIZE``.

The transformation is the usual one: RGB, the centre square, resized with antialiasing. One epoch in batches of 64.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from usage import processor_seconds


class Folder(Dataset[tuple[torch.Tensor, int]]):
    """The images of a folder with one folder per class, in the order of their paths."""

    def __init__(self, folder: Path, size: int) -> None:
        self._size = size
        classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
        self._files = [
            (str(path), label)
            for label, name in enumerate(classes)
            for path in sorted((folder / name).iterdir())
        ]

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        path, label = self._files[index]
        with Image.open(path) as file:
            picture = file.convert("RGB")
        side = min(picture.size)
        left, top = (picture.width - side) / 2, (picture.height - side) / 2
        box = (left, top, left + side, top + side)
        small = picture.resize((self._size, self._size), Image.Resampling.BILINEAR, box=box)
        return torch.from_numpy(np.array(small)).permute(2, 0, 1), label


def main() -> None:
    """Read the folder once, and print the measurements as JSON."""
    started = time.perf_counter()
    loader = DataLoader(Folder(Path(sys.argv[1]), int(sys.argv[2])), batch_size=64, num_workers=2)
    n_images = sum(len(pixels) for pixels, _ in loader)
    seconds = time.perf_counter() - started
    print(json.dumps({"images": n_images, "seconds": seconds, "processor": processor_seconds()}), flush=True)


if __name__ == "__main__":
    main()
