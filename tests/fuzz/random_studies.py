"""Random small studies as documents, with every kind of question and search method.

Every study is valid. It trains on 40 to 300 images of ``digits``, and its folds have images of each class.
"""

from __future__ import annotations

from random import Random
from typing import Any

N_TRAIN = 1437
CLASSES = 10
Document = dict[str, Any]

# Recipe keys and their values. Some change nothing in a fit of this size (a large patience, or momentum with adam), so
# that two fits have the same weights.
RECIPE_VALUES: dict[str, tuple[Any, ...]] = {
    "optimizer": ("adam", "adamw", "muon", "rmsprop", "sgd"),
    "learning_rate": (1e-9, 0.0003, 0.003, 0.03, 100.0),
    "schedule": ("constant", "cosine", "one-cycle", "step", "triangular"),
    "epochs": (1, 2, 3),
    "batch_size": (16, 25, 40, 1000),
    "momentum": (0.0, 0.5, 0.95),
    "weight_decay": (0.0, 0.01),
    "label_smoothing": (0.0, 0.1),
    "clip_norm": ("none", 1e6, 0.5),
    "patience": ("none", 1, 50, 60),
    "checkpoint": ("best", "last"),
    "ema_decay": ("none", 0.5, 0.99, 0.9999),
    "augment": (
        "none",
        "shift",
        "affine",
        "cutout",
        "shift+cutout",
        "affine+cutout",
        "strong",
        "trivial-augment-wide",
    ),
    "cutout_size": (4, 8),
    "tta": ("none", "shift", "shift-uncertain"),
    "train_eval_samples": ("none", 5, 10_000),
    "step_epochs": (1, 10),
    "warmup_fraction": (0.1, 0.5),
}
ACTIVATIONS = ("relu", "tanh", "gelu", "silu", "leaky-relu", "sigmoid", "elu")
MORE_ACTIVATIONS = (*ACTIVATIONS, "relu6", "hardswish", "mish", "prelu")
INITS = (
    "he-normal",
    "he-uniform",
    "glorot-normal",
    "glorot-uniform",
    "lecun-normal",
    "lecun-uniform",
    "orthogonal",
)
REMOVABLE = ("dropout", "batch-norm", "layer-norm")
"""Layer types that a variant can remove from any network, because they do not change the shape."""
RANGES = {
    "learning_rate": {"low": 1e-4, "high": 0.1, "log": True},
    "weight_decay": {"low": 0.0, "high": 0.1},
    "batch_size": {"low": 10, "high": 50, "step": 10},
}


def random_study(seed: int) -> Document:
    """Return the document of a valid study. Equal seeds give equal documents."""
    random = Random(f"study {seed}")
    subset = random.choice((40, 60, 100, 150, 300, random.randint(40, 300)))
    trees = Random(f"trees {seed}")  # separate, so that older choices of a seed stay the same
    newer = Random(f"newer {seed}")  # separate for the same reason
    blocks = _blocks(trees)
    names = random.sample(("a", "b-2", "c.3", "Net_4"), random.randint(1, 3))
    document: Document = {
        "study": {
            "name": f"fuzz-{seed}",
            "dataset": "digits",
            "seeds": random.randint(1, 3),
            "subset": subset,
            "validation": random.choice(
                [fraction for fraction in (0.1, 0.25, 0.4) if fraction * subset >= 2 * CLASSES] or [0.4]
            ),
        },
        "recipe": _recipe(random),
        **({"block": blocks} if blocks else {}),
        "network": {name: _network(random, _tree(trees, tuple(blocks)) + _newer(newer)) for name in names},
    }
    if random.random() < 0.3:
        document["study"]["equivalence_margin"] = random.choice((0.0, 2.5))
    # A separate generator, so that the other choices of a seed stay the same.
    other = Random(f"metric {seed}")
    if other.random() < 0.4:
        document["study"]["metric"] = other.choice(
            ("balanced-accuracy", "brier", "kappa", "macro-f1", "log-loss")
        )
    searched = [name for name in names if random.random() < 0.55]
    if len(names) > 1 and random.random() < 0.6:
        document["compare"] = {"nets": {"networks": random.sample(names, random.randint(2, len(names)))}}
    for number in range(random.choice((0, 0, 1, 1, 2))):
        document.setdefault("ablate", {})[f"ab{number}"] = _ablation(random, document, names)
    if not {"compare", "ablate"} & set(document):
        searched = searched or names[:1]
    for number, name in enumerate(searched, start=1):
        document.setdefault("search", {})[f"s{number}"] = _search(random, document, name, subset)
    if random.random() < 0.2:
        document["suppress"] = {"single-seed": "a fuzz", "same-weights": "a fuzz"}
    return document


