"""One training as data: network × recipe × split × seed, and the id that follows from exactly these."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from convstudy.data import Dataset, Fold, Holdout, Outer, Split
from convstudy.errors import Location, Problem, StudyError
from convstudy.metrics import ACCURACY
from convstudy.networks import Network
from convstudy.studyfile.recipe import Recipe

# Part of every fit's id. Raise it when a change of the engine changes what a fit comes to.
# 4: by default, training loss and accuracy are measured on 10,000 training images, where there are more.
# 5: a convolution whose stride is larger than its kernel convolves a copy of the pixels that it uses (SkippingConv).
# 6: layers are a tree; a fit has its dataset, metric and layers as values. Weights are those of version 5.
ENGINE_VERSION = 6
ID_LENGTH = 16


@dataclass(frozen=True)
class Fit:
    """Everything that determines what one training comes to.

    Of the dataset its digest counts, which is that of the images' content; ``threads`` counts because sums are formed
    in another order with another number of threads. The recipe's precision is a number format; ``"auto"`` raises
    ``StudyError``.

    With an ``epoch_budget`` the fit is resumable: it ends after this many epochs, while its learning-rate schedule
    spans all epochs of the recipe. Fits that differ only in their budget are one trial and resume from one another.
    A budget of at least ``recipe.epochs`` is stored as ``None``.

    ``metric`` is recorded with the accuracy and the log-loss after each epoch, and selects the epoch that counts where
    the recipe keeps the best one.
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
            what = "no device has fixed the precision"
            hint = "run the study anew, or call fix_precision on it"
            raise StudyError(
                Problem(what, Location(key=("recipe", "precision")), "auto", "float32, bfloat16", hint)
            )
        if self.epoch_budget is not None and self.epoch_budget >= self.recipe.epochs:
            object.__setattr__(self, "epoch_budget", None)

    @property
    def n_epochs(self) -> int:
        """After how many epochs it ends (or sooner, where the recipe has patience)."""
        return self.recipe.epochs if self.epoch_budget is None else self.epoch_budget

    def with_epoch_budget(self, epoch_budget: int | None) -> Fit:
        """Return this fit with another budget. Objects are cached: rungs are planned many times."""
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
        """The first 16 hexadecimal digits of the SHA-256 over what determines the result.

        Recipe keys at their defaults, and those that this recipe does not use, are left out: a key that comes with
        a later version changes no id, and a dataset counts by its content, not by its name.
        """
        values = self.as_json()
        values["recipe"] = self.recipe.determinants()
        values["engine"] = ENGINE_VERSION
        text = json.dumps(values, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]

    def as_json(self) -> dict[str, Any]:
        """Return plain values that :meth:`from_json` reads back; of the dataset they have only the digest."""
        kind = "fold" if isinstance(self.split, Fold) else "holdout"
        return {
            "dataset_digest": self.dataset.digest,
            "layers": self.network.as_json(),
            "init": self.network.init,
            "recipe": self.recipe.model_dump(),
            "split": {"kind": kind, **_without_nothing(asdict(self.split), "within")},
            "seed": self.seed,
            "threads": self.threads,
            **_without_nothing({"epoch_budget": self.epoch_budget}, "epoch_budget"),
            **({} if self.metric == ACCURACY else {"metric": self.metric}),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any], dataset: Dataset) -> Fit:
        """Return the fit of these plain values.

        Raises:
            ValueError: where it was a fit of another dataset.
        """
        if values["dataset_digest"] != dataset.digest:
            raise ValueError(f"a fit of another dataset: {values['dataset_digest']}, not {dataset.digest}")
        split = dict(values["split"])
        kind = {"fold": Fold, "holdout": Holdout}[split.pop("kind")]
        if split.get("within"):
            split["within"] = Outer(**split["within"])
        return cls(
            dataset=dataset,
            network=Network.read(values["layers"], values["init"]),
            recipe=Recipe(**values["recipe"]),
            split=kind(**split),
            seed=values["seed"],
            threads=values["threads"],
            epoch_budget=values.get("epoch_budget"),
            metric=values.get("metric", ACCURACY),
        )


def _without_nothing(values: dict[str, Any], key: str) -> dict[str, Any]:
    """Return values without this key where it is None: fits without it are written as before there was such a key."""
    return {name: value for name, value in values.items() if name != key or value is not None}
