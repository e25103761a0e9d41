"""Each error of a study file is reported with location, value, allowed values and the nearest name."""

# One case per line, which is easier to read and to extend than paragraphs.
# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Callable

import pytest

from convstudy.errors import Problem
from tests.studyfile.places import place, statement

ProblemsAfter = Callable[..., list[Problem]]
ProblemsIn = Callable[[str], list[Problem]]

MANY = list(range(1, 102))

# old text, new text, location, parts of statement, got, expected and hint
CASES = [
    # the section [study]
    ('name = "good"', 'name = "my study"', "2: study.name", "must be a name", '"my study"', "64 letters", ""),
    ('name = "good"', "", "1: study", "name is missing", "", "letters", ""),
    ('"digits"', '"digit"', "3: study.dataset", "must be one of", "digit", '"digits", "mnist"', '"digits"'),
    ('"digits"', "7", "3: study.dataset", "must be", "7 (an integer)", '"digits", "mnist"', ""),
    ("seeds = 2", "seeds = 2.5", "4: study.seeds", "must be an integer", "2.5 (a float)", "in [1, 1000]", ""),
    ("seeds = 2", "seeds = true", "4: study.seeds", "must be an integer", "true (a boolean)", "in [1, 1000]", ""),
    ("seeds = 2", "seeds = 0", "4: study.seeds", "must be", "0", "in [1, 1000]", ""),
    ("seeds = 2", "seeds = 0x" + "f" * 5000, "4: study.seeds", "must be", "more than 70 digits", "in [1, 1000]", ""),
    ("seeds = 2", "equivalence_margin = -0.1", "4: study.equivalence_margin", "must be", "-0.1", "in [0, 100]", ""),
    ("seeds = 2", "equivalence_margin = nan", "4: study.equivalence_margin", "must be", "nan", "in [0, 100]", ""),
    ("seeds = 2", "equivalence_margin = true", "4: study.equivalence_margin", "must be", "true", "in [0, 100]", ""),
    ("seeds = 2", 'equivalence_margin = "10"', "4: study.equivalence_margin", "must be", '"10"', 'a share of the errors in (0, 100) such as "10 %"', ""),
    ("seeds = 2", 'equivalence_margin = "100 %"', "4: study.equivalence_margin", "must be", '"100 %"', "(0, 100)", ""),
    ("seeds = 2", "equivalence_margin = {acuracy = 0.2}", "4: study.equivalence_margin.acuracy", "must be", 'a metric "acuracy"', '"accuracy"', ""),
    ("seeds = 2", "equivalence_margin = {accuracy = -1}", "4: study.equivalence_margin.accuracy", "must be", "-1", "in [0, 100]", ""),
    ("seeds = 2", 'max_seeds = 10\nequivalence_margin = "10 %"', "5: study.equivalence_margin", "margin in the unit", "10 %", "a number", "instead of max_seeds"),
    ("seeds = 2", "equivalence_margin = {brier = 0.2}", "4: study.equivalence_margin.brier", "does not record Brier score", "brier", '"log-loss", "accuracy"', 'metric = "brier"'),
    ("seeds = 2", 'equivalence_margin = "0.0000001 %"', "4: study.equivalence_margin", "must be", '"0.0000001 %"', "(0, 100)", ""),
    ("seeds = 2", 'equivalence_margin = "99.9999999999 %"', "4: study.equivalence_margin", "must be", '"99.9999999999 %"', "(0, 100)", ""),
    ("seeds = 2", 'resample = "test"', "4: study.resample", "must be", '"test"', '"training"', ""),
    ("seeds = 2", "resample = true", "4: study.resample", "must be", "true (a boolean)", '"training"', ""),
    (
        "seeds = 2",
        'seeds = 4\nresample = "training"\nvalidation = 0.99',
        "6: study.validation",
        "must be",
        '0.99, which leaves 7 for training (half of the rest, with resample = "training") and 1,423 for validation',
        "10 images",
        "",
    ),
    ("seeds = 2", "final_threads = 0", "4: study.final_threads", "must be", "0", "in [1, 1024]", ""),
    ("seeds = 2", "final_threads = 2", "4: study.final_threads", "has no effect", "", "", "remove it"),
    ("seeds = 2", "sedes = 2", "4: study.sedes", "unknown key", "sedes", "seeds", '"seeds"'),
    ("seeds = 2", "subset = 2000", "4: study.subset", "must be", "2000", "in [10, 1437]", ""),
    ("seeds = 2", "subset = 9", "4: study.subset", "must be", "9", ">= 10", ""),
    ("seeds = 2", "validation = 1.0", "4: study.validation", "must be", "1.0", "in (0, 1)", ""),
    ("seeds = 2", "validation = nan", "4: study.validation", "must be", "nan", "in (0, 1)", ""),
    ("seeds = 2", "validation = 0.001", "4: study.validation", "must be", "0.001, which leaves 1,436 for training and 1 for validation", "10 images", ""),
    # the recipe
    ("epochs = 3", 'optimizer = "adm"', "7: recipe.optimizer", "must be one of", "adm", "sgd", '"adam"'),
    ("epochs = 3", "optimizer = 3", "7: recipe.optimizer", "must be", "3 (an integer)", '"adam", "adamw"', ""),
    ("epochs = 3", "epochs = 0", "7: recipe.epochs", "must be", "0", "in [1, 100000]", ""),
    ("epochs = 3", 'epochs = "3"', "7: recipe.epochs", "must be an integer", '"3" (a string)', "in [1, 100000]", ""),
    ("epochs = 3", "epochs = [3]", "7: recipe.epochs", "must be an integer", "[3] (a list)", "in [1, 100000]", ""),
    ("epochs = 3", "epochs = 2024-01-01", "7: recipe.epochs", "must be an integer", "a date or time", "in [1, 100000]", ""),
    ("epochs = 3", "nesterov = 1", "7: recipe.nesterov", "true or false", "1 (an integer)", "true or false", ""),
    ("epochs = 3", "learning_rate = 0.0", "7: recipe.learning_rate", "must be", "0.0", "in (0, 100]", ""),
    ("epochs = 3", "momentum = 1.0", "7: recipe.momentum", "must be", "1.0", "in [0, 1)", ""),
    ("epochs = 3", "patience = 0", "7: recipe.patience", "must be", "0", '>= 1 or "none"', ""),
    ("epochs = 3", "learning-rate = 1", "7: recipe.learning-rate", "unknown key", "learning-rate", "epochs", "learning_rate"),
    (
        "epochs = 3",
        'optimizer = "sgd"\nnesterov = true\nmomentum = 0',
        "8: recipe.nesterov",
        "must be",
        "true",
        "false if momentum is 0",
        "",
    ),
    # networks
    ("[network.plain]", "[network.'a b']", "18: network.\"a b\"", "invalid name", '"a b"', "letters", ""),
    ("kernel = 5", "kernal = 5", "10: network.two-conv.kernal", "unused parameter", "kernal", "kernel", '"kernel"'),
    ("kernel = 5", "kernel = [5]", "10: network.two-conv.kernel", "must be", "[5] (a list)", "a number", ""),
    ("kernel = 5", "kernel = 5\nepochs = 3", "11: network.two-conv.epochs", "recipe key", "epochs", "", ""),
    ("kernel = 5", "kernel = 5\nunused = 3", "11: network.two-conv.unused", "unused parameter", "unused", "init", ""),
    ("kernel = 5", 'kernel = 5\ninit = "he"', "11: network.two-conv.init", "must be one of", "he", "he-normal", ""),
    ("kernel = 5", "kernel = 5\nparameters = {}", "11: network.two-conv.parameters", "unknown key", "parameters", "", "directly"),
    ('"flatten",\n', '"flaten",\n', "14: network.two-conv.layers", 'layer 5: unknown layer "flaten"', "flaten", "conv", '"flatten"'),
    ('"dense 16 relu"', '"dense 16 rely"', "15: network.two-conv.layers", "activation must be one of relu, tanh", "rely", "", "relu"),
    ('"dense 16 relu"', '"dense"', "15: network.two-conv.layers", "is missing its units", "", "", "UNITS"),
    ('"dense 16 relu"', "3", "15: network.two-conv.layers", "must be a string", "3 (an integer)", "a string", ""),
    ('layers = ["conv 8 3 relu stride=2", "flatten"]', "layers = []", "19: network.plain.layers", "must be", "0 items", "1 to 10000 items", ""),
    ('layers = ["conv 8 3 relu stride=2", "flatten"]', "", "18: network.plain", "layers is missing", "", "a list", ""),
    ('layers = ["conv 8 3 relu stride=2", "flatten"]', 'layers = "flatten"', "19: network.plain.layers", "must be a list", '"flatten" (a string)', "a list", ""),
    ("stride=2", "strid=2", "19: network.plain.layers", "unknown option", "", "", '"stride"'),
    # search
    ('network = "two-conv"', 'network = "two-con"', "22: search.kernel-size.network", "must be one of", "two-con", '"two-conv", "plain"', '"two-conv"'),
    ("{ kernel = [3, 5] }", "{ kernl = [3, 5] }", "23: search.kernel-size.parameters.kernl", "unknown recipe key or parameter of", "kernl", '"kernel", "optimizer"', '"kernel"'),
    ("{ kernel = [3, 5] }", "{ kernel = [] }", "23: search.kernel-size.parameters.kernel", "must be", "[]", "a list of values", ""),
    ("{ kernel = [3, 5] }", "{}", "23: search.kernel-size.parameters", "must be", "0 items", "one or more", ""),
    ("{ kernel = [3, 5] }", "{ kernel = 3 }", "23: search.kernel-size.parameters.kernel", "must be a list", "3 (an integer)", "a list", ""),
    ("{ kernel = [3, 5] }", "{ kernel = [3, [5]] }", "23: search.kernel-size.parameters.kernel", "must be", "[5] (a list)", "a number", ""),
    ("{ kernel = [3, 5] }", "{ kernel = [3, true] }", "23: search.kernel-size.parameters.kernel", "must be a number or a string", "true", "a number", ""),
    ("{ kernel = [3, 5] }", "{ kernel = [3, 3] }", "23: search.kernel-size.parameters.kernel", "listed twice", "3", "", ""),
    ("{ kernel = [3, 5] }", '{ kernel = [3, "3"] }', "23: search.kernel-size.parameters.kernel", '3 and "3" give two candidates the same name, kernel=3', '"3"', "", ""),
    ("{ kernel = [3, 5] }", "{ kernel = [3, 3.0] }", "23: search.kernel-size.parameters.kernel", "listed twice", "3.0", "", ""),
    ("{ kernel = [3, 5] }", "{ kernel = [1, true] }", "23: search.kernel-size.parameters.kernel", "must be a number or a string", "true", "a number", ""),
    ("{ kernel = [3, 5] }", "{ learning_rate = [0.1, 0.10] }", "23: search.kernel-size.parameters.learning_rate", "listed twice", "0.1", "", ""),
    ("{ kernel = [3, 5] }", "{ kernel = [3, 5.5] }", "23: search.kernel-size.parameters.kernel", "kernel must be an integer", "5.5", "", ""),
    ("{ kernel = [3, 5] }", "{ epochs = [3, 0] }", "23: search.kernel-size.parameters.epochs", "must be", "0", "in [1, 100000]", ""),
    ("{ kernel = [3, 5] }", '{ optimizer = ["sgd", "adm"] }', "23: search.kernel-size.parameters.optimizer", "must be one of", "adm", "adam", '"adam"'),
    (
        "{ kernel = [3, 5] }",
        '{ optimizer = ["sgd"], nesterov = [true, false], momentum = [0.9, 0.0] }',
        "23: search.kernel-size.parameters.nesterov",
        "must be",
        "true",
        "false if momentum is 0",
        "",
    ),
    ("{ kernel = [3, 5] }", f"{{ kernel = {MANY}, batch_size = {MANY} }}", "23: search.kernel-size.parameters", "too many combinations", "10,201", "at most 10,000", ""),
    ("folds = 3", "folds = 1", "24: search.kernel-size.folds", "must be", "1", "in [2, 100]", ""),
    ("folds = 3", "folds = 3\nsubset = 20", "24: search.kernel-size.folds", "3 folds need 3 images", "20 images of 10 classes", "", "at most 2 folds"),
    ("folds = 3", "folds = 3\nsubset = 1438", "25: search.kernel-size.subset", "must be", "1438", "in [10, 1437]", ""),
    ("folds = 3", 'folds = 3\nsubset = "none"', "25: search.kernel-size.subset", "must be", '"none" (a string)', "an integer >= 10", ""),
    ("folds = 3", "recipe = { epocs = 1 }", "24: search.kernel-size.recipe.epocs", "unknown key", "epocs", "epochs", '"epochs"'),
    ("{ kernel = [3, 5] }", "{ epochs = [1, 2] }\nrecipe = { epochs = 1 }", "23: search.kernel-size.parameters.epochs", "not both", "epochs", "", ""),
    # compare
    ('["two-conv", "plain"]', '["two-conv"]', "27: compare.architectures.networks", "must be", "1 item", "2 or more", ""),
    ('["two-conv", "plain"]', '["two-conv", "plane"]', "27: compare.architectures.networks", 'unknown network "plane"', "plane", '"two-conv", "plain"', '"plain"'),
    ('["two-conv", "plain"]', '["plain", "plain"]', "27: compare.architectures.networks", "listed twice", "plain", "", ""),
    # ablate
    ("[ablate.two-conv]", "[ablate.two-cony]", "29: ablate.two-cony.network", "must be one of", "two-cony", '"two-conv", "plain", "best"', '"two-conv"'),
    ("[ablate.two-conv]", '[ablate.x]\nnetwork = "plane"', "30: ablate.x.network", "must be one of", "plane", "plain", '"plain"'),
    ("[ablate.two-conv]", "[ablate.x]\nnetwork = 3", "30: ablate.x.network", "must be", "3 (an integer)", "the name", ""),
    ('without = ["batch-norm", "dropout"]', 'without = ["batchnorm"]', "30: ablate.two-conv.bare.without", "unknown layer", "batchnorm", "batch-norm", '"batch-norm"'),
    ('without = ["batch-norm", "dropout"]', 'without = ["layer-norm"]', "30: ablate.two-conv.bare.without", 'no "layer-norm" layer', "layer-norm", '"batch-norm", "conv"', ""),
    ('without = ["batch-norm", "dropout"]', 'without = "dropout"', "30: ablate.two-conv.bare.without", "must be a list", '"dropout" (a string)', "a list", ""),
    ('without = ["batch-norm", "dropout"]', 'without = ["dropout", "dropout"]', "30: ablate.two-conv.bare.without", "listed twice", "dropout", "", ""),
    ('without = ["batch-norm", "dropout"]', "", "30: ablate.two-conv.bare", "changes nothing", "", "", "activation"),
    ('without = ["batch-norm", "dropout"]', "recipe = { epochs = 3 }", "30: ablate.two-conv.bare.recipe", "unknown key", "recipe", "", "directly"),
    ('activation = "tanh"', 'activation = "tanhh"', "31: ablate.two-conv.tanh.activation", "must be one of", "tanhh", "relu", '"tanh"'),
    ('"glorot-normal"', '"glorot"', "31: ablate.two-conv.tanh.init", "must be one of", "glorot", "orthogonal", '"glorot-normal"'),
    ('activation = "tanh"', 'activaton = "tanh"', "31: ablate.two-conv.tanh.activaton", "unknown key", "activaton", "without", '"activation"'),
    ('optimizer = "sgd"', 'optimizer = "sdg"', "31: ablate.two-conv.tanh.optimizer", "must be one of", "sdg", "adam", '"sgd"'),
    ('bare = { without = ["batch-norm", "dropout"] }', "bare = 3", "30: ablate.two-conv.bare", "must be a table", "3 (an integer)", "a table", ""),
    ('bare = { without = ["batch-norm", "dropout"] }', 'bare = { without = ["batch-norm", "dropout"] }\nsame = { without = ["dropout", "batch-norm"] }', "31: ablate.two-conv.same", 'variants "bare" and "same" make the same changes', "same", "", "remove one"),
    # sections
    ("[recipe]", "[recipes]", "6: recipes", "unknown section", "recipes", "[recipe]", '"recipe"'),
    ("[recipe]", "[[recipe]]", "6: recipe", "must be a table", "a list", "a table", ""),
    ("[network.plain]", "[compare.more]\nnetworks = [\"a\"]\n[network.plain]", "19: compare.more.networks", "must be", "1 item", "2 or more", ""),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "where", "what", "got", "expected", "hint"), CASES)
