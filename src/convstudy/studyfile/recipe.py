"""The recipe: how a network is trained. A new key is one field here and its use in ``engine/``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

NONE = "none"


def _none(value: Any) -> Any:
    """Return None for the word that stands for it in a study file: TOML has no such value."""
    return None if value == NONE else value


WITH_MOMENTUM = ("muon", "sgd")
Optimizer = Literal["adam", "adamw", "muon", "rmsprop", "sgd"]
Schedule = Literal["constant", "cosine", "one-cycle", "step", "triangular"]


class Recipe(BaseModel):
    """How a network is trained; every key has the default that the field expects.

    >>> Recipe(epochs=3).varied({"optimizer": "sgd"}).optimizer
    'sgd'
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    optimizer: Optimizer = Field(
        default="adam",
        description="How a gradient becomes a step; adam and rmsprop as in Keras; adamw is adam, for a weight_decay; "
        "muon moves hidden kernels and matrices, adam the rest.",
    )
    learning_rate: Annotated[float, Field(gt=0, le=100)] = Field(
        default=0.001, description="The step size; with a schedule, its highest value."
    )
    adam_lr: Annotated[float, Field(gt=0, le=100)] = Field(
        default=0.001,
        description='Optimizer "muon": the learning rate of biases, scales and the output layer, on the same schedule.',
    )
    newton_schulz_steps: Annotated[int, Field(ge=1, le=20)] = Field(
        default=5, description='Optimizer "muon": how many steps bring an update near an orthogonal matrix.'
    )
    schedule: Schedule = Field(
        default="constant", description="How the learning rate moves over the steps of a fit."
    )
    step_epochs: Annotated[int, Field(ge=1)] = Field(
        default=10, description='Schedule "step": after how many epochs the learning rate falls.'
    )
    step_factor: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.1, description='Schedule "step": what the learning rate is multiplied by.'
    )
    warmup_fraction: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.25,
        description='Schedule "triangular": the share of the steps in which the learning rate rises.',
    )
    epochs: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=20, description="How often each image is trained on."
    )
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = Field(default=100, description="Images a step.")
    momentum: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.9, description='For "sgd" and "muon" only.'
    )
    nesterov: bool = Field(default=False, description='Look-ahead momentum, for "sgd" and "muon" only.')
    weight_decay: Annotated[float, Field(ge=0, lt=10)] = Field(
        default=0.0, description="Decoupled: each step shrinks kernels and matrices by learning_rate × this."
    )
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.0, description="The share of each label that is spread over all classes, in training only."
    )
    clip_norm: Annotated[Annotated[float, Field(gt=0)] | None, BeforeValidator(_none)] = Field(
        default=None, description='The largest norm that the gradient of a step may have, or "none".'
    )
    patience: Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_none)] = Field(
        default=None,
        description='Early stopping: end after this many epochs without a lower validation loss, or "none".',
    )
    checkpoint: Literal["best", "last"] = Field(
        default="best",
        description="Which epoch counts: the best by validation accuracy (then loss), or the last.",
    )
    ema_decay: Annotated[Annotated[float, Field(gt=0, lt=1)] | None, BeforeValidator(_none)] = Field(
        default=None,
        description="What the running average of the weights keeps of itself at each step, such as 0.99: then that "
        'average is what is evaluated and kept; or "none".',
    )
    augment: Literal["none", "shift", "affine", "cutout", "shift+cutout", "affine+cutout"] = Field(
        default="none",
        description="Random changes to training images: shifts by up to 2 pixels, small affine maps, "
        "a square cut out.",
    )
    cutout_size: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=8, description='Augmentations with "cutout": the side of the square in pixels.'
    )
    tta: Literal["none", "shift"] = Field(
        default="none",
        description="Over what validation and test predictions are averaged: nothing, or the image and its "
        "shifts by 1 pixel.",
    )
    train_eval_samples: Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_none)] = Field(
        default=10_000,
        description="How many training images, drawn at random, are enough to measure training loss and accuracy "
        'on after an epoch, or "none": all of them.',
    )
    precision: Literal["float32", "bfloat16", "auto"] = Field(
        default="float32",
        description="The number format of the heavy arithmetic; weights and sums stay float32. auto: bfloat16 where "
        "the device computes in it, else float32, fixed when a run begins.",
    )

    @model_validator(mode="after")
    def _check_momentum(self) -> Recipe:
        if self.optimizer in WITH_MOMENTUM and self.nesterov and self.momentum == 0:
            raise PydanticCustomError(
                "combination",
                "{key} must be {expected}; got {got}",
                {"key": "nesterov", "expected": "false where momentum is 0", "got": "true"},
            )
        return self

    def varied(self, changes: Mapping[str, Any]) -> Recipe:
        """Return the recipe with these keys changed, checked anew (``pydantic.ValidationError``)."""
        return Recipe.model_validate({**self.model_dump(), **changes})

    def determinants(self) -> dict[str, Any]:
        """Return the keys that are not at their default and are in use: what a fit's result depends on."""
        idle = {key for key, (user, values) in USED_BY.items() if getattr(self, user) not in values}
        return {
            key: value for key, value in self.model_dump(exclude_defaults=True).items() if key not in idle
        }


# A key that has a meaning only with some values of another one: that one, and these values.
USED_BY = {
    "momentum": ("optimizer", WITH_MOMENTUM),
    "nesterov": ("optimizer", WITH_MOMENTUM),
    "adam_lr": ("optimizer", ("muon",)),
    "newton_schulz_steps": ("optimizer", ("muon",)),
    "step_epochs": ("schedule", ("step",)),
    "step_factor": ("schedule", ("step",)),
    "warmup_fraction": ("schedule", ("triangular",)),
    "cutout_size": ("augment", ("cutout", "shift+cutout", "affine+cutout")),
}

RECIPE_KEYS = tuple(Recipe.model_fields)
COMBINED_KEYS = ("optimizer", "momentum", "nesterov")
"""The keys whose values have to go together; what else is refused, is refused for one value alone."""
