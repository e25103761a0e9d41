"""The training loss of a fit: cross-entropy or focal loss, weighted, with adjusted logits and mixed labels.

All of these are one formula. The loss of an image with logits z and the target distribution q over the classes is
``w · Σ_c q_c · (1 - p_c)^γ · (-log p_c)`` with ``p = softmax(z + τ · log π)``. Cross-entropy has γ = 0. Label smoothing
and mixing of labels change q, weights of classes and images are in w, and π are the proportions of the classes.
Only training uses this loss: scores on validation and test images are unweighted and without adjustment.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy, log_softmax, nll_loss

from convstudy.studyfile.recipe import Recipe

# The slope of (1 - p)^γ at p = 1 is infinite for γ < 1. Closer to 1, p counts as this far from it, with slope 0.
LEAST_DISTANCE = 1e-12


@dataclass(frozen=True)
class MixedLabels:
    """The second label of each image of a batch, for images that are mixtures of two (mixup, cutmix).

    Attributes:
        partner: int64 ``(n,)``: the row of the batch from which the second label and its weight are taken.
        proportion: float32 ``(n,)`` or 0-d: the proportion of the image's own label, in [0, 1].
    """

    partner: torch.Tensor
    proportion: torch.Tensor


@dataclass(frozen=True)
class TrainingLoss:
    """The loss of a batch. It never synchronizes with the GPU, so that a CUDA graph can capture it.

    Attributes:
        label_smoothing: the proportion of each label that is spread over all classes.
        focal_gamma: γ of the focal loss (Lin et al. 2017, eq. 5, with weights in the place of α); None: cross-entropy.
        adjustment: float32 ``(n_classes,)``, added to the logits: τ · log π (Menon et al. 2021, eq. 10); None: nothing.
    """

    label_smoothing: float = 0.0
    focal_gamma: float | None = None
    adjustment: torch.Tensor | None = None

    @classmethod
    def of(cls, recipe: Recipe, adjustment: torch.Tensor | None = None) -> TrainingLoss:
        """Return the loss of a recipe, with the adjustment that follows from its training images."""
        return cls(recipe.label_smoothing, recipe.focal_gamma if recipe.loss == "focal" else None, adjustment)

    def __call__(
        self,
        logits: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor | None = None,
        mixed: MixedLabels | None = None,
    ) -> torch.Tensor:
        """Return the mean loss of a batch, a 0-d float32 tensor.

        The mean divides by the number of images, not by the sum of their weights: with weights whose mean over the
        training images is 1, the expected gradient of a batch is that of all training images.

        Args:
            logits: ``(n, n_classes)``, of any floating-point dtype.
            labels: int64 ``(n,)``.
            weights: float32 ``(n,)``; None: 1 for each image.
            mixed: the second label of each image, if the images are mixtures.
        """
        logits = logits.float()
        if self.adjustment is not None:
            logits = logits + self.adjustment
        if self.focal_gamma is None and weights is None and mixed is None:
            return cross_entropy(logits, labels, label_smoothing=self.label_smoothing)
        losses = self._per_image(logits, labels)
        if weights is not None:
            losses = losses * weights
        if mixed is not None:
            # A mixture has the loss of each label in proportion, and each label has the weight of its image.
            others = self._per_image(logits, labels[mixed.partner])
            if weights is not None:
                others = others * weights[mixed.partner]
            losses = mixed.proportion * losses + (1.0 - mixed.proportion) * others
        return losses.mean()

    def _per_image(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the unweighted loss of each image for one label, float32 ``(n,)``."""
        if self.focal_gamma is None:
            return cross_entropy(logits, labels, label_smoothing=self.label_smoothing, reduction="none")
        log_p = log_softmax(logits, dim=1)
        distance = (-torch.expm1(log_p)).clamp(min=LEAST_DISTANCE)  # 1 - p, exact also where p is close to 1
        of_class = -(distance**self.focal_gamma) * log_p
        # nll_loss selects -x[label]. Its backward pass is deterministic on a GPU; that of gather adds atomically.
        own = nll_loss(-of_class, labels, reduction="none")
        if not self.label_smoothing:
            return own
        return (1.0 - self.label_smoothing) * own + self.label_smoothing * of_class.mean(dim=1)
