"""The package as a whole: the cost of its import, its public names, and rules that a test can check."""

from __future__ import annotations

import ast
import doctest
import importlib
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

import convstudy

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "convstudy"
MODULES = sorted(PACKAGE.rglob("*.py"))
MIN_MODULES = 40


def modules_loaded_by(statement: str) -> set[str]:
    """Run a statement in a new interpreter; return the names of all loaded modules."""
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


# The cost of an import


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = modules_loaded_by("import convstudy")
    assert "convstudy" in loaded
    assert not loaded & {"torch", "pydantic", "numpy", "scipy", "sklearn", "altair", "click", "rich"}


def test_importing_the_light_layers_loads_no_torch() -> None:
    layers = [
        "record",
        "networks",
        "data",
        "studyfile",
        "plan",
        "store",
        "stats",
        "analysis",
        "checks",
        "report",
    ]
    names = {f"convstudy.{layer}" for layer in layers}
    loaded = modules_loaded_by(f"import {', '.join(sorted(names))}")
    assert names <= loaded
    assert "torch" not in loaded


# Public names


@pytest.mark.parametrize("name", convstudy.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    value = getattr(convstudy, name)
    assert value is not None
    if name in convstudy._HOME_OF:
        assert value is getattr(importlib.import_module(convstudy._HOME_OF[name]), name)
        assert vars(convstudy)[name] is value, "the second use must return the stored value"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runs folder for all examples, so that a study is trained once."""
    return tmp_path_factory.mktemp("examples")


@pytest.mark.parametrize("name", sorted(convstudy._HOME_OF))
def test_docstring_of_public_name_has_an_example_that_runs(
    name: str, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(scratch)
    value = getattr(convstudy, name)
    module = importlib.import_module(value.__module__)
    finder = doctest.DocTestFinder(recurse=False)
    (found,) = finder.find(value, name, globs={**vars(module)})
    assert found.examples
    output: list[str] = []
    doctest.DocTestRunner().run(found, out=output.append)
    assert not output, "".join(output)


def test_three_lists_of_public_names_agree() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    for_type_checkers = {
        alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert for_type_checkers == convstudy._HOME_OF
    assert set(convstudy.__all__) == {*convstudy._HOME_OF, "__version__"}
    assert len(convstudy.__all__) == len(set(convstudy.__all__))


def test_public_names_are_listed_before_they_are_loaded() -> None:
    loaded = subprocess.check_output(
        [sys.executable, "-c", "import convstudy; print(*dir(convstudy))"], text=True
    ).split()
    assert set(convstudy.__all__) <= set(loaded)


def test_unknown_name_raises_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'convstudy' has no attribute 'load_studdy'"):
        _ = convstudy.load_studdy
    assert not hasattr(convstudy, "__wrapped__")


# Package data


def test_every_other_file_of_the_package_is_package_data() -> None:
    """A file that no pattern names is missing in the wheel. An editable install does not show this."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    patterns = config["tool"]["setuptools"]["package-data"]["convstudy"]
    shipped = {path for pattern in patterns for path in PACKAGE.glob(pattern)}
    others = {
        path
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"} and not path.name.startswith(".")
    }
    assert PACKAGE / "py.typed" in others
    assert others - shipped == set()


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {path.parent for path in MODULES}
    assert len(folders) >= 8
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


# Rules for the source


def test_only_numbers_module_formats_numbers_for_people() -> None:
    """A format such as ``:.2f`` is allowed in convstudy.numbers only, so that each number has one format."""
    folders = ("analysis", "checks", "cli", "report", "run", "stats")
    paths = [path for folder in folders for path in sorted((PACKAGE / folder).rglob("*.py"))]
    assert len(paths) > 100
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in paths
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FormattedValue)
        and node.format_spec is not None
        and re.search(r"\.\d|[efg%]'?$", ast.unparse(node.format_spec))
    ]
    assert found == []


def test_no_module_is_longer_than_400_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert len(lengths) >= MIN_MODULES
    assert {path: length for path, length in lengths.items() if length > 400} == {}


RUNS_CODE_WHEN_OPENED = {"_pickle", "cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve", "yaml"}


def dangers(source: str) -> list[str]:
    """Return the imports and calls of a module that can run code from a file or a text, by line."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Attribute):
            names = [ast.unparse(node)]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            names = [f"{node.func.id}()"]
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            names = [] if isinstance(node.value, ast.Constant) and not node.value.value else ["allow_pickle"]
        found += [
            f"line {getattr(node, 'lineno', 0)}: {name}"
            for name in names
            if name.split(".")[0] in RUNS_CODE_WHEN_OPENED
            or name in {"torch.load", "torch.hub", "eval()", "exec()", "__import__()", "allow_pickle"}
        ]
    return found


def test_no_module_runs_code_from_a_file() -> None:
    found = {str(path.relative_to(ROOT)): dangers(path.read_text("utf-8")) for path in MODULES}
    assert len(found) >= MIN_MODULES
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "def load():\n    from pickle import loads",
        "import torch\nweights = torch.load('w.pt')",
        "from torch import load",
        "value = eval(text)",
        "import numpy\nnumpy.load(path, allow_pickle=True)",
        "import yaml",
    ],
)
def test_check_for_dangerous_calls_finds_each(source: str) -> None:
    assert len(dangers(source)) >= 1


def test_check_for_dangerous_calls_allows_model_eval() -> None:
    assert (
        dangers("module.eval()\nnumpy.load(path, allow_pickle=False)\nsafetensors.torch.load_file(path)")
        == []
    )


# Folders of one machine; /dev, /proc, /sys and /usr are the same on every machine.
HOME_PATH = re.compile(r"(?<![\w.}</-])/(?:work|root|tmp|mnt|srv|opt|home/\w+|Users/\w+)/\w")


def text_files() -> Iterator[tuple[Path, str]]:
    """Yield every text file of the checkout, except those with a name in .gitignore."""
    ignored = [".git", *(line.strip("/") for line in (ROOT / ".gitignore").read_text("utf-8").split())]
    for folder, subfolders, files in os.walk(ROOT):
        subfolders[:] = [name for name in subfolders if not any(fnmatch(name, each) for each in ignored)]
        for file in files:
            content = Path(folder, file).read_bytes()
            if b"\0" not in content and not any(fnmatch(file, each) for each in ignored):
                yield Path(folder, file).relative_to(ROOT), content.decode("utf-8", errors="replace")


def test_no_text_has_a_path_of_one_machine() -> None:
    texts = dict(text_files())
    assert {
        Path("pyproject.toml"),
        Path("constraints.txt"),
        Path(".ci/run"),
        Path("tests/test_package.py"),
    } <= set(texts)
    named = {str(path): HOME_PATH.findall(text) for path, text in texts.items()}
    assert {path: hits for path, hits in named.items() if hits} == {}


def test_check_for_machine_paths_finds_each() -> None:
    for folder in ("work", "root", "home/ada", "tmp"):
        assert HOME_PATH.search(f'path = "/{folder}/study.toml"')
    assert not HOME_PATH.search("src/work and ../shared and </root>")


def test_pins_have_no_path_and_no_build() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert len(pins) >= 40
    assert "torch==2.13.0" in pins
    assert [pin for pin in pins if not re.fullmatch(r"[\w.-]+==[\w.]+", pin)] == []
