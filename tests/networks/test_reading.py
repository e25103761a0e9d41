from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convstudy.errors import NetworkError, Problem
from convstudy.networks import LAYERS, read_layer
from convstudy.networks.layers.adaptive_average_pool import AdaptiveAveragePool
from convstudy.networks.layers.conv import Conv
from convstudy.networks.layers.crop import Crop
from convstudy.networks.layers.dense import Dense
from convstudy.networks.layers.depthwise_conv import DepthwiseConv
from convstudy.networks.layers.layer import Argument, Decimal, Integer, Layer, OneOf, YesNo, arguments_of
from convstudy.networks.layers.norm import BatchNorm, GroupNorm, LayerNorm
from convstudy.networks.layers.plain import Activation, Dropout
from convstudy.networks.layers.pool import MaxPool
from convstudy.networks.layers.squeeze_excite import SqueezeExcite
from convstudy.networks.layers.stochastic_depth import StochasticDepth
from convstudy.networks.reading import MAX_TEXT_LENGTH
from tests.networks.examples import EXAMPLES


def values_of(how: Argument, default: Any) -> st.SearchStrategy[Any]:
    """Return a strategy over all allowed values of an argument."""
    values: st.SearchStrategy[Any]
    match how.read:
        case OneOf(names):
            values = st.sampled_from(names)
        case Integer(smallest, largest):
            values = st.integers(smallest, largest)
        case Decimal(smallest, below):
            # -0.0 equals 0.0 but has another text, and no text is read as -0.0.
            values = st.floats(smallest, below, exclude_max=True).map(abs)
        case _:
            assert how.read == YesNo()
            values = st.booleans()
    return st.none() | values if default is None else values


def layers_of(layer: type[Layer]) -> st.SearchStrategy[Layer]:
    """Return a strategy over all layers of a class; half of them have a preset, if the class has presets."""
    defaults = {item.name: item.default for item in fields(layer)}  # type: ignore[arg-type]
    every = {name: values_of(how, defaults[name]) for name, how in arguments_of(layer).items()}
    preset = st.sampled_from([{}, *layer.presets.values()])
    return preset.flatmap(
        lambda given: st.builds(layer, **{**every, **{name: st.just(value) for name, value in given.items()}})
    )


ANY_LAYER = st.one_of(*(layers_of(layer) for layer in LAYERS.values() if not layer.contains))


def problem_of(text: str) -> Problem:
    with pytest.raises(NetworkError) as caught:
        read_layer(text)
    (problem,) = caught.value.problems
    return problem


@settings(deadline=None)
@given(ANY_LAYER)
def test_any_layer_reads_back_from_its_text(layer: Layer) -> None:
    text = layer.text
    again = read_layer(text)
    assert again == layer
    assert type(again) is type(layer)
    assert again.text == text
    assert len(text) <= MAX_TEXT_LENGTH


@settings(deadline=None)
@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["conv", "64", "relu", "=", "stride=2", "-"])).map(" ".join)
)
def test_any_text_gives_a_layer_or_a_network_error(text: str) -> None:
    try:
        layer = read_layer(text)
    except NetworkError as error:
        assert all(problem.what for problem in error.problems)
    else:
        assert read_layer(layer.text) == layer


