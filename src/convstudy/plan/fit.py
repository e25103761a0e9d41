"""One training as data: network × recipe × split × seed, and the id that follows from exactly these."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from convstudy.data import Fold, Holdout, Split
from convstudy.networks import Network
from convstudy.spec.recipe import Recipe

# Part of every fit's id. Raise it when a change of the engine changes what a fit comes to.
ENGINE_VERSION = 2
ID_LENGTH = 16


@dataclass(frozen=True)
class Fit:
    """Everything that determines what one training comes to.

    ``dataset_digest`` is the SHA-256 of the images' content; ``threads`` counts because sums are formed in another
    order with another number of threads.
    """

    dataset: str
    dataset_digest: str
    network: Network
    recipe: Recipe
    split: Split
    seed: int
    threads: int

    @cached_property
    def id(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 over what determines the result.

        Recipe keys at their defaults, and those that this recipe does not use, are left out: a key that comes with
        a later version changes no id, and a dataset counts by its content, not by its name.
        """
        values = self.as_json()
        del values["dataset"]
        values["recipe"] = self.recipe.determinants()
        values["engine"] = ENGINE_VERSION
        text = json.dumps(values, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]

    def as_json(self) -> dict[str, Any]:
        """Return plain values that :meth:`from_json` reads back."""
        kind = "fold" if isinstance(self.split, Fold) else "holdout"
        return {
            "dataset": self.dataset,
            "dataset_digest": self.dataset_digest,
            "layers": list(self.network.texts),
            "init": self.network.init,
            "recipe": self.recipe.model_dump(),
            "split": {"kind": kind, **asdict(self.split)},
            "seed": self.seed,
            "threads": self.threads,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Fit:
        """Return the fit of these plain values."""
        split = dict(values["split"])
        kind = {"fold": Fold, "holdout": Holdout}[split.pop("kind")]
        return cls(
            dataset=values["dataset"],
            dataset_digest=values["dataset_digest"],
            network=Network.read(values["layers"], values["init"]),
            recipe=Recipe(**values["recipe"]),
            split=kind(**split),
            seed=values["seed"],
            threads=values["threads"],
        )
