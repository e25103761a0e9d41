"""A study as Python objects that correspond one to one to the study file."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, field_validator, model_validator
from pydantic_core import PydanticCustomError

from convstudy.data.dataset import Dataset
from convstudy.data.split import Holdout
from convstudy.metrics import ACCURACY, metric_named, recorded_with
from convstudy.stats.error_ratio import Share
from convstudy.stats.sequential import FIRST_LOOK
from convstudy.studyfile.ablate import AUGMENT, Ablate, Changes
from convstudy.studyfile.augment import plain_value
from convstudy.studyfile.images import DatasetField
from convstudy.studyfile.margins import EquivalenceMargin, is_default, margin_in_units
from convstudy.studyfile.part import Many, MetricName, Name, Part, SearchValue
from convstudy.studyfile.patterns import BlockPattern, NetworkPattern
from convstudy.studyfile.ranges import Range
from convstudy.studyfile.recipe import Recipe
from convstudy.studyfile.suppress import Reason

BEST = "best"
"""The name of the winner of the comparison in an ablation. No network can have this name."""


def candidate_name(values: Mapping[str, SearchValue]) -> str:
    """Return the name of the candidate of a search with these values.

    >>> candidate_name({"kernel": 3, "optimizer": "sgd"})
    'kernel=3, optimizer=sgd'
    """
    return ", ".join(f"{key}={value}" for key, value in values.items())


def _shape_of_values(values: Any) -> str:
    return "range" if isinstance(values, (dict, Range)) else "list"


# The tag is chosen first, so that an error in a range is reported as an error of a range, not of a list.
Values = Annotated[
    Annotated[Many[SearchValue], Tag("list")] | Annotated[Range, Tag("range")],
    Discriminator(_shape_of_values),
]
"""The values of a key of a search: a list, or a range."""
Method = Literal["grid", "halving", "screening", "random", "tpe"]
DRAWING_METHODS = ("random", "tpe")
"""The methods that draw candidates at random, from lists or ranges."""
RUNG_METHODS: Mapping[str, str] = {"halving": "successive halving", "screening": "screening"}
"""The methods that train all candidates for a few epochs first and eliminate the worse ones rung by rung -> their names
in a report."""
METHODS_OF: Mapping[str, tuple[str, ...]] = {"trials": DRAWING_METHODS, "budget": tuple(RUNG_METHODS)}
"""Keys of a search -> the methods that use them."""


class Search(Part):
    """A hyperparameter search by cross-validation, on training images only.

    Attributes:
        network: the name of the network.
        parameters: network parameter or recipe key -> the values, a tuple or, for the methods "random" and
            "tpe", a :class:`Range`.
        method: "grid" (every combination), "screening" (a few epochs for all, then a few candidates), "halving"
            (successive halving), "random" or "tpe" (needs optuna).
        trials: the number of combinations that "random" and "tpe" draw, in [1, 10000].
        budget: the fraction of the epochs of the grid that "screening" and "halving" may train, in (0, 1].
        folds: the number of folds, in [2, 100].
        subset: the number of training images that the search uses, or None for all.
        nested: whether to also score the search itself, with nested cross-validation.
        outer_folds: the number of outer folds, in [2, 100]; None: ``folds``.
        recipe: recipe key -> value, for the fits of the search only.

    >>> Search(network="small", parameters={"kernel": (3, 5), "learning_rate": (0.01, 0.001)}).method
    'grid'
    """

    network: str = Field(description="The network.")
    parameters: dict[str, Values] = Field(
        min_length=1,
        description="Parameters of the network or recipe keys, each with a list or a range of values.",
    )
    method: Method = Field(
        default="grid",
        description="grid: every combination of values. screening: every combination for a few epochs of one fold, "
        "then only the best few, longer. halving: every combination, with few epochs first; the worse half is dropped "
        "at each rung. random: combinations drawn at random. tpe: combinations drawn near earlier good ones (needs "
        "optuna).",
    )
    trials: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=20, description='Methods "random" and "tpe": the number of combinations that are drawn.'
    )
    budget: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.15,
        description='Methods "screening" and "halving": the fraction of the epochs of the grid that the search can '
        "train.",
    )
    folds: Annotated[int, Field(ge=2, le=100)] = Field(
        default=5, description="The number of folds. Each candidate is trained once per fold."
    )
    subset: Annotated[int, Field(ge=10)] | None = Field(
        default=None, description="The number of training images that the search uses; fewer make it cheaper."
    )
    nested: bool = Field(
        default=False,
        description="Nested cross-validation: repeat the search without each outer fold, and score its winner on that "
        "fold. Each outer fold costs as much as the search.",
    )
    outer_folds: Annotated[int, Field(ge=2, le=100)] | None = Field(
        default=None,
        description="nested = true: the number of outer folds; default: the value of folds.",
    )
    recipe: Changes = Field(
        default_factory=dict,
        description="Recipe keys with other values in the search; fewer epochs make it cheaper.",
    )

    @field_validator("parameters", mode="before")
    @classmethod
    def _read_augmentations(cls, parameters: Any) -> Any:
        """Return the values of the search with a text for each table of transforms."""
        if not isinstance(parameters, Mapping) or not isinstance(parameters.get(AUGMENT), (list, tuple)):
            return parameters
        values = [
            plain_value(value) if isinstance(value, (str, Mapping)) else value
            for value in parameters[AUGMENT]
        ]
        return {**parameters, AUGMENT: values}

    @property
    def draws(self) -> bool:
        """Whether the method draws its candidates at random."""
        return self.method in DRAWING_METHODS

    def subset_within(self, subset: int | None) -> int | None:
        """Return the number of images that the search uses in a study of ``subset`` images; ``None`` means all."""
        return min((n for n in (self.subset, subset) if n is not None), default=None)


class Compare(Part):
    """A comparison of networks over seeds.

    Attributes:
        networks: the names of two or more networks.

    >>> Compare(networks=["small", "large"]).networks
    ('small', 'large')
    """

    networks: Many[str] = Field(min_length=2, description="The names of the compared networks.")


SEEDS_PER_TRAINING_SET = 2
"""With ``resample = "training"``, the number of seeds of each training set. Two are the fewest that tell the variance
of seeds from that of training sets; for the same number of fits, more training sets are better than more seeds."""


class Head(Part):
    """The keys of ``[study]``: name, dataset, seeds, metric."""

    name: Name = Field(description="The name of the study and of its runs.")
    dataset: DatasetField
    seeds: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=3, description="The number of seeds with which each network and variant is trained."
    )
    max_seeds: Annotated[int, Field(ge=FIRST_LOOK, le=1000)] | None = Field(
        default=None,
        description="Add seeds until each pair of compared networks or variants is decided on validation images, at "
        "most this number (`--until-decided`). It replaces seeds.",
    )
    validation: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.1, description="The fraction of the training images that is held out for validation."
    )
    subset: Annotated[int, Field(ge=10)] | None = Field(
        default=None,
        description="The number of training images that the study uses, with the class proportions of all.",
    )
    threads: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=1, description="The number of CPU threads of one fit. The result of a fit depends on it."
    )
    final_threads: Annotated[int, Field(ge=1, le=1024)] | None = Field(
        default=None,
        description="The number of CPU threads of each fit of the final training, which follows a search. Default: "
        "threads. With one seed, the final training is a single fit, and 2 threads need about 0.6 of its time. Use no "
        "more threads than there are free cores: otherwise they wait for each other most of the time.",
    )
    resample: Literal["training"] | None = Field(
        default=None,
        description="training: each two seeds of a network or variant train on a random half of the training images, "
        "another half for each two, so that verdicts hold for other training sets of this size too. Needs an even "
        "number of seeds, 4 or more.",
    )
    metric: MetricName = Field(
        default=ACCURACY,
        description="The metric that selects epochs and candidates, and that verdicts compare. The report also shows "
        "the accuracy.",
    )
    equivalence_margin: EquivalenceMargin = Field(
        default=None,
        description="Differences of the metric up to this margin count as equivalent in verdicts: in percentage points "
        'for a metric in percent, else in the unit of the metric; or a share of the errors, such as "10 %". A table '
        'has the margin of each metric: {accuracy = 0.2, log-loss = "5 %"}. Default: 0.1 percentage points '
        "for accuracy and others in percent, 0.001 for brier, kappa and mcc, 0 for log-loss.",
    )

    @model_validator(mode="after")
    def _leave_out_default_margin(self) -> Self:
        """Store equal margins in one form, so that all ways of writing them give equal studies."""
        margin = self.equivalence_margin
        if isinstance(margin, tuple):
            margin = tuple(
                (name, each)
                for name, each in margin
                if name == self.metric
                or name not in recorded_with(self.metric)
                or not is_default(metric_named(name), each)
            )
            if [name for name, _ in margin] == [self.metric]:
                margin = margin[0][1]
        if margin == () or (not isinstance(margin, tuple) and is_default(metric_named(self.metric), margin)):
            margin = None
        self.__dict__["equivalence_margin"] = margin  # assignment is refused, because the model is frozen
        return self

    @model_validator(mode="after")
    def _leave_out_seeds(self) -> Self:
        """Store the default number of seeds if seeds are added: it has no effect, and must not change the run id."""
        if self.max_seeds is not None:
            self.__dict__["seeds"] = type(self).model_fields["seeds"].default
        return self

    def holdout(self, seed: int) -> Holdout:
        """Return the training and validation images of a seed of a comparison or ablation.

        >>> from convstudy.studyfile import load_study
        >>> load_study("digits").holdout(3)
        Holdout(fraction=0.1, seed=3, subset=None, half=None)
        """
        if self.resample is None:
            # The seed also draws the validation images, so variation between seeds includes that between splits.
            return Holdout(self.validation, seed, self.subset)
        number = seed // SEEDS_PER_TRAINING_SET
        return Holdout(self.validation, number, self.subset, half=number)

    @property
    def margin(self) -> float | Share:
        """The equivalence margin of the study's metric."""
        return self.margin_of(self.metric)

    def margin_of(self, metric: str) -> float | Share:
        """Return the equivalence margin of a metric, in its unit: 0.001 is 0.1 percentage points of accuracy.

        A margin that is no table is that of the study's metric; other metrics have their defaults.
        """
        margin = self.equivalence_margin
        margins = dict(margin) if isinstance(margin, tuple) else {self.metric: margin}
        return margin_in_units(metric_named(metric), margins.get(metric))


