"""Draw ``docs/fits.png``: a picture of 240 × 120 pixels, and what crop, pad and stretch make of it at 60 × 60.

::

    python -m benchmarks.data.draw_fits [--to docs/fits.png]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from convstudy.data.decoding import DecodeOptions, decode
from convstudy.data.decoding.options import FITS

WIDTH, HEIGHT, SIDE, SCALE = 240, 120, 60, 3
MARGIN, HEADING = 16, 30


def drawn() -> Image.Image:
    """Return circles and letters on a meadow: whether they are cut or squashed is seen at once."""
    image = Image.new("RGB", (WIDTH, HEIGHT), (172, 205, 232))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 80, WIDTH, HEIGHT), fill=(118, 158, 92))
    for left, colour in ((14, (214, 74, 62)), (90, (244, 194, 66)), (166, (92, 82, 170))):
        draw.ellipse((left, 30, left + 60, 90), fill=colour)
    font = ImageFont.load_default(34)
    for left, letter in ((44, "A"), (120, "B"), (196, "C")):
        draw.text((left, 60), letter, fill=(255, 255, 255), font=font, anchor="mm")
    return image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=Path("docs/fits.png"))
    path = parser.parse_args().to
    original = drawn()
    tiles = [
        (
            f"{WIDTH} by {HEIGHT} pixels",
            original.resize((WIDTH * 3 // 2, HEIGHT * 3 // 2), Image.Resampling.LANCZOS),
        )
    ]
    for fit in FITS:
        pixels = decode(np.asarray(original), DecodeOptions((SIDE, SIDE), 3, fit)).pixels
        tile = Image.fromarray(pixels).resize((SIDE * SCALE, SIDE * SCALE), Image.Resampling.NEAREST)
        tiles.append((f'fit = "{fit}"', tile))
    width = sum(tile.width for _, tile in tiles) + MARGIN * (len(tiles) + 1)
    sheet = Image.new("RGB", (width, SIDE * SCALE + HEADING + 2 * MARGIN), "white")
    draw, font, left = ImageDraw.Draw(sheet), ImageFont.load_default(16), MARGIN
    for text, tile in tiles:
        draw.text((left, MARGIN), text, fill=(40, 40, 40), font=font)
        sheet.paste(tile, (left, MARGIN + HEADING))
        left += tile.width + MARGIN
    sheet.quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
