"""Scores are immutable; epochs are read back from JSON."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from convstudy.record import Epoch, Scores
from tests.scores import epoch_of, scores


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.update(accuracy=1.0),
        lambda s: s.__setitem__("accuracy", 1.0),
        lambda s: s.pop("accuracy"),
        lambda s: s.clear(),
        lambda s: s.setdefault("kappa", 1.0),
        lambda s: s.__delitem__("accuracy"),
        lambda s: s.__ior__({"accuracy": 1.0}),
    ],
)
def test_scores_are_immutable(change: Any) -> None:
    found = scores(0.25, 0.9)
    with pytest.raises(TypeError, match="immutable"):
        change(found)
    assert found == {"log-loss": 0.25, "accuracy": 0.9}


def test_equal_scores_have_equal_hashes_also_after_copy_and_json() -> None:
    found = scores(0.1 + 0.2, 1 / 3)
    other = Scores({"accuracy": 1 / 3, "log-loss": 0.1 + 0.2})
    assert (found, hash(found)) == (other, hash(other))
    assert copy.deepcopy(found) == found
    assert Scores(json.loads(json.dumps(found))) == found


def test_epoch_is_read_back_from_json() -> None:
    epoch = epoch_of(3, 0.1 / 3, (1 / 3, 0.7), (1e-17, 1.0), 2.5, 0.1)
    assert Epoch.from_json(json.loads(json.dumps(epoch.as_json()))) == epoch