@pytest.mark.parametrize(
    ("text", "layer"),
    [
        ("conv 64 3", Conv(64, 3)),
        ("conv 64 3 relu", Conv(64, 3, "relu")),
        ("conv relu 64 3", Conv(64, 3, "relu")),
        (
            "conv 64 stride=2 3 padding=same init=he-uniform tanh",
            Conv(64, 3, "tanh", 2, "same", "he-uniform"),
        ),
        ("  conv\t64   3 ", Conv(64, 3)),
        ("conv 64 3 bias=yes", Conv(64, 3)),
        ("conv 64 3 bias=no groups=4", Conv(64, 3, bias=False, groups=4)),
        ("conv 64 3 dilation=2 relu6", Conv(64, 3, "relu6", dilation=2)),
        ("depthwise-conv 3 multiplier=2 mish", DepthwiseConv(3, 2, "mish")),
        ("conv 064 3", Conv(64, 3)),
        ("max-pool 2 stride=1", MaxPool(2, 1)),
        ("batch-norm", BatchNorm(0.99, 0.001)),
        ("batch-norm epsilon=1e-5 momentum=.9", BatchNorm(0.9, 1e-5)),
        ("batch-norm torch", BatchNorm(0.9, 1e-5, "unbiased")),
        ("batch-norm variance=unbiased epsilon=1e-5 momentum=0.9", BatchNorm(0.9, 1e-5, "unbiased")),
        ("layer-norm", LayerNorm(0.001)),
        ("squeeze-excite 16", SqueezeExcite(16)),
        ("squeeze-excite silu 4", SqueezeExcite(4, "silu")),
        ("adaptive-average-pool 7", AdaptiveAveragePool(7)),
        ("crop 2", Crop(2)),
        ("stochastic-depth .2", StochasticDepth(0.2)),
        ("stochastic-depth 0.2 linear", StochasticDepth(0.2, "linear")),
        ("group-norm 8", GroupNorm(8, 0.001)),
        ("dropout .5", Dropout(0.5)),
        ("dense 10 gelu", Dense(10, "gelu")),
        ("activation silu", Activation("silu")),
    ],
)
def test_text_is_read_as_the_expected_layer(text: str, layer: Layer) -> None:
    assert read_layer(text) == layer


def test_every_layer_has_an_example_with_a_canonical_text() -> None:
    assert {text.split()[0] for text, _, _ in EXAMPLES} == {
        word for word, layer in LAYERS.items() if not layer.contains
    }
    assert len(LAYERS) >= 17
    for text, _, _ in EXAMPLES:
        assert read_layer(text).text == text


def test_usage_names_every_field_of_the_layer() -> None:
    for word, layer in LAYERS.items():
        assert layer.usage.split()[0] == word == layer.word
        for name, argument in arguments_of(layer).items():
            written = f"{name}=" if argument.how == "key" else name.upper()
            if argument.how == "word" and len(argument.names) == 1:
                written = f"[{argument.names[0]}]"
            if not (argument.how == "position" and name == "activation"):
                assert written in layer.usage, (word, name)
        assert all(f"[{preset}]" in layer.usage for preset in layer.presets)


def test_rate_of_minus_zero_is_read_as_zero() -> None:
    assert read_layer("dropout -0").text == "dropout 0"


