"""A run stores examples of augmented training images once for each augmentation, and the report shows them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from convstudy import Network, Study, Variant, run_study
from convstudy.analysis import analyse
from convstudy.data import Dataset
from convstudy.engine.augmentation.examples import augmented_examples
from convstudy.errors import Problem, StoreError
from convstudy.history import History
from convstudy.report.section import Gallery, Heading, Material, Section
from convstudy.report.sections.augmentation import SECTION
from convstudy.run import examples
from convstudy.studyfile import Recipe

VARIANTS = {
    "light": Variant(recipe={"augment": "light"}),
    "same": Variant(recipe={"augment": "light", "label_smoothing": 0.1}),
    "cut": Variant(recipe={"augment": "cutout", "cutout_size": 3}),
    "own": Variant(recipe={"augment": {"rotate": 90, "mixup": 1}}),
}


def _dataset(channels: int = 1) -> Dataset:
    shape = (120, 8, 8, channels)
    images, labels = np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8), np.arange(120) % 3
    return Dataset.from_arrays(images[:90], labels[:90], images[90:], labels[90:], name="noise")


def _study(channels: int = 1) -> Study:
    return Study(
        name="shown",
        dataset=_dataset(channels),
        seeds=1,
        recipe={"epochs": 1},  # type: ignore[arg-type]
        network={"small": Network.read(["flatten"])},
        ablate={"small": {"network": "small", "variants": VARIANTS}},  # type: ignore[dict-item]
    )


def _section(runs: Path) -> Section | None:
    history = History.open(runs)
    try:
        material = Material(analyse(history.results("shown")), None)
        return next(iter(SECTION.sections(material)), None)
    finally:
        history.close()


def _files(runs: Path) -> list[Path]:
    return sorted(runs.glob("datasets/*/augmented-*.safetensors"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    run_study(_study(), folder, workers=0)
    return folder


@pytest.mark.parametrize("channels", [1, 2])
def test_examples_of_each_augmentation_are_stored_and_shown(tmp_path: Path, channels: int) -> None:
    results = run_study(_study(channels=channels), tmp_path, workers=0)
    assert len(_files(tmp_path)) == 3
    for variant in VARIANTS.values():
        recipe = Recipe(**variant.recipe)
        arrays = results.augmented(recipe)
        assert arrays is not None
        assert arrays["labels"].tolist() == [0, 1, 2]
        train = results.dataset.load().train
        assert np.array_equal(arrays["originals"], train.pixels[:3])
        assert np.array_equal(arrays["augmented"], augmented_examples(train.pixels[:3], recipe, 0, 8))
    assert results.augmented(Recipe()) is None
    section = _section(tmp_path)
    assert section is not None and section.notes == ()
    headings = [block.title for block in section.blocks if isinstance(block, Heading)]
    assert headings == ["light", "cutout", "rotate=90 mixup=1"]
    galleries = [block for block in section.blocks if isinstance(block, Gallery)]
    assert [len(block.thumbnails) for block in galleries] == [3, 3, 3]
    assert galleries[0].thumbnails[1].alt == "a training image of class 1 and 8 augmented versions"
    texts = [block.plain for block in section.every_block if hasattr(block, "plain")]
    assert "Used by small: light and small: same." in texts[1]


def test_study_without_augmentation_has_no_examples(tmp_path: Path) -> None:
    study = Study(
        name="shown",
        dataset=_dataset(),
        seeds=1,
        recipe={"epochs": 1},  # type: ignore[arg-type]
        network={"small": Network.read(["flatten"]), "other": Network.read(["flatten", "dense 3"])},
        compare={"both": {"networks": ["small", "other"]}},  # type: ignore[dict-item]
    )
    run_study(study, tmp_path, workers=0)
    assert _files(tmp_path) == []
    assert _section(tmp_path) is None


@pytest.mark.parametrize("damage", ["missing", "cut", "other"])
def test_report_says_which_examples_are_missing(runs: Path, tmp_path: Path, damage: str) -> None:
    shutil.copytree(runs, tmp_path, dirs_exist_ok=True)
    for file in _files(tmp_path):
        if damage == "missing":
            file.unlink()
        elif damage == "cut":
            file.write_bytes(file.read_bytes()[:100])
        else:
            weights = next(iter(tmp_path.glob("fits/*/weights.safetensors")))
            file.write_bytes(weights.read_bytes())
    section = _section(tmp_path)
    assert section is not None
    assert section.notes[0] == "There are no examples of light: the next training with it writes them."
    assert not any(isinstance(block, Gallery) for block in section.blocks)


def test_run_continues_if_examples_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise StoreError(Problem("no space"))

    monkeypatch.setattr(examples, "write_examples", refuse)
    assert run_study(_study(), tmp_path, workers=0).complete
    assert _files(tmp_path) == []
