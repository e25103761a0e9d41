"""A study as Python objects, one to one with the study file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from convstudy.metrics import ACCURACY, metric_named
from convstudy.networks import Network
from convstudy.studyfile.images import DatasetField
from convstudy.studyfile.part import Activation, Init, Many, MetricName, Name, Part, Tried, gathered
from convstudy.studyfile.patterns import BlockPattern, NetworkPattern
from convstudy.studyfile.ranges import Range
from convstudy.studyfile.recipe import NONE, RECIPE_KEYS, Recipe
from convstudy.studyfile.suppress import Reason

BEST = "best"
"""What an ablation calls the winner of the comparison; no network may be called so."""


def candidate_name(values: Mapping[str, Tried]) -> str:
    """Return the name of a search's candidate with these values.

    >>> candidate_name({"kernel": 3, "optimizer": "sgd"})
    'kernel=3, optimizer=sgd'
    """
    return ", ".join(f"{key}={value}" for key, value in values.items())


def _shape_of_values(values: Any) -> str:
    return "range" if isinstance(values, (dict, Range)) else "list"


# Told apart before it is read, so that a mistake in a range is told as one.
Values = Annotated[
    Annotated[Many[Tried], Tag("list")] | Annotated[Range, Tag("range")], Discriminator(_shape_of_values)
]
"""What a search may try for a key: one of a list, or any number of a range."""
Method = Literal["grid", "halving", "random", "tpe"]
DRAWING_METHODS = ("random", "tpe")
"""The methods that draw their candidates, and can so draw them from a range."""
METHODS_OF: Mapping[str, tuple[str, ...]] = {"trials": DRAWING_METHODS, "budget": ("halving",)}
"""Keys of a search -> the methods that use them."""


def _without_none(changes: dict[str, Any]) -> dict[str, Any]:
    """Return recipe changes with the word that a study file has for None."""
    return {key: NONE if value is None else value for key, value in changes.items()}


Changes = Annotated[dict[str, Any], AfterValidator(_without_none)]


class Search(Part):
    """Which values of a network's parameters or of recipe keys do best over folds.

    ``parameters`` has a tuple of values for each key, or (for the methods that draw) a :class:`Range`.

    >>> Search(network="small", parameters={"kernel": (3, 5), "learning_rate": (0.01, 0.001)}).method
    'grid'
    """

    network: str = Field(description="The network that is searched.")
    parameters: dict[str, Values] = Field(
        min_length=1, description="Parameters of the network or recipe keys, each with the values to try."
    )
    method: Method = Field(
        default="grid",
        description="grid: every combination of values; halving: every combination, the worse half dropped again "
        "and again before it costs much; random: combinations drawn at random; tpe: drawn where earlier ones did "
        "well (needs optuna).",
    )
    trials: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=20, description='Methods "random" and "tpe": how many combinations are drawn.'
    )
    budget: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.15, description='Method "halving": the share of the grid\'s epochs that it may train.'
    )
    folds: Annotated[int, Field(ge=2, le=100)] = Field(
        default=5, description="Each candidate is trained this often, each time validated on another part."
    )
    subset: Annotated[int, Field(ge=10)] | None = Field(
        default=None, description="Search on so many images only; it makes a search cheaper."
    )
    nested: bool = Field(
        default=False,
        description="Judge the search by images that it does not see: do it anew without each outer fold, and score "
        "its winner there. It costs as much again for each outer fold.",
    )
    outer_folds: Annotated[int, Field(ge=2, le=100)] | None = Field(
        default=None,
        description="nested = true: how many outer folds there are; as many as folds, unless told.",
    )
    recipe: Changes = Field(
        default_factory=dict,
        description="Recipe keys that differ in the search; fewer epochs make it cheaper.",
    )

    @property
    def draws(self) -> bool:
        """Whether its candidates are drawn from all that could be tried."""
        return self.method in DRAWING_METHODS

    def subset_within(self, subset: int | None) -> int | None:
        """Return how many images the search uses in a study of ``subset``: the fewer of both, ``None`` for all."""
        return min((n for n in (self.subset, subset) if n is not None), default=None)


class Compare(Part):
    """Which of these networks does best over seeds.

    >>> Compare(networks=["small", "large"]).networks
    ('small', 'large')
    """

    networks: Many[str] = Field(min_length=2, description="The networks that are compared.")


class Variant(Part):
    """A network or recipe told as a difference; recipe keys stand beside ``without`` in a study file.

    >>> from convstudy import Network
    >>> network = Network.read(["conv 8 3 relu", "batch-norm", "flatten"])
    >>> Variant(without=["batch-norm"], activation="tanh").network(network).texts
    ('conv 8 3 tanh', 'flatten')
    """

    without: Many[str] = Field(default=(), description="Layers that are left out, by their first word.")
    activation: Activation | None = Field(default=None, description="What every hidden activation becomes.")
    init: Init | None = Field(default=None, description="How all start weights are drawn.")
    recipe: Changes = Field(default_factory=dict, description="Recipe keys that differ.")

    @model_validator(mode="before")
    @classmethod
    def _gather_recipe(cls, values: Any) -> Any:
        """Move recipe keys under ``recipe``; other keys stay, to be refused."""
        return gathered(values, tuple(cls.model_fields), "recipe", RECIPE_KEYS)

    @property
    def changes_network(self) -> bool:
        """Whether it differs in more than the recipe."""
        return bool(self.without or self.activation is not None or self.init is not None)

    def network(self, network: Network) -> Network:
        """Return the network with this difference."""
        network = network.without(self.without)
        if self.activation:
            network = network.with_activation(self.activation)
        return network.with_init(self.init) if self.init else network


class Ablate(Part):
    """What each variant changes in a network; ``network`` may be ``"best"``, the winner of the comparison.

    >>> plain = Variant(without=["dropout"])
    >>> list(Ablate(network="best", variants={"plain": plain}).variants)
    ['plain']
    """

    network: str = Field(description='The network that is varied, or "best", the winner of the comparison.')
    interactions: bool = Field(
        default=False,
        description="Also train each two variants together, and say whether they do what each alone adds up to. Two "
        "that change the same are left out.",
    )
    variants: dict[Name, Variant] = Field(min_length=1)


class Head(Part):
    """The keys of ``[study]``: what it is called, which images, how many repeats."""

    name: Name = Field(description="What the study and its results are called.")
    dataset: DatasetField
    seeds: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=3, description="How often each network and variant is trained, each time with another seed."
    )
    validation: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.1, description="The share of the training images that validates and is not trained on."
    )
    subset: Annotated[int, Field(ge=10)] | None = Field(
        default=None, description="Use so many training images only, each class keeping its share."
    )
    threads: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=1, description="Processor threads of one fit; part of what a fit's result depends on."
    )
    metric: MetricName = Field(
        default=ACCURACY,
        description="What chooses and compares: it selects epochs and candidates, and verdicts are about it. The "
        "report shows the accuracy too.",
    )
    equivalence_margin: Annotated[float, Field(ge=0, le=100)] | None = Field(
        default=None,
        description="Differences of the metric up to this count as none in verdicts: in percentage points for a "
        "metric in percent, else in the metric's unit. Unless given, the metric's own: 0.1 points for a metric in "
        "percent, 0.001 for brier, kappa and mcc, 0 for log-loss.",
    )

    @model_validator(mode="after")
    def _leave_out_default_margin(self) -> Self:
        """Make a region that is given the same study as one that is not, where both mean the same."""
        if (
            self.equivalence_margin is not None
            and self.equivalence_margin == metric_named(self.metric).margin
        ):
            self.__dict__["equivalence_margin"] = None  # the model is frozen; this is still its making
        return self

    @property
    def margin(self) -> float:
        """Differences up to this count as none, in the metric's own values: 0.001 is 0.1 points of accuracy."""
        metric = metric_named(self.metric)
        if self.equivalence_margin is None:
            return metric.margin
        return self.equivalence_margin / 100 if metric.unit == "percent" else self.equivalence_margin


