from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convstudy.errors import NetworkError
from convstudy.networks import LAYERS, read_layer
from convstudy.networks.layers.adaptive_average_pool import AdaptiveAveragePool
from convstudy.networks.layers.conv import Conv
from convstudy.networks.layers.dense import Dense
from convstudy.networks.layers.depthwise_conv import DepthwiseConv
from convstudy.networks.layers.layer import Argument, Decimal, Integer, Layer, OneOf, arguments_of, yes_no
from convstudy.networks.layers.norm import BatchNorm, GroupNorm, LayerNorm
from convstudy.networks.layers.plain import Activation, Dropout
from convstudy.networks.layers.pool import MaxPool
from convstudy.networks.layers.squeeze_excite import SqueezeExcite
from convstudy.networks.layers.stochastic_depth import StochasticDepth
from convstudy.networks.reading import LONGEST_TEXT
from tests.networks.examples import EXAMPLES


def values_of(how: Argument, default: Any) -> st.SearchStrategy[Any]:
    """Return every value that an argument may have."""
    values: st.SearchStrategy[Any]
    match how.read:
        case OneOf(names):
            values = st.sampled_from(names)
        case Integer(smallest, largest):
            values = st.integers(smallest, largest)
        case Decimal(smallest, below):
            # -0.0 equals 0.0 but is written differently, and reading never makes one.
            values = st.floats(smallest, below, exclude_max=True).map(abs)
        case _:
            assert how.read is yes_no
            values = st.booleans()
    return st.none() | values if default is None else values


def layers_of(layer: type[Layer]) -> st.SearchStrategy[Layer]:
    """Return every layer of a class, half of them with the values of a preset, if it has presets."""
    defaults = {item.name: item.default for item in fields(layer)}  # type: ignore[arg-type]
    every = {name: values_of(how, defaults[name]) for name, how in arguments_of(layer).items()}
    preset = st.sampled_from([{}, *layer.presets.values()])
    return preset.flatmap(
        lambda given: st.builds(layer, **{**every, **{name: st.just(value) for name, value in given.items()}})
    )


ANY_LAYER = st.one_of(*(layers_of(layer) for layer in LAYERS.values() if not layer.holds))


def problem_of(text: str) -> tuple[str, str, str, str]:
    """Return what is said about a bad layer text: what, got, allowed, mend."""
    with pytest.raises(NetworkError) as caught:
        read_layer(text)
    (problem,) = caught.value.problems
    return problem.what, problem.got, problem.expected, problem.hint


@settings(deadline=None)
@given(ANY_LAYER)
def test_any_layer_reads_back_from_its_text(layer: Layer) -> None:
    text = layer.text
    again = read_layer(text)
    assert again == layer
    assert type(again) is type(layer)
    assert again.text == text
    assert len(text) <= LONGEST_TEXT


@settings(deadline=None)
@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["conv", "64", "relu", "=", "stride=2", "-"])).map(" ".join)
)
def test_any_text_is_a_layer_or_a_network_error(text: str) -> None:
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
        ("stochastic-depth .2", StochasticDepth(0.2)),
        ("stochastic-depth 0.2 linear", StochasticDepth(0.2, "linear")),
        ("group-norm 8", GroupNorm(8, 0.001)),
        ("dropout .5", Dropout(0.5)),
        ("dense 10 gelu", Dense(10, "gelu")),
        ("activation silu", Activation("silu")),
    ],
)
def test_texts_mean_these_layers(text: str, layer: Layer) -> None:
    assert read_layer(text) == layer


def test_every_word_has_an_example_whose_text_is_canonical() -> None:
    assert {text.split()[0] for text, _, _ in EXAMPLES} == {
        word for word, layer in LAYERS.items() if not layer.holds
    }
    assert len(LAYERS) >= 17
    for text, _, _ in EXAMPLES:
        assert read_layer(text).text == text


def test_every_layer_names_its_fields_in_its_usage() -> None:
    for word, layer in LAYERS.items():
        assert layer.usage.split()[0] == word == layer.word
        for name, argument in arguments_of(layer).items():
            written = f"{name}=" if argument.how == "key" else name.upper()
            if argument.how == "word" and len(argument.names) == 1:
                written = f"[{argument.names[0]}]"
            if not (argument.how == "position" and name == "activation"):
                assert written in layer.usage, (word, name)
        assert all(f"[{preset}]" in layer.usage for preset in layer.presets)


def test_a_rate_of_minus_zero_is_zero() -> None:
    assert read_layer("dropout -0").text == "dropout 0"


