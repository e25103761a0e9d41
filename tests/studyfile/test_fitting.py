"""The shapes of every network, search value and variant are checked before training."""

from __future__ import annotations

from collections.abc import Callable

from convstudy.errors import Problem
from tests.studyfile.places import place, statement

ProblemsAfter = Callable[..., list[Problem]]
ProblemsIn = Callable[[str], list[Problem]]

HEAD = '[study]\nname = "a"\ndataset = "digits"\n'


def test_network_with_a_misfit_is_reported_at_its_layer(problems_after: ProblemsAfter) -> None:
    (problem,) = problems_after(("kernel = 5", "kernel = 15"))
    assert place(problem) == "study.toml:13: network.two-conv.layers"
    assert statement(problem) == (
        'layer 2: kernel 15 does not fit an input of 14 × 14 (network "two-conv" with kernel = 15)'
    )
    assert (problem.where.layer, problem.where.layer_text) == ((2,), "conv 8 15 relu")
    assert problem.hint == "use a kernel of at most 14, or padding=same"


def test_search_values_that_do_not_fit_are_reported(problems_after: ProblemsAfter) -> None:
    problems = problems_after(("[3, 5]", "[3, 15, 29]"))
    assert [place(problem) for problem in problems] == [
        "study.toml:23: search.kernel-size.parameters.kernel"
    ] * 2
    assert [statement(problem).partition(" (")[0] for problem in problems] == [
        "layer 2: kernel 15 does not fit an input of 14 × 14",
        "layer 1: kernel 29 does not fit an input of 28 × 28",
    ]


def test_misfits_of_values_on_several_lines_have_the_line_of_each(problems_after: ProblemsAfter) -> None:
    problems = problems_after(
        ("parameters = { kernel = [3, 5] }", "parameters.kernel = [\n  3,\n  15,\n  29,\n]")
    )
    assert [place(problem).partition(": ")[0] for problem in problems] == [
        "study.toml:25",
        "study.toml:26",
    ]


def test_network_without_flatten_is_reported_at_the_output_layer(problems_after: ProblemsAfter) -> None:
    (problem,) = problems_after((', "flatten"]', "]"))
    assert statement(problem) == 'the output layer: "dense" needs a flat input (network "plain")'
    assert place(problem) == "study.toml:19: network.plain.layers"


def test_variant_that_does_not_fit_is_reported(problems_after: ProblemsAfter) -> None:
    (problem,) = problems_after(('without = ["batch-norm", "dropout"]', 'without = ["flatten"]'))
    assert place(problem) == "study.toml:30: ablate.two-conv.bare"
    assert statement(problem) == (
        'layer 5: "dense" needs a flat input (variant "bare" of network "two-conv" with kernel = 5)'
    )


def test_variant_that_fits_own_values_but_not_search_values_is_reported(problems_in: ProblemsIn) -> None:
    text = (
        HEAD + '[network.n]\ngroups = 1\nlayers = ["conv 4 3", "group-norm {groups}", "flatten"]\n'
        '[search.s]\nnetwork = "n"\nparameters = { groups = [1, 2] }\n'
        '[ablate.n]\nshallow = { without = ["conv"] }\n'
    )
    (problem,) = problems_in(text)
    assert place(problem) == "study.toml:11: ablate.n.shallow"
    assert statement(problem) == (
        'layer 1: 2 groups do not divide 1 channels (variant "shallow" of network "n" with groups = 2)'
    )


def test_variant_of_the_best_is_checked_with_every_compared_network(problems_in: ProblemsIn) -> None:
    text = (
        HEAD
        + '[network.a]\nlayers = ["conv 4 3", "flatten"]\n[network.b]\nlayers = ["max-pool 28", "flatten"]\n'
        '[network.c]\nlayers = ["conv 4 3", "flatten", "dense 3"]\n'
        '[compare.all]\nnetworks = ["a", "b", "c"]\n[ablate.best]\nimage = { without = ["flatten"] }\n'
    )
    problems = problems_in(text)
    assert [place(problem) for problem in problems] == ["study.toml:13: ablate.best.image"] * 3
    assert [
        name for name in "abc" for problem in problems if f'of network "{name}"' in statement(problem)
    ] == list("abc")


def test_combination_of_fitting_values_that_does_not_fit_is_reported(problems_in: ProblemsIn) -> None:
    text = (
        HEAD
        + '[network.n]\npool = 2\nkernel = 3\nlayers = ["max-pool {pool}", "conv 4 {kernel}", "flatten"]\n'
        '[search.s]\nnetwork = "n"\nparameters = { pool = [2, 4], kernel = [3, 9], learning_rate = [0.1, 0.2] }\n'
    )
    (problem,) = problems_in(text)
    assert place(problem) == "study.toml:10: search.s.parameters"
    assert statement(problem) == (
        'layer 2: kernel 9 does not fit an input of 7 × 7 (network "n" with pool = 4, kernel = 9)'
    )


def test_combinations_with_the_same_misfit_are_reported_once(problems_in: ProblemsIn) -> None:
    text = (
        HEAD + "[network.n]\npool = 2\nkernel = 3\nwidth = 1\n"
        'layers = ["max-pool {pool}", "conv {width} {kernel}", "flatten"]\n'
        '[search.s]\nnetwork = "n"\nparameters = { pool = [2, 4], kernel = [3, 9], width = [1, 2, 3] }\n'
    )
    (problem,) = problems_in(text)
    assert statement(problem).endswith("with pool = 4, kernel = 9, width = 1, and 2 more combinations)")


def test_values_of_two_searches_that_do_not_fit_together_are_reported(problems_in: ProblemsIn) -> None:
    text = (
        HEAD
        + '[network.n]\npool = 2\nkernel = 3\nlayers = ["max-pool {pool}", "conv 4 {kernel}", "flatten"]\n'
        '[search.s]\nnetwork = "n"\nparameters = { pool = [2, 4] }\n'
        '[search.t]\nnetwork = "n"\nparameters = { kernel = [3, 9] }\n'
    )
    (problem,) = problems_in(text)
    assert place(problem) == "study.toml:13: search.t.parameters"
    assert "with pool = 4, kernel = 9" in statement(problem)


def test_misfit_of_a_network_hides_no_misfit_of_its_search(problems_after: ProblemsAfter) -> None:
    problems = problems_after(('"dense 16 relu"', '"dense 16 {units}"'), ("[3, 5]", '[3, "x"]'))
    assert [place(problem) for problem in problems] == [
        "study.toml:15: network.two-conv.layers",
        "study.toml:23: search.kernel-size.parameters.kernel",
    ]


def test_layers_are_read_without_a_dataset(problems_after: ProblemsAfter) -> None:
    problems = problems_after(('"digits"', '"nothing"'), ('"flatten",\n', '"flaten",\n'))
    assert [place(problem) for problem in problems] == [
        "study.toml:3: study.dataset",
        "study.toml:14: network.two-conv.layers",
    ]


def test_study_with_too_many_layers_is_refused(problems_in: ProblemsIn) -> None:
    values = ", ".join(map(str, range(1, 101)))
    variants = "".join(f'v{n} = {{ activation = "tanh", epochs = {n} }}\n' for n in range(1, 40))
    text = (
        HEAD + '[network.n]\na = 1\nb = 1\nlayers = ["flatten", "dense {a}", "dense {b}"]\n'
        f'[search.s]\nnetwork = "n"\nparameters = {{ a = [{values}], b = [{values}] }}\n[ablate.n]\n{variants}'
    )
    (problem,) = problems_in(text)
    assert statement(problem) == "the networks have too many layers, over all values and variants"
