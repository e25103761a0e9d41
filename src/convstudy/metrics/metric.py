"""The definition of a metric: a name, a direction, a range, and a function of labels and probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from convstudy.metrics.jackknife import by_blocks, largest_change

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Labels = npt.NDArray[np.int64]
    Probabilities = npt.NDArray[np.floating]
    Values = npt.NDArray[np.float64]

Number = TypeVar("Number", float, "npt.NDArray[np.floating]")
Unit = Literal["percent", "nats", ""]
"""Values with the unit ``"percent"`` are fractions; texts show percent, and percentage points for differences."""
Kind = Literal["per image", "per set"]
Classes = Literal["any", "two", "all"]
"""The number of classes that must have images: any number, two or more, or all classes of the dataset."""


@dataclass(frozen=True)
class Metric:
    """One number that measures the predictions of a model on some images.

    A metric has exactly one of ``per_image`` and ``per_set``. A metric *per image* is a mean over images, with equal
    weights or the weights of ``weigh``. A metric *per set* is a function of all images together. Its intervals use
    jackknife pseudo-values (:mod:`convstudy.metrics.jackknife`).

    Attributes:
        name: the name in study files and records, in lower case with hyphens.
        title: the name in reports and messages.
        higher_is_better: whether higher values are better.
        unit: the unit of its values.
        low, high: the range of its values.
        margin: the default equivalence margin, on the scale of the values: for fractions, 0.001 means 0.1 percentage
            points.
        per_image: maps labels ``(n,)`` and probabilities ``(n, n_classes)`` to float64 values ``(n,)``.
        per_set: maps labels and probabilities to the value; NaN if it is not defined on these labels.
        pseudo_values: maps labels and probabilities to the jackknife pseudo-values of a metric per set, float64
            ``(n,)`` with the value of the metric as their mean. ``None``: convstudy deletes up to 200 blocks of images
            and computes ``per_set`` without each block; for images in groups, such intervals are too narrow.
        weigh: maps labels to float64 weights ``(n,)`` with mean 1; ``None`` for equal weights.
        zero_or_one: whether each value per image is 0 or 1.
        least_classes: the smallest number of classes for which two models can have different values.
        classes: the number of classes that must have images. If fewer have images, the metric is undefined, or its
            mean is over different classes on validation and test images; such a study is rejected before training.

    Example:
        >>> import numpy as np
        >>> from convstudy.metrics import metric_named
        >>> labels, probabilities = np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]])
        >>> metric_named("accuracy").value(labels, probabilities)
        0.5
    """

    name: str
    title: str
    higher_is_better: bool
    unit: Unit
    low: float
    high: float
    margin: float
    per_image: Callable[[Labels, Probabilities], Values] | None = None
    per_set: Callable[[Labels, Probabilities], float] | None = None
    pseudo_values: Callable[[Labels, Probabilities], Values] | None = None
    weigh: Callable[[Labels], Values] | None = None
    zero_or_one: bool = False
    least_classes: int = 2
    classes: Classes = "any"

    def __post_init__(self) -> None:
        if (self.per_image is None) == (self.per_set is None):
            raise ValueError(f"{self.name} must have exactly one of per_image and per_set; got both or none")
        if self.weigh is not None and self.per_image is None:
            raise ValueError(f"{self.name} must have per_image, because it has weights")
        if self.pseudo_values is not None and self.per_set is None:
            raise ValueError(f"{self.name} must have per_set, because it has pseudo_values")

    @property
    def kind(self) -> Kind:
        return "per set" if self.per_image is None else "per image"

    @property
    def counts(self) -> bool:
        """Whether the metric is a proportion of images: values of 0 or 1 with equal weights."""
        return self.zero_or_one and self.weigh is None

    def values(self, labels: Labels, probabilities: Probabilities) -> Values:
        """Compute the value of each image.

        Args:
            labels: class indices, shape ``(n,)``.
            probabilities: shape ``(n, n_classes)``.

        Returns:
            float64, shape ``(n,)``.

        Raises:
            ValueError: for a metric per set.
        """
        if self.per_image is None:
            raise ValueError(f"{self.name} has no value per image")
        return self.per_image(labels, probabilities)

    def weights(self, labels: Labels) -> Values:
        """Compute the weight of each image, float64 of shape ``(n,)`` with mean 1.

        Raises:
            ValueError: for a metric per set.
        """
        import numpy as np

        if self.per_image is None:
            raise ValueError(f"{self.name} has no weight per image")
        return np.ones(len(labels)) if self.weigh is None else self.weigh(labels)

    def weighted_values(self, labels: Labels, probabilities: Probabilities) -> Values:
        """Compute value × weight of each image, float64 of shape ``(n,)``; their mean is the value of the metric."""
        return self.values(labels, probabilities) * self.weights(labels)

    def contributions(self, labels: Labels, probabilities: Probabilities) -> Values:
        """Compute the contribution of each image, float64 of shape ``(n,)``; their mean is the value of the metric.

        For a metric per image, it is value × weight; for a metric per set, the jackknife pseudo-value. NaN if the
        metric is not defined on these labels.

        >>> import numpy as np
        >>> from convstudy.metrics import metric_named
        >>> labels, probabilities = np.array([0, 0, 1, 1]), np.eye(2)[[0, 0, 1, 0]]
        >>> metric_named("kappa").contributions(labels, probabilities).round(2).tolist()
        [0.65, 0.65, 1.85, -1.15]
        """
        if self.per_set is None:
            return self.weighted_values(labels, probabilities)
        if self.pseudo_values is None:
            return by_blocks(labels, probabilities, self.per_set)
        return self.pseudo_values(labels, probabilities)

    def largest_change(self, labels: Labels, n_classes: int) -> float:
        """Compute the largest difference of two models that one image can cause, on the scale of a contribution.

        For a metric per image, it is the range of values times the largest weight.

        Args:
            labels: class indices, shape ``(n,)``.
            n_classes: the number of classes.
        """
        if self.per_set is None:
            return (self.high - self.low) * float(self.weights(labels).max())
        return largest_change(labels, n_classes, self.per_set)

    def value(self, labels: Labels, probabilities: Probabilities) -> float:
        """Compute the metric on one or more images.

        Args:
            labels: class indices, shape ``(n,)``.
            probabilities: shape ``(n, n_classes)``.

        Returns:
            The value; NaN if the metric is not defined on these labels.
        """
        if self.per_set is not None:
            return float(self.per_set(labels, probabilities))
        return float(self.weighted_values(labels, probabilities).mean())

    @property
    def best(self) -> float:
        """The best possible value."""
        return self.high if self.higher_is_better else self.low

    @property
    def has_errors(self) -> bool:
        """Whether the best possible value is finite, so that a value has a distance from it."""
        return math.isfinite(self.best)

    def error(self, value: Number) -> Number:
        """Return the distance of a value from the best possible one: 1 − accuracy, or a loss.

        Args:
            value: a number, or an array of contributions.

        >>> from convstudy.metrics import metric_named
        >>> metric_named("accuracy").error(0.75), metric_named("log-loss").error(0.2)
        (0.25, 0.2)
        """
        return self.high - value if self.higher_is_better else value - self.low

    def better(self, first: float, second: float) -> bool:
        """Return whether the first of two values is better than the second."""
        return first > second if self.higher_is_better else first < second

    def rank(self, value: float) -> float:
        """Return a sort key: lower is better."""
        return -value if self.higher_is_better else value
