"""Decoding is one function of its arguments: types, options, headers, and the same result everywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from convstudy.data.decoding import DecodeOptions, ImageHeader, Undecodable, decode, probe
from convstudy.errors import DataError
from tests.data.decoding.drawn import drawn, photo, pixels, saved


def test_options_and_header_survive_json_text() -> None:
    options = DecodeOptions((8, 9), 3, "pad", True, (0, 100.5), (1, 2, 3), "reduced")
    assert DecodeOptions.from_json(json.loads(json.dumps(options.as_json()))) == options
    plain = DecodeOptions((8, 9), 1)
    assert DecodeOptions.from_json(json.loads(json.dumps(plain.as_json()))) == plain
    header = ImageHeader(1, 2, "uint16x5", 5, "TIFF", 16, True, 3, True, True, -1.5, 2.5)
    assert header.is_deep
    assert ImageHeader.from_json(json.loads(json.dumps(header.as_json()))) == header


def test_options_report_every_wrong_value_with_its_key() -> None:
    with pytest.raises(DataError) as caught:
        DecodeOptions((0, 2000), 0, "squash", False, (1, 1), (1, 2, 300), "quick")  # type: ignore[arg-type]
    assert [str(problem).partition(" must be")[0] for problem in caught.value.problems] == [
        f"dataset.{key}" for key in ("size", "channels", "fit", "decode", "range", "background")
    ]


@pytest.mark.parametrize("limits", [(0, float("nan")), (float("-inf"), 0), (5, 2)])
def test_options_refuse_a_range_that_is_none(limits: tuple[float, float]) -> None:
    with pytest.raises(DataError, match=r"dataset\.range must be two finite numbers"):
        DecodeOptions((8, 8), 1, value_range=limits)


def test_colour_background_for_five_channels_is_refused() -> None:
    with pytest.raises(DataError, match=r"dataset\.background must be one integer"):
        DecodeOptions((8, 8), 5, background=(1, 2, 3))


def test_pixels_are_writable_and_share_no_memory_with_the_input() -> None:
    image = drawn()
    found = pixels(image)
    assert np.array_equal(found, image)
    found[:] = 0
    assert image.any()


def test_invert_is_the_last_step() -> None:
    image = drawn(10, 20)
    options = DecodeOptions((16, 16), 3, "pad", background=10)
    inverted = DecodeOptions((16, 16), 3, "pad", background=10, invert=True)
    assert np.array_equal(decode(image, inverted).pixels, 255 - decode(image, options).pixels)
    assert (decode(image, inverted).pixels[0] == 245).all()


def test_result_is_the_same_in_threads_and_in_another_process() -> None:
    data = saved(photo(120, 160), "JPEG")
    options = DecodeOptions((32, 32), 3)
    expected = decode(data, options).pixels
    with ThreadPoolExecutor(4) as threads:
        assert all(
            np.array_equal(found.pixels, expected)
            for found in threads.map(lambda _: decode(data, options), range(20))
        )
    program = (
        "import sys, json; from convstudy.data.decoding import DecodeOptions, decode;"
        "options = DecodeOptions.from_json(json.loads(sys.argv[1]));"
        "sys.stdout.buffer.write(decode(sys.stdin.buffer.read(), options).pixels.tobytes())"
    )
    command = [sys.executable, "-c", program, json.dumps(options.as_json())]
    found = subprocess.run(command, input=data, capture_output=True, check=True)
    assert found.stdout == expected.tobytes()
    assert found.stderr == b""


def test_import_loads_neither_numpy_nor_pillow() -> None:
    program = (
        "import sys, convstudy.data.decoding as d; d.DecodeOptions((8, 8), 1);"
        "print([name for name in ('numpy', 'PIL', 'tifffile') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout == b"[]\n"


def test_probe_gives_the_header_that_decode_gives() -> None:
    data = saved(drawn(), "PNG")
    assert probe(data) == decode(data, DecodeOptions((8, 8), 3)).header
    assert probe(data) == ImageHeader(20, 30, "RGB", 3, "PNG")


def test_undecodable_has_its_reason_as_text() -> None:
    with pytest.raises(Undecodable, match=r"^empty file$") as caught:
        probe(b"")
    assert caught.value.reason == "empty file"
