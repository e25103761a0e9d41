"""The definition of a metric: a name, a direction, a range, and a function of labels and probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Labels = npt.NDArray[np.int64]
    Probabilities = npt.NDArray[np.floating]
    Values = npt.NDArray[np.float64]

Unit = Literal["percent", "nats", ""]
"""Values with the unit ``"percent"`` are fractions; texts show percent, and percentage points for differences."""
Kind = Literal["per image", "per set"]
Classes = Literal["any", "two", "all"]
"""The number of classes that must have images: any number, two or more, or all classes of the dataset."""


@dataclass(frozen=True)
class Metric:
    """One number that measures the predictions of a model on some images.

    A metric has exactly one of ``per_image`` and ``per_set``. A metric *per image* is a mean over images, with equal
    weights or the weights of ``weigh``. A metric *per set* is a function of all images together; convstudy has no
    confidence interval for it and gives no verdicts on it.

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
    weigh: Callable[[Labels], Values] | None = None
    zero_or_one: bool = False
    least_classes: int = 2
    classes: Classes = "any"

    def __post_init__(self) -> None:
        if (self.per_image is None) == (self.per_set is None):
            raise ValueError(f"{self.name} must have exactly one of per_image and per_set; got both or none")
        if self.weigh is not None and self.per_image is None:
            raise ValueError(f"{self.name} must have per_image, because it has weights")

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

    def better(self, first: float, second: float) -> bool:
        """Return whether the first of two values is better than the second."""
        return first > second if self.higher_is_better else first < second

    def rank(self, value: float) -> float:
        """Return a sort key: lower is better."""
        return -value if self.higher_is_better else value
