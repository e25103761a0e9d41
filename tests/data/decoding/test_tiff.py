"""TIFF as tifffile and Pillow write it: types, channels, layouts, byte orders, pages."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image

from convstudy.data.decoding import DecodeOptions, ImageHeader, Undecodable, decode, probe
from tests.data.decoding.drawn import drawn, drawn_16, photo, pixels, saved, scaled_16


def written(values: npt.NDArray[Any], **options: Any) -> bytes:
    """Return the file that tifffile writes."""
    file = io.BytesIO()
    tifffile.imwrite(file, values, **options)
    return file.getvalue()


BANDS = {"photometric": "minisblack", "planarconfig": "contig"}
LAYOUTS = [
    {},
    {"byteorder": ">"},
    {"tile": (16, 16)},
    {"rowsperstrip": 3},
    {"bigtiff": True},
    {"compression": "lzw", "predictor": True},
    {"compression": "deflate"},
    {"compression": "packbits"},
    {"compression": "zstd"},
    {"compression": "lzma"},
    {"compression": "deflate", "tile": (16, 32), "byteorder": ">"},
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_16_bit_files_in_every_layout_are_scaled_by_one_rule(channels: int, layout: dict[str, Any]) -> None:
    values = drawn_16(20, 30, channels)
    form = {1: {"photometric": "minisblack"}, 3: {"photometric": "rgb"}, 5: BANDS}[channels]
    data = written(values[..., 0] if channels == 1 else values, **form, **layout)
    assert np.array_equal(pixels(data), scaled_16(values))
    mode = "uint16" + (f"x{channels}" if channels > 1 else "")
    assert probe(data) == ImageHeader(20, 30, mode, channels, "TIFF", bits=16)


@pytest.mark.parametrize("channels", [3, 5])
def test_planes_become_channels(channels: int) -> None:
    values = drawn(channels=channels)
    photometric = "rgb" if channels == 3 else "minisblack"
    data = written(np.moveaxis(values, 2, 0), photometric=photometric, planarconfig="separate")
    assert np.array_equal(pixels(data), values)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", ["f2", "f4", "f8"])
def test_floats_from_0_to_1_span_0_to_255(name: str, order: str) -> None:
    values = (drawn(channels=1)[..., 0] / 255).astype(order + name)
    data = written(values, byteorder=order)
    assert np.array_equal(pixels(data)[..., 0], drawn(channels=1)[..., 0])
    assert probe(data).mode == f"float{8 * values.itemsize}"


@pytest.mark.parametrize("name", ["int8", "int16", "int32", "uint32", "uint64", "float32"])
def test_other_values_need_a_range_that_the_reason_names(name: str) -> None:
    values = np.array([[3, 53], [103, 28]], name)
    data = written(values)
    with pytest.raises(Undecodable) as caught:
        pixels(data)
    assert caught.value.reason == f"{name} values from 3 to 103 need `range`, for example range = [3, 103]"
    assert pixels(data, value_range=(3, 103)).ravel().tolist() == [0, 128, 255, 64]
    assert (probe(data).low, probe(data).high) == (3, 103)


def test_large_int32_values_keep_their_differences() -> None:
    values = np.array([[10**9, 10**9 + 1, 10**9 + 2]], np.int32)
    assert pixels(written(values), value_range=(10**9, 10**9 + 2)).ravel().tolist() == [0, 128, 255]


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_values_of_10_to_14_bits_use_the_range_of_their_bits(bits: int) -> None:
    top = (1 << bits) - 1
    values = np.array([[0, top // 2, top]], np.uint16)
    file = io.BytesIO()
    tifffile.imwrite(file, values, bitspersample=bits)
    assert pixels(file.getvalue()).ravel().tolist() == [0, 127, 255]
    assert probe(file.getvalue()).bits == bits


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_white_is_zero_is_inverted(photometric: str) -> None:
    values = drawn(channels=1)[..., 0]
    expected = values if photometric == "minisblack" else 255 - values
    assert np.array_equal(pixels(written(values, photometric=photometric))[..., 0], expected)
    wide = drawn_16()[..., 0]
    expected = scaled_16(wide if photometric == "minisblack" else 65535 - wide)
    assert np.array_equal(pixels(written(wide, photometric=photometric))[..., 0], expected)


@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha"])
def test_transparency_is_composited_whether_premultiplied_or_not(kind: str) -> None:
    colour = np.full((4, 4, 3), (200, 100, 50), np.float64)
    alpha = np.linspace(0, 1, 16).reshape(4, 4, 1)
    stored = colour * alpha if kind == "assocalpha" else colour
    values = np.rint(np.concatenate([stored, alpha * 255], axis=2)).astype(np.uint8)
    data = written(values, photometric="rgb", extrasamples=[kind])
    expected = colour * alpha + 20 * (1 - alpha)
    assert np.abs(pixels(data, background=20) - expected).max() <= 1
    assert probe(data) == ImageHeader(4, 4, "RGBA", 3, "TIFF", has_alpha=True)


def test_rgba_of_16_bits_is_composited() -> None:
    values = drawn_16(8, 8, 4)
    data = written(values, photometric="rgb", extrasamples=["unassalpha"])
    alpha = values[..., 3:] / 65535
    expected = values[..., :3] / 257 * alpha + 90 * (1 - alpha)
    assert np.abs(pixels(data, background=90) - expected).max() <= 0.51


def test_fourth_channel_that_is_no_transparency_stays_a_channel() -> None:
    values = drawn(channels=4)
    data = written(values, photometric="rgb", extrasamples=["unspecified"])
    assert probe(data) == ImageHeader(20, 30, "uint8x4", 4, "TIFF")
    assert np.array_equal(pixels(data), values)
    with pytest.raises(Undecodable, match=r"^4 channels cannot become the 3 of `channels`$"):
        pixels(data, channels=3)


@pytest.mark.parametrize("mode", ["1", "P", "L", "LA", "RGB", "RGBA", "CMYK", "YCbCr"])
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_8_bit_modes_of_pillow_give_the_pixels_of_pillow(mode: str, compression: str | None) -> None:
    colour = Image.fromarray(photo(20, 30)).convert("RGB")
    image = colour.convert(mode)
    data = saved(image, "TIFF", compression=compression)
    reference = Image.open(io.BytesIO(data))
    if mode == "P":
        reference = reference.convert("RGB")
    expected = reference.convert("L" if mode in ("1", "L", "LA") else "RGB")
    assert np.array_equal(pixels(data).squeeze(), np.asarray(expected))
    assert probe(data).mode == mode


def test_jpeg_inside_a_tiff_is_decoded_to_rgb() -> None:
    data = saved(photo(32, 48), "TIFF", compression="jpeg", quality=95)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert np.abs(pixels(data) - expected).max() <= 1


@pytest.mark.parametrize("compression", ["group3", "group4"])
def test_fax_files_are_decoded(compression: str) -> None:
    bitmap = drawn(channels=1)[..., 0] > 127
    data = saved(Image.fromarray(bitmap), "TIFF", compression=compression)
    assert np.array_equal(pixels(data)[..., 0], bitmap * np.uint8(255))


def test_pages_are_counted_and_the_first_is_decoded() -> None:
    stack = np.stack([drawn_16()[..., 0] // each for each in (1, 2, 4)])
    data = written(stack, photometric="minisblack")
    assert probe(data).n_frames == 3
    assert np.array_equal(pixels(data), scaled_16(drawn_16()))


def test_pages_in_a_circle_end(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(written(drawn(channels=1)[..., 0]))
    (start,) = struct.unpack_from("<I", data, 4)
    (n_tags,) = struct.unpack_from("<H", data, start)
    struct.pack_into("<I", data, start + 2 + 12 * n_tags, start)
    assert probe(bytes(data)).n_frames == 1
    assert np.array_equal(pixels(bytes(data)), drawn(channels=1))


def test_signed_8_bit_file_is_not_read_as_unsigned() -> None:
    data = written(np.array([[-1, 0, 1]], np.int8))
    assert pixels(data, value_range=(-1, 1)).ravel().tolist() == [0, 128, 255]


WITHOUT_IMAGECODECS = """
import sys, importlib.util, numpy as np
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "imagecodecs" else found(name, *rest)
sys.modules["imagecodecs"] = None
from convstudy.data.decoding import DecodeOptions, Undecodable, decode, probe
data = sys.stdin.buffer.read()
header = probe(data)
try:
    found = decode(data, DecodeOptions((header.height, header.width), header.channels)).pixels
    sys.stdout.buffer.write(found.tobytes())