def test_error_is_reported_with_location_value_and_hint(
    problems_after: ProblemsAfter,
    old: str,
    new: str,
    where: str,
    what: str,
    got: str,
    expected: str,
    hint: str,
) -> None:
    problems = problems_after((old, new))
    printed = "\n".join(map(str, problems))
    fitting = [
        problem
        for problem in problems
        if place(problem) == f"study.toml:{where}" and what in statement(problem)
    ]
    assert len(fitting) == 1, printed
    assert got in fitting[0].got and bool(got) == bool(fitting[0].got), printed
    assert expected in fitting[0].expected, printed
    assert hint in fitting[0].hint, printed


@pytest.mark.parametrize("case", [case for case in CASES if case[0].startswith(("seeds", "epochs", "folds"))])
def test_one_error_is_one_problem(problems_after: ProblemsAfter, case: tuple[str, ...]) -> None:
    assert len(problems_after(case[:2])) == 1


def test_invalid_value_of_a_search_is_not_reported_for_the_ablation(problems_after: ProblemsAfter) -> None:
    (problem,) = problems_after(("{ kernel = [3, 5] }", '{ kernel = [3, 5], optimizer = ["adam", "sdg"] }'))
    assert place(problem) == "study.toml:23: search.kernel-size.parameters.optimizer"