def _recipe(random: Random) -> Document:
    recipe: Document = {
        "epochs": random.choice((1, 2, 2, 3)),
        "batch_size": random.choice((16, 25, 40, 1000)),
        "learning_rate": random.choice((0.001, 0.01, 0.05)),
    }
    for key in random.sample(sorted(set(RECIPE_VALUES) - set(recipe)), random.randint(0, 4)):
        recipe[key] = random.choice(RECIPE_VALUES[key])
    if (
        random.random() < 0.1
    ):  # each step multiplies the weights by −899, so that a fit of about 13 steps diverges
        recipe |= {"learning_rate": 100.0, "weight_decay": 9.0, "batch_size": 16, "epochs": 3}
    if random.random() < 0.05:
        recipe["precision"] = random.choice(("bfloat16", "auto"))
    return recipe


def _blocks(random: Random) -> Document:
    """Return blocks with few MACs that keep height and width. The second uses the first."""
    if random.random() < 0.6:
        return {}
    first: Document = {
        "filters": random.randint(1, 4),
        "stride": 1,
        "layers": random.choice(
            (
                ["conv {filters} 3 padding=same stride={stride}", "batch-norm momentum=0.5"],
                ["batch-norm", "activation relu", "conv {2*filters} 1 relu stride={stride} bias=no"],
                [
                    ["residual shortcut=pad then=tanh", "conv 5 1", "conv 9 1 stride={stride}"],
                    "conv {filters} 1",
                ],
            )
        ),
    }
    second = {"layers": ["block first stride=1", "dropout 0.1", "concat identity first"]}
    return {"first": first, **random.choice(({}, {"second.b": second}))}


def _tree(random: Random, blocks: tuple[str, ...]) -> list[str]:
    """Return uses of these blocks or of a built-in one; without blocks, mostly none."""
    if not blocks and random.random() < 0.8:
        return []
    name = random.choice((*blocks, "basic"))
    own = "" if name == "second.b" else " filters=3"
    return random.choice(
        (
            [f"residual {name} x2{own} then=relu"],
            [f"residual {name}{own} shortcut=identity-or-none"],
            [f"block {name} x2{own}", f"concat identity {name}{own}"],
        )
    )


def _newer(random: Random) -> list[Any]:
    """Return up to a few layers that keep height and width. The number of channels after them is even."""
    if random.random() < 0.5:
        return []
    activation = random.choice(MORE_ACTIVATIONS)
    layers: list[Any] = [random.choice((f"conv 4 1 {activation} bias=no", "expand-conv 2"))]
    if layers[0].startswith("expand"):
        layers.append(f"activation {activation}")
    layers += random.sample(
        (
            "depthwise-conv 3 padding=same",
            f"depthwise-conv 2 multiplier=2 {activation} padding=same bias=no dilation=2",
            f"conv 4 3 {activation} padding=same groups=2 dilation=2",
            "conv 4 2 padding=same groups=2 bias=no",
            f"squeeze-excite 2 {activation}",
            "batch-norm torch",
            "batch-norm momentum=0.5 variance=unbiased",
            "layer-scale 0.1",
            "adaptive-average-pool 1",
        ),
        random.randint(1, 3),
    )
    layers.sort(key=lambda text: text.startswith("adaptive"))
    if random.random() < 0.4:
        block = random.choice(("pre-activation", "mbconv", "mbconv-se", "bottleneck"))
        layers.append(
            f"residual {block} filters=2 shortcut={random.choice(('projection', 'identity-or-none'))}"
        )
    if random.random() < 0.4:
        depth = f"stochastic-depth {random.choice(('0.3', '0.5 linear'))}"
        layers.append([f"residual then={activation}", "conv 4 3 padding=same", depth])
    return layers