@pytest.mark.parametrize(
    ("text", "what", "got", "expected", "hint"),
    [
        ("", "a layer text is empty", "", "activation, ", ""),
        (" \t", "a layer text is empty", "", "activation, ", ""),
        (
            "x" * 201,
            "this layer text is too long",
            "201 characters",
            "at most 200",
            "split it into several layers",
        ),
        ("cnov 64 3", 'unknown layer "cnov"', '"cnov"', '"activation"', '"conv"'),
        ("Conv 64 3", 'unknown layer "Conv"', '"Conv"', '"activation"', '"conv"'),
        ("conv", "lacks its filters and kernel", "conv", Conv.usage, ""),
        ("conv 64", "lacks its kernel", "conv 64", Conv.usage, ""),
        ("conv 64 relu", "lacks its kernel", "conv 64 relu", Conv.usage, ""),
        ("dense", "lacks its units", "dense", Dense.usage, ""),
        ("conv 0 3", "its filters a value", "0", "1 or more", ""),
        ("conv 65537 3", "its filters a value", "65537", "a whole number of filters", ""),
        ("conv 64 1025", "its kernel a value", "1025", "a whole number", ""),
        ("conv 64 3.5", "its kernel a value", "3.5", "a whole number", ""),
        ("conv 64 -3", "its kernel a value", "-3", "a whole number", ""),
        ("conv 64 \u0663", "its kernel a value", "\u0663", "a whole number", ""),
        ("conv 64 3 rellu", "its activation a value", "rellu", "relu, tanh", '"relu"'),
        ("conv 64 3 relu tanh", "gives activation twice", "tanh", Conv.usage, ""),
        ("conv 64 3 5", 'says more than "conv" takes', "5", Conv.usage, ""),
        ("conv 64 3 stride=2 stride=2", "gives stride twice", "stride=2", Conv.usage, ""),
        ("conv 64 3 stride=", "its stride a value", "", "1 or more", ""),
        ("conv 64 3 stride=0", "its stride a value", "0", "1 or more", ""),
        ("conv 64 3 strid=2", 'a key that "conv" does not know', "strid", Conv.usage, '"stride"'),
        ("conv 64 3 padding=sane", "its padding a value", "sane", "valid, same", '"same"'),
        ("conv 64 3 init=he", "its init a value", "he", "he-normal, he-uniform", ""),
        ("conv 64 3 bias=0", "its bias a value", "0", "yes, no", ""),
        ("conv 64 3 bias=false", "its bias a value", "false", "yes, no", ""),
        ("conv 64 3 groups=0", "its groups a value", "0", "divides channels and filters", ""),
        ("conv 64 3 dilation=1025", "its dilation a value", "1025", "a whole number", ""),
        ("depthwise-conv", "lacks its kernel", "depthwise-conv", DepthwiseConv.usage, ""),
        ("depthwise-conv 64 3", 'says more than "depthwise-conv" takes', "3", DepthwiseConv.usage, ""),
        ("depthwise-conv 3 multiplier=0", "its multiplier a value", "0", "filters a channel", ""),
        ("max-pool 2 relu", 'says more than "max-pool" takes', "relu", MaxPool.usage, ""),
        ("max-pool 2 stride=0", "its stride a value", "0", "1 or more", ""),
        ("dropout 1", "its rate a value", "1", "from 0 to below 1", ""),
        ("dropout -0.1", "its rate a value", "-0.1", "from 0 to below 1", ""),
        ("dropout nan", "its rate a value", "nan", "from 0 to below 1", ""),
        ("dropout 0.1_5", "its rate a value", "0.1_5", "from 0 to below 1", ""),
        ("dropout \u0660.\u0665", "its rate a value", "\u0660.\u0665", "from 0 to below 1", ""),
        ("dropout half", "its rate a value", "half", "from 0 to below 1", ""),
        ("batch-norm 0.9", 'says more than "batch-norm" takes', "0.9", BatchNorm.usage, ""),
        ("batch-norm momentum=1", "its momentum a value", "1", "from 0 to below 1", ""),
        ("batch-norm epsilon=0", "its epsilon a value", "0", "from 1e-12", ""),
        ("batch-norm torch momentum=0.1", "gives momentum twice", "momentum=0.1", BatchNorm.usage, ""),
        ("batch-norm variance=biased torch", "gives variance twice", "torch", BatchNorm.usage, ""),
        (
            "batch-norm torch torch",
            "gives momentum and epsilon and variance twice",
            "torch",
            BatchNorm.usage,
            "",
        ),
        ("batch-norm keras", 'says more than "batch-norm" takes', "keras", BatchNorm.usage, ""),
        ("squeeze-excite", "lacks its ratio", "squeeze-excite", SqueezeExcite.usage, ""),
        ("squeeze-excite 0", "its ratio a value", "0", "a whole number", ""),
        ("adaptive-average-pool 0", "its size a value", "0", "a whole number", ""),
        ("stochastic-depth 1", "its rate a value", "1", "from 0 to below 1", ""),
        ("stochastic-depth 0.1 linaer", "its schedule a value", "linaer", "linear", '"linear"'),
        ("group-norm 0", "its groups a value", "0", "a whole number", ""),
        ("dense 1048577", "its units a value", "1048577", "a whole number", ""),
        ("dense 99999999999999999999", "its units a value", "99999999999999999999", "a whole number", ""),
        ("flatten 2", 'says more than "flatten" takes', "2", "flatten", ""),
        ("activation rleu", "its activation a value", "rleu", "relu, tanh", '"relu"'),
        ("activation", "lacks its activation", "activation", Activation.usage, ""),
    ],
)
def test_mistakes_are_told(text: str, what: str, got: str, expected: str, hint: str) -> None:
    said = problem_of(text)
    assert what in said[0]
    assert said[1] == got
    assert expected in said[2]
    assert hint in said[3]
    assert bool(hint) == bool(said[3])
