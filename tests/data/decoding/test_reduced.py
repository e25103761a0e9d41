"""``decode = "reduced"``: JPEG files at a lower resolution, never below twice the target."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from convstudy.data.decoding import DecodeOptions, decode
from convstudy.data.decoding.fitting import crop_box, decoded_size, padded_size
from tests.data.decoding.drawn import drawn_16, photo, saved


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("turn", [1, 6])
@pytest.mark.parametrize("size", [(64, 64), (32, 48), (17, 90)])
def test_reduced_differs_little_from_full(fit: Any, turn: int, size: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    data = saved(photo(375, 500), "JPEG", quality=90, exif=exif)
    full = decode(data, DecodeOptions(size, 3, fit)).pixels.astype(int)
    reduced = decode(data, DecodeOptions(size, 3, fit, decode="reduced")).pixels
    difference = np.abs(full - reduced)
    assert 0 < difference.mean() < 1.5
    assert difference.max() <= 24


def test_reduced_uses_the_reduction_of_libjpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    drafts: list[tuple[Any, tuple[int, int]]] = []
    draft = JpegImageFile.draft

    def recorded(self: JpegImageFile, mode: Any, size: Any) -> Any:
        found = draft(self, mode, size)
        drafts.append((size, self.size))
        return found

    monkeypatch.setattr(JpegImageFile, "draft", recorded)
    data = saved(photo(375, 500), "JPEG")
    decode(data, DecodeOptions((64, 64), 3))
    assert drafts == []
    decode(data, DecodeOptions((64, 64), 3, decode="reduced"))
    decode(data, DecodeOptions((40, 40), 3, decode="reduced"))
    assert drafts == [((171, 128), (250, 188)), ((107, 80), (125, 94))]


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("source", [(375, 500), (500, 375), (1000, 90), (64, 64), (40, 30)])
def test_fitted_part_keeps_twice_the_target(fit: Any, source: tuple[int, int]) -> None:
    options = DecodeOptions((32, 20), 3, fit)
    height, width = decoded_size(source, options)
    if fit == "crop":
        left, top, right, bottom = crop_box(source, options.size)
        fraction = (bottom - top) / source[0], (right - left) / source[1]
    else:
        fraction = (1, 1)
    target = padded_size(source, options.size) if fit == "pad" else options.size
    assert height * fraction[0] >= 2 * target[0]
    assert width * fraction[1] >= 2 * target[1]


def test_reduced_grey_is_the_luma_of_the_file() -> None:
    data = saved(photo(375, 500), "JPEG", quality=90)
    full, reduced = (
        decode(data, DecodeOptions((40, 40), 1, "stretch", decode=each)).pixels
        for each in ("full", "reduced")
    )
    assert 0 < np.abs(full.astype(int) - reduced).mean() < 1.5
    image = Image.open(io.BytesIO(data))
    image.draft("L", (80, 80))
    assert (image.mode, image.size) == ("L", (125, 94))
    assert np.array_equal(reduced, decode(np.asarray(image), DecodeOptions((40, 40), 1, "stretch")).pixels)


def test_reduced_equals_full_for_small_images_and_other_files() -> None:
    for channels in (1, 3):
        data = saved(photo(255, 270), "JPEG")
        full, reduced = (
            decode(data, DecodeOptions((64, 64), channels, decode=each)).pixels
            for each in ("full", "reduced")
        )
        assert np.array_equal(full, reduced)
    for data in (
        saved(photo(375, 500), "PNG"),
        drawn_16(375, 500),
    ):
        full, reduced = (
            decode(data, DecodeOptions((64, 64), 3, decode=each)).pixels for each in ("full", "reduced")
        )
        assert np.array_equal(full, reduced)