@pytest.mark.parametrize(
    ("old", "new", "printed"),
    [
        (
            '["two-conv", "plain"]',
            '["two-conv", 3]',
            "networks: item 2 must be a string; got 3 (an integer).",
        ),
        (
            "{ kernel = [3, 5] }",
            "{ kernel = [3, true] }",
            "kernel: item 2 must be a number or a string; got true.",
        ),
        ("epochs = 3", 'epochs = 3\nema_decay = "non"', 'must be a number in (0, 1) or "none"; got "non".'),
    ],
)
def test_printed_error_names_item_and_value(
    problems_after: ProblemsAfter, old: str, new: str, printed: str
) -> None:
    (problem,) = problems_after((old, new))
    assert str(problem).endswith(printed)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("[network.plain]", "[network]", "layers"),
        ("[search.kernel-size]", "[search]", "network"),
        ("[compare.architectures]", "[compare]", "networks"),
        ("[ablate.two-conv]", '[ablate]\nnetwork = "plain"', "network"),
    ],
)
def test_section_without_a_name_is_reported_once(
    problems_after: ProblemsAfter, old: str, new: str, key: str
) -> None:
    (problem,) = problems_after((old, new))
    section = new.partition("]")[0].strip("[")
    got = f'"{key}" directly in [{section}]'
    assert str(problem).endswith(f"{section} must be a table with a name: [{section}.NAME]; got {got}.")


