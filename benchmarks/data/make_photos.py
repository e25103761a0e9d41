"""Make folders of JPEG files of 500 × 375 pixels for benchmarks: smooth noise, shapes and grain, 40 to 80 KB each.

Drawing takes longer than decoding, so 2,000 pictures are drawn. Each file has one of them and a comment with its
number: no two files are equal, and each decoder does the same work for each.
"""

from __future__ import annotations

import io
from pathlib import Path

WIDTH, HEIGHT = 500, 375
N_CLASSES = 10
N_DRAWN = 2_000


def make_photos(folder: Path, n_files: int) -> None:
    """Write files ``class-N/NUMBER.jpg`` unless the folder has them; the same number gives the same file."""
    done = folder / f".{n_files}-files"
    if done.exists():
        return
    for number in range(N_CLASSES):
        (folder / f"class-{number}").mkdir(parents=True, exist_ok=True)
    for seed in range(min(n_files, N_DRAWN)):
        photo = _drawn(seed)
        for number in range(seed, n_files, N_DRAWN):
            comment = f"{number:08d}".encode("ascii")
            # A comment segment follows the two bytes that begin a JPEG file.
            content = photo[:2] + b"\xff\xfe" + (2 + len(comment)).to_bytes(2, "big") + comment + photo[2:]
            (folder / f"class-{number % N_CLASSES}" / f"{number:06d}.jpg").write_bytes(content)
    done.touch()


def _drawn(seed: int) -> bytes:
    import numpy as np
    from PIL import Image, ImageDraw

    rng = np.random.default_rng(seed)
    coarse = (128 + 40 * rng.normal(size=(12, 16, 3))).clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    for _ in range(12):
        x, y, radius = rng.integers(0, WIDTH), rng.integers(0, HEIGHT), rng.integers(8, 70)
        colour = tuple(rng.integers(0, 256, 3).tolist())
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    grain = rng.normal(scale=9, size=(HEIGHT, WIDTH, 1))
    pixels = (np.asarray(picture) + grain).clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=int(rng.integers(80, 91)))
    return file.getvalue()
