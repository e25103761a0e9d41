"""JPEG, WebP, GIF, BMP and AVIF: pixels of the file that Pillow wrote, frames, rotation, CMYK."""

from __future__ import annotations

import io
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageOps

from convstudy.data.decoding import DecodeOptions, ImageHeader, Undecodable, decode, probe
from tests.data.decoding.drawn import drawn, photo, pixels, saved

LOSSLESS = [("BMP", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("PNG", {}), ("PPM", {})]


@pytest.mark.parametrize(("file_format", "options"), LOSSLESS)
def test_lossless_colour_file_gives_the_pixels_it_was_made_from(
    file_format: str, options: dict[str, Any]
) -> None:
    data = saved(drawn(), file_format, **options)
    assert np.array_equal(pixels(data), drawn())
    name = "PNM" if file_format == "PPM" else file_format
    assert probe(data) == ImageHeader(20, 30, "RGB", 3, name)


@pytest.mark.parametrize("file_format", ["BMP", "TIFF", "PNG", "PPM", "GIF"])
def test_lossless_grey_file_gives_the_pixels_it_was_made_from(file_format: str) -> None:
    data = saved(drawn(channels=1), file_format)
    assert probe(data).channels == 1
    assert np.array_equal(pixels(data), drawn(channels=1))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_gives_the_pixels_of_libjpeg_turbo(subsampling: str, progressive: bool) -> None:
    data = saved(photo(50, 61), "JPEG", quality=85, subsampling=subsampling, progressive=progressive)
    assert np.array_equal(pixels(data), imagecodecs.jpeg8_decode(data))
    assert probe(data) == ImageHeader(50, 61, "RGB", 3, "JPEG")


@pytest.mark.parametrize("decoding", ["full", "reduced"])
def test_four_bytes_per_pixel_change_nothing(decoding: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(photo(200, 300), "JPEG")
    options = DecodeOptions((40, 40), 3, decode=decoding)
    four = decode(data, options).pixels
    monkeypatch.setattr("convstudy.data.decoding.jpeg._writes_four_bytes", lambda: False)
    assert np.array_equal(decode(data, options).pixels, four)


def test_grey_jpeg_is_grey_and_repeats_for_three_channels() -> None:
    data = saved(photo(40, 40)[..., :1], "JPEG")
    assert probe(data) == ImageHeader(40, 40, "L", 1, "JPEG")
    assert np.array_equal(pixels(data, channels=3), np.repeat(pixels(data), 3, axis=2))


def test_cmyk_jpeg_keeps_white_white() -> None:
    image = np.full((16, 16, 3), 255, np.uint8)
    image[:, 8:] = (255, 0, 0)
    data = saved(Image.fromarray(image).convert("CMYK"), "JPEG", quality=95)
    found = pixels(data)
    assert probe(data) == ImageHeader(16, 16, "CMYK", 3, "JPEG")
    assert (found[:, :7] == 255).all()
    assert np.abs(found[:, 9:].astype(int) - (255, 0, 0)).max() <= 3


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "WEBP", "TIFF"])
def test_exif_rotation_equals_that_of_the_upright_picture(file_format: str, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    options = {"lossless": True} if file_format == "WEBP" else {}
    data = saved(photo(24, 48), file_format, exif=exif, **options)
    plain = saved(photo(24, 48), file_format, **options)
    stored = Image.fromarray(pixels(plain))
    stored.getexif()[0x0112] = turn
    upright = np.asarray(ImageOps.exif_transpose(stored))
    assert np.array_equal(pixels(data), upright)
    header = probe(data)
    assert (header.height, header.width, header.is_rotated) == (*upright.shape[:2], turn != 1)
    for fit in ("crop", "pad", "stretch"):
        for size, tolerance in (((15, 14), 1), ((5, 4), 8)):
            small = DecodeOptions(size, 3, fit)
            difference = decode(data, small).pixels.astype(int) - decode(upright, small).pixels
            # The steps of the filter are in the other order; blocks of a reduction start at the other side.
            assert np.abs(difference).max() <= tolerance


def test_avif_is_read_and_rotated_once() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(photo(32, 64), "AVIF", quality=100, subsampling="4:4:4", exif=exif)
    assert probe(data) == ImageHeader(64, 32, "RGB", 3, "AVIF", is_rotated=True)
    upright = np.rot90(photo(32, 64), -1)
    assert np.abs(pixels(data).astype(int) - upright).max() <= 4


def test_damaged_exif_is_ignored() -> None:
    for exif in (
        b"Exif\0\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff",
        b"nonsense" * 9,
    ):
        data = saved(drawn(), "JPEG", exif=exif)
        assert (probe(data).height, probe(data).is_rotated) == (20, False)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_invalid_orientation_is_ignored(value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    assert not probe(saved(drawn(), "JPEG", exif=exif)).is_rotated


def test_grey_gif_has_grey_levels_and_not_palette_indices() -> None:
    levels = np.array([[20, 70], [120, 170]], np.uint8)
    data = saved(levels, "GIF")
    image = Image.open(io.BytesIO(data))
    assert image.mode == "P"
    assert np.asarray(image).max() == 3  # renumbered
    assert probe(data) == ImageHeader(2, 2, "P", 1, "GIF")
    assert np.array_equal(pixels(data)[..., 0], levels)


@pytest.mark.parametrize(
    ("file_format", "options"), [("GIF", {}), ("WEBP", {"lossless": True}), ("TIFF", {})]
)
def test_several_frames_give_the_first_and_their_number(file_format: str, options: dict[str, Any]) -> None:
    grey = drawn(channels=1)
    frames = [Image.fromarray(grey[..., 0] // 2 + np.uint8(9 * each)) for each in range(5)]
    data = saved(frames[0], file_format, save_all=True, append_images=frames[1:], **options)
    assert probe(data).n_frames == 5
    assert np.array_equal(pixels(data)[..., 0], np.asarray(frames[0]))


def test_frames_are_counted_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convstudy.data.decoding.gif.MAX_FRAMES", 3)
    frames = [Image.fromarray(drawn(9, 9) + np.uint8(each)) for each in range(5)]
    assert probe(saved(frames[0], "GIF", save_all=True, append_images=frames[1:])).n_frames == 3


def test_two_pictures_in_a_jpeg_give_the_first_and_their_number() -> None:
    first, second = Image.fromarray(photo(16, 16)), Image.fromarray(photo(16, 16, 1))
    data = saved(first, "MPO", save_all=True, append_images=[second])
    assert probe(data) == ImageHeader(16, 16, "RGB", 3, "JPEG", n_frames=2)
    assert np.array_equal(pixels(data), np.asarray(Image.open(io.BytesIO(data))))


def test_transparent_gif_is_composited_over_the_background() -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    data = saved(image, "GIF", transparency=1)
    assert pixels(data, background=60)[0].tolist() == [[255, 0, 0], [60, 60, 60], [0, 0, 255]]
    assert probe(data).has_alpha


def test_webp_with_transparency_is_composited_over_the_background() -> None:
    image = drawn(8, 8, 4)
    data = saved(image, "WEBP", lossless=True, exact=True)
    alpha = image[..., 3:] / 255
    expected = np.rint(image[..., :3] * alpha + np.array([1, 2, 3]) * (1 - alpha))
    assert np.array_equal(pixels(data, background=(1, 2, 3)), expected)


@pytest.mark.parametrize("mode", ["1", "P"])
def test_bmp_of_few_colours_gives_its_colours(mode: str) -> None:
    image = Image.fromarray(photo(20, 30)).convert(mode)
    expected = np.asarray(image.convert("L" if mode == "1" else "RGB"))
    assert np.array_equal(pixels(saved(image, "BMP")).squeeze(), expected)


def test_content_decides_and_not_the_name() -> None:
    assert probe(saved(drawn(), "PNG")).format == "PNG"
    assert probe(saved(drawn(), "GIF")).format == "GIF"


def one_scan_per_channel(data: bytes) -> bytes:
    """Return a baseline JPEG whose single scan says that it has one component; others would follow."""
    place = data.index(b"\xff\xda") + 4
    return data[:place] + b"\x01" + data[place + 1 :]


def test_too_many_scans_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    progressive = saved(photo(16, 16), "JPEG", progressive=True)
    baseline = saved(photo(16, 16), "JPEG")
    assert probe(progressive) and probe(baseline)
    monkeypatch.setattr("convstudy.data.decoding.jpeg.MAX_SCANS", 0)
    assert probe(baseline)  # libjpeg reads one scan, and no more
    for data in (progressive, one_scan_per_channel(baseline)):
        with pytest.raises(Undecodable, match="too many scans"):
            probe(data)