def test_all_errors_of_a_file_are_reported_at_once(problems_after: ProblemsAfter) -> None:
    problems = problems_after(
        ('name = "good"', 'nme = "good"'),
        ('"digits"', '"digts"'),
        ("seeds = 2", "seeds = -1"),
        ("epochs = 3", 'epochs = "x"\nschedule = "cosinus"'),
        ("kernel = 5", "kernel = 5\nwidth = 3"),
        ('"flatten",\n', '"flaten",\n'),
        ('"dense 16 relu"', '"dense 16 {units}"'),
        ("stride=2", "strde=2"),
        ("{ kernel = [3, 5] }", '{ kernal = [3, 5], batch_size = [0, "a"] }'),
        ("folds = 3", "folds = 1\nrecipe = { epochs = 0 }"),
        ('["two-conv", "plain"]', '["two-conv", "six"]'),
        ('without = ["batch-norm", "dropout"]', 'without = ["x"], activation = "y"'),
        ('init = "glorot-normal"', 'init = "z", epochs = 0'),
    )
    wheres = [place(problem).removeprefix("study.toml:") for problem in problems]
    assert wheres == [
        "1: study",
        "2: study.nme",
        "3: study.dataset",
        "4: study.seeds",
        "7: recipe.epochs",
        "8: recipe.schedule",
        "12: network.two-conv.width",
        "16: network.two-conv.layers",
        "17: network.two-conv.layers",
        "21: network.plain.layers",
        "25: search.kernel-size.parameters.kernal",
        "25: search.kernel-size.parameters.batch_size",
        "25: search.kernel-size.parameters.batch_size",
        "26: search.kernel-size.folds",
        "27: search.kernel-size.recipe.epochs",
        "30: compare.architectures.networks",
        "33: ablate.two-conv.bare.activation",
        "33: ablate.two-conv.bare.without",
        "34: ablate.two-conv.tanh.init",
        "34: ablate.two-conv.tanh.epochs",
    ]


