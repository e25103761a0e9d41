"""Training and test images at two paths."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convstudy.data.sources import LISTED_SOURCES, NAMED_SOURCES
from convstudy.data.sources.joined import joined
from convstudy.data.sources.prepared import PreparedSource
from convstudy.errors import DataError, StudyError
from convstudy.studyfile import load_study
from convstudy.studyfile.images import DatasetTable
from tests.data.sources.listed import listed

X = np.random.default_rng(0).integers(0, 256, (30, 8, 8), dtype=np.uint8)
Y = np.arange(30) % 3


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with train.npz (20 images) and test.npz (10 images)."""
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "cache"))
    np.savez(tmp_path / "train.npz", X=X[:20], y=Y[:20])
    np.savez(tmp_path / "test.npz", X=X[20:], y=Y[20:])
    return tmp_path


def test_reader_reads_both_and_survives_json(folder: Path) -> None:
    train, test = listed("npz", folder / "train.npz"), listed("npz", folder / "test.npz")
    both = joined(train, "npz", test, "npz", "test")
    again = LISTED_SOURCES["joined"].reader(json.loads(json.dumps(both.reader.as_json())))
    for reader in (both.reader, again):
        for position in (0, 19, 20, 29):
            assert np.array_equal(np.asarray(reader.read(position)).squeeze(), X[position])
        stamps = reader.stamps()
        assert stamps.shape == (30, 3)
        assert tuple(stamps[19]) == reader.stamp(19) != reader.stamp(20) == tuple(stamps[20])
    assert list(both.parts or ()) == ["train"] * 20 + ["test"] * 10
    assert len(set(both.names)) == 30


def test_test_path_gives_the_test_images(folder: Path) -> None:
    table = {"path": "train.npz", "test": "test.npz", "duplicates": "separate"}
    dataset = DatasetTable.model_validate(table).dataset(folder)
    assert (dataset.n_train, dataset.n_test) == (20, 10)
    assert np.array_equal(dataset.load().test.open(lambda: None).pixels[..., 0], X[20:])


def test_missing_test_path_is_an_error_at_its_key(folder: Path) -> None:
    text = '[study]\nname = "s"\n[dataset]\npath = "train.npz"\ntest = "tset.npz"\n[network.n]\nlayers = ["flatten"]\n'
    (folder / "s.toml").write_text(text)
    with pytest.raises(StudyError) as caught:
        load_study(folder / "s.toml")
    assert any(problem.where.key == ("dataset", "test") for problem in caught.value.problems)


def test_test_images_twice_are_refused(folder: Path) -> None:
    np.savez(folder / "both.npz", x_train=X[:20], y_train=Y[:20], x_test=X[20:], y_test=Y[20:])
    table = DatasetTable.model_validate({"path": "both.npz", "test": "test.npz"})
    with pytest.raises(DataError, match="given twice"):
        table.dataset(folder)


def test_a_study_file_cannot_name_the_kind() -> None:
    assert "joined" not in NAMED_SOURCES


def test_range_of_values_is_that_of_the_training_images(folder: Path) -> None:
    """Without it, the first test image outside of 0 to 1 would be unreadable, or change the training images."""
    np.savez(folder / "train.npz", X=X[:20] / 127.5 - 1, y=Y[:20])
    np.savez(folder / "test.npz", X=X[20:] / 127.5 - 1, y=Y[20:])
    table = {"path": "train.npz", "test": "test.npz", "duplicates": "separate"}
    dataset = DatasetTable.model_validate(table).dataset(folder)
    loaded = dataset.load()
    assert np.array_equal(loaded.train.pixels[..., 0], X[:20])
    assert np.array_equal(loaded.test.open(lambda: None).pixels[..., 0], X[20:])
    both = joined(
        listed("npz", folder / "train.npz"), "npz", listed("npz", folder / "test.npz"), "npz", "test"
    )
    assert both.bounds is not None and both.bounds(range(20, 30)).highest == 0


def test_test_images_among_the_other_images_are_refused(folder: Path) -> None:
    for number, name in enumerate(("photos/a/1.png", "photos/b/1.png", "photos/test/a/2.png")):
        (folder / name).parent.mkdir(parents=True)
        Image.fromarray(X[number]).save(folder / name)
    for path, test in (("photos", "photos/test"), ("photos", "photos"), ("train.npz", "./train.npz")):
        with pytest.raises(DataError, match="must not be among the images of path") as caught:
            DatasetTable.model_validate({"path": path, "test": test}).dataset(folder)
        assert caught.value.problems[0].where.key == ("dataset", "test")


def test_kind_of_two_paths_is_that_of_their_files(folder: Path) -> None:
    dataset = DatasetTable.model_validate({"path": "train.npz", "test": "test.npz"}).dataset(folder)
    assert isinstance(dataset.source, PreparedSource)
    assert dataset.source.summary().kind == "npz"


def test_weights_of_training_images_need_no_weights_of_test_images(folder: Path) -> None:
    np.savez(folder / "train.npz", X=X[:20], y=Y[:20], weights=np.arange(1.0, 21.0))
    table = {"path": "train.npz", "test": "test.npz", "duplicates": "separate"}
    train = DatasetTable.model_validate(table).dataset(folder).load().train
    assert train.weights is not None and train.weights.tolist() == list(range(1, 21))
    np.savez(folder / "train.npz", X=X[:20], y=Y[:20])
    np.savez(folder / "test.npz", X=X[20:], y=Y[20:], weights=np.ones(10))
    assert DatasetTable.model_validate(table).dataset(folder).load().train.weights is None
