"""Invalid labels are found before training, without reading a test image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convstudy.data import Images, Part
from convstudy.data.digits import read_digit_labels, read_digits
from convstudy.errors import DataError, StudyError
from convstudy.run import run_study
from tests.run.studies import small_study

DIGITS = "convstudy.data.digits"


@pytest.fixture
def parts_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that records which parts of the digits are read."""
    read: list[str] = []

    def watched(part: Part) -> Images:
        read.append(part)
        return read_digits(part)

    monkeypatch.setattr(f"{DIGITS}.read_digits", watched)
    return read


def test_test_label_without_a_class_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts_read: list[str]
) -> None:
    def spoiled(part: Part) -> object:
        labels = read_digit_labels(part)
        return np.where(labels == 9, 10, labels) if part == "test" else labels

    monkeypatch.setattr(f"{DIGITS}.read_digit_labels", spoiled)
    with pytest.raises(DataError, match="the test labels must be in") as caught:
        run_study(small_study(), tmp_path / "runs", workers=0)
    assert caught.value.problems[0].got == "labels from 0 to 10"
    assert parts_read == ["train"]
    assert not (tmp_path / "runs").exists()


def test_too_few_images_of_a_class_is_an_error_before_training(tmp_path: Path, parts_read: list[str]) -> None:
    search = {"kernel": small_study().search["kernel"].model_copy(update={"folds": 100})}
    with pytest.raises(StudyError, match="100 folds need 100 images of each class"):
        run_study(small_study(subset=1000, search=search), tmp_path / "runs", workers=0)
    assert parts_read == ["train"]
    assert not (tmp_path / "runs").exists()
