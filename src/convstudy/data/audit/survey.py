"""What a dataset contains: images by class and part, originals, duplicates within and across parts, and warnings.

A survey reads and compares test images, but no model and no default of a study depends on them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from convstudy.data.audit.duplicates import Pairs, near_duplicate_pairs
from convstudy.data.audit.perceptual_hashes import PerceptualHashes, perceptual_hashes
from convstudy.data.audit.statistics import DatasetStatistics, statistics_of
from convstudy.data.images import Part
from convstudy.data.progress import report_progress

if TYPE_CHECKING:
    from convstudy.data.dataset import Dataset
    from convstudy.data.images import Images
    from convstudy.data.preparing.summary import PreparedSummary


@dataclass(frozen=True)
class NearWithin:
    """Near-duplicates within one part.

    Attributes:
        n_images: the number of images with a near-duplicate.
        n_pairs: the number of pairs.
        n_otherwise_labelled: the number of pairs with two different labels.
    """

    n_images: int
    n_pairs: int
    n_otherwise_labelled: int


@dataclass(frozen=True)
class Survey:
    """What a dataset contains.

    Attributes:
        dataset: the dataset.
        statistics: images by class, exact copies, blank images, and duplicates across parts.
        near: part -> near-duplicates within it; ``None`` if too many images look alike.
        summary: what was found when a user's images were prepared; ``None`` for arrays and built-in datasets.
    """

    dataset: Dataset
    statistics: DatasetStatistics
    near: dict[Part, NearWithin | None]
    summary: PreparedSummary | None

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided or left out when the images were prepared."""
        return self.summary.notes if self.summary is not None else ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on images that may not be what they seem."""
        return () if self.summary is None else self.summary.warnings

    def as_json(self) -> dict[str, Any]:
        dataset, statistics = self.dataset, self.statistics
        return {
            "name": dataset.name,
            "digest": dataset.digest,
            "image_shape": list(dataset.image_shape),
            "class_names": list(dataset.class_names),
            "parts": {
                "train": {**asdict(statistics.train), "near_duplicates": _json(self.near["train"])},
                "test": {**asdict(statistics.test), "near_duplicates": _json(self.near["test"])},
            },
            "exact_copies_across_parts": asdict(statistics.exact),
            "near_duplicates_across_parts": _json(statistics.near_duplicates),
            "prepared": None if self.summary is None else self.summary.as_json(),
            "warnings": list(self.warnings),
        }


def survey(
    dataset: Dataset,
    train: Images,
    test: Images,
    summary: PreparedSummary | None = None,
) -> Survey:
    """Return what a dataset contains.

    Args:
        dataset: the dataset.
        train: its training images.
        test: its test images, which are compared with the training images and with each other.
        summary: what was found when the images were prepared.
    """
    report_progress("compare", 0, 0)
    first, second = perceptual_hashes(train), perceptual_hashes(test)
    return Survey(
        dataset,
        statistics_of(dataset, train, test, first, second),
        {"train": _near(train, first), "test": _near(test, second)},
        summary,
    )


def _near(images: Images, hashes: PerceptualHashes) -> NearWithin | None:
    pairs = near_duplicate_pairs(images, images, hashes, hashes)
    # Each pair occurs in both orders. An image is no near-duplicate of itself, because its pixels are equal.
    if pairs is None:
        return None
    return NearWithin(pairs.n_test, pairs.n_pairs // 2, pairs.n_otherwise_labelled // 2)


def _json(value: NearWithin | Pairs | None) -> dict[str, Any] | None:
    return None if value is None else asdict(value)
