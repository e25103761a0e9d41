"""Read the recipe key ``augment``: a name, a text such as ``"rotate=15 shift=0.1"``, or a table of transforms.

A recipe keeps the text, because searches, variants, plans and fit ids hold plain values. :func:`augmentation_of` turns
it into an :class:`Augmentation`, which the engine applies.

Example:
    >>> augment_text({"shift": 0.1, "rotate": [-5, 15], "blur": {"value": 1, "probability": 0.3}})
    'shift=0.1 rotate=-5..15 blur=1@0.3'
    >>> [setting.key for setting in augmentation_of("light mixup=0.2").settings]
    ['shift', 'rotate', 'scale', 'brightness', 'contrast', 'mixup']
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic_core import PydanticCustomError

from convstudy.errors import Problem, one_of, unknown
from convstudy.studyfile.transforms import BORDERS, KEYS, NAMES, ORIGINALS, PRESETS, TRANSFORMS, Transform

_EXAMPLES = 'such as "light", or a table, such as { rotate = 15, shift = 0.1 }'


@dataclass(frozen=True)
class Setting:
    """A transform with its strengths: each image draws one, uniformly in [low, high]; ``choice`` for a word."""

    key: str
    low: float = 0.0
    high: float = 0.0
    choice: str = ""
    probability: float = 1.0

    @property
    def changes_nothing(self) -> bool:
        """Whether every strength is neutral."""
        neutral = TRANSFORMS[self.key].neutral
        return not self.probability or (not self.choice and self.low == self.high == neutral)


@dataclass(frozen=True)
class Augmentation:
    """What to do with a batch of training images.

    Attributes:
        settings: the transforms, in the order in which they are applied.
        border: what a warp shows outside the image.
        original: one of :data:`ORIGINALS`; it has no settings.
    """

    settings: tuple[Setting, ...] = ()
    border: str = "zero"
    original: str = ""

    @property
    def text(self) -> str:
        """The text of all transforms, without the name of a preset. Fit ids contain it."""
        if not self.settings:
            return self.original or "none"
        words = [f"{setting.key}={_value_text(setting)}" for setting in self.settings]
        return " ".join(words + ([] if self.border == "zero" else [f"border={self.border}"]))


def augment_text(value: object) -> object:
    """Return a table as a text, and any other value unchanged. :func:`checked_text` finds what is wrong with it."""
    if not isinstance(value, Mapping):
        return value
    preset = [_written(value["preset"])] if "preset" in value else []
    words = [f"{_key(key)}={_written(item)}" for key, item in value.items() if key != "preset"]
    return " ".join(preset + words) if value else "none"


def checked_text(value: object) -> str:
    """Return the value of ``augment`` as a text in its normal form.

    Raises:
        PydanticCustomError: of type "augmentation", with ``what``, ``got``, ``expected`` and ``hint``.
    """
    text = augment_text(value)
    if not isinstance(text, str):
        raise _refusal("", _literal(text), f"a name, {_EXAMPLES}")
    preset, settings, border = _read(text)
    if not settings and not border:
        return preset or "none"
    words = [preset] if preset else []
    words += [f"{key}={_value_text(settings[key])}" for key in TRANSFORMS if key in settings]
    return " ".join(words + ([f"border={border}"] if border else []))


def plain_value(value: Any) -> Any:
    """Return a value of ``augment`` as a text, in its normal form if it has no error. Only a table has a text then."""
    try:
        return checked_text(value)
    except PydanticCustomError:
        return augment_text(value)


@lru_cache(maxsize=256)
def augmentation_of(text: str) -> Augmentation:
    """Return the augmentation of a text that :func:`checked_text` accepts."""
    preset, settings, border = _read(text)
    if preset in ORIGINALS:
        return Augmentation(original=preset)
    if preset in PRESETS:
        _, base, base_border = _read(PRESETS[preset])
        settings, border = {**base, **settings}, border or base_border
    used = tuple(settings[key] for key in TRANSFORMS if key in settings and not settings[key].changes_nothing)
    return Augmentation(used, border or "zero")


def _read(text: str) -> tuple[str, dict[str, Setting], str]:
    """Return the name, the settings and the border of a text; empty where it has none."""
    words = text.split()
    name, border = "", ""
    settings: dict[str, Setting] = {}
    if words and "=" not in words[0]:
        name = words.pop(0)
        if name in KEYS and name not in NAMES:
            raise _error(f'"{name}" needs a value', name, hint=f"write a table, such as {{ {name} = ... }}")
        if name not in NAMES:
            found = unknown("augmentation", name, NAMES)
            raise _error(found.what, found.got, found.expected, found.hint)
        if words and name not in PRESETS:
            raise _error(f'"{name}" cannot be combined with transforms', name, one_of(PRESETS))
    if not words and not name:
        raise _refusal("", _literal(text), f"a name, {_EXAMPLES}")
    for word in words:
        key, _, value = word.partition("=")
        if key not in KEYS:
            found = unknown("transform", key, KEYS)
            raise _error(found.what, found.got, found.expected, found.hint)
        if key in settings or (key == "border" and border):
            raise _error(f'"{key}" is given twice', key)
        if key == "border":
            border = _choice(key, value, BORDERS)
        else:
            settings[key] = _setting(TRANSFORMS[key], value)
    return name, settings, border


_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?"


def _setting(transform: Transform, text: str) -> Setting:
    """Return the setting of a value with an optional probability, such as ``0.1``, ``0.8..1.2`` or ``1@0.3``."""
    value, at, chance = text.partition("@")
    probability = _number(chance) if at else transform.probability
    if probability is None or not 0 <= probability <= 1:
        raise _refusal(f"the probability of {transform.key}", chance, "a number in [0, 1]")
    if transform.choices:
        return Setting(
            transform.key, choice=_choice(transform.key, value, transform.choices), probability=probability
        )
    low, high = _strengths(transform, value)
    return Setting(transform.key, low, high, "", probability)


def _strengths(transform: Transform, text: str) -> tuple[float, float]:
    """Return the lowest and the highest strength of a number or a range."""
    expected = f"a number in [0, {_shown(transform.greatest)}]"
    if transform.has_range:
        expected += f" or a range within [{_shown(transform.low)}, {_shown(transform.high)}]"
    first, dots, second = text.partition("..")
    low = _number(first)
    high = _number(second) if dots else low
    if low is None or high is None or (dots and not transform.has_range):
        raise _refusal(transform.key, _range_text(text), expected)
    if dots:
        if not transform.low <= low <= high <= transform.high:
            raise _refusal(transform.key, _range_text(text), expected)
        return low, high
    if not 0 <= low <= transform.greatest:
        raise _refusal(transform.key, text, expected)
    return _meant_by(transform, low)


def _meant_by(transform: Transform, number: float) -> tuple[float, float]:
    """Return the lowest and the highest strength that a single number means."""
    if transform.form == "around-0":
        return -number, number
    if transform.form == "around-1":
        # Rounded like every number, so that the text of a setting has the same strengths.
        return round(1.0 - number, 12), round(1.0 + number, 12)
    return (0.0, number) if transform.form == "from-0" else (number, number)


def _number(text: str) -> float | None:
    """Return the number of a text, rounded to 12 digits after the point; None if it is no finite number."""
    if not re.fullmatch(_NUMBER, text):
        return None
    value = float(text)
    return round(value, 12) if math.isfinite(value) else None


def _choice(key: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise _refusal(key, _literal(value), one_of(choices))
    return value


def _value_text(setting: Setting) -> str:
    """Return the value of a setting, as short as possible."""
    transform, low, high = TRANSFORMS[setting.key], setting.low, setting.high
    single = round(high - transform.neutral, 12)
    if setting.choice:
        value = setting.choice
    elif 0 <= single <= transform.greatest and _meant_by(transform, single) == (low, high):
        value = _shown(single)
    else:
        value = f"{_shown(low)}..{_shown(high)}"
    return value if setting.probability == transform.probability else f"{value}@{_shown(setting.probability)}"


def _shown(number: float) -> str:
    """Return a number without a trailing ``.0``."""
    return repr(number + 0.0).removesuffix(".0")


def _range_text(text: str) -> str:
    """Return a range as it is written in a table."""
    first, dots, second = text.partition("..")
    return f"[{first}, {second}]" if dots else text


def _key(key: object) -> str:
    """Return the key of a table as a part of a word, so that no key can contain another one."""
    return re.sub(r"[\s=@]", "_", str(key))


def _written(value: object) -> str:
    """Return the value of a table as a word of a text; one that is not allowed becomes a word that is refused."""
    if isinstance(value, Mapping) and set(value) == {"value", "probability"}:
        return f"{_written(value['value'])}@{_written(value['probability'])}"
    if isinstance(value, (list, tuple)) and len(value) == 2:
        return "..".join(map(_written, value))
    if isinstance(value, bool):
        return str(value).lower()
    return "".join(str(value).split()) if isinstance(value, (int, float, str)) else _literal(value)


def _literal(value: object) -> str:
    """Return a value of the wrong type as one short word."""
    text = str(value) if not isinstance(value, str) else f'"{value}"'
    return "".join(text.split())[:80]


def _refusal(key: str, got: str, expected: str) -> PydanticCustomError:
    return _error(f"{key} must be {expected}", got) if key else _error("", got, expected)


def _error(what: str, got: str, expected: str = "", hint: str = "") -> PydanticCustomError:
    parts = {"what": what, "got": got, "expected": expected, "hint": hint}
    return PydanticCustomError(
        "augmentation", "{text}", {**parts, "text": str(Problem(what, got=got, expected=expected, hint=hint))}
    )
