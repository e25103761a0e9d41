"""What other readers do with common files, measured, and the right values: one test per surprise.

Each test first shows the behaviour of the library, so that it fails when a new version changes it.
"""

from __future__ import annotations

import io
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image

from convstudy.data.decoding import DecodeOptions, decode, probe
from tests.data.decoding.drawn import drawn, drawn_16, photo, pixels, saved, scaled_16


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def tiff(values: npt.NDArray[Any], **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, values, **options)
    return file.getvalue()


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_where_pillow_clips(file_format: str) -> None:
    data = saved(drawn_16(64, 64), file_format)
    assert opened(data).mode == "I;16"
    assert np.asarray(opened(data).convert("L")).mean() > 254
    assert np.array_equal(pixels(data), scaled_16(drawn_16(64, 64)))


def test_16_bit_colour_is_rounded_where_pillow_drops_bits() -> None:
    values = drawn_16(64, 64, 3)
    data = imagecodecs.png_encode(values)
    assert np.array_equal(np.asarray(opened(data)), values >> 8)
    assert np.array_equal(pixels(data), scaled_16(values))
    assert (scaled_16(values) != values >> 8).mean() > 0.2


def test_big_endian_16_bit_tiff_is_resized_without_noise() -> None:
    values = drawn_16(64, 64)[..., 0]
    data = tiff(values, byteorder=">")
    small = decode(data, DecodeOptions((32, 32), 1)).pixels[..., 0]
    expected = values.reshape(32, 2, 32, 2).mean(axis=(1, 3)) / 257
    assert opened(data).mode == "I;16B"
    noise = np.asarray(opened(data).resize((32, 32), Image.Resampling.BILINEAR)).astype(np.float64) / 257
    assert np.abs(noise - expected).max() > 50
    assert np.abs(small - expected).max() < 2


@pytest.mark.parametrize("name", ["f2", "f4", "f8"])
def test_float_tiff_is_scaled_where_pillow_truncates_or_fails(name: str) -> None:
    values = (drawn(channels=1)[..., 0] / 255).astype(name)
    data = tiff(values)
    if name == "f4":
        assert np.asarray(opened(data).convert("L")).max() <= 1
    else:
        with pytest.raises(OSError, match="cannot identify"):
            opened(data)
    assert np.array_equal(pixels(data), drawn(channels=1))


def test_10_bit_and_5_band_tiff_are_read_where_pillow_fails() -> None:
    ten = tiff(np.array([[0, 511, 1023]], np.uint16), bitspersample=10)
    five = tiff(drawn(channels=5), photometric="minisblack", planarconfig="contig")
    for data in (ten, five):
        with pytest.raises(OSError, match="cannot identify"):
            opened(data)
    assert pixels(ten).ravel().tolist() == [0, 127, 255]
    assert np.array_equal(pixels(five), drawn(channels=5))


def test_12_bit_tiff_is_scaled_by_its_own_range() -> None:
    data = tiff(np.array([[0, 2048, 4095]], np.uint16), bitspersample=12)
    assert np.asarray(opened(data)).ravel().tolist() == [0, 2048, 4095]
    assert pixels(data).ravel().tolist() == [0, 128, 255]


def test_8_bit_rgba_tiff_is_not_multiplied_twice() -> None:
    values = np.full((2, 2, 4), (200, 100, 50, 128), np.uint8)
    data = tiff(values, photometric="rgb", extrasamples=["unassalpha"])
    assert pixels(data, background=0)[0, 0].tolist() == [100, 50, 25]


def test_grey_of_a_png_with_gamma_is_not_computed_in_linear_light() -> None:
    data = saved(np.full((4, 4, 3), (255, 0, 0), np.uint8), "PNG")
    marked = data[:33] + bytes.fromhex("00000001735247420 0aece1ce9".replace(" ", "")) + data[33:]
    assert opened(marked).info["srgb"] == 0
    assert probe(marked).has_gamma
    assert (pixels(marked, channels=1) == 76).all()


def test_palette_colour_below_transparent_pixels_does_not_appear() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putdata([0, 1])
    data = saved(image, "PNG", transparency=1)
    assert np.asarray(opened(data).convert("RGB"))[0, 1].tolist() == [0, 255, 0]
    assert pixels(data, background=9)[0].tolist() == [[255, 0, 0], [9, 9, 9]]


def test_1_bit_png_has_0_and_255_where_an_array_has_0_and_1() -> None:
    data = saved(Image.fromarray(drawn(channels=1)[..., 0] > 99), "PNG")
    assert np.array(opened(data), dtype=np.uint8).max() == 1
    assert np.unique(pixels(data)).tolist() == [0, 255]


def test_grey_gif_has_its_levels_where_an_array_has_renumbered_indices() -> None:
    levels = np.array([[20, 70, 120, 170]], np.uint8)
    data = saved(levels, "GIF")
    assert np.asarray(opened(data)).ravel().tolist() == [0, 1, 2, 3]
    assert pixels(data).ravel().tolist() == [20, 70, 120, 170]
    assert probe(data).channels == 1


def test_cmyk_jpeg_is_not_inverted() -> None:
    white = Image.new("CMYK", (16, 16), (0, 0, 0, 0))
    data = saved(white, "JPEG")
    assert imagecodecs.jpeg8_decode(data).max() == 0 or imagecodecs.jpeg8_decode(data).min() == 255
    assert (pixels(data) == 255).all()


def test_avif_is_read_and_rotated() -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    data = saved(photo(16, 32), "AVIF", exif=exif)
    assert opened(data).size == (32, 16)
    assert pixels(data).shape == (32, 16, 3)


@pytest.mark.parametrize("file_format", ["WEBP", "TIFF"])
def test_first_of_several_frames_is_used_and_their_number_known(file_format: str) -> None:
    frames = [Image.fromarray(drawn()), Image.fromarray(255 - drawn())]
    options = {"lossless": True} if file_format == "WEBP" else {}
    data = saved(frames[0], file_format, save_all=True, append_images=frames[1:], **options)
    assert np.array_equal(pixels(data), drawn())
    assert probe(data).n_frames == 2


@pytest.mark.parametrize(
    "options", [{"subsampling": name} for name in ("4:4:4", "4:2:2", "4:2:0")] + [{"progressive": True}]
)
def test_jpeg_has_the_bytes_of_every_decoder_by_libjpeg_turbo(options: dict[str, Any]) -> None:
    data = saved(photo(41, 60), "JPEG", **options)
    assert np.array_equal(pixels(data), np.asarray(opened(data)))
    assert np.array_equal(pixels(data), imagecodecs.jpeg8_decode(data))


def test_draft_of_libjpeg_reduces_only_if_both_sides_stay_large_enough() -> None:
    data = saved(photo(375, 500), "JPEG")
    found = []
    for size in ((125, 94), (125, 93)):
        image = opened(data)
        image.draft(None, size)
        found.append(image.size)
    assert found == [(250, 188), (125, 94)]


@pytest.mark.slow
def test_exif_is_applied_like_in_datasets() -> None:
    datasets = pytest.importorskip("datasets")
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(photo(16, 32), "JPEG", exif=exif)
    assert opened(data).size == (32, 16)
    upright = datasets.Image().decode_example({"bytes": data, "path": None})
    assert np.array_equal(pixels(data), np.asarray(upright))


def test_fortran_order_changes_no_pixel() -> None:
    values = np.asfortranarray(drawn())
    file = io.BytesIO()
    np.save(file, values)
    assert np.array_equal(pixels(file.getvalue()), drawn())
    assert np.array_equal(pixels(values), drawn())
