"""The examples of docs/splits.md are valid, and its limits are those of the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from convstudy.data.audit.duplicates import MIN_CORRELATION, max_compared
from convstudy.data.grouping.assignment import N_PARTS
from convstudy.data.grouping.assignment_file import read_assignment, write_assignment
from convstudy.data.grouping.merging import LARGE_FRACTION
from convstudy.data.times import ranked
from convstudy.errors import Location
from convstudy.studyfile.images import DatasetTable

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "splits.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.M)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_has_valid_keys(example: str) -> None:
    assert len(EXAMPLES) == 3
    request = DatasetTable.model_validate(tomllib.loads(example)["dataset"]).request(Path("/data"))
    # A column becomes an option of the source, a pattern does not.
    assert (request.group is None) == (request.options.group is not None or request.options.time is not None)


def test_pattern_of_the_page_finds_the_patient() -> None:
    (pattern,) = (
        table["group"]
        for text in EXAMPLES
        if "\\" in (table := tomllib.loads(text)["dataset"]).get("group", "")
    )
    assert re.search(pattern, "cat/patient_12_left.png")[1] == "12"  # type: ignore[index]


def test_file_of_the_page_is_one_that_is_written(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```csv\n(.*?)^```", PAGE, re.DOTALL | re.M)
    path = tmp_path / "scans.parts.csv"
    path.write_text(text, "utf-8")
    assignment = read_assignment(path)
    assert assignment is not None and assignment.identity == "group"
    write_assignment(path, assignment)
    assert path.read_text("utf-8") == text


def test_times_of_the_page_are_accepted() -> None:
    texts = re.search(r"dates in ISO form: (\S+), (\S+)", PAGE)
    assert texts is not None
    assert ranked(list(texts.groups()), ["a", "b"], Location()).tolist() == [0, 1]


def test_limits_are_those_of_the_code() -> None:
    assert N_PARTS == 3 and "three groups if the test part is set aside" in PAGE
    assert f"correlate by {MIN_CORRELATION:.2f} or more" in PAGE
    assert f"more than {100 * LARGE_FRACTION:.0f} % of all images" in PAGE
    assert f"at most {max_compared(2_500):,} pairs" in PAGE and max_compared(2_600) < max_compared(2_500)
    assert round(max_compared(128 * 128 * 3), -4) == 100_000 and "100,000 at\n  128 × 128 × 3" in PAGE
