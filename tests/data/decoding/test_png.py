"""PNG: every colour type and bit depth, transparency, 16 bits without loss, chunks."""

from __future__ import annotations

import io
import struct
import zlib

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, PngImagePlugin

from convstudy.data.decoding import DecodeOptions, ImageHeader, Undecodable, decode, probe
from tests.data.decoding.drawn import drawn, drawn_16, pixels, saved, scaled_16

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def built(bits: int, colour_type: int, rows: list[bytes], width: int, *chunks: bytes) -> bytes:
    """Return a PNG file of packed rows, with chunks before the pixels."""
    header = struct.pack(">IIBBBBB", width, len(rows), bits, colour_type, 0, 0, 0)
    content = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = (chunk(b"IHDR", header), *chunks, chunk(b"IDAT", content), chunk(b"IEND", b""))
    return SIGNATURE + b"".join(parts)


def with_chunk(data: bytes, kind: bytes, content: bytes) -> bytes:
    """Return a PNG file with one more chunk after its header."""
    return data[:33] + chunk(kind, content) + data[33:]


@pytest.mark.parametrize("interlace", [False, True])
@pytest.mark.parametrize(
    ("channels", "mode"), [(1, "uint16"), (2, "uint16x2"), (3, "uint16x3"), (4, "uint16x4")]
)
def test_16_bit_values_are_scaled_and_rounded_by_one_rule(channels: int, mode: str, interlace: bool) -> None:
    values = drawn_16(30, 40, channels)
    if channels in (2, 4):
        values[..., -1] = 65535
    data = imagecodecs.png_encode(values if channels > 1 else values[..., 0], level=6)
    if interlace:
        data = interlaced(values)
    colours = values[..., : 3 if channels > 2 else 1]
    assert np.array_equal(pixels(data), scaled_16(colours))
    header = probe(data)
    assert (header.mode, header.bits, header.has_alpha) == (mode, 16, channels in (2, 4))


def interlaced(values: npt.NDArray[np.uint16], n_passes: int = 7) -> bytes:
    """Return an Adam7 file of 16-bit values; no library at hand writes one."""
    height, width, channels = values.shape
    passes = (
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    )
    rows = b""
    for top, left, down, across in passes[:n_passes]:
        for row in values[top::down, left::across].astype(">u2"):
            rows += b"\0" + row.tobytes()
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 1)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return SIGNATURE + b"".join(parts)


def test_16_bit_grey_is_not_clipped_at_255() -> None:
    data = saved(drawn_16(), "PNG")
    found = pixels(data)
    assert np.array_equal(found, scaled_16(drawn_16()))
    assert 127 < found.mean() < 128.5  # Pillow's convert("L") gives 255 from the value 255 on


def test_same_16_bit_picture_as_grey_and_as_colour_has_the_same_pixels() -> None:
    values = drawn_16(9, 11)
    colour = imagecodecs.png_encode(np.repeat(values, 3, axis=2))
    options = DecodeOptions((5, 7), 3)
    assert np.array_equal(decode(saved(values, "PNG"), options).pixels, decode(colour, options).pixels)


def test_16_bit_transparency_is_composited_in_16_bits() -> None:
    values = drawn_16(8, 8, 4)
    found = pixels(imagecodecs.png_encode(values), background=(10, 100, 200))
    alpha = values[..., 3:].astype(np.float64) / 65535
    expected = values[..., :3] / 257 * alpha + np.array([10, 100, 200]) * (1 - alpha)
    assert np.abs(found - expected).max() <= 0.51


@pytest.mark.parametrize(("bits", "step"), [(1, 255), (2, 85), (4, 17)])
def test_grey_of_few_bits_spans_0_to_255(bits: int, step: int) -> None:
    top = (1 << bits) - 1
    values = np.arange(16).reshape(2, 8) % (top + 1)
    rows = [packed(row, bits) for row in values]
    assert np.array_equal(pixels(built(bits, 0, rows, 8))[..., 0], values * step)
    key = chunk(b"tRNS", struct.pack(">H", top))
    shown = np.where(values == top, 7, values * step)
    assert np.array_equal(pixels(built(bits, 0, rows, 8, key), background=7)[..., 0], shown)
    assert probe(built(bits, 0, rows, 8, key)).has_alpha
    high_bits = chunk(b"tRNS", struct.pack(">H", top | 1 << 15))  # which the PNG specification ignores
    assert np.array_equal(pixels(built(bits, 0, rows, 8, high_bits), background=7)[..., 0], shown)


