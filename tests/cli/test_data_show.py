"""``convstudy data show``: counts, files, copies and warnings, and a page that shows training images only."""

from __future__ import annotations

import base64
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from benchmarks.data.draw_shapes import draw_folder
from tests.cli.conftest import CommandResult

Call = Callable[..., CommandResult]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, which is empty; the cache is new."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path.parent / f"{tmp_path.name}-cache"))
    return tmp_path


@pytest.fixture
def parts(folder: Path) -> str:
    """Draw a folder with training and test images: 12 and 4 of each of two classes, with copies."""
    for part, seed, count in (("train", 0, 12), ("test", 1, 4)):
        draw_folder(Path("shapes") / part, {"circle": count, "star": count}, seed, (20, 40), suffix=".png")
    shutil.copy("shapes/train/circle/circle-0000.png", "shapes/train/star/relabelled.png")
    shutil.copy("shapes/train/circle/circle-0001.png", "shapes/test/circle/leaked.png")
    Image.new("RGB", (30, 30), "grey").save("shapes/test/star/blank.png")
    return "shapes"


def thumbnails(page: str) -> list[np.ndarray]:
    """Return the pixels of all images of a page."""
    found = re.findall(r'src="data:image/png;base64,([A-Za-z0-9+/=]+)"', page)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for text in found]


def test_counts_files_copies_and_blank_images_are_printed(convstudy: Call, parts: str) -> None:
    shown = convstudy("data", "show", parts)
    assert shown.status == 0, shown.err
    assert "shapes: folder, 25 training images and 10 test images of 2 classes, used as " in shown.out
    # The copy that has another label makes one group of two training images.
    assert re.search(r"^circle +12 +5 +12 +5$", shown.out, re.M)
    assert re.search(r"^star +13 +5 +13 +5$", shown.out, re.M)
    assert re.search(r"^training +25 +1 +1 +0 +0 +0$", shown.out, re.M)
    assert re.search(r"^test +10 +0 +0 +0 +0 +1$", shown.out, re.M)
    assert "1 test image is an exact copy of a training image: a model may have memorised them." in shown.out
    assert "training modes: RGB (25)" in shown.out and "training widths: 2" in shown.out
    assert sorted(path.name for path in Path().iterdir()) == ["shapes"]


def test_json_has_the_same_counts(convstudy: Call, parts: str) -> None:
    found = convstudy("data", "show", parts, "--json").json
    assert found["parts"]["train"]["class_counts"] == [12, 13]
    assert found["parts"]["train"]["n_repeated_otherwise"] == 1
    assert found["parts"]["test"]["n_constant"] == 1
    assert found["exact_copies_across_parts"]["n_test"] == 1
    assert found["prepared"]["kind"] == "folder" and found["page"] is None


def test_page_shows_training_images_and_no_test_image(convstudy: Call, parts: str) -> None:
    done = convstudy("data", "show", parts, "--out", "page.html", "--set", "dataset.size=20")
    assert done.status == 0, done.err
    assert done.err.splitlines()[-1] == "page: page.html"
    page = Path("page.html").read_text("utf-8")
    assert "http" not in page.replace("http-equiv", "")
    for title in ("Images by class", "Files", "Copies and blank images", "Crop, pad or stretch"):
        assert f"<h2>{title}</h2>" in page
    assert [page.count(f"<small>{fit}</small>") for fit in ("original", "crop", "pad", "stretch")] == [6] * 4
    shown = {image.tobytes() for image in thumbnails(page)}
    cached = next(Path(f"{Path().absolute()}-cache").glob("**/train-images.npy")).parent
    train, test = (np.load(cached / f"{part}-images.npy") for part in ("train", "test"))
    assert len(shown & {image.tobytes() for image in train}) >= 23
    copies = {image.tobytes() for image in train}
    assert not [image for image in test if image.tobytes() in shown - copies]


def test_page_shows_augmented_training_images(convstudy: Call, parts: str) -> None:
    done = convstudy("data", "show", parts, "--out", "page.html", "--augment", "light")
    assert done.status == 0, done.err
    page = Path("page.html").read_text("utf-8")
    assert "with augment = light" in page
    assert page.count(', augmented" title') == 8 * 9


def test_unknown_augmentation_and_one_without_a_page_are_refused(convstudy: Call, parts: str) -> None:
    wrong = convstudy("data", "show", parts, "--out", "page.html", "--augment", "lihgt")
    assert wrong.status == 2 and 'did you mean "light"?' in wrong.err and not Path("page.html").exists()
    alone = convstudy("data", "show", parts, "--augment", "light")
    assert alone.status == 2 and "--augment needs --out FILE.html" in alone.err


def test_files_of_classes_that_differ_in_form_are_warned_about(convstudy: Call, folder: Path) -> None:
    rng = np.random.default_rng(0)
    chunk = PngInfo()
    chunk.add(b"gAMA", (45455).to_bytes(4, "big"))
    for name in ("dark", "light"):
        Path("scans", name).mkdir(parents=True)
    for number in range(10):
        grey = rng.integers(0, 256, (40, 40), "uint8")
        Image.fromarray(grey).save(f"scans/light/{number}.png", pnginfo=chunk)
        Image.fromarray(grey.astype("uint16") * 17).save(f"scans/dark/{number}.png")
    Image.fromarray(rng.integers(0, 256, (10, 80), "uint8")).save("scans/dark/long.png")
    shown = convstudy("data", "show", "scans", "--set", "dataset.size=40").out
    warnings = shown.partition("warnings:")[2]
    assert (
        "8 of 17 training images have more than 8 bits per value: their full range becomes 0 to 255"
        in warnings
    )
    assert 'of "light" have a gamma or sRGB chunk, and 10% or less of those of "dark"' in warnings
    assert "the 16-bit training images become dark: no value is above 4,095" not in warnings  # 4,335 is
    assert "1 of 17 training images have less than half the height or width" in warnings
    assert '1 of 17 training images lose more than half of their area by fit = "crop"' in warnings


def test_files_of_one_form_have_no_warnings(convstudy: Call, parts: str) -> None:
    assert "warnings" not in convstudy("data", "show", parts).out


def test_built_in_dataset_and_study_file_are_shown(convstudy: Call, tiny: Path) -> None:
    for source in ("digits", str(tiny)):
        shown = convstudy("data", "show", source)
        assert shown.status == 0 and "1,437 training images and 360 test images of 10 classes" in shown.out
        assert "1 test image is a near-duplicate of a training image" in shown.out


def test_keys_outside_of_the_dataset_are_refused(convstudy: Call, parts: str) -> None:
    refused = convstudy("data", "show", parts, "--set", "recipe.epochs=3")
    assert refused.status == 2 and "must be a key of [dataset]" in refused.err


def test_images_that_cannot_be_decoded_are_named(convstudy: Call, parts: str) -> None:
    Path("shapes/train/star/empty.png").write_bytes(b"")
    refused = convstudy("data", "show", parts)
    assert refused.status == 2 and "empty.png" in refused.err and "dataset.path" not in refused.err
    shown = convstudy("data", "show", parts, "--set", "dataset.on_error=skip")
    assert shown.status == 0 and "left out:\n  train/star/empty.png: " in shown.out


def test_help_has_an_exit_status_and_examples_and_an_unknown_command_is_refused(convstudy: Call) -> None:
    shown = convstudy("data", "show", "--help").out
    assert "Exit status: 0 success" in shown and "Examples:" in shown
    refused = convstudy("data", "shwo")
    assert refused.status == 2 and 'did you mean "show"?' in refused.err