def test_network_named_best_is_refused(problems_after: ProblemsAfter) -> None:
    problems = problems_after(
        ("[network.plain]", "[network.best]"), ('"two-conv", "plain"', '"two-conv", "best"')
    )
    assert [place(problem) for problem in problems] == ["study.toml:18: network.best"]


def test_variant_named_network_is_refused(problems_after: ProblemsAfter) -> None:
    (problem,) = problems_after(("bare = {", "network = {"))
    assert place(problem) == "study.toml:30: ablate.two-conv.network"
    assert "must be" in statement(problem)


@pytest.mark.parametrize(
    ("more", "n_comparisons"),
    [("", 0), ('[compare.a]\nnetworks = ["x", "y"]\n[compare.b]\nnetworks = ["x", "y"]\n', 2)],
)
def test_ablation_of_the_best_needs_exactly_one_comparison(
    problems_in: ProblemsIn, more: str, n_comparisons: int
) -> None:
    text = (
        '[study]\nname = "a"\ndataset = "digits"\n[network.x]\nlayers = ["flatten"]\n[network.y]\nlayers = ["flatten"]\n'
        f"{more}[ablate.best]\nlong = {{ epochs = 40 }}\n"
    )
    (problem,) = problems_in(text)
    assert (statement(problem), problem.got) == (
        '"best" needs exactly one [compare.NAME] section',
        f"{n_comparisons}",
    )