def packed(row: npt.NDArray[np.int64], bits: int) -> bytes:
    return np.packbits((row[:, None] >> np.arange(bits)[::-1]) & 1).tobytes()


def test_1_bit_file_of_pillow_becomes_0_and_255() -> None:
    image = drawn(channels=1) > 127
    data = saved(Image.fromarray(image[..., 0]), "PNG")
    assert np.array_equal(pixels(data), image * np.uint8(255))
    assert probe(data) == ImageHeader(20, 30, "1", 1, "PNG", bits=1)


def test_colour_key_makes_one_colour_transparent() -> None:
    image = drawn()
    key = tuple(int(value) for value in image[3, 4])
    data = saved(image, "PNG", transparency=key)
    expected = np.where((image == key).all(axis=2, keepdims=True), np.uint8(50), image)
    assert np.array_equal(pixels(data, background=50), expected)
    deep = np.repeat(drawn_16(4, 4), 3, axis=2)
    deep[0, 0] = (256, 512, 768)
    data = with_chunk(imagecodecs.png_encode(deep), b"tRNS", struct.pack(">HHH", 256, 512, 768))
    found = pixels(data, background=50)
    assert (found[0, 0] == 50).all()
    assert np.array_equal(found[1:], scaled_16(deep)[1:])


def test_palette_with_transparency_is_composited_over_the_background() -> None:
    image = Image.new("P", (4, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    image.putdata([0, 1, 2, 3])
    data = saved(image, "PNG", transparency=bytes([255, 0, 128, 255]))
    expected = [[255, 0, 0], [40, 40, 40], [20, 20, 148], [9, 9, 9]]
    assert pixels(data, background=40)[0].tolist() == expected
    header = probe(data)
    assert (header.mode, header.channels, header.has_alpha) == ("P", 3, True)
    assert pixels(data).reshape(-1, 3)[1].tolist() == [128, 128, 128]  # the stated default


def test_palette_of_greys_counts_as_grey() -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([20, 20, 20, 70, 70, 70, 170, 170, 170])
    image.putdata([2, 0, 1])
    data = saved(image, "PNG")
    assert probe(data).channels == 1
    assert pixels(data).ravel().tolist() == [170, 20, 70]


@pytest.mark.parametrize("file_format", ["PNG", "GIF", "BMP", "TIFF"])
def test_palette_with_colours_counts_as_grey_if_pixels_use_only_its_greys(file_format: str) -> None:
    grey = np.minimum(drawn(channels=1)[..., 0], 254)
    image = Image.frombytes("P", (30, 20), grey.tobytes())
    image.putpalette([level for index in range(255) for level in [index] * 3] + [255, 0, 0])
    data = saved(image, file_format, **({"optimize": False} if file_format == "GIF" else {}))
    assert probe(data).channels == 1
    assert np.array_equal(pixels(data)[..., 0], grey)
    image.putpixel((3, 4), 255)
    data = saved(image, file_format, **({"optimize": False} if file_format == "GIF" else {}))
    assert probe(data).channels == 3
    assert pixels(data)[4, 3].tolist() == [255, 0, 0]


@pytest.mark.parametrize(("channels", "mode"), [(2, "LA"), (4, "RGBA")])
def test_transparency_is_composited_with_rounding(channels: int, mode: str) -> None:
    image = drawn(channels=channels)
    data = saved(Image.fromarray(image), "PNG")
    alpha = image[..., -1:] / 255
    expected = np.rint(image[..., :-1] * alpha + 30 * (1 - alpha))
    assert np.abs(pixels(data, background=30) - expected).max() == 0
    assert probe(data) == ImageHeader(20, 30, mode, channels - 1, "PNG", has_alpha=True)
    assert np.array_equal(pixels(data, channels=channels), image)


def test_gamma_chunk_changes_the_header_and_no_pixel() -> None:
    red = np.zeros((2, 2, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
    plain = saved(red, "PNG")
    for kind, content in ((b"gAMA", struct.pack(">I", 45455)), (b"sRGB", b"\0")):
        marked = with_chunk(plain, kind, content)
        assert (probe(plain).has_gamma, probe(marked).has_gamma) == (False, True)
        # A conversion in linear light, as in OpenCV and Keras, gives 147.
        assert (pixels(marked, channels=1) == 76).all()
        assert np.array_equal(pixels(marked), red)


def test_animated_png_gives_its_first_frame_and_their_number() -> None:
    frames = [Image.fromarray(drawn() + np.uint8(each)) for each in range(3)]
    data = saved(frames[0], "PNG", save_all=True, append_images=frames[1:])
    assert probe(data).n_frames == 3
    assert np.array_equal(pixels(data), drawn())


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("deep", [False, True])
def test_exif_rotation_of_png_is_applied(turn: int, deep: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    values = drawn_16(4, 6) if deep else drawn(4, 6)
    image = Image.fromarray(values[..., 0] if deep else values)
    data = saved(image, "PNG", exif=exif)
    expected = np.asarray(PilTurn.apply(Image.fromarray(scaled_16(values)[..., 0] if deep else values), turn))
    assert np.array_equal(pixels(data).squeeze(), expected)
    assert (probe(data).height, probe(data).width) == expected.shape[:2]
    assert probe(data).is_rotated == (turn != 1)


class PilTurn:
    """The rotation by ImageOps.exif_transpose, the reference."""

    @staticmethod
    def apply(image: Image.Image, turn: int) -> Image.Image:
        from PIL import ImageOps

        image.getexif()[0x0112] = turn
        return ImageOps.exif_transpose(image)


def test_huge_text_chunk_does_not_matter() -> None:
    plain = saved(drawn(), "PNG")
    bomb = b"note\0\0" + zlib.compress(bytes(1 << 23))
    with pytest.raises(ValueError, match="MAX_TEXT_CHUNK"):
        PngImagePlugin.PngImageFile(io.BytesIO(with_chunk(plain, b"zTXt", bomb)))
    assert np.array_equal(pixels(with_chunk(plain, b"zTXt", bomb)), drawn())


def test_damage_anywhere_in_the_pixels_is_found() -> None:
    data = bytearray(saved(drawn(), "PNG"))
    start, end = data.index(b"IDAT"), data.index(b"IEND") - 4
    for place in range(start + 4, end, 7):
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        with pytest.raises(Undecodable, match="checksum"):
            probe(bytes(damaged))


def test_cut_anywhere_is_found() -> None:
    data = saved(drawn(), "PNG")
    end = data.index(b"IEND") - 4
    for length in range(8, end, 11):
        with pytest.raises(Undecodable, match=f"^truncated after {length} bytes$"):
            decode(data[:length], DecodeOptions((8, 8), 3))
    assert np.array_equal(pixels(data[:end]), drawn())


def with_height(data: bytes, height: int) -> bytes:
    """Return a file with another height in its header, whose pixels then end early, in a complete zlib stream."""
    header = data[12:20] + struct.pack(">I", height) + data[24:29]
    return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]


def test_pixels_that_end_early_are_found() -> None:
    shorts = (
        built(8, 0, [bytes(30)] * 3, 30),
        built(16, 2, [bytes(180)] * 3, 30),
        built(1, 0, [bytes([255])] * 3, 7),
    )
    files = [with_height(short, 9) for short in shorts]
    assert all(pixels(short).shape[0] == 3 for short in shorts)
    files.append(interlaced(drawn_16(9, 30, 3), n_passes=5))  # without the fourth row; the last one is there
    for data in files:
        Image.open(io.BytesIO(data)).load()  # Pillow reports no error
        with pytest.raises(Undecodable, match=r"^truncated: [\d,]+ of [\d,]+ bytes of pixels$"):
            pixels(data)


def test_black_bottom_of_a_complete_file_is_no_error() -> None:
    for image in (np.zeros((9, 30, 3), np.uint8), np.zeros((9, 30), np.uint16)):
        assert (pixels(saved(image, "PNG")) == 0).all()
    assert (pixels(interlaced(np.zeros((9, 30, 3), np.uint16))) == 0).all()


@pytest.mark.parametrize(("bits", "colour_type"), [(3, 0), (4, 2), (16, 3), (8, 5)])
def test_bit_depth_that_png_lacks_is_refused(bits: int, colour_type: int) -> None:
    with pytest.raises(Undecodable, match="damaged"):
        probe(built(bits, colour_type, [bytes(8)], 1))


def test_palette_image_without_palette_is_refused() -> None:
    with pytest.raises(Undecodable, match=r"^damaged: no chunk PLTE$"):
        probe(built(8, 3, [bytes(8)], 8))


def test_too_many_chunks_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convstudy.data.decoding.png.MAX_CHUNKS", 50)
    data = saved(drawn(), "PNG")
    assert probe(data)
    many = data[:33] + chunk(b"tEXt", b"a\0b") * 60 + data[33:]
    with pytest.raises(Undecodable, match="too many chunks"):
        probe(many)
