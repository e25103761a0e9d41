"""The transforms that ``augment`` can name: their ranges, the order in which they are applied, and the presets.

``engine/augmentation/`` has one module with the computation of each. This module imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Form = Literal["around-0", "around-1", "from-0", "exact", "alpha", "choice"]
"""What a single number x means: a strength in [-x, x], in [1 - x, 1 + x], in [0, x], exactly x, or the parameter of
Beta(x, x). A transform of the form "choice" takes a word."""


@dataclass(frozen=True)
class Transform:
    """A transform that ``augment`` can name.

    Attributes:
        key: its key in a table.
        form: what a single number means.
        low, high: the lowest and the highest strength.
        unit: the unit of the strength, for the documentation and the JSON Schema.
        meaning: what it does, as a phrase.
        choices: the allowed words.
        probability: the probability with which it changes an image, unless the study gives another one.
    """

    key: str
    form: Form
    low: float = 0.0
    high: float = 0.0
    unit: str = ""
    meaning: str = ""
    choices: tuple[str, ...] = ()
    probability: float = 1.0

    @property
    def neutral(self) -> float:
        """The strength that changes nothing."""
        return 1.0 if self.form == "around-1" else 0.0

    @property
    def greatest(self) -> float:
        """The greatest single number."""
        return min(self.high - 1.0, 1.0 - self.low) if self.form == "around-1" else self.high

    @property
    def has_range(self) -> bool:
        """Whether ``[low, high]`` is allowed instead of a number."""
        return self.form not in ("alpha", "choice")


_TRANSFORMS = (
    Transform(
        "flip", "choice", meaning="mirror", choices=("horizontal", "vertical", "both"), probability=0.5
    ),
    Transform("shift", "around-0", -1.0, 1.0, "fraction of the side", "move right and down"),
    Transform("rotate", "around-0", -180.0, 180.0, "degrees", "rotate counter-clockwise"),
    Transform("scale", "around-1", 0.1, 10.0, "factor", "enlarge"),
    Transform("shear", "around-0", -60.0, 60.0, "degrees", "slant along the rows"),
    Transform(
        "elastic", "from-0", 0.0, 0.5, "fraction of the side", "move smoothly, differently in each place"
    ),
    Transform(
        "trivial", "choice", meaning="one change of TrivialAugment per image", choices=("narrow", "wide")
    ),
    Transform("blur", "from-0", 0.0, 5.0, "standard deviation in pixels", "blur with a Gaussian"),
    Transform("brightness", "around-1", 0.0, 10.0, "factor", "multiply all values"),
    Transform("contrast", "around-1", 0.0, 10.0, "factor", "move all values away from their mean"),
    Transform(
        "saturation", "around-1", 0.0, 10.0, "factor", "move colours away from grey; only with 3 channels"
    ),
    Transform("noise", "from-0", 0.0, 1.0, "standard deviation, where white is 1", "add Gaussian noise"),
    Transform("cutout", "exact", 0.0, 1.0, "fraction of the shorter side", "set a square to 0"),
    Transform("mixup", "alpha", 0.0, 100.0, "alpha of Beta(alpha, alpha)", "blend with another image"),
    Transform(
        "cutmix", "alpha", 0.0, 100.0, "alpha of Beta(alpha, alpha)", "paste a rectangle of another image"
    ),
)
TRANSFORMS: Mapping[str, Transform] = {transform.key: transform for transform in _TRANSFORMS}
"""Key -> transform, in the order in which they are applied. shift to elastic are one warp."""

BORDERS = ("zero", "edge", "reflect")
"""What a warp shows outside the image: zeros, the nearest pixel, or the mirrored image."""

PRESETS: Mapping[str, str] = {
    "light": "shift=0.06 rotate=8 scale=0.08 brightness=0.1 contrast=0.1 border=reflect",
    "strong": "shift=0.12 rotate=20 scale=0.2 shear=10 brightness=0.3 contrast=0.3 saturation=0.3 cutout=0.3 "
    "mixup=0.2 border=reflect",
    "digits": "shift=0.08 rotate=12 scale=0.12 shear=10 elastic=0.12 border=edge",
    "natural": "flip=horizontal shift=0.1 rotate=8 scale=0.15 brightness=0.2 contrast=0.2 saturation=0.2 "
    "cutout=0.3@0.5 border=reflect",
    "trivial-augment": "trivial=narrow",
    "trivial-augment-wide": "trivial=wide",
}
"""Name -> text. Only "natural" mirrors images, because the mirror image of a digit or a letter is another sign."""

ORIGINALS = ("shift", "affine", "cutout", "shift+cutout", "affine+cutout")
"""The names of the first release. Their results stay bit-identical, and they cannot be combined with transforms."""

NAMES = ("none", *ORIGINALS, *PRESETS)
KEYS = (*TRANSFORMS, "border")


def augment_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``augment``."""
    keys, presets = "|".join(KEYS), "|".join(PRESETS)
    setting = rf"({keys})=\S+"
    pattern = rf"^\s*(({presets})|{setting})(\s+{setting})*\s*$"
    properties = {key: _schema_of(transform) for key, transform in TRANSFORMS.items()}
    return {
        "anyOf": [
            {"enum": list(NAMES)},
            {"type": "string", "pattern": pattern, "maxLength": 1000},
            {
                "type": "object",
                "properties": {
                    "preset": {
                        "enum": list(PRESETS),
                        "description": "The transforms of a preset; other keys change it.",
                    },
                    **properties,
                    "border": {"enum": list(BORDERS), "description": "What a warp shows outside the image."},
                },
                "additionalProperties": False,
            },
        ]
    }


def _schema_of(transform: Transform) -> dict[str, Any]:
    """Return the JSON Schema of one key of the table."""
    if transform.choices:
        value: dict[str, Any] = {"enum": list(transform.choices)}
    else:
        value = {"type": "number", "minimum": 0, "maximum": transform.greatest}
    forms = [value]
    if transform.has_range:
        strength = {"type": "number", "minimum": transform.low, "maximum": transform.high}
        forms.append({"type": "array", "items": strength, "minItems": 2, "maxItems": 2})
    probability = {"type": "number", "minimum": 0, "maximum": 1}
    properties = {"value": {"anyOf": list(forms)}, "probability": probability}
    forms.append(
        {
            "type": "object",
            "properties": properties,
            "required": ["value", "probability"],
            "additionalProperties": False,
        }
    )
    unit = f" ({transform.unit})" if transform.unit else ""
    return {"anyOf": forms, "description": f"{transform.meaning[0].upper()}{transform.meaning[1:]}{unit}."}
