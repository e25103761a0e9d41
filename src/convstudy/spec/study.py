"""A study as Python objects, one to one with the study file."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from convstudy.networks.network import DEFAULT_INIT, Network
from convstudy.spec.recipe import RECIPE_KEYS, Recipe

BEST = "best"
"""What an ablation calls the winner of the comparison; no network may be called so."""
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

# Whole numbers that every JSON reader keeps exactly.
Whole = Annotated[int, Field(ge=-(2**53), le=2**53)]
Value = Whole | float | Annotated[str, Field(max_length=1000)]
Choice = bool | Value
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
T = TypeVar("T")
Many = Annotated[tuple[T, ...], Field(strict=False)]
"""A tuple that a list becomes: TOML and JSON know no tuples."""


class Part(BaseModel):
    """Base of the parts of a study: frozen, and no key that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class NetworkPattern(Part):
    """A stack of layer texts that may hold parameters: ``"conv 64 {kernel} relu"`` with ``kernel = 7``.

    In a study file the parameters stand beside ``layers``; here they are one mapping.
    """

    layers: Many[str] = Field(min_length=1, max_length=500)
    init: str = DEFAULT_INIT
    parameters: dict[str, Value] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _gather_parameters(cls, values: Any) -> Any:
        """Move the keys that are not fields under ``parameters``."""
        return _gathered(values, tuple(cls.model_fields), "parameters")

    def network(self, **values: Value) -> Network:
        """Return the network with these parameter values, the pattern's own where none is given.

        Raises:
            NetworkError: where a layer text cannot be read or names a parameter that is not there.
        """
        from convstudy.spec.parameters import filled

        return Network.read(filled(self.layers, {**self.parameters, **values}), self.init)


class Search(Part):
    """Which values of a network's parameters or of recipe keys do best over folds."""

    network: str
    vary: dict[str, Many[Choice]] = Field(min_length=1)
    folds: Annotated[int, Field(ge=2, le=100)] = 5
    subset: Annotated[int, Field(ge=10)] | None = None
    recipe: dict[str, Any] = Field(default_factory=dict)


class Compare(Part):
    """Which of these networks does best over seeds."""

    networks: Many[str] = Field(min_length=2)


class Variant(Part):
    """A network or recipe told as a difference; recipe keys stand beside ``without`` in a study file."""

    without: Many[str] = ()
    activation: str | None = None
    init: str | None = None
    recipe: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _gather_recipe(cls, values: Any) -> Any:
        """Move recipe keys under ``recipe``; other keys stay, to be refused."""
        return _gathered(values, tuple(cls.model_fields), "recipe", RECIPE_KEYS)

    def network(self, network: Network) -> Network:
        """Return the network with this difference."""
        network = network.without(self.without)
        if self.activation:
            network = network.with_activation(self.activation)
        return network.with_init(self.init) if self.init else network


class Ablate(Part):
    """What each variant changes in a network; ``network`` may be ``"best"``, the winner of the comparison."""

    network: str
    variants: dict[Name, Variant] = Field(min_length=1)


class Study(Part):
    """What somebody wants to know: a dataset, networks, a recipe, and questions.

    >>> study = Study(
    ...     name="first", dataset="digits",
    ...     network={"small": NetworkPattern(layers=["conv 8 3 relu", "flatten"])},
    ... )
    """

    name: Name
    dataset: str
    seeds: Annotated[int, Field(ge=1, le=1000)] = 3
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1
    subset: Annotated[int, Field(ge=10)] | None = None
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    recipe: Recipe = Recipe()
    network: dict[Name, NetworkPattern] = Field(min_length=1)
    search: dict[Name, Search] = Field(default_factory=dict)
    compare: dict[Name, Compare] = Field(default_factory=dict)
    ablate: dict[Name, Ablate] = Field(default_factory=dict)


def _gathered(values: Any, own: tuple[str, ...], into: str, only: tuple[str, ...] | None = None) -> Any:
    """Return a mapping with the keys that are not ``own`` (and are in ``only``) moved into the mapping ``into``."""
    if not isinstance(values, dict):
        return values
    moved = {key: value for key, value in values.items() if key not in own and (only is None or key in only)}
    kept = {key: value for key, value in values.items() if key not in moved}
    inner = kept.get(into, {})
    return {**kept, into: {**inner, **moved}} if moved and isinstance(inner, dict) else kept
