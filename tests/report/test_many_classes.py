"""The report of datasets with more classes than a confusion matrix shows."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from convstudy.data import BUILT_IN_DATASETS
from convstudy.history.results import Results
from convstudy.report.class_charts import MAX_SHOWN_CLASSES
from convstudy.report.document import document
from convstudy.report.markdown import markdown
from convstudy.report.page import page
from convstudy.report.report import Report
from convstudy.report.sections.classes import MAX_PAIRS
from convstudy.report.table import as_csv, escaped
from convstudy.stats import confusion_of
from convstudy.studyfile import Compare, NetworkPattern, Recipe, Study
from tests.report.synthetic import figure_of, gathered, synthetic_results, table_of, texts_of

STUDY = Study(
    name="many",
    dataset="digits",
    recipe=Recipe(epochs=2),
    network={name: NetworkPattern(layers=("max-pool 4", "flatten")) for name in ("one", "two")},
    compare={"both": Compare(networks=("one", "two"))},
)


def _results(n_classes: int) -> Results:
    info = replace(
        BUILT_IN_DATASETS["digits"],
        name="many",
        class_names=tuple(f"class {number}" for number in range(n_classes)),
        n_train=4 * n_classes,
        n_test=3 * n_classes,
    )
    return synthetic_results(STUDY.model_copy(update={"dataset": info}), images=False, level=lambda name: 0.8)


@pytest.fixture
def contents(request: pytest.FixtureRequest) -> Report:
    return gathered(_results(request.param))


@pytest.mark.parametrize("contents", [MAX_SHOWN_CLASSES], indirect=True)
def test_fifty_classes_have_a_confusion_matrix(contents: Report) -> None:
    table = table_of(contents, "confusion")
    assert figure_of(contents, "confusion").alt
    assert (len(table.rows), len(table.columns)) == (50, 51)


@pytest.mark.parametrize("contents", [MAX_SHOWN_CLASSES + 1, 1_000], indirect=True)
def test_more_classes_have_a_list_of_pairs_that_states_its_omissions(contents: Report) -> None:
    n_classes = len(table_of(contents, "classes").rows)
    table = table_of(contents, "confusion")
    assert "confusion" not in [figure.name for figure in contents.figures]
    assert [column.key for column in table.columns] == ["true", "predicted", "count", "proportion"]
    counts = [row[2] for row in table.rows]
    assert counts == sorted(counts, reverse=True)
    (head,) = [text for text in texts_of(contents, "misclassified") if " errors in " in text]
    n_errors = int(head.split()[0].replace(",", ""))
    hidden = re.search(r"([\d,]+) other pairs of classes with ([\d,]+) errors", table.caption)
    n_hidden = int(hidden[1].replace(",", "")) if hidden else 0
    assert sum(counts) + (int(hidden[2].replace(",", "")) if hidden else 0) == n_errors
    assert len(counts) == MAX_PAIRS if n_hidden else len(counts) <= MAX_PAIRS
    assert n_hidden > 0 or n_classes == MAX_SHOWN_CLASSES + 1
    assert f"among {n_classes:,} classes" in page(contents)
    # Tables have one row per class; charts show only some classes.
    assert len(table_of(contents, "class-accuracy").rows) == n_classes
    accuracy, classes = figure_of(contents, "class-accuracy"), figure_of(contents, "classes")
    assert f"lowest of {n_classes:,}" in accuracy.full_title
    assert f"smallest of {n_classes:,}" in classes.title
    assert 30 < len({row["class"] for row in _data(accuracy.draw())}) <= MAX_SHOWN_CLASSES
    assert len({row["class"] for row in _data(classes.draw())}) == MAX_SHOWN_CLASSES


def _data(spec: object) -> list[dict[str, object]]:
    """Return the rows per class in a chart's specification."""
    if isinstance(spec, (list, tuple)):
        if spec and isinstance(spec[0], dict) and "class" in spec[0]:
            return list(spec)
        return [row for value in spec for row in _data(value)]
    return [row for value in spec.values() for row in _data(value)] if isinstance(spec, dict) else []


def test_report_size_grows_linearly_with_the_number_of_classes() -> None:
    sizes = []
    for n_classes in (250, 1_000):
        found = gathered(_results(n_classes))
        tables = "".join(as_csv(table) for table in found.tables)
        sizes.append([len(page(found)), len(markdown(found)), len(json.dumps(document(found))), len(tables)])
    few, many = np.array(sizes)
    assert (many < 3_000_000).all()
    assert (many - few < 800 * 750).all()  # 800 bytes per further class, in all tables and charts together


def test_confused_pairs_are_counted_from_predictions() -> None:
    n = 70
    labels = np.array([0, 0, 0, 0, 1, 1, 69, 69, 5])
    predicted = np.array([3, 3, 0, 2, 0, 0, 69, 1, 5])
    confusion = confusion_of(labels, [predicted, labels], n)
    assert confusion.misclassified == ((0, 3, 2), (1, 0, 2), (0, 2, 1), (69, 1, 1))
    assert (confusion.n_images, confusion.n_errors, confusion.n_models) == (18, 6, 2)
    assert confusion.images_of == {0: 8, 1: 4, 5: 2, 69: 4}
    assert confusion.counts[0][3] == 2 and sum(map(sum, confusion.counts)) == 18


@pytest.mark.parametrize("contents", [60], indirect=True)
def test_every_format_has_the_list_of_pairs(contents: Report) -> None:
    table = table_of(contents, "confusion")
    rows = list(csv.DictReader(io.StringIO(as_csv(table))))
    listed = document(contents)["tables"]["confusion"]["rows"]
    assert len(rows) == len(listed) == len(table.rows) > 10
    assert [row["true"] for row in rows] == [row["true"] for row in listed]
    assert escaped(table.caption) in markdown(contents)