def test_variant_without_a_layer_that_no_compared_network_has_is_refused(
    problems_after: ProblemsAfter,
) -> None:
    (problem,) = problems_after(
        ("[ablate.two-conv]", "[ablate.best]"), ('"batch-norm", "dropout"]', '"layer-norm"]')
    )
    assert statement(problem) == 'no compared network has a "layer-norm" layer'


def test_two_searches_of_one_key_are_refused(problems_in: ProblemsIn, valid_text: str) -> None:
    (problem,) = problems_in(
        valid_text + '[search.again]\nnetwork = "two-conv"\nparameters = { kernel = [7] }\n'
    )
    assert place(problem) == "study.toml:34: search.again.parameters.kernel"
    assert "[search.kernel-size] also searches kernel" in statement(problem)


def test_search_values_that_do_not_fit_a_variant_are_refused(problems_after: ProblemsAfter) -> None:
    problems = problems_after(
        ("{ kernel = [3, 5] }", "{ momentum = [0.0, 0.9] }"),
        ('optimizer = "sgd"', 'optimizer = "sgd", nesterov = true'),
    )
    assert [place(problem) for problem in problems] == ["study.toml:31: ablate.two-conv.tanh.nesterov"]


def test_study_without_questions_and_networks_is_refused(problems_in: ProblemsIn) -> None:
    problems = problems_in('[study]\nname = "a"\ndataset = "digits"\n')
    assert [statement(problem) for problem in problems] == [
        "there is no [search.NAME], [compare.NAME] or [ablate.NAME] section",
        "there is no [network.NAME] section",
    ]
    assert str(problems[0].where) == "study.toml"


def test_empty_file_is_refused(problems_in: ProblemsIn) -> None:
    assert [statement(problem) for problem in problems_in("")] == [
        "there is no [study] section",
        "there is no [search.NAME], [compare.NAME] or [ablate.NAME] section",
        "there is no [network.NAME] section",
    ]


def test_key_outside_its_section_hints_at_the_section(problems_in: ProblemsIn, valid_text: str) -> None:
    problems = problems_in("epochs = 3\nsubset = 100\n" + valid_text)
    assert [(place(problem), problem.hint) for problem in problems] == [
        ("study.toml:1: epochs", "put it under [recipe]"),
        ("study.toml:2: subset", "put it under [study]"),
    ]


def test_more_than_100_sections_are_refused(problems_in: ProblemsIn, valid_text: str) -> None:
    crowd = "".join(f'[compare.c{n}]\nnetworks = ["two-conv", "plain"]\n' for n in range(101))
    (problem,) = problems_in(valid_text + crowd)
    assert (problem.got, problem.expected) == ("102", "at most 100")


def test_errors_beyond_1000_are_counted(problems_in: ProblemsIn, valid_text: str) -> None:
    problems = problems_in("".join(f"k{n} = 1\n" for n in range(1500)) + valid_text)
    assert len(problems) == 1001
    assert problems[-1].what == "and 500 more errors"


def test_more_than_1000_variants_are_refused(problems_in: ProblemsIn, valid_text: str) -> None:
    variants = "".join(f"v{n} = {{ epochs = {n} }}\n" for n in range(1, 101))
    crowd = "".join(f'[ablate.a{n}]\nnetwork = "plain"\n{variants}' for n in range(10))
    (problem,) = problems_in(valid_text + crowd)
    assert (statement(problem), problem.expected) == ("there are too many variants", "at most 1,000")