@pytest.mark.parametrize(
    ("text", "what", "got", "hint"),
    [
        ("", "a layer text must not be empty", "", "convstudy layers"),
        (" \t", "a layer text must not be empty", "", "convstudy layers"),
        ("x" * 201, "must have at most 200 characters", "201", "split it into several layers"),
        ("cnov 64 3", 'unknown layer "cnov"', "cnov", '"conv"'),
        ("Conv 64 3", 'unknown layer "Conv"', "Conv", '"conv"'),
        ("conv", "is missing its filters and kernel", "", Conv.usage),
        ("conv 64", "is missing its kernel", "", Conv.usage),
        ("conv 64 relu", "is missing its kernel", "", Conv.usage),
        ("dense", "is missing its units", "", Dense.usage),
        ("conv 0 3", "filters must be an integer in [1, 65536]", "0", ""),
        ("conv 65537 3", "filters must be an integer in [1, 65536]", "65537", ""),
        ("conv 64 1025", "kernel must be an integer in [1, 1024]", "1025", ""),
        ("conv 64 3.5", "kernel must be an integer in [1, 1024]", "3.5", ""),
        ("conv 64 -3", "kernel must be an integer in [1, 1024]", "-3", ""),
        ("conv 64 \u0663", "kernel must be an integer in [1, 1024]", "\u0663", ""),
        ("conv 64 3 rellu", "activation must be one of relu, tanh, ", "rellu", '"relu"'),
        ("conv 64 3 relu tanh", "sets activation twice", "", Conv.usage),
        ("conv 64 3 5", 'an unexpected value "5"', "", Conv.usage),
        ("conv 64 3 stride=2 stride=2", "sets stride twice", "", Conv.usage),
        ("conv 64 3 stride=", "stride must be an integer in [1, 1024]", '""', ""),
        ("conv 64 3 stride=0", "stride must be an integer in [1, 1024]", "0", ""),
        ("conv 64 3 strid=2", 'an unknown option "strid"', "", '"stride"'),
        ("conv 64 3 x=2", 'an unknown option "x"', "", Conv.usage),
        ("conv 64 3 padding=sane", "padding must be one of valid, same", "sane", '"same"'),
        ("conv 64 3 init=he", "init must be one of he-normal, he-uniform", "he", ""),
        ("conv 64 3 bias=0", "bias must be yes or no", "0", ""),
        ("conv 64 3 bias=false", "bias must be yes or no", "false", ""),
        ("conv 64 3 groups=0", "groups must be an integer in [1, 65536]", "0", ""),
        ("conv 64 3 dilation=1025", "dilation must be an integer in [1, 1024]", "1025", ""),
        ("depthwise-conv", "is missing its kernel", "", DepthwiseConv.usage),
        ("depthwise-conv 64 3", 'an unexpected value "3"', "", DepthwiseConv.usage),
        ("depthwise-conv 3 multiplier=0", "multiplier must be an integer in [1, 1024]", "0", ""),
        ("max-pool 2 relu", 'an unexpected value "relu"', "", MaxPool.usage),
        ("max-pool 2 stride=0", "stride must be an integer in [1, 1024]", "0", ""),
        ("dropout 1", "rate must be a number in [0, 1)", "1", ""),
        ("dropout -0.1", "rate must be a number in [0, 1)", "-0.1", ""),
        ("dropout nan", "rate must be a number in [0, 1)", "nan", ""),
        ("dropout 0.1_5", "rate must be a number in [0, 1)", "0.1_5", ""),
        ("dropout \u0660.\u0665", "rate must be a number in [0, 1)", "\u0660.\u0665", ""),
        ("dropout half", "rate must be a number in [0, 1)", "half", ""),
        ("batch-norm 0.9", 'an unexpected value "0.9"', "", BatchNorm.usage),
        ("batch-norm momentum=1", "momentum must be a number in [0, 1)", "1", ""),
        ("batch-norm epsilon=0", "epsilon must be a number in [1e-12, 1)", "0", ""),
        ("batch-norm torch momentum=0.1", "sets momentum twice", "", BatchNorm.usage),
        ("batch-norm variance=biased torch", "sets variance twice", "", BatchNorm.usage),
        ("batch-norm torch torch", "sets momentum and epsilon and variance twice", "", BatchNorm.usage),
        ("batch-norm keras", 'an unexpected value "keras"', "", BatchNorm.usage),
        ("squeeze-excite", "is missing its ratio", "", SqueezeExcite.usage),
        ("squeeze-excite 0", "ratio must be an integer in [1, 65536]", "0", ""),
        ("adaptive-average-pool 0", "size must be an integer in [1, 1024]", "0", ""),
        ("crop 0", "size must be an integer in [1, 1024]", "0", ""),
        ("stochastic-depth 1", "rate must be a number in [0, 1)", "1", ""),
        ("stochastic-depth 0.1 linaer", "schedule must be linear", "linaer", '"linear"'),
        ("group-norm 0", "groups must be an integer in [1, 65536]", "0", ""),
        ("dense 1048577", "units must be an integer in [1, 1048576]", "1048577", ""),
        (
            "dense 99999999999999999999",
            "units must be an integer in [1, 1048576]",
            "99999999999999999999",
            "",
        ),
        ("flatten 2", 'an unexpected value "2"', "", "flatten"),
        ("activation rleu", "activation must be one of relu, tanh", "rleu", '"relu"'),
        ("activation", "is missing its activation", "", Activation.usage),
    ],
)
def test_invalid_text_raises_an_error_with_its_reason(text: str, what: str, got: str, hint: str) -> None:
    problem = problem_of(text)
    assert what in problem.what
    assert problem.got.strip('"') == got.strip('"')
    assert hint in problem.hint
    assert bool(hint) == bool(problem.hint)
