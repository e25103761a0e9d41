"""Layers inside layers: blocks, residuals and concats are expanded to a tree."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convstudy.errors import NetworkError
from convstudy.networks import BLOCKS, LAYERS, Block, Network, layer_table
from convstudy.networks.expanding import MAX_LAYERS, expand
from convstudy.networks.layers.conv import Conv
from convstudy.networks.layers.residual import Residual
from convstudy.networks.tree import SHORTCUT, LayerProblem, Source, all_layers, path_text
from convstudy.studyfile import Compare, NetworkPattern, Study, study_document, study_of

CONVS = Block(
    "convs",
    ("conv {filters} 3 relu padding=same stride={stride}", "batch-norm", "conv {filters} 3 padding=same"),
    {"filters": 4, "stride": 1},
)
ONE = Block("one", ("conv {filters} 1",), {"filters": 2})
TEXTS = Block("texts", "flatten")  # type: ignore[arg-type]
POOL = Block("pool", ("max-pool 3 stride=1",))


def read(*texts: Any, blocks: tuple[Block, ...] = (CONVS, ONE, POOL)) -> Network:
    return Network.read(texts, blocks=blocks)


def problem_of(*texts: Any, blocks: tuple[Block, ...] = (CONVS, ONE, POOL)) -> LayerProblem:
    with pytest.raises(NetworkError) as caught:
        read(*texts, blocks=blocks)
    (problem,) = caught.value.problems
    assert isinstance(problem, LayerProblem)
    return problem


def test_use_of_a_block_equals_its_layers_written_out() -> None:
    body = ("conv 6 3 relu padding=same", "batch-norm", "conv 6 3 padding=same")
    assert read("block convs filters=6").texts == body
    assert read("residual convs filters=6 then=relu") == read(["residual then=relu", *body])
    other = Block("other", CONVS.layers, {"filters": 6, "stride": 1})
    assert read("residual other then=relu", blocks=(other,)) == read("residual convs filters=6 then=relu")


def test_only_the_first_repeat_has_the_stride() -> None:
    network = read("residual convs x3 filters=6 stride=2 shortcut=pad")
    strided = [
        "residual shortcut=pad",
        "conv 6 3 relu stride=2 padding=same",
        "batch-norm",
        "conv 6 3 padding=same",
    ]
    plain = [strided[0], "conv 6 3 relu padding=same", *strided[2:]]
    assert network == read(strided, plain, plain)
    assert read("block one x3").texts == ("conv 2 1",) * 3


def test_concat_has_one_branch_per_name() -> None:
    network = read("concat identity one convs x2 filters=3")
    branches = [
        "concat",
        ["branch"],
        ["branch", "conv 3 1"],
        ["branch", *read("block convs filters=3").texts],
    ]
    assert network == read(branches, branches)
    table = layer_table(read(branches, "flatten"), (8, 8, 5), 10)
    assert table.rows[0].output_shape == (8, 8, 5 + 3 + 3)
    assert [row.number for row in table.rows] == ["1", "1.2.1", "1.3.1", "1.3.2", "1.3.3", "2", "3"]


def test_block_passes_its_parameters_to_inner_blocks() -> None:
    outer = Block(
        "outer", ("residual convs filters={2*width}", "concat identity one filters={width}"), {"width": 2}
    )
    network = read("block outer width=3", blocks=(CONVS, ONE, outer))
    assert network == read("residual convs filters=6", "concat identity one filters=3")


def test_argument_can_be_a_whole_layer_text() -> None:
    block = Block("normed", ("conv 4 3", "{norm}"), {"norm": "layer-norm"})
    expanded = expand(["block normed norm={norm}"], {"norm": "batch-norm momentum=0.9"}, [block])
    assert [layer.text for layer in expanded.layers] == ["conv 4 3", "batch-norm momentum=0.9"]


def test_network_can_be_read_from_its_texts_and_json() -> None:
    network = read(
        "conv 4 3", "residual convs x2 then=relu shortcut=pad", "concat identity one x2", "flatten"
    )
    assert Network.read(network.texts, network.init) == network
    assert Network.read(json.loads(json.dumps(network.as_json()))) == network
    assert network.as_json()[1][0] == "residual shortcut=pad then=relu"


def test_sources_give_the_place_where_each_layer_is_written() -> None:
    outer = Block("outer", ("conv 3 1", "residual convs x2"))
    expanded = expand(["conv 4 3", "block outer", ["residual", "conv 3 1"]], {}, [CONVS, outer])
    use = Source("", (1,))
    within = Source("outer", (1,), use)
    assert {path_text(path): source for path, source in expanded.sources.items()} == {
        "1": Source("", (0,)),
        "2": Source("outer", (0,), use),
        "3": within,
        **{f"3.{n}": Source("convs", (n - 1,), within) for n in (1, 2, 3)},
        "4": within,
        **{f"4.{n}": Source("convs", (n - 1,), within) for n in (1, 2, 3)},
        "5": Source("", (2,)),
        "5.1": Source("", (2, 1)),
    }


def test_layer_at_finds_layers_by_path() -> None:
    network = read("conv 4 3", "concat identity one", "residual convs")
    texts = {
        path: layer.text for path in ((1,), (2,), (2, 2, 1), (3, 1)) if (layer := network.layer_at(path))
    }
    assert texts == {
        (1,): "conv 4 3",
        (2,): "concat",
        (2, 2, 1): "conv 2 1",
        (3, 1): "conv 4 3 relu padding=same",
    }
    for path in ((4,), (0,), (1, 1), (2, 2), (2, 3, 1), (3, 4), (3, SHORTCUT, 1), ()):
        assert network.layer_at(path) is None, path


def test_variants_change_layers_inside_blocks_and_branches() -> None:
    network = read("residual convs then=relu", "concat identity convs", "flatten")
    assert network.without(["batch-norm"]).layer_types == (
        *("residual", "conv", "conv", "concat", "conv", "conv", "flatten"),
    )
    tanh = network.with_activation("tanh")
    assert [layer.text for layer in tanh.all_layers() if "tanh" in layer.text] == [
        "residual then=tanh",
        "conv 4 3 tanh padding=same",
        "conv 4 3 tanh padding=same",
    ]
    inits = [getattr(layer, "init", None) for layer in network.with_init("orthogonal").complete(10)]
    assert inits[0] == "orthogonal"
    complete = Network(network.complete(10)).all_layers()
    assert all(layer.init == "he-normal" for layer in complete if isinstance(layer, Conv | Residual))


def test_without_residual_keeps_the_layers_inside() -> None:
    network = read("conv 4 3", "residual convs x2 then=relu", "flatten")
    plain = read("conv 4 3", *(["block convs", "activation relu"] * 2), "flatten")
    assert network.without(["residual"]) == plain


def test_residual_or_concat_without_layers_is_removed() -> None:
    network = read(
        ["residual then=relu", "conv 2 1"], ["concat", ["branch", "conv 2 1"], ["branch", "conv 3 1"]]
    )
    assert network.without(["conv"]).texts == ("activation relu",)


def test_concat_with_an_identity_branch_is_kept() -> None:
    network = read(
        "concat identity identity", ["concat", ["branch"], ["branch", "dropout 0.1"]], "dropout 0.2"
    )
    twice = ("concat", ("branch",), ("branch",))
    assert network.without(["dropout"]).texts == (twice, twice)
    assert network.without(["batch-norm"]) == network


@pytest.mark.parametrize(
    "read_text", [lambda: read("block texts", blocks=(TEXTS,)), lambda: Network.read("flatten")]
)
def test_text_instead_of_a_list_of_layers_raises(read_text: Callable[[], Network]) -> None:
    with pytest.raises(NetworkError, match="layers must be a list of strings"):
        read_text()


def test_block_without_layers_raises() -> None:
    with pytest.raises(NetworkError) as caught:
        Network.read(["flatten", "residual empty"], blocks=[Block("empty", ())])
    assert str(caught.value).startswith('layer 2: block "empty" has no layers')


@pytest.mark.parametrize(
    ("text", "what", "got", "hint"),
    [
        ("residual", "must name one block", "nothing", "residual BLOCK"),
        ("residual convs one", "must name one block", "convs, one", "residual BLOCK"),
        ("residual convs x1.5", "must name one block", "convs, x1.5", "residual BLOCK"),
        ("residual conv", 'unknown block "conv"', "conv", '"convs"'),
        ("residual convs x0", "from x1 to x1000", "x0", ""),
        ("residual convs x1000000", "from x1 to x1000", "x1000000", ""),
        ("residual convs x2 x3", "one number of repeats", "x2, x3", ""),
        (
            "residual convs filter=3",
            'block "convs" has no parameter "filter"',
            "",
            '"filters"',
        ),
        ("residual convs shortcutt=pad", 'no parameter "shortcutt"', "", '"shortcut"'),
        ("residual convs filters=3 filters=4", "sets filters twice", "", ""),
        ("residual convs then=rellu", "then must be one of relu", "rellu", '"relu"'),
        ("residual convs then=relu then=relu", "sets then twice", "", "residual BLOCK"),
        ("residual convs shortcut=pads", "shortcut must be one of projection, pad", "pads", '"pad"'),
        ("block", "must name one block", "nothing", "block NAME"),
        ("block convs then=relu", 'no parameter "then"', "", ""),
        ("concat one", "at least two branches", "one", "concat BLOCK|identity"),
        ("concat one pool stride=2", 'these blocks have no parameter "stride"', "", ""),
        ("residul convs", 'unknown layer "residul"', "residul", '"residual"'),
        (3, "a layer must be a string or a list", "3", ""),
        ([["residual"], "conv 3 3"], '["residual", ...]', "", ""),
        (
            ["residual"],
            "a list must be a layer followed by the layers inside it",
            '"residual" and 0 layers',
            "",
        ),
        (
            ["conv 3 3", "conv 3 3"],
            '["concat", ...] or ["residual", ...]',
            "conv 3 3",
            "",
        ),
        (["residual convs", "conv 3 3"], 'an unexpected value "convs"', "", "residual BLOCK"),
        (["concat", "conv 3 3", "conv 3 3"], 'must contain branches, ["branch", LAYER, ...]', "", ""),
    ],
)
def test_invalid_layer_raises_one_error_with_its_reason(text: Any, what: str, got: str, hint: str) -> None:
    problem = problem_of("flatten", text)
    assert what in problem.what
    assert got in problem.got
    assert hint in problem.hint
    assert str(problem.where) == "layer 2"


def test_bad_layer_of_a_block_is_reported_once_with_its_place() -> None:
    bad = Block("bad", ("conv 8 3", "conv {filters} 3 rellu"), {"filters": 3})
    problem = problem_of("residual bad x3", "block bad", ["residual", "block bad"], blocks=(bad,))
    assert str(problem.where) == 'layer 2 of block "bad"'
    assert problem.source == Source("bad", (1,), Source("", (0,)))


def test_bad_layer_in_nested_lists_has_its_path_in_the_tree() -> None:
    texts = ["flatten", ["residual", "conv 3 1", ["concat", ["branch"], ["branch", "conv 3 1", "cnov 3 1"]]]]
    problem = problem_of(*texts)
    assert str(problem.where) == "layer 2.2.2.2"
    assert problem.source == Source("", (1, 2, 2, 2))
    texts[1][2][2][2] = "conv 3 99"  # type: ignore[index]
    with pytest.raises(NetworkError, match=r"layer 2\.2\.2\.2"):
        list(read("conv 3 3", *texts[1:], "flatten").walk((8, 8, 1), 3))


def test_block_that_contains_itself_raises_one_error() -> None:
    problem = problem_of("block a", blocks=(Block("a", ("conv 3 1", "residual a x3")),))
    assert problem.what == 'block "a" contains itself: a → a'
    assert str(problem.where) == 'layer 2 of block "a"'
    circle = (Block("b", ("block c",)), Block("c", ("flatten", "block a")), Block("a", ("block b",)))
    for start in "abc":
        problem = problem_of(f"block {start}", blocks=circle)
        assert problem.what == 'block "a" contains itself: a → b → c → a'
        assert str(problem.where) == 'layer 2 of block "c"'


@pytest.mark.parametrize("n", [3, 7])
def test_blocks_that_expand_to_too_many_layers_raise_early(n: int) -> None:
    """``n`` blocks, each with 1,000 repeats of the next: 1,000ⁿ layers."""
    blocks = (
        *tuple(Block(f"b{i}", (f"block b{i + 1} x1000",)) for i in range(n)),
        Block(f"b{n}", ("flatten",)),
    )
    problem = problem_of("block b0", blocks=blocks)
    assert problem.what == f"a network must have at most {MAX_LAYERS:,} layers"


def test_blocks_that_list_each_other_many_times_raise_early() -> None:
    """500¹⁸ texts without repeats; the innermost one is invalid."""
    blocks = (
        *tuple(Block(f"b{i}", (f"block b{i + 1}",) * 500) for i in range(18)),
        Block("b18", ("conv",)),
    )
    with pytest.raises(NetworkError) as caught:
        read("block b0", blocks=blocks)
    assert "at most 10,000 layers" in str(caught.value)


def test_blocks_and_lists_can_be_nested_20_levels_deep_and_not_deeper() -> None:
    blocks = (*(Block(f"b{i}", (f"block b{i + 1}",)) for i in range(30)), Block("b30", ("flatten",)))
    assert read("block b11", blocks=blocks).texts == ("flatten",)
    assert "deeper than 20 levels" in problem_of("block b10", blocks=blocks).what
    lists: Any = "conv 2 1"
    for _ in range(20):
        lists = ["residual", lists]
    read(lists)
    assert "deeper than 20 levels" in problem_of(["residual", lists]).what
    mixed = Block("mixed", (["residual", ["residual", "conv 2 1"]],))  # type: ignore[arg-type]
    for _ in range(1000):
        lists = ["residual", lists]
    assert "deeper than 20 levels" in problem_of(lists).what
    for n in range(20):
        mixed = Block(f"mixed{n}", (["residual", ["residual", f"block {mixed.name}"]],))  # type: ignore[arg-type]
        blocks = (*blocks, mixed)
    with pytest.raises(NetworkError, match="deeper than 20 levels"):
        read("block mixed19", blocks=blocks)


@pytest.mark.parametrize("use", ["residual {}", "concat identity {}", "block {}"])
def test_expanded_tree_of_the_deepest_blocks_can_be_read_again(use: str) -> None:
    blocks = [Block(f"b{i}", ("activation relu", use.format(f"b{i + 1}"))) for i in range(19)]
    network = Network.read(
        [use.format("b0"), "flatten"], blocks=[*blocks, Block("b19", ("activation relu",))]
    )
    assert Network.read(network.as_json()) == network
    study = Study(
        name="deep",
        dataset="digits",
        network={"deep": network, "flat": {"layers": ["flatten"]}},
        compare={"both": Compare(networks=("deep", "flat"))},
    )
    assert study_of(study_document(study)).network["deep"].network() == network


def test_network_of_10000_layers_can_be_part_of_a_study() -> None:
    network = Network(Network.read(["dropout 0.1"]).layers * 10_000)
    assert NetworkPattern.model_validate(network).network() == network


def test_parameters_can_set_the_block_and_the_number_of_repeats() -> None:
    texts = ["residual {block} x{n} filters={width} shortcut={shortcut}"]
    values = {"block": "convs", "n": 3, "width": 6, "shortcut": "pad"}
    assert Network(expand(texts, values, [CONVS]).layers) == read("residual convs x3 filters=6 shortcut=pad")


def test_block_name_used_as_a_layer_gives_a_hint() -> None:
    assert problem_of("convs filters=3").hint == 'use the block with "residual convs" or "block convs"'
    assert problem_of("bottleneck").hint == 'use the block with "residual bottleneck" or "block bottleneck"'


def test_network_can_have_10000_layers_and_not_more() -> None:
    assert len(read("block one x999", "residual one x999").layer_types) == 999 + 2 * 999
    block = Block("long", ("block one x1000",))
    assert len(read("block long x10", blocks=(ONE, block)).layer_types) == MAX_LAYERS
    assert "at most 10,000 layers" in problem_of("block long x10", "flatten", blocks=(ONE, block)).what


def test_every_built_in_block_can_be_used() -> None:
    assert set(BLOCKS) >= {"basic", "bottleneck"}
    for name, block in BLOCKS.items():
        assert name == block.name
        assert block.source
        network = Network.read(["conv 8 3", f"block {name}", "flatten"])
        assert layer_table(network, (32, 32, 3), 10).n_trainable > 0
        for argument, value in block.parameters.items():
            Network.read([f"block {name} {argument}={value}"])


def test_concat_and_residual_are_the_layers_that_contain_others() -> None:
    holding = [word for word, layer in LAYERS.items() if layer.contains]
    assert holding == ["concat", "residual"]


LEAVES = st.sampled_from(
    ["conv 3 1", "batch-norm", "dropout 0.5", "activation relu", "conv 2 3 tanh padding=same"]
)
HEADS = st.sampled_from(["residual", "residual then=relu", "residual shortcut=pad init=orthogonal then=tanh"])


def sequences(inside: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(inside, min_size=1, max_size=3)


TREES = sequences(
    st.recursive(
        LEAVES,
        lambda inside: st.one_of(
            st.tuples(HEADS, sequences(inside)).map(lambda each: [each[0], *each[1]]),
            st.lists(sequences(inside), min_size=1, max_size=3).map(
                lambda branches: ["concat", ["branch"], *(["branch", *each] for each in branches)]
            ),
        ),
        max_leaves=8,
    )
)


@given(
    TREES, st.lists(st.sampled_from(["conv", "batch-norm", "residual", "concat", "activation"]), unique=True)
)
@settings(deadline=None, max_examples=60)
def test_any_tree_can_be_read_again_and_its_variants_are_complete(texts: list[Any], words: list[str]) -> None:
    network = Network.read([*texts, "flatten"])
    assert Network.read(json.loads(json.dumps(network.as_json()))) == network
    paths = list(expand(texts, {}).sources)
    assert [network.layer_at(path) for path in paths] == list(all_layers(network.layers[:-1]))
    assert not set(words) & set(network.without(words).layer_types)
    assert network.with_activation("gelu").with_activation("relu") == network.with_activation("relu")
    assert "tanh" not in str(network.with_activation("relu").texts)
    assert "init=" not in str(network.with_init("he-uniform").texts)


WORDS = (
    *("residual", "concat", "branch", "block", "convs", "identity", "basic", "x2"),
    *("then=relu", "stride=2", "conv", "3", "{"),
)


@given(
    st.lists(
        st.recursive(
            st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join) | st.integers() | st.none(),
            lambda inside: st.lists(inside, max_size=3),
            max_leaves=8,
        ),
        max_size=3,
    )
)
@settings(deadline=None, max_examples=150)
def test_any_input_gives_a_network_or_a_network_error(texts: list[Any]) -> None:
    try:
        network = read(*texts)
    except NetworkError as error:
        assert all(problem.what and str(problem.where).startswith("layer ") for problem in error.problems)
    else:
        assert Network.read(network.texts) == network
