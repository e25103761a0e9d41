"""On a CUDA device: what is captured is what plain calls do, and fits at once come to what they come to alone."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from convstudy.engine import fit as engine_fit
from convstudy.engine.batches import ImageTensors
from convstudy.engine.cuda.graph import Capture, CudaGraph, EagerCalls
from convstudy.engine.cuda.loop import CapturedLoop
from convstudy.engine.devices import working_on
from convstudy.engine.evaluation import precision_context
from convstudy.engine.fit import TrainedFit, run_fit
from convstudy.engine.settings import repeatable
from convstudy.engine.training import Step, train_epoch
from convstudy.history import History
from convstudy.plan import Fit
from convstudy.record import Epoch
from convstudy.run.executors import GpuExecutor
from convstudy.run.tasks import Train, Trained
from convstudy.store import Layout
from tests.engine.cuda.test_loop import LAYERS, RECIPES
from tests.engine.small import digits, small_fit, story

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
DEVICE = "cuda:0"


def _on_device(fit: Fit, checkpoint: Path | None = None, on_epoch: Any = lambda _: None) -> TrainedFit:
    result = run_fit(fit, digits().train, checkpoint, on_epoch, DEVICE)
    assert result.record.done, result.record.error
    return result


def _weights_after(fit: Fit, capture: Capture) -> list[torch.Tensor]:
    """Return all weights and averages after two epochs on the device."""
    device, images = torch.device(DEVICE), digits().train
    with repeatable(1, device), working_on(device):
        progress = engine_fit._start(fit, images.image_shape, device)
        part = ImageTensors.of(images).to(device)
        step = Step(progress.model, progress.optimizer, fit.recipe, progress.average)
        with CapturedLoop(step, part, capture) as loop:
            for epoch in (1, 2):
                train_epoch(loop, fit.seed, epoch)
            return [tensor.cpu() for tensor in progress.modules.state_dict().values()]


@pytest.mark.parametrize("name", RECIPES)
def test_a_graph_comes_to_what_plain_calls_come_to(name: str) -> None:
    """Bit for bit, with dropout and augmentation, and a smaller last batch."""
    fit = small_fit(layers=LAYERS, **RECIPES[name])
    captured, called = _weights_after(fit, CudaGraph), _weights_after(fit, EagerCalls)
    assert all(torch.equal(one, other) for one, other in zip(captured, called, strict=True))


def test_each_replay_draws_new_numbers() -> None:
    device = torch.device(DEVICE)
    with working_on(device):
        generator = torch.Generator(device).manual_seed(3)
        numbers = torch.zeros(8, device=device)

        def draw() -> None:
            numbers.uniform_(generator=generator)

        draw()  # libraries set themselves up outside the graph
        replay = CudaGraph(draw, [generator])
        drawn = []
        for seed in (3, 3, None):
            if seed is not None:
                generator.manual_seed(seed)
            replay()
            drawn.append(numbers.tolist())
        replay.close()
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(("precision", "apart"), [("float32", 0.01), ("bfloat16", 0.1)])
def test_a_fit_on_a_device_learns_what_it_learns_on_the_processor(precision: str, apart: float) -> None:
    # Without random numbers, which are others there.
    layers = tuple(layer for layer in LAYERS if not layer.startswith("dropout"))
    fit = small_fit(layers=layers, precision=precision, checkpoint="last")
    here, there = run_fit(fit, digits().train), _on_device(fit)
    for mine, its in zip(here.record.history, there.record.history, strict=True):
        assert its.train["log-loss"] == pytest.approx(mine.train["log-loss"], rel=apart)
    assert there.record.environment is not None
    assert there.record.environment.device.startswith("cuda (")
    assert all(tensor.device.type == "cpu" for tensor in {**there.weights, **there.validation}.values())


def test_a_fit_stopped_and_gone_on_with_on_the_device_ends_as_if_it_never_was(tmp_path: Path) -> None:
    fit, checkpoint = small_fit(layers=LAYERS, ema_decay=0.9), tmp_path / "checkpoint.safetensors"
    whole = _on_device(fit)

    class Stopped(Exception):
        pass

    def stop(epoch: Epoch) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        _on_device(fit, checkpoint, stop)
    resumed = _on_device(fit, checkpoint)
    assert resumed.record.weights_digest == whole.record.weights_digest
    assert story(resumed) == story(whole)


def test_fits_at_once_come_to_what_they_come_to_one_by_one() -> None:
    fits = [small_fit(layers=LAYERS, seed=seed, augment="affine", batch_size=10) for seed in range(6)]
    alone = [_on_device(fit) for fit in fits]
    together: dict[int, TrainedFit] = {}
    threads = [
        threading.Thread(target=lambda n=n: together.update({n: _on_device(fits[n])}))  # type: ignore[misc]
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n, result in enumerate(alone):
        assert together[n].record.weights_digest == result.record.weights_digest
        assert story(together[n]) == story(result)


def test_a_fit_gives_its_memory_back() -> None:
    _on_device(small_fit(layers=LAYERS))
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    for seed in range(3):
        _on_device(small_fit(layers=LAYERS, seed=seed))
    assert torch.cuda.memory_allocated() <= before


def test_too_large_a_fit_is_out_of_memory_and_the_next_one_is_trained() -> None:
    large = small_fit(layers=("conv 4096 3 relu", *LAYERS), batch_size=96)
    torch.cuda.set_per_process_memory_fraction(1e-4)
    try:
        record = run_fit(large, digits().train, device=DEVICE).record
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert (record.status, record.error_kind) == ("failed", "out-of-memory")
    _on_device(small_fit(layers=LAYERS))


def test_an_executor_trains_several_fits_on_the_device(tmp_path: Path) -> None:
    History.open(tmp_path, create=True).close()
    fits = [small_fit(layers=LAYERS, seed=seed) for seed in range(4)]
    with GpuExecutor(Layout(tmp_path), DEVICE, 4) as executor:
        for fit in fits:
            executor.submit(Train(fit))
        records = []
        while len(records) < 4:
            message = executor.next_message()
            if isinstance(message, Trained):
                records.append(message.record)
    assert all(record.done for record in records)


def test_casts_are_not_cached_on_a_device() -> None:
    """They would be captured, or be another thread's."""
    with precision_context("bfloat16", torch.device(DEVICE)):
        assert torch.is_autocast_enabled("cuda")
        assert not torch.is_autocast_cache_enabled()
