"""A hypothesis strategy for valid studies."""

from __future__ import annotations

from hypothesis import strategies as st

from convstudy.networks import ACTIVATIONS, INITIALISERS
from convstudy.studyfile import (
    BEST,
    CHECK_NAMES,
    Ablate,
    BlockPattern,
    Compare,
    NetworkPattern,
    Range,
    Recipe,
    Search,
    Study,
    Variant,
    pairs_of,
)

names = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,10}\Z").filter(
    lambda name: name not in (BEST, "network", "interactions")
)
epochs = st.integers(1, 50)
rates = st.floats(1e-5, 1.0) | st.integers(1, 9)
recipe_changes = st.fixed_dictionaries(
    {},
    optional={
        "epochs": epochs,
        "learning_rate": rates,
        "optimizer": st.sampled_from(["adam", "adamw", "muon", "rmsprop", "sgd"]),
        "clip_norm": rates | st.just("none") | st.none(),
        "patience": epochs | st.just("none"),
        "checkpoint": st.sampled_from(["best", "last"]),
        "augment": st.sampled_from(
            ["none", "shift", "affine", "shift+cutout", "natural", "rotate=5", "light mixup=0.2@0.5"]
        )
        | st.fixed_dictionaries(
            {
                "rotate": st.floats(0, 180),
                "scale": st.lists(st.floats(0.1, 10), min_size=2, max_size=2).map(sorted),
            }
        ),
        "ema_decay": st.sampled_from([0.5, 0.99, "none", None]),
        "tta": st.sampled_from(["none", "shift", "shift-uncertain"]),
        "class_weights": st.sampled_from(["none", "balanced"]),
        "sampling": st.sampled_from(["shuffle", "balanced"]),
        "logit_adjustment": st.floats(0, 10),
        "loss": st.sampled_from(["cross-entropy", "focal"]),
        "normalise": st.sampled_from(["none", "standard"]),
    },
)


PAIR = BlockPattern(
    layers=(
        "conv {filters} 3 padding=same stride={stride}",
        ("residual then=relu", "batch-norm", "conv {filters} 1"),
    ),
    parameters={"filters": 4, "stride": 1},
)
TREES = ((), ("residual pair x2 filters=6 stride=2", ("concat", ("branch",), ("branch", "block pair"))))


@st.composite
def networks(draw: st.DrawFn) -> NetworkPattern:
    parameters = {
        "kernel": draw(st.integers(1, 9)),
        "activation": draw(st.sampled_from(["relu", "tanh", ""])),
    }
    tree = draw(st.sampled_from(TREES))
    layers = ["conv 4 {kernel} {activation}", "max-pool 2", *tree, "batch-norm", "dropout 0.5", "flatten"]
    blocks = {"pair": PAIR} if tree else {}
    init = draw(st.sampled_from([*INITIALISERS]))
    return NetworkPattern(layers=layers, parameters=parameters, init=init, blocks=blocks)


@st.composite
def variants(draw: st.DrawFn) -> Variant:
    variant = Variant(
        without=draw(st.lists(st.sampled_from(["max-pool", "batch-norm", "dropout"]), unique=True)),
        activation=draw(st.none() | st.sampled_from([*ACTIVATIONS])),
        init=draw(st.none() | st.sampled_from([*INITIALISERS])),
        recipe=draw(recipe_changes),
    )
    return variant if variant.changes_network or variant.recipe else Variant(recipe={"epochs": 5})


@st.composite
def ablations(draw: st.DrawFn, bases: st.SearchStrategy[str]) -> Ablate:
    every = draw(st.dictionaries(names, variants(), min_size=1, max_size=3))
    # Two variants with the same changes are an error.
    changes = {name: (sorted(variant.without), *list(variant)[1:]) for name, variant in every.items()}
    several = {
        name: every[name] for name in every if name == next(n for n in every if changes[n] == changes[name])
    }
    asked = Ablate(network=draw(bases), interactions=draw(st.booleans()), variants=several)
    return asked if pairs_of(asked) else asked.model_copy(update={"interactions": False})


@st.composite
def studies(draw: st.DrawFn) -> Study:
    """Return a valid study."""
    patterns = draw(st.dictionaries(names, networks(), min_size=2, max_size=3))
    some = st.sampled_from([*patterns])
    searched = draw(st.lists(some, unique=True, max_size=2))
    parameters = st.fixed_dictionaries(
        {},
        optional={
            "kernel": st.lists(st.integers(1, 9), unique=True, min_size=1, max_size=3),
            "learning_rate": st.lists(rates, unique=True, min_size=1, max_size=2),
            "nesterov": st.just([True, False]),
        },
    ).filter(bool)
    ways = st.one_of(
        st.just({}),
        st.just({"method": "halving"}),
        st.floats(0.01, 1.0).map(lambda budget: {"method": "halving", "budget": budget}),
        st.just({"method": "screening"}),
        st.integers(1, 50).map(lambda trials: {"method": "random", "trials": trials}),
    )
    ranges = {"batch_size": Range(low=8, high=64, log=True), "weight_decay": Range(low=0.0, high=0.1)}
    nesting = st.sampled_from([{}, {"nested": True}, {"nested": True, "outer_folds": 3}])
    drawn = draw(st.lists(st.tuples(parameters, ways), min_size=2, max_size=2))
    drawn = [
        ({**values, **ranges} if way.get("method") == "random" and draw(st.booleans()) else values, way)
        for values, way in drawn
    ]
    search = {
        draw(names) + str(number): Search(
            network=network,
            parameters=drawn[number][0],
            folds=draw(st.integers(2, 5)),
            subset=draw(st.none() | st.integers(130, 1437)),
            recipe=draw(st.fixed_dictionaries({}, optional={"epochs": epochs})),
            **drawn[number][1],
            **draw(nesting),
        )
        for number, network in enumerate(searched)
    }
    compare = draw(st.dictionaries(names, st.just(Compare(networks=[*patterns])), min_size=1, max_size=1))
    bases = st.sampled_from([*patterns, BEST])
    ablate = {draw(names): draw(ablations(bases)) for _ in range(draw(st.integers(0, 2)))}
    return Study(
        name=draw(names),
        dataset="digits",
        seeds=draw(st.integers(1, 9)),
        validation=draw(st.floats(0.05, 0.5)),
        subset=draw(st.none() | st.integers(300, 1437)),
        threads=draw(st.integers(1, 4)),
        metric=draw(st.sampled_from(["accuracy", "balanced-accuracy", "log-loss", "macro-f1"])),
        equivalence_margin=draw(st.sampled_from([None, 0.1, 0.0, 0.25, 2, "10 %"])),
        recipe=Recipe().varied(draw(recipe_changes)),
        network=patterns,
        search=search,
        compare=compare,
        ablate=ablate,
        suppress=draw(
            st.dictionaries(st.sampled_from(CHECK_NAMES), st.just("it does not matter here"), max_size=2)
        ),
    )
