"""docs/architecture.md names what is there: its packages are those of the house, and each path that it names exists."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "convstudy"
TEXT = (ROOT / "docs" / "architecture.md").read_text("utf-8")


def _drawn() -> list[str]:
    """Return the packages and modules of the diagram, from the top down."""
    diagram = TEXT.partition("```\nsrc/convstudy/\n")[2].partition("```")[0]
    return re.findall(r"^  ([a-z_]+)(?:/|\.py) ", diagram, flags=re.M)


def test_diagram_has_the_layers_of_the_import_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = (each["layers"] for each in contracts if each["type"] == "layers")
    *above, bottom = layers
    drawn = _drawn()
    assert len(above) > 12
    assert drawn[: len(above)] == [name.strip("()") for name in above]
    at_the_bottom = TEXT.partition("  errors.py")[2].partition("```")[0]
    assert {name for name in bottom.split(" | ") if f"{name}.py" not in at_the_bottom} == {"errors"}


def test_every_package_has_its_row_and_every_named_path_exists() -> None:
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    rows = set(re.findall(r"^\| `([a-z]+)/` \|", TEXT, flags=re.M))
    assert rows == packages
    named = set(re.findall(r"`([\w./-]+(?:\.py|\.md|/))`", TEXT))
    assert len(named) > 40
    # What a runs folder has, and what a caller writes.
    elsewhere = {"fits/", "datasets/", "workers.log"}
    places = (ROOT, PACKAGE, ROOT / "docs")
    missing = {name for name in named - elsewhere if not any((place / name).exists() for place in places)}
    assert missing == set()


def _has_transform(module: Path) -> bool:
    return "\nTRANSFORM = " in module.read_text("utf-8")


def test_table_of_each_package_lists_its_modules() -> None:
    wrong, n_tables = {}, 0
    for init in sorted(PACKAGE.rglob("__init__.py")):
        text = ast.get_docstring(ast.parse(init.read_text("utf-8"))) or ""
        if "\n====" not in text:
            continue
        n_tables += 1
        # All lines of signs are the head and the end of one table.
        assert len(set(re.findall(r"^=.*$", text, flags=re.M))) == 1, init
        found = re.findall(r"^(?::mod:)?`+\.?([a-z_0-9]+)/?`+ ", text, flags=re.M)
        modules = {path.stem for path in init.parent.glob("*.py")} - {"__init__"}
        if "and so on" in text:  # one row has all modules of one kind
            modules -= {each for each in modules - set(found) if _has_transform(init.parent / f"{each}.py")}
        modules |= {path.parent.name for path in init.parent.glob("*/__init__.py")}
        if set(found) != modules:
            wrong[init.parent.name] = set(found) ^ modules
    assert n_tables > 15
    assert wrong == {}


def test_each_row_of_to_add_names_what_to_open_and_a_test_that_exists() -> None:
    table = TEXT.partition("## To add X, open Y")[2].partition("## ")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| a")]
    assert len(rows) == 21
    for name, opened, _, proof in rows:
        assert re.findall(r"`([\w./]+)`", opened), name
        tests = re.findall(r"`(tests/[\w./]+\.py)`", proof)
        assert tests and all((ROOT / test).is_file() for test in tests), name


def test_readme_defines_the_same_nine_words() -> None:
    def words(text: str) -> dict[str, str]:
        table = text.partition("\n| word | meaning |\n")[2].partition("\n\n")[0]
        return dict(re.findall(r"^\| (\w+) \| (.+) \|$", table, flags=re.M))

    found = words(TEXT)
    assert len(found) == 9
    assert words((ROOT / "README.md").read_text("utf-8")) == found
