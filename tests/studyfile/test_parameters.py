"""Parameters in layer texts: put in where they are named, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convstudy.errors import NetworkError
from convstudy.studyfile.parameters import filled, parameter_names


def test_a_parameter_may_stand_anywhere() -> None:
    layers = ["conv {filters} {kernel} {activation} stride={stride}", "dropout 0.{rate}", "{last}"]
    values = {"filters": 8, "kernel": 3, "activation": "relu", "stride": 2, "rate": 5, "last": "dense 4 tanh"}
    assert filled(layers, values) == ("conv 8 3 relu stride=2", "dropout 0.5", "dense 4 tanh")


def test_a_value_is_not_searched_for_parameters() -> None:
    assert filled(["{a}"], {"a": "{b}", "b": 1}) == ("{b}",)


def test_no_attribute_and_no_format_is_read() -> None:
    for text in ("{kernel.__class__}", "{kernel!r}", "{kernel:>9}", "{0}", "{}"):
        with pytest.raises(NetworkError):
            filled([text], {"kernel": 3})


def test_every_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(NetworkError) as caught:
        filled(["conv 8 {kernal} relu", "flatten", "dense {unit}"], {"kernel": 3, "units": 4})
    first, second = caught.value.problems
    assert first.where == "layer 1"
    assert first.got == "kernal"
    assert first.allowed == "kernel, units"
    assert first.mend == 'did you mean "kernel"?'
    assert second.where == "layer 3"
    assert second.mend == 'did you mean "units"?'


@pytest.mark.parametrize(
    "text", ["conv 8 {kernel relu", "conv 8 kernel} relu", "{{kernel}", "{ker{nel}}", "{}"]
)
def test_a_lone_brace_is_told(text: str) -> None:
    with pytest.raises(NetworkError) as caught:
        filled([text], {"kernel": 3})
    assert "brace" in str(caught.value)


def test_names_are_found() -> None:
    assert parameter_names(["conv {a} { b } relu", "x {", "}", "{}"]) == {"a", "b"}


@given(st.lists(st.text(alphabet="ab{} ", max_size=12), max_size=4))
def test_any_text_is_filled_or_refused(layers: list[str]) -> None:
    try:
        texts = filled(layers, {"a": 1, "b": 2})
    except NetworkError as error:
        assert error.problems
    else:
        assert not any("{" in text or "}" in text for text in texts)
        assert parameter_names(layers) <= {"a", "b"}
