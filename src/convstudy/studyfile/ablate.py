"""Ablations: variants of one network, and the recipe keys that a variant or a search changes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from convstudy.networks import Network
from convstudy.studyfile.augment import plain_value
from convstudy.studyfile.part import Activation, Init, Many, Name, Part, gathered
from convstudy.studyfile.recipe import NONE, RECIPE_KEYS


def _plain_changes(changes: dict[str, Any]) -> dict[str, Any]:
    """Return recipe changes with ``"none"`` for None, as in a study file, and a text for a table of transforms."""
    without_none = {key: NONE if value is None else value for key, value in changes.items()}
    return {key: plain_value(value) if key == AUGMENT else value for key, value in without_none.items()}


Changes = Annotated[dict[str, Any], AfterValidator(_plain_changes)]
AUGMENT = "augment"
"""The recipe key whose values can be tables. A study keeps them as texts, so that every value is plain."""


class Variant(Part):
    """One variant of an ablation: what differs from the network and the recipe.

    In a study file, the recipe keys are next to the other keys: ``{ without = ["dropout"], epochs = 9 }``.

    Attributes:
        without: layer types that are removed, such as "dropout".
        activation: the activation that replaces every hidden activation, or None.
        init: the initialiser of all initial weights, or None.
        recipe: recipe key -> value.

    >>> from convstudy import Network
    >>> network = Network.read(["conv 8 3 relu", "batch-norm", "flatten"])
    >>> Variant(without=["batch-norm"], activation="tanh").network(network).texts
    ('conv 8 3 tanh', 'flatten')
    """

    without: Many[str] = Field(
        default=(), description="The types of the layers that are removed, such as dropout."
    )
    activation: Activation | None = Field(
        default=None, description="The activation that replaces every hidden activation."
    )
    init: Init | None = Field(default=None, description="The initialiser of all initial weights.")
    recipe: Changes = Field(default_factory=dict, description="Recipe keys with other values.")

    @model_validator(mode="before")
    @classmethod
    def _gather_recipe(cls, values: Any) -> Any:
        """Move recipe keys under ``recipe``. Other keys stay and are reported as unknown."""
        return gathered(values, tuple(cls.model_fields), "recipe", RECIPE_KEYS)

    @property
    def changes_network(self) -> bool:
        """Whether the variant has another network, not only another recipe."""
        return bool(self.without or self.activation is not None or self.init is not None)

    def network(self, network: Network) -> Network:
        """Return the network with the changes of this variant."""
        network = network.without(self.without)
        if self.activation:
            network = network.with_activation(self.activation)
        return network.with_init(self.init) if self.init else network


class Ablate(Part):
    """An ablation: variants of one network, each compared with it over seeds.

    Attributes:
        network: the name of the network, or "best" for the network that the comparison selects.
        interactions: whether to also train the variants in pairs.
        variants: name -> :class:`Variant`.

    >>> plain = Variant(without=["dropout"])
    >>> list(Ablate(network="best", variants={"plain": plain}).variants)
    ['plain']
    """

    network: str = Field(description='The network, or "best" for the winner of the comparison.')
    interactions: bool = Field(
        default=False,
        description="Also train the variants in pairs, and report whether their effects add up. Pairs that change the "
        "same key or layer type are left out.",
    )
    variants: dict[Name, Variant] = Field(min_length=1)
