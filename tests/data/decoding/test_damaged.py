"""Files that are no image, too large, cut or damaged: one short reason each, nothing printed, bounded memory."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convstudy.data.decoding import DecodeOptions, Undecodable, decode, probe
from convstudy.data.decoding.file_kinds import IMAGES, OTHERS
from tests.data.decoding.drawn import drawn, photo, saved

OPTIONS = DecodeOptions((16, 16), 3)


def reason(data: bytes) -> str:
    with pytest.raises(Undecodable) as caught:
        decode(data, OPTIONS)
    return caught.value.reason


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "empty file"),
        (b"label,path\ncat,a.png\n", "a text file"),
        ("Größe und Maß".encode(), "a text file"),
        (b"\xef\xbb\xbf<!DOCTYPE html><html>404</html>", "an HTML page, perhaps a failed download"),
        (b"  <html><body>", "an HTML page, perhaps a failed download"),
        (b'<?xml version="1.0"?><svg width="9">', "an SVG drawing, which needs a conversion to PNG"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC, which needs a conversion to JPEG or PNG"),
        (b"%PDF-1.7\n%\xe2", "a PDF document"),
        (b"\0\0\0\1Bud1\0\0", "a macOS folder file (.DS_Store)"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid",
            "a Git LFS pointer; `git lfs pull` fetches the image",
        ),
        (b"PK\x03\x04rest", "a zip archive"),
        (bytes(5000), "the file starts with zeros, perhaps a failed copy"),
        (b"\xde\xad\xbe\xef\0\1", "the file starts with de ad be ef"),
    ],
)
def test_file_that_is_no_image_is_named_from_its_content(data: bytes, expected: str) -> None:
    assert reason(data) == f"not a supported image: {expected}".replace(
        "not a supported image: empty", "empty"
    )


def test_avif_with_a_general_first_brand_is_avif() -> None:
    data = saved(photo(16, 16), "AVIF")
    general = data[:8] + b"mif1" + data[12:]
    assert probe(general).format == "AVIF"
    assert np.array_equal(decode(general, OPTIONS).pixels, decode(data, OPTIONS).pixels)
    assert "HEIC" in reason(general[:16] + b"heic" * ((general[3] - 16) // 4) + general[general[3] :])


def test_every_known_beginning_is_recognised() -> None:
    assert len(IMAGES) == 8
    assert len(OTHERS) > 20
    for name, offset, beginnings in OTHERS:
        for beginning in beginnings:
            assert reason(bytes(offset) + beginning + b"\xff" * 9) == f"not a supported image: {name}"


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "AVIF", "TIFF", "PPM"])
def test_cut_files_are_undecodable_at_any_length(file_format: str, capfd: pytest.CaptureFixture[str]) -> None:
    data = saved(photo(40, 40), file_format)
    decode(data, OPTIONS)
    for length in [*range(1, 60, 7), len(data) // 3, len(data) // 2, len(data) * 9 // 10]:
        found = reason(data[:length])
        assert found.startswith(("truncated after", "damaged: ", "not a supported image: "))
        assert "\n" not in found and len(found) <= 120
    for length in (len(data) // 2, len(data) * 9 // 10):
        if file_format in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "PPM"):
            assert reason(data[:length]).startswith(f"truncated after {length:,} bytes")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "AVIF", "TIFF", "PPM"])
def test_damaged_bytes_never_raise_anything_else(file_format: str, capfd: pytest.CaptureFixture[str]) -> None:
    data = saved(photo(40, 40), file_format)
    rng = np.random.default_rng(0)
    n_refused = 0
    for number in range(150):
        damaged = bytearray(data)
        # Headers have more that can go wrong than pixels.
        for place in rng.integers(0, len(data) if number % 2 else min(len(data), 700), 4):
            damaged[place] = rng.integers(0, 256)
        options = (OPTIONS, DecodeOptions((8, 8), 1, "pad", decode="reduced"))[number // 2 % 2]
        try:
            decode(bytes(damaged), options)
        except Undecodable as error:
            n_refused += 1
            assert error.reason and len(error.reason) <= 200
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
    assert n_refused > 0 or file_format in ("BMP", "PPM")


def test_jpeg_without_a_scan_is_undecodable_for_all_options() -> None:
    data = saved(photo(40, 40), "JPEG")
    scan = data.index(b"\xff\xda")
    for decoding in ("full", "reduced"):
        with pytest.raises(Undecodable, match=r"^damaged: a JPEG without pixels$"):
            decode(data[:scan] + b"\xff\xd9", DecodeOptions((8, 8), 3, decode=decoding))


def with_size(file_format: str, side: int) -> bytes:
    """Return a small file whose header says that both sides have this length."""
    data = bytearray(saved(photo(16, 16), file_format))
    if file_format == "PNG":
        data[16:24] = struct.pack(">II", side, side)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    elif file_format == "BMP":
        data[18:26] = struct.pack("<ii", side, side)
    elif file_format == "GIF":
        data[6:10] = struct.pack("<HH", side, side)
    elif file_format == "JPEG":
        place = data.index(b"\xff\xc0")
        data[place + 5 : place + 9] = struct.pack(">HH", side, side)
    elif file_format == "PPM":
        data[:] = data.replace(b"16 16", b"%d %d" % (side, side), 1)
    elif file_format == "WEBP":  # the extended form, whose canvas has 24 bits a side
        content = b"VP8X" + struct.pack("<I", 10) + bytes(4) + struct.pack("<I", side - 1)[:3] * 2 + data[12:]
        data[:] = b"RIFF" + struct.pack("<I", len(content) + 4) + b"WEBP" + content
    return bytes(data)


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "GIF", "JPEG", "PPM", "WEBP"])
def test_gigapixel_header_is_refused_before_memory_is_used(file_format: str) -> None:
    for side in (60_000, 10_000):
        limit = "29,826,161" if file_format == "WEBP" else "89,478,485"
        expected = f"too large: {side:,} × {side:,} pixels; the limit is {limit} pixels"
        assert reason(with_size(file_format, side)) == expected


def test_limit_of_pixels_is_inclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convstudy.data.decoding.undecodable.MAX_PIXELS", 600)
    for data in (saved(drawn(20, 30), "PNG"), drawn(20, 30)):
        assert probe(data).width == 30
    for data in (
        saved(drawn(20, 31), "PNG"),
        drawn(20, 31),
        saved(drawn(20, 31), "TIFF"),
        saved(drawn(20, 31), "JPEG"),
    ):
        with pytest.raises(Undecodable, match=r"^too large: 31 × 20 pixels; the limit is 600 pixels$"):
            probe(data)


def test_wrong_extension_does_not_matter_and_a_picture_inside_text_is_text() -> None:
    assert (
        reason(b"text before " + saved(drawn(), "PNG"))
        == "not a supported image: the file starts with 74 65 78 74"
    )


def test_out_of_memory_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.JpegImagePlugin.JpegImageFile.load", fails)
    assert reason(saved(drawn(), "JPEG")) == "not enough memory"


def test_pickle_and_other_plugins_of_pillow_are_never_reached() -> None:
    for file_format in ("TGA", "PCX", "SGI", "ICO", "DDS", "JPEG2000", "PDF", "EPS", "ICNS", "SPIDER"):
        image = Image.fromarray(photo(32, 32))
        file = io.BytesIO()
        (image.convert("F") if file_format == "SPIDER" else image).save(file, file_format)
        assert reason(file.getvalue()).startswith(("not a supported image: ", "damaged: "))
