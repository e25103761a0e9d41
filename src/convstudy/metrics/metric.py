"""What a metric is: a name, a direction, a range, and how its value follows from labels and probabilities."""

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
"""``"percent"``: a fraction that texts show in percent, its differences in percentage points."""
Kind = Literal["per image", "per set"]
Classes = Literal["any", "two", "all"]
"""Of how many classes images must be: of any number, of two or more, or of all classes of the dataset."""


@dataclass(frozen=True)
class Metric:
    """How good a model's predictions of some images are, as one number.

    Exactly one of ``per_image`` and ``per_set`` is given. A metric *per image* is the mean of one value for each image,
    equally weighted or with the weights of ``weigh``. A metric *per set* is a number of all images together; convstudy
    has no interval for it, and so makes no claim on it.

    Attributes:
        name: how study files and records call it: lower case, words joined by hyphens.
        title: how texts call it.
        higher_is_better: its direction.
        unit: what it is measured in.
        low, high: the range of its values.
        margin: the default equivalence margin: differences up to this count as none. It is in the metric's own values:
            0.001 of a fraction is 0.1 percentage points.
        per_image: labels ``(n,)`` and probabilities ``(n, n_classes)`` to float64 values ``(n,)``.
        per_set: labels and probabilities to the value; NaN where it is not defined on these labels.
        weigh: labels to float64 weights ``(n,)`` whose mean is 1; ``None`` for equal weights.
        zero_or_one: whether the values per image are 0 or 1 only.
        least_classes: the smallest number of classes for which it can differ between two models.
        classes: of how many classes there must be images. Without them the metric is not defined, or it is a mean over
            other classes on validation images than on test images. A study is refused there before it trains.

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
            raise ValueError(f"{self.name} must have one of per_image and per_set; got both or none")
        if self.weigh is not None and self.per_image is None:
            raise ValueError(f"{self.name} has weights, so it must have per_image")

    @property
    def kind(self) -> Kind:
        """Whether it is a mean over images or a number of the whole set."""
        return "per set" if self.per_image is None else "per image"

    @property
    def counts(self) -> bool:
        """Whether it is a proportion: values of 0 or 1 with equal weights."""
        return self.zero_or_one and self.weigh is None

    def values(self, labels: Labels, probabilities: Probabilities) -> Values:
        """Return the value of each image, float64 ``(n,)``.

        Raises:
            ValueError: for a metric per set.
        """
        if self.per_image is None:
            raise ValueError(f"{self.name} has no value per image")
        return self.per_image(labels, probabilities)

    def weights(self, labels: Labels) -> Values:
        """Return the weight of each image, float64 ``(n,)`` with mean 1.

        Raises:
            ValueError: for a metric per set.
        """
        import numpy as np

        if self.per_image is None:
            raise ValueError(f"{self.name} has no weight per image")
        return np.ones(len(labels)) if self.weigh is None else self.weigh(labels)

    def weighted_values(self, labels: Labels, probabilities: Probabilities) -> Values:
        """Return each image's value times its weight, float64 ``(n,)``; their plain mean is the metric's value."""
        return self.values(labels, probabilities) * self.weights(labels)

    def value(self, labels: Labels, probabilities: Probabilities) -> float:
        """Return the metric of one image or more; NaN where it is not defined on these labels."""
        if self.per_set is not None:
            return float(self.per_set(labels, probabilities))
        return float(self.weighted_values(labels, probabilities).mean())

    def better(self, first: float, second: float) -> bool:
        """Return whether the first of two values is better than the second."""
        return first > second if self.higher_is_better else first < second

    def rank(self, value: float) -> float:
        """Return a number that is the lower, the better the value is: a sort key."""
        return -value if self.higher_is_better else value
