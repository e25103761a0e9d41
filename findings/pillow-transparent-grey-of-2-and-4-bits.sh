#!/usr/bin/env bash
# A grey PNG can name one grey level as transparent (chunk tRNS). With 2 or 4 bits per pixel, as optimisers such as oxipng
# write them, Pillow 13.0.0 scales pixels to 0 to 255 but not the transparent level, so the two never match: all pixels are
# opaque in convert("LA") and convert("RGBA"), without a warning. Black alone works, because 0 stays 0. Files with 1 and
# 8 bits are right. libpng (by imagecodecs 2026.3.6) makes the pixels of the level transparent at every depth. A white
# background around a drawing is then part of the picture in a training set, and transparent everywhere else.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check pillow==13.0.0 imagecodecs==2026.3.6 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import io
import platform
import struct
import sys
import zlib

import imagecodecs
import numpy as np
import PIL
from PIL import Image

print("Python", platform.python_version(), "pillow", PIL.__version__, "imagecodecs", imagecodecs.__version__)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def grey_png(bits, transparent):
    """Return a file of one row with all levels, one of them transparent."""
    levels = np.arange(1 << bits)
    row = np.packbits((levels[:, None] >> np.arange(bits)[::-1]) & 1).tobytes()
    header = struct.pack(">IIBBBBB", len(levels), 1, bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join((
        chunk(b"IHDR", header),
        chunk(b"tRNS", struct.pack(">H", transparent)),
        chunk(b"IDAT", zlib.compress(b"\0" + row)),
        chunk(b"IEND", b""),
    ))


surprises = {}
print(f"{'bits':>4} {'transparent level':>17} {'transparent pixels: Pillow':>26} {'libpng':>6}")
for bits in (1, 2, 4, 8):
    for level in (0, (1 << bits) - 1):
        data = grey_png(bits, level)
        pillow = np.asarray(Image.open(io.BytesIO(data)).convert("LA"))[0, :, 1]
        libpng = imagecodecs.png_decode(data)[0, :, 1]
        found = int((pillow == 0).sum()), int((libpng == 0).sum())
        surprises[bits, level] = found != (1, 1)
        print(f"{bits:4} {level:17} {found[0]:26} {found[1]:6}")
expected = {(bits, level): bits in (2, 4) and level > 0 for bits, level in surprises}
sys.exit(surprises != expected)
PYTHON
