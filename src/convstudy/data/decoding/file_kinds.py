"""Recognises what a file is from its first bytes. The name of the file plays no part."""

from __future__ import annotations

from convstudy.data.decoding.undecodable import Undecodable

IMAGES = (
    ("JPEG", 0, (b"\xff\xd8\xff",)),
    ("PNG", 0, (b"\x89PNG\r\n\x1a\n",)),
    ("WEBP", 8, (b"WEBP",)),
    ("GIF", 0, (b"GIF87a", b"GIF89a")),
    ("BMP", 0, (b"BM",)),
    ("PNM", 0, (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6")),
    ("TIFF", 0, (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    ("NPY", 0, (b"\x93NUMPY",)),
)
"""(format, offset, the bytes at this offset) of the files that are decoded; AVIF is found by its brands."""

AVIF_BRANDS = {b"avif", b"avis"}

OTHERS = (
    (
        "HEIC, which needs a conversion to JPEG or PNG",
        4,
        (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypmsf1"),
    ),
    ("JPEG 2000", 4, (b"jP  \r\n\x87\n",)),
    ("JPEG 2000", 0, (b"\xff\x4f\xff\x51",)),
    ("JPEG XL", 4, (b"JXL \r\n\x87\n",)),
    ("JPEG XL", 0, (b"\xff\x0a",)),
    ("a PDF document", 0, (b"%PDF",)),
    ("an EPS document", 0, (b"%!PS",)),
    ("a Photoshop file", 0, (b"8BPS",)),
    ("an OpenEXR picture", 0, (b"v/1\x01",)),
    ("a DICOM file", 128, (b"DICM",)),
    ("an HDF5 file", 0, (b"\x89HDF",)),
    ("an icon (ICO)", 0, (b"\0\0\1\0",)),
    ("a zip archive", 0, (b"PK\x03\x04", b"PK\x05\x06")),
    ("a gzip file", 0, (b"\x1f\x8b",)),
    ("a 7z archive", 0, (b"7z\xbc\xaf\x27\x1c",)),
    ("a RAR archive", 0, (b"Rar!",)),
    ("a Python pickle", 0, (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")),
    ("a macOS folder file (.DS_Store)", 0, (b"\0\0\0\1Bud1",)),
    ("macOS metadata (AppleDouble)", 0, (b"\0\x05\x16\x07",)),
    ("a Windows thumbnail file", 0, (b"\xd0\xcf\x11\xe0",)),
    ("a video", 4, (b"ftyp",)),
    ("a video", 0, (b"\x1aE\xdf\xa3",)),
    ("a video", 8, (b"AVI ",)),
    ("a Git LFS pointer; `git lfs pull` fetches the image", 0, (b"version https://git-lfs",)),
)
"""(what it is, offset, the bytes at this offset) of files that occur among images and are not decoded."""


def format_of(data: bytes) -> str:
    """Return the format of an image file.

    Raises:
        Undecodable: if the file is empty or none of the formats; the reason names what the file is, if known.
    """
    if not data:
        raise Undecodable("empty file")
    if data.startswith(b"ftyp", 4) and AVIF_BRANDS & _brands(data):
        return "AVIF"
    for name, offset, beginnings in IMAGES:
        if data.startswith(beginnings, offset):
            return name
    raise Undecodable(f"not a supported image: {_other(data)}")


def _brands(data: bytes) -> set[bytes]:
    """Return the brands of a file of the ISO base media format: the first one, and those it is compatible with."""
    end = min(int.from_bytes(data[:4], "big"), 256)
    return {data[place : place + 4] for place in (8, *range(16, end, 4))}


def _other(data: bytes) -> str:
    for name, offset, beginnings in OTHERS:
        if data.startswith(beginnings, offset):
            return name
    start = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if b"<svg" in start:
        return "an SVG drawing, which needs a conversion to PNG"
    if start.startswith((b"<!doctype html", b"<html", b"<head")):
        return "an HTML page, perhaps a failed download"
    if not any(data[:1024]):
        return "the file starts with zeros, perhaps a failed copy"
    if all(byte >= 32 or byte in b"\t\n\r\f" for byte in data[:1024]) and _is_text(data[:1024]):
        return "a text file"
    return f"the file starts with {data[:4].hex(' ')}"


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(data) - 3  # a character of several bytes may be cut
    return True
