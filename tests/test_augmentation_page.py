"""The tables and examples of docs/augmentation.md are those of the package."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from convstudy.studyfile import Recipe, study_of
from convstudy.studyfile.transforms import KEYS, NAMES, ORIGINALS, PRESETS, TRANSFORMS

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "augmentation.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| `")
]


def test_first_table_has_every_key_in_order_with_its_range() -> None:
    rows = {row[0].strip("`"): row for row in ROWS if len(row) == 4}
    assert tuple(rows) == KEYS
    for key, transform in TRANSFORMS.items():
        shown = re.sub(r"[\[\] ]", "", rows[key][2]).replace("−", "-")
        expected = [transform.low, transform.high] if transform.has_range else []
        assert [float(each) for each in shown.split(",") if each] == expected
        assert all(f'`"{choice}"`' in rows[key][1] for choice in transform.choices)


def test_second_table_has_every_preset_with_its_transforms() -> None:
    rows = {row[0].strip("`"): row[1].strip("`") for row in ROWS if len(row) == 2}
    assert rows == dict(PRESETS)
    assert all(f"`{name}`" in PAGE for name in (*PRESETS, *ORIGINALS))
    assert len(NAMES) == 12


EXAMPLES = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.M)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_is_a_valid_part_of_a_study(example: str) -> None:
    study = {
        "study": {"name": "a", "dataset": "digits"},
        "network": {"small": {"layers": ["flatten"]}},
        "ablate": {"small": {"tanh": {"optimizer": "sgd"}}},
    }
    study_of({**study, **tomllib.loads(example)})


def test_text_of_the_page_are_valid_values() -> None:
    assert len(EXAMPLES) == 4
    texts = re.findall(r"`augment = ([^`]+)`", PAGE)
    assert len(texts) == 2
    for text in texts:
        assert Recipe(augment=tomllib.loads(f"value = {text}")["value"]).augmentation.settings
