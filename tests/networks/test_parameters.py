"""Parameters in layer texts: put in where they are named, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convstudy.errors import NetworkError
from convstudy.networks.parameters import filled, parameter_names


def test_a_parameter_may_stand_anywhere() -> None:
    layers = ["conv {filters} {kernel} {activation} stride={stride}", "dropout 0.{rate}", "{last}"]
    values = {"filters": 8, "kernel": 3, "activation": "relu", "stride": 2, "rate": 5, "last": "dense 4 tanh"}
    texts = [filled(layer, values) for layer in layers]
    assert texts == ["conv 8 3 relu stride=2", "dropout 0.5", "dense 4 tanh"]


def test_a_value_is_not_searched_for_parameters() -> None:
    assert filled("{a}", {"a": "{b}", "b": 1}) == "{b}"


def test_no_attribute_and_no_format_is_read() -> None:
    for text in ("{kernel.__class__}", "{kernel!r}", "{kernel:>9}", "{0}", "{}"):
        with pytest.raises(NetworkError):
            filled(text, {"kernel": 3})


def test_every_unknown_name_is_reported_with_the_nearest() -> None:
    with pytest.raises(NetworkError) as caught:
        filled("conv {unit} {kernal} relu", {"kernel": 3, "units": 4})
    first, second = caught.value.problems
    assert first.got == "unit"
    assert first.expected == "kernel, units"
    assert first.hint == 'did you mean "units"?'
    assert second.got == "kernal"
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
def test_a_name_times_or_over_a_whole_number(text: str, expected: str) -> None:
    assert filled(text, {"n": 12, "text": "3"}) == expected
    assert parameter_names([text]) <= {"n", "text"}


COMPUTED = "{name}, {4*name} or {name/4}: one parameter, one whole number"


@pytest.mark.parametrize(
    ("text", "got", "expected"),
    [
        ("conv {n/5} 1", "12", "a multiple of 5"),
        ("conv {2*rate} 1", "0.5", "a whole number"),
        ("conv {2*word} 1", "relu", "a whole number"),
        ("conv {n/0} 1", "n/0", COMPUTED),
        ("conv {n+1} 1", "n+1", COMPUTED),
        ("conv {n*n} 1", "n*n", COMPUTED),
        ("conv {-2*n} 1", "-2*n", COMPUTED),
    ],
)
def test_nothing_else_is_computed(text: str, got: str, expected: str) -> None:
    with pytest.raises(NetworkError) as caught:
        filled(text, {"n": 12, "rate": 0.5, "word": "relu"})
    (problem,) = caught.value.problems
    assert (problem.got, problem.expected) == (got, expected)


@pytest.mark.parametrize(
    "text", ["conv 8 {kernel relu", "conv 8 kernel} relu", "{{kernel}", "{ker{nel}}", "{}"]
)
def test_a_lone_brace_is_told(text: str) -> None:
    with pytest.raises(NetworkError) as caught:
        filled(text, {"kernel": 3})
    assert "brace" in str(caught.value)


def test_names_are_found() -> None:
    # Nothing is computed of the latter; but their parameters are not to be called unused.
    assert parameter_names(["conv {a/b} {3*c}", "conv {d + 1} {e/0}"]) >= {"a", "b", "c", "d", "e"}
    assert parameter_names(["conv {a} { b } relu", "x {", "}", "{}", ("residual", ("x", "{2*c}"))]) == {
        "a",
        "b",
        "c",
    }


@given(st.lists(st.text(alphabet="ab{} ", max_size=12), max_size=4))
def test_any_text_is_filled_or_refused(layers: list[str]) -> None:
    try:
        texts = [filled(layer, {"a": 1, "b": 2}) for layer in layers]
    except NetworkError as error:
        assert error.problems
    else:
        assert not any("{" in text or "}" in text for text in texts)
        assert parameter_names(layers) <= {"a", "b"}