class Study(Head):
    """What somebody wants to know: a dataset, networks, a recipe, and questions.

    Building one checks types and ranges of single values; :func:`convstudy.studyfile.check_study` checks the rest
    as it is checked for a file: names that exist, values that can be tried, layers that fit each other.

    A network is a :class:`~convstudy.networks.Network`, or, with parameters, what a study file has: a mapping of
    ``layers`` and the value of each parameter.

    >>> from convstudy import Network
    >>> study = Study(
    ...     name="first",
    ...     dataset="digits",
    ...     network={
    ...         "small": Network.read(["conv 8 3 relu", "flatten"]),
    ...         "searched": {"layers": ["conv 8 {kernel} relu", "flatten"], "kernel": 3},
    ...     },
    ...     search={"kernel": Search(network="searched", parameters={"kernel": (3, 5)})},
    ... )
    >>> study.network["searched"].parameters
    {'kernel': 3}
    """

    recipe: Recipe = Recipe()
    block: dict[Name, BlockPattern] = Field(default_factory=dict)
    network: dict[Name, NetworkPattern] = Field(min_length=1)
    search: dict[Name, Search] = Field(default_factory=dict)
    compare: dict[Name, Compare] = Field(default_factory=dict)
    ablate: dict[Name, Ablate] = Field(default_factory=dict)
    suppress: dict[str, Reason] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _share_blocks(self) -> Study:
        """Give each network the blocks of the study, and the study those that a network brings along."""
        blocks = dict(self.block)
        for pattern in self.network.values():
            for name, block in pattern.blocks.items():
                if blocks.setdefault(name, block) != block:
                    raise PydanticCustomError(
                        "two_blocks", "two different blocks have the name {name}", {"name": name}
                    )
        # The model is frozen; this is still its making.
        self.__dict__["block"] = blocks
        self.__dict__["network"] = {
            name: pattern.with_blocks(blocks) for name, pattern in self.network.items()
        }
        return self
