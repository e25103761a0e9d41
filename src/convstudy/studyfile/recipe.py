"""The recipe: how a network is trained. To add a key, add a field here and use it in ``engine/``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from convstudy.studyfile.augment import Augmentation, augmentation_of, checked_text
from convstudy.studyfile.class_weights import ClassWeights
from convstudy.studyfile.transforms import augment_schema

NONE = "none"


def _none(value: Any) -> Any:
    """Return None for "none", because TOML has no null."""
    return None if value == NONE else value


WITH_MOMENTUM = ("muon", "sgd")
Optimizer = Literal["adam", "adamw", "muon", "rmsprop", "sgd"]
Schedule = Literal["constant", "cosine", "one-cycle", "step", "triangular"]


class Recipe(BaseModel):
    """How a network is trained: optimizer, schedule, regularisation, augmentation and evaluation.

    Every key has a default. ``None`` is written ``"none"`` in a study file.

    Attributes:
        optimizer: "adam" and "rmsprop" as in Keras, "adamw", "sgd", or "muon" (https://kellerjordan.github.io/posts/muon/).
        learning_rate: the learning rate, in (0, 100]; with a schedule, its maximum.
        schedule: the learning rate schedule: "constant", "cosine", "one-cycle", "step" or "triangular".
        epochs: the number of epochs, in [1, 100000].
        batch_size: the number of images per step, in [1, 65536].
        weight_decay: decoupled weight decay, as in AdamW, in [0, 10).
        label_smoothing: the proportion of each label that is spread over all classes, in [0, 1).
        loss: the training loss: "cross-entropy" or "focal".
        class_weights: weights of classes in the training loss: "none", "balanced" (inversely proportional to the
            number of images), or a mapping of each class name to its weight.
        sampling: the images of an epoch: "shuffle" (each image once), "balanced" (each class equally often), or "hard"
            (from the second epoch on, ``hard_fraction`` of the images, half of them those with the largest loss).
        hard_fraction: with ``sampling="hard"``, the fraction of the images that a later epoch uses, in (0, 1].
        logit_adjustment: the strength of logit adjustment for unequal classes, in [0, 10]; 0: none.
        normalise: "standard" (each channel has mean 0 and standard deviation 1 on the training images) or "none".
        patience: the number of epochs without a lower validation loss after which training stops early, or None.
        checkpoint: the epoch whose weights are used: "best" (by the metric of the study on the validation images; ties:
            the lower validation loss, then the earlier epoch) or "last".
        ema_decay: the decay of an exponential moving average of the weights, in (0, 1), or None.
        augment: random augmentation of the training images: a name such as "light", a text such as
            "rotate=15 shift=0.1", or a table such as ``{"rotate": 15, "shift": 0.1}``, which becomes a text
            (:mod:`convstudy.studyfile.augment`).
        tta: test-time augmentation: "none", "shift" (predictions are averaged over shifts by 1 pixel), or
            "shift-uncertain" (the same, only for images with an uncertain prediction).
        precision: the dtype of convolutions and matrix products: "float32", "bfloat16" or "auto".
        conv_algorithm: "auto" (in float32 on a CPU, Winograd's form or products of spectra where a rule of shapes
            expects a gain) or "direct" (torch's convolutions).

    The JSON Schema (``convstudy schema``) describes every key.

    >>> recipe = Recipe(optimizer="adamw", epochs=3, weight_decay=0.01)
    >>> recipe.varied({"epochs": 5}).epochs
    5
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    optimizer: Optimizer = Field(
        default="adam",
        description="The optimizer. adam and rmsprop are as in Keras, adamw is adam with decoupled weight_decay, muon "
        "updates hidden kernels and matrices and leaves the other weights to adam.",
    )
    learning_rate: Annotated[float, Field(gt=0, le=100)] = Field(
        default=0.001, description="The learning rate; with a schedule, its maximum."
    )
    adam_lr: Annotated[float, Field(gt=0, le=100)] = Field(
        default=0.001,
        description='Optimizer "muon": the learning rate of biases, scales and the output layer; same schedule.',
    )
    newton_schulz_steps: Annotated[int, Field(ge=1, le=20)] = Field(
        default=5,
        description='Optimizer "muon": the number of Newton-Schulz steps that orthogonalise an update.',
    )
    schedule: Schedule = Field(
        default="constant", description="The learning rate schedule over the steps of a fit."
    )
    step_epochs: Annotated[int, Field(ge=1)] = Field(
        default=10, description='Schedule "step": the number of epochs between drops of the learning rate.'
    )
    step_factor: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.1, description='Schedule "step": the factor of each drop.'
    )
    warmup_fraction: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.25,
        description='Schedule "triangular": the fraction of the steps in which the learning rate rises.',
    )
    epochs: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=20, description="The number of passes over the training images."
    )
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = Field(
        default=100, description="The number of images per step."
    )
    momentum: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.9, description='Optimizers "sgd" and "muon": the momentum.'
    )
    nesterov: bool = Field(default=False, description='Optimizers "sgd" and "muon": use Nesterov momentum.')
    weight_decay: Annotated[float, Field(ge=0, lt=10)] = Field(
        default=0.0,
        description="Decoupled weight decay: each step shrinks kernels and matrices by learning_rate × weight_decay.",
    )
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.0,
        description="The proportion of each label that is spread over all classes, in training only.",
    )
    loss: Literal["cross-entropy", "focal"] = Field(
        default="cross-entropy",
        description="The training loss. focal: images that are classified well count less (Lin et al. 2017).",
    )
    focal_gamma: Annotated[float, Field(ge=0, le=10)] = Field(
        default=2.0, description='Loss "focal": the exponent of 1 - p; 0 is the cross-entropy.'
    )
    class_weights: ClassWeights = Field(
        default="none",
        description="Weights of classes in the training loss. balanced: inversely proportional to the number of "
        "training images, as in scikit-learn; or a table with the weight of each class by its name.",
    )
    sampling: Literal["shuffle", "balanced", "hard"] = Field(
        default="shuffle",
        description="The images of an epoch. shuffle: each training image once. balanced: the same number of images, "
        "drawn so that each class is equally frequent; images of small classes are repeated. hard: each training image "
        "in the first epoch, then a part of them (hard_fraction), half of it those with the largest loss when they "
        "were last used, half of it random other images.",
    )
    hard_fraction: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.5,
        description='Sampling "hard": the fraction of the training images that an epoch after the first uses.',
    )
    logit_adjustment: Annotated[float, Field(ge=0, le=10)] = Field(
        default=0.0,
        description="Logit adjustment (Menon et al. 2021): the training loss adds this value times the logarithm of "
        "each class's proportion to its logit. 1 aims at balanced accuracy, 0 is none.",
    )
    normalise: Literal["none", "standard"] = Field(
        default="none",
        description="Normalisation of the network's input. standard: each channel minus its mean, divided by its "
        "standard deviation, both over the training images of the split; they are saved with the weights.",
    )
    clip_norm: Annotated[Annotated[float, Field(gt=0)] | None, BeforeValidator(_none)] = Field(
        default=None, description='The maximum norm of the gradient of a step, or "none".'
    )
    patience: Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_none)] = Field(
        default=None,
        description='Early stopping: stop after this many epochs without a lower validation loss, or "none".',
    )
    checkpoint: Literal["best", "last"] = Field(
        default="best",
        description="The epoch whose weights are used: best (by the metric of the study on the validation images; "
        "ties: the lower validation loss, then the earlier epoch) or last.",
    )
    ema_decay: Annotated[Annotated[float, Field(gt=0, lt=1)] | None, BeforeValidator(_none)] = Field(
        default=None,
        description="The decay per step of an exponential moving average (EMA) of the weights, such as 0.99, or "
        '"none". With it, the EMA weights are evaluated and saved.',
    )
    augment: Annotated[str, BeforeValidator(checked_text), WithJsonSchema(augment_schema())] = Field(
        default="none",
        description="Random augmentation of training images: a preset (light, strong, digits, natural, "
        "trivial-augment), a table of transforms such as { rotate = 15, shift = 0.1 }, or a name of the first release "
        "(shift, affine, cutout).",
    )
    cutout_size: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=8,
        description='The augmentations of the first release with "cutout": the side of the square, in pixels.',
    )
    tta: Literal["none", "shift", "shift-uncertain"] = Field(
        default="none",
        description="Test-time augmentation. shift: validation and test predictions are averaged over the image and "
        "its shifts by 1 pixel. shift-uncertain: only if the two largest probabilities of the image itself differ by "
        "less than 0.7; otherwise the prediction is that of the image, at a fifth of the cost.",
    )
    train_eval_samples: Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_none)] = Field(
        default=10_000,
        description="The number of training images, drawn at random, on which training loss and accuracy are measured "
        'after each epoch, or "none" for all.',
    )
    precision: Literal["float32", "bfloat16", "auto"] = Field(
        default="float32",
        description="The dtype of convolutions and matrix products; weights and sums stay float32. auto: bfloat16 if "
        "the device supports it, else float32, decided when a run starts.",
    )
    conv_algorithm: Literal["auto", "direct"] = Field(
        default="auto",
        description="How convolutions are computed. auto: in float32 on a CPU, kernels of 3 in Winograd's form and "
        "larger ones as products of spectra, where a rule of shapes expects a gain. direct: by torch. Results differ "
        "by rounding.",
    )

    @model_validator(mode="after")
    def _check_momentum(self) -> Recipe:
        if self.optimizer in WITH_MOMENTUM and self.nesterov and self.momentum == 0:
            raise PydanticCustomError(
                "combination",
                "{key} must be {expected}; got {got}",
                {"key": "nesterov", "expected": "false if momentum is 0", "got": "true"},
            )
        return self

    def varied(self, changes: Mapping[str, Any]) -> Recipe:
        """Return the recipe with these keys changed.

        Raises:
            pydantic.ValidationError: for an unknown key or a value that is not allowed.
        """
        return Recipe.model_validate({**self.model_dump(), **changes})

    @property
    def augmentation(self) -> Augmentation:
        """The transforms of ``augment``."""
        return augmentation_of(self.augment)

    @property
    def augmentation_key(self) -> str:
        """A short text that is equal for recipes with equal augmented images; empty without augmentation."""
        used = {key: value for key, value in self.determinants().items() if key in ("augment", "cutout_size")}
        text = json.dumps(used, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16] if "augment" in used else ""

    def determinants(self) -> dict[str, Any]:
        """Return the keys that are not at their default and are in use. The id of a fit depends on these.

        A preset is replaced by its transforms: its name would stay the same if a later version changed it.
        """
        unused = {key for key, (user, values) in USED_BY.items() if getattr(self, user) not in values}
        used = self.model_dump(exclude_defaults=True)
        if "augment" in used:
            used["augment"] = self.augmentation.text
        defaults = {key: field.default for key, field in Recipe.model_fields.items()}
        return {key: value for key, value in used.items() if key not in unused and value != defaults[key]}


# Key -> another key, and its values with which the first key is in use.
USED_BY = {
    "momentum": ("optimizer", WITH_MOMENTUM),
    "nesterov": ("optimizer", WITH_MOMENTUM),
    "adam_lr": ("optimizer", ("muon",)),
    "newton_schulz_steps": ("optimizer", ("muon",)),
    "step_epochs": ("schedule", ("step",)),
    "step_factor": ("schedule", ("step",)),
    "warmup_fraction": ("schedule", ("triangular",)),
    "cutout_size": ("augment", ("cutout", "shift+cutout", "affine+cutout")),
    "focal_gamma": ("loss", ("focal",)),
    "hard_fraction": ("sampling", ("hard",)),
}

RECIPE_KEYS = tuple(Recipe.model_fields)
NEWER_KEYS = (
    "class_weights",
    "conv_algorithm",
    "focal_gamma",
    "hard_fraction",
    "logit_adjustment",
    "loss",
    "normalise",
    "sampling",
)
"""Keys that earlier versions did not have. A written study omits them at their defaults: runs keep their ids."""
COMBINED_KEYS = ("optimizer", "momentum", "nesterov")
"""The keys whose values must fit each other. Other errors are about the value of one key."""
