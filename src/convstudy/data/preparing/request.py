"""What to prepare: the keys of ``[dataset]``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from convstudy.data.decoding.options import BACKGROUND, DecodeOptions, Fit
from convstudy.data.listing import SourceOptions


@dataclass(frozen=True)
class DatasetRequest:
    """The images of a user and how they become a dataset. ``None`` means: decided from the training images.

    Args:
        path: the absolute path of a folder, table, archive or array file.
        source: the kind of source; ``None`` detects it.
        name: the name of the dataset in reports.
        classes: the class names in their order.
        size: (height, width) of the decoded images.
        fit: how an image of another aspect ratio becomes one of ``size``.
        channels: the number of channels.
        invert: whether dark becomes light.
        value_range: the pixel values that become 0 and 255.
        background: the colour under transparent pixels and padding, one value or three in [0, 255].
        decode: ``"full"``, or ``"reduced"`` for faster decoding of JPEG files.
        on_error: whether images that cannot be used stop the study or are skipped.
        options: how the source is read.
        group: a regular expression that finds the group in the name of an image.
        test: the fraction of images that is set aside as test images if the source has no test part.
        test_path: the absolute path of the test images; ``None`` if they are at ``path``. If nothing is at this path,
            its last part is the column of parts.
        duplicates: whether near-duplicates are kept together in a group.
        assignment: the file that keeps which images are test images; next to the study file.
    """

    path: Path
    source: str | None = None
    name: str = "dataset"
    classes: tuple[str, ...] | None = None
    size: tuple[int, int] | None = None
    fit: Fit = "crop"
    channels: int | None = None
    invert: bool = False
    value_range: tuple[float, float] | None = None
    background: int | tuple[int, int, int] = BACKGROUND
    decode: Literal["full", "reduced"] = "full"
    on_error: Literal["stop", "skip"] = "stop"
    options: SourceOptions = field(default_factory=SourceOptions)
    group: str | None = None
    test: float = 0.2
    test_path: Path | None = None
    duplicates: Literal["group", "separate"] = "group"
    assignment: Path | None = None

    @property
    def keys(self) -> Mapping[str, Any]:
        """The keys of ``[dataset]`` that are not at their default, without ``name`` and ``classes``."""
        group = self.group or self.options.group
        given = {
            "path": str(self.path),
            "source": self.source,
            "size": list(self.size) if self.size else None,
            "range": list(self.value_range) if self.value_range else None,
            "background": list(self.background) if isinstance(self.background, tuple) else self.background,
            "group": group,
            "test": str(self.test_path) if self.test_path else self.test,
        }
        plain = {
            key: getattr(self, key)
            for key in ("fit", "channels", "invert", "decode", "on_error", "duplicates")
        }
        options = {key: getattr(self.options, key) for key in _OPTION_KEYS}
        values = {**given, **plain, **options}
        return {key: value for key, value in values.items() if value != _DEFAULTS.get(key)}

    def decode_options(
        self, size: tuple[int, int], channels: int, value_range: tuple[float, float] | None
    ) -> DecodeOptions:
        """Return how images are decoded, with these values where the request has none.

        Args:
            size: (height, width).
            channels: the number of channels.
            value_range: the values that become 0 and 255; ``None`` for the range of the type.
        """
        return DecodeOptions(
            self.size or size,
            self.channels or channels,
            self.fit,
            self.invert,
            self.value_range or value_range,
            self.background,
            self.decode,
        )

    def as_json(self) -> dict[str, Any]:
        """Return JSON values; :meth:`from_json` reads them."""
        values = {**self.__dict__, "options": dict(self.options.__dict__)}
        return {key: str(value) if isinstance(value, Path) else value for key, value in values.items()}

    def text(self) -> str:
        """Return the JSON values as one text, which identifies the request."""
        return json.dumps(self.as_json(), sort_keys=True)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> DatasetRequest:
        """Create a request from the values of :meth:`as_json`.

        Raises:
            ValueError: if the values do not describe a request.
        """
        from pydantic import TypeAdapter

        read: DatasetRequest = TypeAdapter(cls).validate_json(json.dumps(values))
        return read


_OPTION_KEYS = ("image", "label", "part", "weight", "time", "parts", "transpose")
_DEFAULTS: Mapping[str, Any] = {
    "background": BACKGROUND,
    "fit": "crop",
    "invert": False,
    "decode": "full",
    "on_error": "stop",
    "duplicates": "group",
    "parts": "auto",
    "transpose": False,
    "test": 0.2,
}
