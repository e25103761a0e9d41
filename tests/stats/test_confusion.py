from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from convstudy.stats import confusion_of


def test_confusion_rows_are_true_and_columns_predicted() -> None:
    confusion = confusion_of(np.array([0, 0, 1]), [np.array([0, 2, 1])], 3)
    assert confusion.counts == ((1, 0, 1), (0, 1, 0), (0, 0, 0))
    assert (confusion.n_images, confusion.n_errors, confusion.n_models) == (3, 1, 1)


def test_confusion_of_several_models_equals_scikit_learn() -> None:
    luck = np.random.RandomState(0)
    labels, models = luck.randint(0, 3, 50), [luck.randint(0, 3, 50) for _ in range(4)]
    expected = sum(confusion_matrix(labels, predicted, labels=range(3)) for predicted in models)
    assert confusion_of(labels, models, 3).counts == tuple(tuple(row) for row in expected.tolist())


def test_invalid_shapes_are_rejected() -> None:
    with pytest.raises(ValueError, match="predictions"):
        confusion_of(np.array([0, 1]), [np.array([0, 1, 2])], 3)
    with pytest.raises(ValueError, match="got 0 to 3"):
        confusion_of(np.array([0, 1, 3]), [np.array([0, 1, 2])], 3)
