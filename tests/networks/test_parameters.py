"""Parameters in layer texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convstudy.errors import NetworkError
from convstudy.networks.parameters import fill_parameters, parameter_names


def test_parameter_can_be_any_part_of_a_text() -> None:
    layers = ["conv {filters} {kernel} {activation} stride={stride}", "dropout 0.{rate}", "{last}"]
    values = {"filters": 8, "kernel": 3, "activation": "relu", "stride": 2, "rate": 5, "last": "dense 4 tanh"}
    texts = [fill_parameters(layer, values) for layer in layers]
    assert texts == ["conv 8 3 relu stride=2", "dropout 0.5", "dense 4 tanh"]


def test_value_with_braces_is_not_filled_again() -> None:
    assert fill_parameters("{a}", {"a": "{b}", "b": 1}) == "{b}"


def test_attribute_or_format_in_braces_raises() -> None:
    for text in ("{kernel.__class__}", "{kernel!r}", "{kernel:>9}", "{0}", "{}"):
        with pytest.raises(NetworkError):
            fill_parameters(text, {"kernel": 3})


def test_each_unknown_name_is_reported_with_the_nearest_name() -> None:
    with pytest.raises(NetworkError) as caught:
        fill_parameters("conv {unit} {kernal} relu", {"kernel": 3, "units": 4})
    first, second = caught.value.problems
    assert first.what.endswith('unknown parameter "unit"')
    assert first.expected == "kernel, units"
    assert first.hint == 'did you mean "units"?'
    assert second.what.endswith('unknown parameter "kernal"')
    assert second.hint == 'did you mean "kernel"?'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("conv {4*n} 1", "conv 48 1"),
        ("conv {n * 4} 1", "conv 48 1"),
        ("conv {n/4} 1", "conv 3 1"),
        ("conv { 2*n } { n }", "conv 24 12"),
        ("conv {6*text} 3", "conv 18 3"),
    ],
)
def test_name_can_be_multiplied_or_divided_by_an_integer(text: str, expected: str) -> None:
    assert fill_parameters(text, {"n": 12, "text": "3"}) == expected
    assert parameter_names([text]) <= {"n", "text"}


@pytest.mark.parametrize(
    ("text", "what", "got"),
    [
        ("conv {n/5} 1", "n must be a multiple of 5", "12"),
        ("conv {2*rate} 1", "rate must be an integer", "0.5"),
        ("conv {2*word} 1", "word must be an integer", "relu"),
        ("conv {n/0} 1", 'unsupported arithmetic in "{n/0}"', ""),
        ("conv {n+1} 1", 'unsupported arithmetic in "{n+1}"', ""),
        ("conv {n*n} 1", 'unsupported arithmetic in "{n*n}"', ""),
        ("conv {-2*n} 1", 'unsupported arithmetic in "{-2*n}"', ""),
    ],
)
def test_other_arithmetic_raises(text: str, what: str, got: str) -> None:
    with pytest.raises(NetworkError) as caught:
        fill_parameters(text, {"n": 12, "rate": 0.5, "word": "relu"})
    (problem,) = caught.value.problems
    assert problem.what.endswith(what)
    assert problem.got == got


@pytest.mark.parametrize(
    "text", ["conv 8 {kernel relu", "conv 8 kernel} relu", "{{kernel}", "{ker{nel}}", "{}"]
)
def test_unmatched_or_empty_braces_raise(text: str) -> None:
    with pytest.raises(NetworkError) as caught:
        fill_parameters(text, {"kernel": 3})
    assert "brace" in str(caught.value)


def test_parameter_names_finds_all_names() -> None:
    # The last two raise an error later. Their parameters must not be reported as unused as well.
    assert parameter_names(["conv {a/b} {3*c}", "conv {d + 1} {e/0}"]) >= {"a", "b", "c", "d", "e"}
    assert parameter_names(["conv {a} { b } relu", "x {", "}", "{}", ("residual", ("x", "{2*c}"))]) == {
        "a",
        "b",
        "c",
    }


@given(st.lists(st.text(alphabet="ab{} ", max_size=12), max_size=4))
def test_any_text_is_filled_or_raises(layers: list[str]) -> None:
    try:
        texts = [fill_parameters(layer, {"a": 1, "b": 2}) for layer in layers]
    except NetworkError as error:
        assert error.problems
    else:
        assert not any("{" in text or "}" in text for text in texts)
        assert parameter_names(layers) <= {"a", "b"}
