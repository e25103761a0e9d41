"""Training without dropout equals Keras on TensorFlow, step by step, for each optimizer.

The reference values are from ``benchmarks/parity/keras_reference.py``. In float64, at the notebook's learning rates,
the two agree within float64's rounding, so they compute the same. In float32 they agree within 1e-4 at learning rates
that do not amplify rounding (``benchmarks/README.md`` explains why).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
import torch

from benchmarks.parity.keras_parity import RECORDED, REFERENCE, averages_deviation, deviation, repeat_run
from benchmarks.parity.keras_reference import N_STEPS, RUNS, Run
from convstudy.engine.optimizers import EPSILON

# The largest allowed relative deviation.
TOLERANCE = {"float32": 1e-4, "float64": 1e-7}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Use one torch thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_losses_and_running_statistics_equal_keras(run: Run) -> None:
    theirs = RECORDED[run.network, run.optimizer, run.precision]
    ours = repeat_run(run)
    assert {key: ours[key] for key in asdict(run)} == {key: theirs[key] for key in asdict(run)}
    expected = TOLERANCE[run.precision]
    assert len(ours["losses"]) == N_STEPS == 20
    assert deviation(ours["losses"], theirs["losses"]) < expected
    assert deviation([ours["inference_loss"]], [theirs["inference_loss"]]) < expected
    assert len(theirs["batch_norms"]) > 1
    assert averages_deviation(ours["batch_norms"], theirs["batch_norms"]) < expected


def test_keras_reference_covers_all_optimizers_and_its_losses_fall() -> None:
    assert len(RECORDED) == len(REFERENCE["runs"]) == len(RUNS) == 31
    for precision in TOLERANCE:
        covered = {run.optimizer for run in RUNS if run.precision == precision}
        assert covered == {"adam", "adamw", "rmsprop", "sgd", "nesterov"}
        for network in ("two-conv-7", "two-conv-3", "five-conv", "six-conv", "residual"):
            assert (network, "adam", precision) in RECORDED
    for entry in REFERENCE["runs"]:
        first, last = sum(entry["losses"][:4]), sum(entry["losses"][-4:])
        assert last < 0.97 * first, (entry["network"], entry["optimizer"], entry["precision"])


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("adam", lambda groups, lr: torch.optim.Adam(groups, lr=lr, eps=EPSILON)),
        ("rmsprop", lambda groups, lr: torch.optim.RMSprop(groups, lr=lr, alpha=0.9, eps=EPSILON)),
    ],
)
def test_torch_optimizers_differ_from_keras(name: str, wrong: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "convstudy.engine.optimizers.OPTIMIZERS",
        {name: lambda groups, recipe: wrong(groups, recipe.learning_rate)},
    )
    (run,) = (one for one in RUNS if one.name == f"two-conv-3 {name} float64")
    theirs = RECORDED[run.network, run.optimizer, run.precision]
    assert deviation(repeat_run(run, 5)["losses"], theirs["losses"][:5]) > 10 * TOLERANCE["float64"]