def _network(random: Random, tree: list[Any]) -> Document:
    """Return a network with few MACs and the parameters ``kernel`` and ``units``."""
    activation = lambda: random.choice(("", f" {random.choice(ACTIVATIONS)}"))  # noqa: E731
    layers: list[Any] = [
        random.choice(
            (
                "average-pool 4",
                "max-pool 4",
                f"conv 4 {{kernel}}{activation()} stride=4 padding=same",
                f"conv 3 1{activation()} stride=4",
            )
        )
    ]
    for _ in range(random.randint(0, 3)):
        layers.append(
            random.choice(
                (
                    f"conv 4 {{kernel}}{activation()} padding=same",
                    f"conv 5 2{activation()} padding=same",
                    "batch-norm momentum=0.9",
                    "batch-norm",
                    "layer-norm" if layers[0].startswith("conv") else "dropout 0.1",
                    "group-norm 1",
                    "dropout 0.3",
                    f"activation {random.choice(ACTIVATIONS)}",
                    "average-pool 1",
                )
            )
        )
    layers += tree
    layers.append(random.choice(("flatten", "flatten", "global-average-pool")))
    if random.random() < 0.6:
        layers.append(f"dense {{units}}{activation()}")
        layers += random.choice(([], ["dropout 0.5"], ["batch-norm momentum=0.5"], ["layer-norm"]))
    text = "\n".join(map(str, layers))
    parameters = {key: value for key, value in (("kernel", 3), ("units", 6)) if f"{{{key}}}" in text}
    return {**parameters, "init": random.choice(INITS), "layers": layers}


def _search(random: Random, document: Document, name: str, subset: int) -> Document:
    method = random.choice(("grid", "halving", "screening", "random", "tpe"))
    network = document["network"][name]
    values: dict[str, tuple[Any, ...]] = {
        **{key: RECIPE_VALUES[key] for key in RECIPE_VALUES if key not in ("epochs", "learning_rate")},
        **({"epochs": RECIPE_VALUES["epochs"]} if method not in ("halving", "screening") else {}),
        "learning_rate": (0.001, 0.003, 0.01, 0.03),
        **({"kernel": (1, 2, 3, 5)} if "kernel" in network else {}),
        **({"units": (2, 4, 8)} if "units" in network else {}),
    }
    parameters: Document = {}
    for key in random.sample(sorted(values), random.choice((1, 1, 2))):
        parameters[key] = random.sample(values[key], min(len(values[key]), random.choice((2, 2, 3))))
        if method in ("random", "tpe") and key in RANGES and random.random() < 0.7:
            parameters[key] = RANGES[key]
    nested = random.random() < 0.2
    per_class = subset // CLASSES - 1
    search: Document = {
        "network": name,
        "parameters": parameters,
        "folds": random.choice((2, 2, min(3, per_class))),
    }
    if nested:
        search |= {"nested": True, "folds": 2, "outer_folds": random.choice((2, min(3, per_class)))}
    if method != "grid":
        search["method"] = method
    if method in ("halving", "screening"):
        search["budget"] = random.choice((0.3, 0.6, 1.0))
    if method in ("random", "tpe"):
        search["trials"] = random.choice((1, 3, 5) if not nested else (2, 3))
    recipe = {}
    if random.random() < 0.4 and "epochs" not in parameters:
        recipe["epochs"] = random.choice((1, 2, 4))
    return {**search, "recipe": recipe} if recipe else search


def _ablation(random: Random, document: Document, names: list[str]) -> Document:
    compared = document.get("compare", {}).get("nets", {}).get("networks", ())
    network = random.choice([*names, *(["best"] if compared else [])])
    bases = compared if network == "best" else [network]
    layer_types = {
        text.split()[0]
        for base in bases
        for text in document["network"][base]["layers"]
        if isinstance(text, str)
    }
    variants: Document = {}
    for number in range(random.choice((1, 2, 2, 3))):
        variant: Document = {}
        kind = random.randrange(4)
        removable = [each for each in REMOVABLE if each in layer_types]
        if kind == 0 and removable:
            variant["without"] = sorted(random.sample(removable, random.randint(1, len(removable))))
        elif kind == 1:
            variant["activation"] = random.choice(ACTIVATIONS)
        elif kind == 2:
            variant["init"] = random.choice(INITS)
        for key in random.sample(sorted(RECIPE_VALUES), 1 if not variant or random.random() < 0.3 else 0):
            variant[key] = random.choice(RECIPE_VALUES[key])
        if variant not in variants.values():  # equal variants are refused
            variants[f"v{number}"] = variant
    ablation: Document = {"network": network, **variants}
    if _has_pairs(list(variants.values())) and random.random() < 0.5:
        ablation["interactions"] = True
    return ablation


def _has_pairs(variants: list[Document]) -> bool:
    """Return whether two variants change different keys, so that they can be trained as a pair."""
    return any(
        not set(first) & set(second) for n, first in enumerate(variants) for second in variants[n + 1 :]
    )