except Undecodable as error:
    sys.stdout.write(error.reason)
"""


def without_imagecodecs(data: bytes) -> bytes:
    command = [sys.executable, "-c", WITHOUT_IMAGECODECS]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def test_without_imagecodecs_pillow_decodes_8_bits_and_other_files_name_the_extra() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    lzw = saved(photo(10, 20), "TIFF", compression="tiff_lzw", exif=exif)
    assert without_imagecodecs(lzw) == pixels(lzw).tobytes()
    deep = written(drawn_16()[..., 0])
    assert without_imagecodecs(deep) == pixels(deep).tobytes()
    packed = written(drawn_16()[..., 0], compression="lzw")
    reason = b'a TIFF with LZW needs imagecodecs: pip install "convstudy[data]"'
    assert without_imagecodecs(packed) == reason


def test_unknown_compression_and_colours_are_named() -> None:
    with pytest.raises(Undecodable, match="TIFF with compression 50001"):
        probe(written(photo(32, 32), compression="webp"))
    lab = saved(Image.fromarray(photo(8, 8)).convert("LAB"), "TIFF")
    with pytest.raises(Undecodable, match="TIFF with colours of type 8"):
        probe(lab)


@pytest.mark.parametrize("compression", [None, "lzw", "deflate", "packbits", "jpeg", "zstd", "lzma"])
def test_cut_or_damaged_file_is_undecodable_and_prints_nothing(
    compression: str | None, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    data = written(photo(64, 64), compression=compression, rowsperstrip=16)
    options = DecodeOptions((16, 16), 3)
    for length in (4, 9, len(data) // 3, len(data) - 3):
        with pytest.raises(Undecodable, match=r"truncated|damaged"):
            decode(data[:length], options)
    for place in range(0, len(data), max(1, len(data) // 40)):
        damaged = bytearray(data)
        damaged[place] ^= 0xFF
        try:
            decode(bytes(damaged), options)
        except Undecodable as error:
            assert len(error.reason) <= 200
    captured = capfd.readouterr()
    assert (captured.out, captured.err, caplog.records) == ("", "", [])


def tag_places(data: bytes) -> dict[int, int]:
    """Return the tags of the first page of a little-endian file -> the offsets of their entries."""
    (start,) = struct.unpack_from("<I", data, 4)
    (n_tags,) = struct.unpack_from("<H", data, start)
    entries = range(start + 2, start + 2 + 12 * n_tags, 12)
    return {struct.unpack_from("<H", data, entry)[0]: entry for entry in entries}


def test_what_tifffile_logs_about_a_file_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    data = bytearray(written(drawn(), software="a program"))
    struct.pack_into("<H", data, tag_places(bytes(data))[305] + 2, 99)  # an unknown type
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        assert file.pages.first.shape == (20, 30, 3)
    assert [record.name for record in caplog.records] == ["tifffile"]
    caplog.clear()
    assert np.array_equal(pixels(bytes(data)), drawn())
    assert caplog.records == []


def test_too_many_strips_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = written(photo(64, 64), rowsperstrip=1)
    assert probe(data)
    monkeypatch.setattr("convstudy.data.decoding.tiff_directory.MAX_SEGMENTS", 63)
    with pytest.raises(Undecodable, match=r"^too many values of tag 273: 64; the limit is 63$"):
        probe(data)


def test_jpeg_that_is_larger_than_its_tiff_is_refused() -> None:
    data = bytearray(written(photo(64, 64), compression="jpeg"))
    frame = data.index(b"\xff\xc0")
    struct.pack_into(">HH", data, frame + 5, 60_000, 60_000)
    with pytest.raises(Undecodable, match=r"^damaged: a part of 60,000 × 60,000 pixels in a TIFF$"):
        probe(bytes(data))


def test_own_use_of_tifffile_still_logs(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Undecodable):
        probe(written(drawn())[:100])
    tifffile.tifffile.logger().warning("for the user")
    assert [record.message for record in caplog.records] == ["for the user"]


def test_impossible_counts_and_tiles_are_refused() -> None:
    data = written(photo(64, 64), rowsperstrip=16)
    tags = tag_places(data)
    offsets = bytearray(data)
    struct.pack_into("<I", offsets, tags[273] + 4, 10**9)
    with pytest.raises(Undecodable, match=r"tag 273 has 1,000,000,000 values"):
        probe(bytes(offsets))
    wide = bytearray(data)
    struct.pack_into("<HII", wide, tags[256] + 2, 4, 1, 10**6)
    struct.pack_into("<HII", wide, tags[257] + 2, 4, 1, 10**6)
    with pytest.raises(Undecodable, match=r"^too large: 1,000,000 × 1,000,000 pixels"):
        probe(bytes(wide))
    tiled = bytearray(written(photo(64, 64), tile=(64, 64)))
    places = tag_places(bytes(tiled))
    for tag in (322, 323):
        struct.pack_into("<HII", tiled, places[tag] + 2, 4, 1, 65536)
    with pytest.raises(Undecodable, match=r"^too large: tiles of 65,536 × 65,536 pixels$"):
        probe(bytes(tiled))
