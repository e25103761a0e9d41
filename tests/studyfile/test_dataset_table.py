"""The ``[dataset]`` table: reading, errors with their lines, and writing to a document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from convstudy.data import Dataset
from convstudy.errors import Problem, StudyError, key_text
from convstudy.studyfile import Study, check_study, load_study, study_document, study_of, study_schema
from convstudy.studyfile.images import DatasetTable, name_of
from tests.studyfile.places import statement

X = np.random.default_rng(0).integers(0, 256, (60, 12, 10, 3), dtype=np.uint8)
Y = np.arange(60) % 3
TEXT = """\
[study]
name = "mine"

[dataset]
source = "npy"
path = "arrays"

[network.n]
layers = ["conv 4 3 relu", "flatten"]

[network.m]
layers = ["flatten"]

[compare.both]
networks = ["n", "m"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a study file with its arrays next to it."""
    folder = tmp_path / "arrays"
    folder.mkdir()
    for part, rows in (("train", slice(0, 45)), ("test", slice(45, 60))):
        np.save(folder / f"{part}-images.npy", X[rows])
        np.save(folder / f"{part}-labels.npy", Y[rows])
    path = tmp_path / "study.toml"
    path.write_text(TEXT)
    return path


def problems_of(file: Path, old: str, new: str, changes: dict[str, object] | None = None) -> list[Problem]:
    assert old in TEXT
    file.write_text(TEXT.replace(old, new))
    with pytest.raises(StudyError) as caught:
        load_study(file, changes or {})
    return list(caught.value.problems)


def test_table_is_read_to_a_dataset(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")  # the path is relative to the study file
    dataset = load_study(file).dataset
    assert (dataset.name, dataset.image_shape, dataset.n_train, dataset.n_test) == (
        "arrays",
        (12, 10, 3),
        45,
        15,
    )
    assert dataset.class_names == ("0", "1", "2")
    assert dataset.digest == Dataset.from_arrays(X[:45], Y[:45], X[45:], Y[45:]).digest
    assert np.array_equal(dataset.load().train.pixels, X[:45])


def test_table_with_names_and_digest_is_read(file: Path) -> None:
    digest = load_study(file).dataset.digest
    more = f'name = "pets"\nclasses = ["cat", "dog", "cow"]\ndigest = "{digest}"\n\n[network.n]'
    file.write_text(TEXT.replace("[network.n]", more))
    dataset = load_study(file).dataset
    assert (dataset.name, dataset.class_names) == ("pets", ("cat", "dog", "cow"))


def test_study_with_a_table_is_read_back_from_its_document(file: Path) -> None:
    for changes in ({}, {"dataset.classes": ["cat", "dog", "cow"], "dataset.name": "pets"}):
        study = load_study(file, changes)
        document = study_document(study)
        assert "dataset" not in document["study"]
        assert document["dataset"]["path"] == str(file.parent / "arrays")
        assert study_of(document) == study
        assert study_document(study_of(document)) == document


def test_study_in_python_accepts_a_table_or_a_dataset(file: Path) -> None:
    study = load_study(file)
    values: dict[str, Any] = {"name": "mine", "network": study.network, "compare": study.compare}
    table = {"source": "npy", "path": str(file.parent / "arrays")}
    assert Study(dataset=table, **values) == study
    assert Study(dataset=study.dataset, **values) == study
    in_memory = Study(dataset=Dataset.from_arrays(X[:45], Y[:45], X[45:], Y[45:]), **values)
    check_study(in_memory)
    assert study_document(in_memory)["dataset"] == {"name": "arrays", "digest": study.dataset.digest}


# old text, new text, location, parts of statement, expected and hint
CASES = [
    ('"npy"', '"npz2"', "5: dataset.source", "must be one of", "npy", '"np'),
    ('"npy"', "3", "5: dataset.source", "must be one of", "npy", ""),
    ('path = "arrays"\n', "", "4: dataset", "path is missing", "", ""),
    ('path = "arrays"', 'pat = "arrays"', "4: dataset", "path is missing", "", ""),
    ('"arrays"', '"elsewhere"', "6: dataset.path", "there is no such file or folder", "", "exists"),
    ('"arrays"', '"~no-such-user/arrays"', "6: dataset.path", "there is no such file or folder", "", "exists"),
    ('"arrays"', f'"{"a" * 300}"', "6: dataset.path", "there is no such file or folder", "", "exists"),
    ('"arrays"', '"study.toml"', "6: dataset.path", "cannot read the folder", "a folder with", ""),
    ('"arrays"', '"arrays"\nclasses = ["a", "b"]', "7: dataset.classes", "one name per class", "", ""),
    ('"arrays"', '"arrays"\nclasses = ["a", "b", "b"]', "7: dataset.classes", "same name", "", ""),
    ('"arrays"', '"arrays"\nclasses = "abc"', "7: dataset.classes", "must be a list", "", ""),
    ('"arrays"', '"arrays"\nname = "a b"', "7: dataset.name", "must be a name", "letters", ""),
    ('"arrays"', f'"arrays"\ndigest = "{"0" * 64}"', "7: dataset.digest", "another digest", "SHA-256 0", "remove the"),
    ('"arrays"', '"arrays"\ndigest = "abc"', "7: dataset.digest", "must be a SHA-256", "64 digits", ""),
    ('name = "mine"', 'name = "mine"\ndataset = "digits"', "3: study.dataset", "not both", "", ""),
    ('[dataset]\nsource = "npy"\npath = "arrays"\n', "", "1: study", "dataset is missing", "[dataset] table", ""),
    ('\n\n[dataset]', '\n[study.dataset]', "3: study.dataset", "must be one of", "digits", "[dataset]"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(CASES)))
def test_invalid_table_is_reported_at_its_line(file: Path, number: int) -> None:
    old, new, where, what, expected, hint = CASES[number]
    problem = problems_of(file, old, new)[0]
    assert str(problem.where) == f"{file}:{where}"
    assert what in statement(problem)
    assert expected in problem.expected
    assert hint in problem.hint


def test_damaged_array_is_one_error_with_file_and_line(file: Path) -> None:
    np.save(file.parent / "arrays" / "train-images.npy", X[:45] / 255)
    (problem,) = problems_of(file, "[study]", "[study]")
    assert str(problem.where) == f"{file}:6: dataset.path"
    assert "train-images.npy: all images must have the same number format" in problem.what
    assert problem.got == "<f8 and |u1"


def test_invalid_dataset_hides_no_other_error(file: Path) -> None:
    text = TEXT.replace('"arrays"', '"elsewhere"').replace('"conv 4 3 relu"', '"conv 4 3 rleu"')
    file.write_text(text.replace('["n", "m"]', '["n", "o"]'))
    with pytest.raises(StudyError) as caught:
        load_study(file)
    wheres = [key_text(problem.where.key) for problem in caught.value.problems]
    assert wheres == ["dataset.path", "network.n.layers", "compare.both.networks"]


def test_layers_are_checked_with_the_image_shape_of_the_table(file: Path) -> None:
    (problem,) = problems_of(file, "conv 4 3 relu", "conv 4 11 relu")
    assert "12 × 10" in problem.what


def test_invalid_path_of_a_change_is_reported_at_the_change(file: Path) -> None:
    (problem,) = problems_of(file, "[study]", "[study]", {"dataset.path": "elsewhere"})
    assert str(problem.where) == "--set dataset.path"


def test_schema_accepts_a_name_or_a_table_but_not_both(file: Path) -> None:
    validator = Draft202012Validator(study_schema())
    document = study_document(load_study(file, {"dataset.classes": ["cat", "dog", "cow"]}))
    validator.validate(document)
    table = document.pop("dataset")
    head = {**document["study"], "dataset": "digits"}
    assert not validator.is_valid(document)
    assert validator.is_valid({**document, "study": head})
    assert not validator.is_valid({**document, "study": head, "dataset": table})
    for wrong in (
        {"source": "nothing"},
        {"digest": "abc"},
        {"path": ""},
        {"sise": 3},
        {"size": 0},
        {"size": [8]},
        {"fit": "zoom"},
        {"test": 1.5},
        {"classes": ["a"]},
    ):
        assert not validator.is_valid({**document, "dataset": {**table, **wrong}}), wrong


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("photos", "photos"),
        ("v1.2", "v1.2"),
        ("photos.zip", "photos"),
        ("photos.tar.gz", "photos"),
        ("my list.csv", "my-list"),
        ("…", "dataset"),
    ],
)
def test_name_of_a_dataset_is_that_of_its_path(tmp_path: Path, path: str, name: str) -> None:
    if "." not in path or path == "v1.2":
        (tmp_path / path).mkdir()
    assert DatasetTable.model_validate({"path": path}).request(tmp_path).name == name


def test_name_of_a_path_follows_the_rules_of_names(tmp_path: Path) -> None:
    (tmp_path / "set.v2" / "inner").mkdir(parents=True)
    names = {
        tmp_path / "my photos": "my-photos",
        tmp_path / "set.v2": "set.v2",
        tmp_path / "set.v2" / "inner" / "..": "set.v2",
        Path("scans.tar.gz"): "scans",
        Path("a.npz"): "a",
        Path("häuser.csv"): "h-user",
        Path("…"): "dataset",
        Path("a\0b"): "a-b",
        Path("x" * 300): "x" * 64,
    }
    assert {path: name_of(path) for path in names} == names


@pytest.mark.parametrize(
    ("value", "expected", "got"),
    [
        ("[255, 0]", "[low, high] with low < high", "[255, 0]"),
        ("[0, 0]", "[low, high] with low < high", "[0, 0]"),
        (
            "[-1e308, 1e308]",
            "[low, high] in [-1e30, 1e30], with a difference of 1e-30 or more",
            "[-1e+308, 1e+308]",
        ),
        ("[0, 1e-300]", "[low, high] in [-1e30, 1e30], with a difference of 1e-30 or more", "[0, 1e-300]"),
        ("[1]", "a list of 2 items", "1 item"),
        ("5", "a list of 2 items", "5 (an integer)"),
    ],
)
def test_wrong_range_says_what_it_must_be(file: Path, value: str, expected: str, got: str) -> None:
    (problem,) = problems_of(file, 'path = "arrays"', f'path = "arrays"\nrange = {value}')
    assert (problem.where.key, problem.expected, problem.got) == (("dataset", "range"), expected, got)
