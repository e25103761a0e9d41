"""Blocks in a study file: their layers, and the locations of their errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from convstudy.errors import Problem
from convstudy.networks import Network
from convstudy.studyfile import (
    BlockPattern,
    Compare,
    NetworkPattern,
    Study,
    check_study,
    load_study,
    study_document,
    study_of,
    study_schema,
)
from tests.studyfile.places import place, statement

ProblemsIn = Callable[[str], list[Problem]]

TEXT = """\
[study]
name = "a"
dataset = "digits"

[block.pair]
filters = 4
stride = 1
layers = [
  "conv {filters} 3 stride={stride} padding=same", "batch-norm",
  "conv {filters} 3 padding=same",
]

[network.n]
width = 6
layers = [
  "conv {width} 3",
  "residual pair x2 filters={2*width} stride=2 then=relu",
  ["residual shortcut=pad", "block pair", "conv 12 1"],
  "concat identity pair x1",
  "flatten",
]

[network.plain]
layers = ["flatten"]

[search.width]
network = "n"
parameters = { width = [2, 3] }
folds = 3

[compare.all]
networks = ["n", "plain"]

[ablate.n]
no-shortcuts = { without = ["residual"] }
no-norm = { without = ["batch-norm"] }
tanh = { activation = "tanh" }
"""


def at(text: str, line: str) -> str:
    """Return ``study.toml:N`` for the line that contains a text."""
    (number,) = [n for n, each in enumerate(text.splitlines(), start=1) if line in each]
    return f"study.toml:{number}"


@pytest.fixture
def document(tmp_path: object) -> dict[str, object]:
    import tomllib

    return tomllib.loads(TEXT)


def test_file_with_blocks_is_read_to_a_tree_of_layers(document: dict[str, object]) -> None:
    study = study_of(document)
    network = study.network["n"].network()
    pair = ("conv 12 3 stride=2 padding=same", "batch-norm", "conv 12 3 padding=same")
    same = ("conv 12 3 padding=same", *pair[1:])
    four = ("conv 4 3 padding=same", "batch-norm", "conv 4 3 padding=same")
    assert network.texts == (
        "conv 6 3",
        ("residual then=relu", *pair),
        ("residual then=relu", *same),
        ("residual shortcut=pad", *four, "conv 12 1"),
        ("concat", ("branch",), ("branch", *four)),
        "flatten",
    )
    assert study.network["n"].network(width=3).layers[0].text == "conv 3 3"


def test_document_with_blocks_is_read_back_to_an_equal_study(document: dict[str, object]) -> None:
    study = study_of(document)
    again = study_document(study)
    assert again["block"] == {"pair": document["block"]["pair"]}  # type: ignore[index]
    assert study_of(again) == study
    validator = Draft202012Validator(study_schema())
    validator.validate(document)
    validator.validate(again)


@pytest.mark.parametrize(
    "layers",
    [["flatten", 3], ["flatten", []], ["flatten", ["conv 3 3"]], [["residul", "flatten"]], ["blok pair"]],
)
def test_schema_refuses_invalid_layers_of_blocks(document: dict[str, object], layers: list[object]) -> None:
    validator = Draft202012Validator(study_schema())
    document["network"]["n"]["layers"] = layers  # type: ignore[index]
    assert not validator.is_valid(document)


@pytest.mark.parametrize(
    ("name", "good"), [("x2", False), ("identity", False), ("x2b", True), ("identity2", True)]
)
def test_schema_accepts_named_blocks(document: dict[str, object], name: str, good: bool) -> None:
    document["block"][name] = {"layers": ["flatten"]}  # type: ignore[index]
    assert Draft202012Validator(study_schema()).is_valid(document) == good


def test_only_invalid_layers_are_not_reported_as_missing_layers(problems_in: ProblemsIn) -> None:
    text = TEXT + '[block.numbers]\nlayers = [3, ["residual", 4]]\n'
    assert [statement(problem) for problem in problems_in(text)] == [
        "must be a string or a list of 1 or more items"
    ] * 2


@pytest.mark.parametrize(
    ("section", "key"), [("network", "blocks"), ("network", "parameters"), ("block", "parameters")]
)
def test_schema_refuses_keys_that_the_study_sets(document: dict[str, object], section: str, key: str) -> None:
    validator = Draft202012Validator(study_schema())
    for table in document[section].values():  # type: ignore[attr-defined]
        table[key] = 3
        assert not validator.is_valid(document)


def test_blocks_with_equal_layers_and_different_names_are_equal(document: dict[str, object]) -> None:
    from convstudy.plan import make_plan

    renamed = TEXT.replace("pair", "double")
    import tomllib

    ids = [[fit.id for fit in make_plan(study_of(each)).fits] for each in (document, tomllib.loads(renamed))]
    assert ids[0] == ids[1]
    assert len(ids[0]) > 10


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("{filters} 3 padding=same", "{filters} padding=same", "{filters} padding", "is missing its kernel"),
        ('"batch-norm",', '"batch-nrom",', "batch-nrom", 'unknown layer "batch-nrom"'),
        ("filters={2*width}", "filter={2*width}", "filter={2*width}", 'block "pair" has no parameter "filter"'),
        ("residual pair", "residual pear", "residual pear", 'unknown block "pear"'),
        ("x2 filters", "x2000 filters", "x2000 filters", "one number of repeats"),
        ("then=relu", "then=rellu", "then=rellu", "then must be one of relu"),
        ('"block pair"', '"block pair", "dens 3"', '"dens 3"', 'unknown layer "dens"'),
        ('pad", "block pair", "conv 12', 'identity", "block pair", "conv 13', "conv 13", "identity needs a body"),
        ('"conv 12 1"]', '"conv 12 99"]', '"conv 12 99"]', "kernel 99 does not fit"),
        ("stride={stride} padding=same", "stride={stride}", "residual pair x2", "no shortcut turns"),
        ("filters = 4", "filters = 4\nunused = 1", "unused = 1", "unknown key or unused parameter"),
        ("filters = 4", "filters = 4\nthen = 1", "then = 1", '"then" is a reserved name'),
        ("filters = 4", "filters = 4\nblocks = 1", "blocks = 1", "unknown key or unused parameter"),
        ("width = 6", "width = 6\nblocks = 1", "blocks = 1", "unknown key"),
        ("[block.pair]", "[blok.pair]", "[blok.pair]", "unknown section"),
        ("{filters} 3 padding=same", "{filtres} 3 padding=same", "{filtres}", 'uses an unknown parameter "filtres"'),
    ],
)  # fmt: skip
def test_invalid_block_or_layer_is_reported_at_its_line(
    problems_in: ProblemsIn, old: str, new: str, line: str, what: str
) -> None:
    text = TEXT.replace(old, new, 1)
    problems = [problem for problem in problems_in(text) if what in statement(problem)]
    assert [place(problem).partition(": ")[0] for problem in problems][:1] == [at(text, line)]


def test_invalid_layer_of_a_used_block_is_reported_once(problems_in: ProblemsIn) -> None:
    text = TEXT.replace('"batch-norm",', '"batch-nrom",').replace(
        '["flatten"]', '["residual pair", "flatten"]'
    )
    text = text.replace('"batch-norm"', '"conv"')  # a variant leaves it out
    (problem,) = problems_in(text)
    assert place(problem).endswith(": block.pair.layers")
    assert problem.hint == 'did you mean "batch-norm"?'


def test_misfit_of_a_block_is_reported_for_each_network_that_uses_it(problems_in: ProblemsIn) -> None:
    text = TEXT.replace('"conv {filters} 3 padding=same",', '"conv {filters} 30",').replace(
        'layers = ["flatten"]', 'layers = ["max-pool 2", "block pair", "flatten"]'
    )
    problems = [problem for problem in problems_in(text) if problem.where.key[0] == "block"]
    assert [statement(problem).partition(":")[0] for problem in problems] == ["layer 2.3", "layer 4"]
    assert {place(problem) for problem in problems} == {f"{at(text, '{filters} 30')}: block.pair.layers"}


def test_unused_block_is_checked(problems_in: ProblemsIn) -> None:
    text = TEXT + '[block.spare]\nlayers = ["conv 7"]\n[block.identity]\nlayers = ["conv 3 3"]\n'
    first, second = problems_in(text)
    assert place(first) == f"{at(text, 'conv 7')}: block.spare.layers"
    assert "is missing its kernel" in statement(first)
    assert place(second) == f"{at(text, '[block.identity]')}: block.identity"


def test_block_named_like_a_number_of_repeats_is_refused(problems_in: ProblemsIn) -> None:
    text = TEXT + '[block.x2]\nlayers = ["conv 3 3"]\n'
    first, *_ = problems_in(text)
    assert place(first) == f"{at(text, '[block.x2]')}: block.x2"
    assert statement(first) == '"x2" is reserved for a number of repeats; rename the block'


def test_blocks_that_contain_each_other_are_one_error(problems_in: ProblemsIn) -> None:
    text = TEXT + '[block.a]\nlayers = ["flatten", "residual b"]\n[block.b]\nlayers = ["block a x2"]\n'
    text = text.replace('"concat identity pair x1"', '"block b"')
    (problem,) = problems_in(text)
    assert place(problem) == f"{at(text, 'block a x2')}: block.b.layers"
    assert statement(problem).startswith('layer 1 of block "b": block "a" contains itself: a → b → a')


def test_misfit_inside_a_built_in_block_is_reported_at_its_use(
    problems_in: ProblemsIn,
) -> None:
    text = TEXT.replace("residual pair x2 filters={2*width}", "residual basic x2 filters={width}.5")
    (problem, *_) = problems_in(text)
    assert place(problem) == f"{at(text, 'residual basic')}: network.n.layers"
    assert 'layer 1 of block "basic"' in statement(problem)
    assert "6.5" in problem.got


def test_search_value_that_does_not_fit_inside_a_block_is_reported(problems_in: ProblemsIn) -> None:
    text = TEXT.replace("parameters = { width = [2, 3] }", "parameters = { width = [2, 0] }")
    (problem,) = problems_in(text)
    assert place(problem) == f"{at(text, 'parameters =')}: search.width.parameters.width"
    assert "width = 0" in statement(problem)


def test_change_sets_a_parameter_of_a_block(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "study.toml"
    path.write_text(TEXT, encoding="utf-8")
    study = load_study(path, {"block.pair.filters": 5})
    assert "conv 5 3 padding=same" in [layer.text for layer in study.network["n"].network().all_layers()]


def test_study_in_python_gives_its_blocks_to_all_networks() -> None:
    pair = BlockPattern(layers=["conv {filters} 1"], parameters={"filters": 3})
    net = NetworkPattern(layers=["residual pair", "flatten"])
    own = NetworkPattern(layers=["block mine", "flatten"], blocks={"mine": pair})
    study = Study(
        name="a",
        dataset="digits",
        block={"pair": pair},
        network={"net": net, "own": own},
        compare={"all": Compare(networks=["net", "own"])},
    )
    check_study(study)
    assert set(study.block) == {"pair", "mine"}
    assert study.network["net"].network() == Network.read([["residual", "conv 3 1"], "flatten"])
    assert study_of(study_document(study)) == study
    with pytest.raises(ValidationError, match="two different blocks have the name mine"):
        Study(
            name="a",
            dataset="digits",
            block={"mine": BlockPattern(layers=["flatten"])},
            network={"own": own},
        )
