"""Describe one training as a frozen value with an id: a :class:`Fit` of network, recipe, split and seed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from convstudy.data import Dataset, Fold, Holdout, Outer, Split
from convstudy.errors import Location, Problem, StudyError, one_of
from convstudy.metrics import ACCURACY
from convstudy.networks import Network
from convstudy.studyfile.recipe import Recipe

# Part of every fit's id. Raise it when a change of the engine changes results.
# 4: by default, training loss and accuracy are measured on 10,000 training images if there are more.
# 5: a convolution whose stride is larger than its kernel convolves a copy of the pixels that it uses (SkippingConv).
# 6: layers can contain layers, and the id hashes this tree, the dataset's digest and the metric. Trained weights are
#    the same as in version 5.
# 7: in float32 on a CPU, convolutions with large kernels are products of spectra, those of 3 × 3 Winograd's form, and
#    large dense layers and first convolutions have other kernels (networks/modules). Dropout at a rate of 0.5 draws
#    other bits, and Muon multiplies smaller matrices.
ENGINE_VERSION = 7
ID_LENGTH = 16


@dataclass(frozen=True)
class Fit:
    """Everything that determines the result of one training.

    Attributes:
        dataset: the dataset; only its digest, a hash of images and labels, is part of the id.
        network: the network.
        recipe: the recipe, with the precision ``"float32"`` or ``"bfloat16"``.
        split: the training and validation part of the training images.
        seed: the seed of initial weights, image order, augmentation and dropout.
        threads: the number of CPU threads; part of the id because it changes the order of floating-point sums.
        epoch_budget: the fit ends after this many epochs and keeps its checkpoint, so that a fit with a larger budget
            continues from it. The learning-rate schedule always spans all epochs of the recipe. All fits that differ
            only in their budget are called one trial. ``None`` means all epochs; a budget of at least
            ``recipe.epochs`` becomes ``None``.
        metric: the name of the metric that is recorded after each epoch, with accuracy and log-loss. It selects the
            epoch whose weights are kept if the recipe has ``checkpoint = "best"``.

    Raises:
        StudyError: if the recipe's precision is ``"auto"``.
    """

    dataset: Dataset
    network: Network
    recipe: Recipe
    split: Split
    seed: int
    threads: int
    epoch_budget: int | None = None
    metric: str = ACCURACY

    def __post_init__(self) -> None:
        if self.recipe.precision == "auto":
            # With "auto", the machine would determine the precision, and fits with different results would have one id.
            where = Location(key=("recipe", "precision"))
            hint = "call fix_precision on the study first"
            raise StudyError(Problem("", where, '"auto"', one_of(["float32", "bfloat16"]), hint))
        # Normalize, so that a fit with a budget of all epochs has the id of the fit without a budget.
        if self.epoch_budget is not None and self.epoch_budget >= self.recipe.epochs:
            object.__setattr__(self, "epoch_budget", None)

    @property
    def n_epochs(self) -> int:
        """The number of epochs after which the fit ends; early stopping may end it sooner."""
        return self.recipe.epochs if self.epoch_budget is None else self.epoch_budget

    def with_epoch_budget(self, epoch_budget: int | None) -> Fit:
        """Return this fit with another budget. The object is cached, because rungs are planned many times."""
        if epoch_budget not in self._budgeted:
            self._budgeted[epoch_budget] = replace(self, epoch_budget=epoch_budget)
        return self._budgeted[epoch_budget]

    @cached_property
    def _budgeted(self) -> dict[int | None, Fit]:
        return {self.epoch_budget: self}

    @cached_property
    def trial_id(self) -> str:
        """The id of the same fit without an epoch budget, shared by all fits of the trial."""
        return self.id if self.epoch_budget is None else replace(self, epoch_budget=None).id

    @cached_property
    def id(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 over everything that determines the result.

        The hash excludes recipe keys at their defaults and keys that this recipe does not use. So a new key of a later
        version does not change existing ids.
        """
        values = self.as_json()
        values["recipe"] = self._recipe_determinants
        values["engine"] = ENGINE_VERSION
        text = json.dumps(values, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]

    @property
    def _recipe_determinants(self) -> dict[str, Any]:
        found, weights = self.recipe.determinants(), self.recipe.class_weights
        if not isinstance(weights, str):
            # In the order of the labels: the dataset enters the id by its digest, which class names do not change.
            found["class_weights"] = [dict(weights).get(name) for name in self.dataset.class_names]
        return found

    def as_json(self) -> dict[str, Any]:
        """Return JSON values that :meth:`from_json` reads back; they represent the dataset by its digest."""
        return {
            "dataset_digest": self.dataset.digest,
            "layers": self.network.as_json(),
            "init": self.network.init,
            "recipe": self.recipe.model_dump(),
            "split": split_as_json(self.split),
            "seed": self.seed,
            "threads": self.threads,
            **_without_none({"epoch_budget": self.epoch_budget}, "epoch_budget"),
            **({} if self.metric == ACCURACY else {"metric": self.metric}),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any], dataset: Dataset) -> Fit:
        """Return the fit of these values; raise ``ValueError`` if they belong to another dataset."""
        if values["dataset_digest"] != dataset.digest:
            raise ValueError(f"the fit belongs to dataset {values['dataset_digest']}; got {dataset.digest}")
        return cls(
            dataset=dataset,
            network=Network.read(values["layers"], values["init"]),
            recipe=Recipe(**values["recipe"]),
            split=split_from_json(values["split"]),
            seed=values["seed"],
            threads=values["threads"],
            epoch_budget=values.get("epoch_budget"),
            metric=values.get("metric", ACCURACY),
        )


def split_as_json(split: Split) -> dict[str, Any]:
    """Return JSON values that :func:`split_from_json` reads back."""
    kind = "fold" if isinstance(split, Fold) else "holdout"
    return {"kind": kind, **_without_none(_without_none(asdict(split), "within"), "half")}


def split_from_json(values: dict[str, Any]) -> Split:
    own = dict(values)
    kind = {"fold": Fold, "holdout": Holdout}[own.pop("kind")]
    if own.get("within"):
        own["within"] = Outer(**own["within"])
    found: Split = kind(**own)
    return found


def _without_none(values: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the values without this key if it is None, so that ids from before the key existed stay the same."""
    return {name: value for name, value in values.items() if name != key or value is not None}
