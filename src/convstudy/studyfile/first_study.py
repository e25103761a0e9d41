"""The study file of a first study of a dataset: three networks, with a comment on each choice.

Every choice follows from the training images only: the image shape, the numbers of images of the classes, and the time
that the networks need on this machine.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from convstudy.numbers import counted, decimals, duration, shortest
from convstudy.studyfile.first_networks import LINEAR, RESNET, SMALL_CNN, FirstNetwork, first_networks
from convstudy.studyfile.first_size import FirstSize

MIN_IMBALANCE = 3.0
"""The metric is balanced accuracy if the largest class has over this many times the training images of the smallest."""
MAX_LISTED = 20
"""The largest number of classes that the file lists."""
FIRST_RECIPE: Mapping[str, object] = {
    "optimizer": "adamw",
    "learning_rate": 0.003,
    "schedule": "one-cycle",
    "weight_decay": 0.01,
    "normalise": "standard",
    "augment": "light",
}
"""The recipe of a first study, except for the keys that depend on the images."""
_RECIPE_COMMENTS = {
    "optimizer": "",
    "learning_rate": "the maximum of the schedule",
    "schedule": "rises, then falls to 0",
    "weight_decay": "",
    "batch_size": "",
    "epochs": "from the number of images and the time",
    "normalise": "each channel has mean 0 and standard deviation 1",
    "class_weights": "rare classes weigh more in the training loss",
    "augment": "small random shifts, rotations and changes of brightness; no mirror images",
}
"""Recipe key -> its comment, in the order of the file."""
_COLUMN = 34
"""The column of comments."""
DatasetKeys = Sequence[tuple[str, object, str]]
"""The keys of ``[dataset]``: key, value, comment."""


@dataclass(frozen=True)
class FirstFacts:
    """What a first study has to know about a dataset.

    Args:
        name: the name of the study.
        command: the command that writes the file, for its first line.
        image_shape: (height, width, channels).
        class_names: the name of each class.
        train_counts: the number of training images of each class.
        test_counts: the number of test images of each class.
        keys: the keys of ``[dataset]``.
        notes: what was decided or skipped when the images were read, one sentence each.
    """

    name: str
    command: str
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    train_counts: tuple[int, ...]
    test_counts: tuple[int, ...]
    keys: DatasetKeys
    notes: tuple[str, ...] = ()

    @property
    def n_train(self) -> int:
        return sum(self.train_counts)

    @property
    def imbalance(self) -> float:
        """The number of training images of the largest class divided by that of the smallest."""
        return max(self.train_counts) / max(1, min(self.train_counts))

    @property
    def is_imbalanced(self) -> bool:
        return self.imbalance > MIN_IMBALANCE

    @property
    def metric(self) -> tuple[str, str]:
        """The metric that the class balance asks for, and the reason.

        Only training images decide, except that balanced accuracy is not defined on a test part that lacks a class.
        """
        if not self.is_imbalanced:
            ratio = decimals(self.imbalance, 1)
            return "accuracy", f"the largest class has {ratio} times the training images of the smallest"
        if not all(self.test_counts):
            return "accuracy", "balanced accuracy would need test images of each class"
        ratio = decimals(self.imbalance, 1)
        return "balanced-accuracy", (
            f"each class counts equally; the largest has {ratio} times the training images of the smallest"
        )

    @property
    def networks(self) -> tuple[str, ...]:
        return LINEAR, SMALL_CNN, RESNET


def first_study_file(facts: FirstFacts, size: FirstSize, minutes: float, n_workers: int) -> str:
    """Return the text of the study file.

    Args:
        facts: the dataset.
        size: the size of the study, which :func:`~convstudy.studyfile.first_size.first_size` chooses.
        minutes: the time that the run may take.
        n_workers: the number of fits that train at the same time.
    """
    networks = first_networks(facts.image_shape, len(facts.class_names), size.resnet)
    sections = [
        _head(facts, size, minutes, n_workers),
        _study(facts, size),
        _dataset(facts),
        _recipe(facts, size),
        *map(_network, networks),
        "# The question: which network is best? The report shows each difference with an interval and a verdict.\n"
        "[compare.networks]\n" + _line("networks", [network.name for network in networks], ""),
        _more(networks),
    ]
    return "\n\n".join(sections) + "\n"


def validation_fraction(n_images: int, n_classes: int) -> float:
    """Return the fraction of images for validation: 0.2 or 0.1, or more if each class needs more.

    >>> validation_fraction(800, 5), validation_fraction(60_000, 10), validation_fraction(3_000, 1_000)
    (0.2, 0.1, 0.34)
    """
    usual = 0.2 if n_images < 10_000 else 0.1
    # One image of each class, rounded up to a percent.
    needed = math.ceil(100 * n_classes / n_images) / 100
    return min(0.5, max(usual, needed))


def _head(facts: FirstFacts, size: FirstSize, minutes: float, n_workers: int) -> str:
    n_classes = len(facts.class_names)
    lines = [
        f"A first study, written by `{facts.command}`. Edit it: the same command uses this file from now on,",
        "and trains only what a change affects.",
        "",
        f"{counted(facts.n_train, 'training image')} and {counted(sum(facts.test_counts), 'test image')} of "
        f"{n_classes:,} classes:",
        *_class_lines(facts),
        *([""] if facts.notes else []),
        *facts.notes,
        "",
        f"Sized for {shortest(minutes)} min: about {duration(size.seconds)} expected with "
        f"{counted(n_workers, 'worker')} on the machine that wrote this.",
    ]
    return "\n".join(f"# {_printable(line)}".rstrip() for line in lines)


def _class_lines(facts: FirstFacts) -> list[str]:
    shown = list(zip(facts.class_names, facts.train_counts, facts.test_counts, strict=True))[:MAX_LISTED]
    width = max(len(_cut(name)) for name, *_ in shown)
    width = max(len("class"), width)
    lines = [f"  {'class':{width}} training    test"]
    lines += [f"  {_cut(name):{width}}  {train:>7,} {test:>7,}" for name, train, test in shown]
    more = len(facts.class_names) - len(shown)
    return [*lines, f"  and {more:,} more"] if more else lines


def _study(facts: FirstFacts, size: FirstSize) -> str:
    metric, reason = facts.metric
    n_used = facts.n_train if size.subset is None else size.subset
    validation = validation_fraction(n_used, len(facts.class_names))
    lines = [
        "[study]",
        _line("name", facts.name, ""),
        _line("seeds", size.seeds, "trainings of each network; more detect smaller differences"),
        _line("validation", validation, "fraction of the training images for validation"),
        _line("metric", metric, reason),
        _line("equivalence_margin", 1.0, "differences up to 1 percentage point count as equivalent"),
    ]
    if size.subset is not None:
        lines.insert(
            4, _line("subset", size.subset, "training images, to fit into the time; remove it to use all")
        )
    return "\n".join(lines)


def _dataset(facts: FirstFacts) -> str:
    lines = ["[dataset]", *(_line(key, value, comment) for key, value, comment in facts.keys)]
    if facts.keys and "group" not in {key for key, _, _ in facts.keys}:
        comment = "a column, or a pattern over the names: images of one group stay together"
        lines.append(f"# {_line('group', 'patient_([0-9]+)', comment)}")
    return "\n".join(lines)


def _recipe(facts: FirstFacts, size: FirstSize) -> str:
    n_used = facts.n_train if size.subset is None else size.subset
    batch_size = 16 if n_used < 1_000 else 32 if n_used < 5_000 else 64 if n_used < 20_000 else 128
    recipe = {**FIRST_RECIPE, "batch_size": batch_size, "epochs": size.epochs}
    if facts.is_imbalanced:
        recipe["class_weights"] = "balanced"
    lines = [_line(key, recipe[key], comment) for key, comment in _RECIPE_COMMENTS.items() if key in recipe]
    flips = _line(
        "augment", "light flip=horizontal", "only if a mirrored image has the same label, unlike digits"
    )
    return "\n".join(["[recipe]", *lines, f"# {flips}"])


def _network(network: FirstNetwork) -> str:
    lines = [f"# {network.comment[:1].upper()}{network.comment[1:]}.", f"[network.{network.name}]"]
    lines += [f"{key} = {_value(value)}" for key, value in network.parameters]
    groups = [", ".join(map(_value, group)) for group in network.layers]
    if len(groups) == 1:
        return "\n".join([*lines, f"layers = [{groups[0]}]"])
    return "\n".join([*lines, "layers = [", *(f"  {group}," for group in groups), "]"])


def _more(networks: Sequence[FirstNetwork]) -> str:
    """Return the questions that a user may ask next, as comments."""
    resnet = networks[-1]
    width = dict(resnet.parameters)["width"]
    assert isinstance(width, int)  # see first_networks
    return "\n".join(
        [
            "# Questions to ask next (docs/networks.md has all layers):",
            "# [search.width]",
            f'# network = "{resnet.name}"',
            f"# parameters = {{ width = [{width}, {2 * width}] }}",
            "# folds = 3",
            "#",
            f"# [ablate.{resnet.name}]",
            '# plain = { without = ["batch-norm"] }',
            '# tanh = { activation = "tanh" }',
        ]
    )


def _line(key: str, value: object, comment: str) -> str:
    text = f"{key} = {_value(value)}"
    return f"{text:{_COLUMN}} # {_printable(comment)}" if comment else text


def _value(value: object) -> str:
    """Format a value as TOML."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    # A basic string of TOML has the escapes of JSON, and escapes DEL in addition.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _printable(text: str) -> str:
    """Return a text that stays on one line of a comment."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def _cut(name: str) -> str:
    name = _printable(name)
    return name if len(name) <= 40 else f"{name[:39]}…"