class Study(Head):
    """A study: a dataset, networks, a recipe, and questions (searches, comparisons, ablations).

    The constructor checks types and single values. :func:`convstudy.studyfile.check_study` checks the rest, as for a
    study file: names, combinations of values, shapes of layers. :func:`convstudy.run_study` calls it.

    Attributes:
        name: the name of the study; 1 to 64 letters, digits, ".", "_" and "-".
        dataset: the name of a built-in dataset, or a :class:`~convstudy.data.Dataset`.
        seeds: the number of seeds of each compared network and variant, in [1, 1000].
        max_seeds: None, or the largest number of seeds, in [3, 1000]: seeds are then added until each pair is decided
            on validation images, and ``seeds`` has no effect.
        validation: the fraction of the training images that is held out for validation, in (0, 1).
        subset: the number of training images that the study uses, or None for all.
        threads: CPU threads per fit, in [1, 1024].
        final_threads: CPU threads per fit of the final training, in [1, 1024]; None for ``threads``.
        resample: "training" to train on random halves of the training images, another half for each two seeds, or None.
        metric: the name of the metric that selects and compares models.
        equivalence_margin: differences up to this margin count as equivalent, in percentage points for a metric in
            percent, else in the unit of the metric; in [0, 100], a share of the errors such as "10 %", a mapping of
            metrics to margins, or None for the defaults.
        recipe: how networks are trained.
        block: name -> layers that networks can use.
        network: name -> a :class:`~convstudy.networks.Network`, or a mapping of ``layers`` and the value of each
            parameter.
        search, compare, ablate: name -> question.
        suppress: check -> the reason why it does not matter.

    Raises:
        pydantic.ValidationError: for a wrong type, an unknown key or a value that is not allowed.

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

    @classmethod
    def from_data(
        cls, data: Path | str | Dataset, minutes: float = 10.0, workers: int | None = None, **keys: object
    ) -> Study:
        """Return a first study of images: a linear model, a small CNN and a residual network, compared over seeds.

        The networks are sized to the images. Epochs, seeds and the size of the residual network follow from the time
        of a few training steps on this machine. ``convstudy run photos/`` runs the same study, and writes its file.

        Args:
            data: the path of a folder, table, archive or array file, or a dataset.
            minutes: the time that a run may take on this machine.
            workers: the number of fits that train at the same time; ``None`` for one per CPU core.
            keys: other keys of ``[dataset]``, such as ``size=64`` or ``group="patient"``.

        Raises:
            StudyError: if the images cannot be read, or a key has a wrong value.
            UsageError: if ``minutes`` is out of range.

        >>> from convstudy.data import BUILT_IN_DATASETS
        >>> study = Study.from_data(BUILT_IN_DATASETS["digits"], minutes=1)
        >>> study.metric, list(study.network)
        ('accuracy', ['linear', 'small-cnn', 'resnet'])
        """
        # Timing needs the engine, which is above this package, so the module is imported by its name.
        module = importlib.import_module("convstudy.run.first_study")
        study: Study = module.first_study(data, minutes, workers, keys).study()
        return study

    @model_validator(mode="after")
    def _share_blocks(self) -> Study:
        """Give each network the blocks of the study, and the study the blocks of its networks."""
        blocks = dict(self.block)
        for pattern in self.network.values():
            for name, block in pattern.blocks.items():
                if blocks.setdefault(name, block) != block:
                    raise PydanticCustomError(
                        "two_blocks", "two different blocks have the name {name}", {"name": name}
                    )
        # Assignment is refused, because the model is frozen.
        self.__dict__["block"] = blocks
        self.__dict__["network"] = {
            name: pattern.with_blocks(blocks) for name, pattern in self.network.items()
        }
        return self
