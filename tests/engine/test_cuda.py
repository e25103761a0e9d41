"""On a GPU: graphs equal eager calls, and concurrent fits equal sequential ones."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from convstudy.engine import fit as engine_fit
from convstudy.engine.cuda.graph import Capture, CudaGraph, EagerCalls
from convstudy.engine.cuda.loop import CapturedLoop
from convstudy.engine.devices import working_on
from convstudy.engine.evaluation import precision_context
from convstudy.engine.fit import TrainedFit, run_fit
from convstudy.engine.normalisation import channel_statistics
from convstudy.engine.settings import repeatable
from convstudy.engine.training import Step, train_epoch
from convstudy.history import History
from convstudy.plan import Fit
from convstudy.record import Epoch
from convstudy.run.executors import GpuExecutor
from convstudy.run.tasks import Train, Trained
from convstudy.store import Layout
from tests.engine.cuda.test_loop import LAYERS, RECIPES
from tests.engine.small import digits, scores_by_epoch, small_fit

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
DEVICE = "cuda:0"


def _on_gpu(fit: Fit, checkpoint: Path | None = None, on_epoch: Any = lambda _: None) -> TrainedFit:
    result = run_fit(fit, digits().train, checkpoint, on_epoch, DEVICE)
    assert result.record.done, result.record.error
    return result


def _weights_after(fit: Fit, capture: Capture) -> list[torch.Tensor]:
    """Return all weights and running statistics after two epochs on the GPU."""
    device, images = torch.device(DEVICE), digits().train
    with repeatable(1, device), working_on(device):
        part = engine_fit._training_part(fit, images, np.arange(len(images)))
        progress = engine_fit._start(fit, images.image_shape, len(images), device, channel_statistics(part))
        loss = engine_fit._training_loss(fit, images.labels, device)
        step = Step(
            progress.model, progress.optimizer, fit.recipe, progress.average, loss, progress.image_losses
        )
        part = part.to(device)
        with CapturedLoop(step, part, capture) as loop:
            for epoch in (1, 2):
                train_epoch(loop, fit.seed, epoch)
            return [tensor.cpu() for tensor in progress.modules.state_dict().values()]


@pytest.mark.parametrize("name", RECIPES)
def test_graph_is_bit_identical_to_eager_calls(name: str) -> None:
    """With dropout, augmentation and a smaller last batch."""
    fit = small_fit(layers=LAYERS, **RECIPES[name])
    captured, called = _weights_after(fit, CudaGraph), _weights_after(fit, EagerCalls)
    assert all(torch.equal(one, other) for one, other in zip(captured, called, strict=True))


def test_each_replay_draws_new_random_numbers() -> None:
    device = torch.device(DEVICE)
    with working_on(device):
        generator = torch.Generator(device).manual_seed(3)
        numbers = torch.zeros(8, device=device)

        def draw() -> None:
            numbers.uniform_(generator=generator)

        draw()  # warm-up: libraries allocate their workspaces outside the graph
        replay = CudaGraph(draw, [generator])
        drawn = []
        for seed in (3, 3, None):
            if seed is not None:
                generator.manual_seed(seed)
            replay()
            drawn.append(numbers.tolist())
        replay.close()
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 0.01), ("bfloat16", 0.1)])
def test_gpu_fit_has_losses_of_cpu_fit(precision: str, tolerance: float) -> None:
    # Without dropout, whose random numbers differ on a GPU.
    layers = tuple(layer for layer in LAYERS if not layer.startswith("dropout"))
    fit = small_fit(layers=layers, precision=precision, checkpoint="last")
    cpu, gpu = run_fit(fit, digits().train), _on_gpu(fit)
    for on_cpu, on_gpu in zip(cpu.record.history, gpu.record.history, strict=True):
        assert on_gpu.train["log-loss"] == pytest.approx(on_cpu.train["log-loss"], rel=tolerance)
    assert gpu.record.environment is not None
    assert gpu.record.environment.device.startswith("cuda (")
    assert all(tensor.device.type == "cpu" for tensor in {**gpu.weights, **gpu.validation}.values())


def test_gpu_resume_gives_identical_weights(tmp_path: Path) -> None:
    fit, checkpoint = small_fit(layers=LAYERS, ema_decay=0.9), tmp_path / "checkpoint.safetensors"
    whole = _on_gpu(fit)

    class Stopped(Exception):
        pass

    def stop(epoch: Epoch) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        _on_gpu(fit, checkpoint, stop)
    resumed = _on_gpu(fit, checkpoint)
    assert resumed.record.weights_digest == whole.record.weights_digest
    assert scores_by_epoch(resumed) == scores_by_epoch(whole)


def test_concurrent_gpu_fits_equal_sequential_fits() -> None:
    fits = [small_fit(layers=LAYERS, seed=seed, augment="affine", batch_size=10) for seed in range(6)]
    sequential = [_on_gpu(fit) for fit in fits]
    concurrent: dict[int, TrainedFit] = {}
    threads = [
        threading.Thread(target=lambda n=n: concurrent.update({n: _on_gpu(fits[n])}))  # type: ignore[misc]
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n, result in enumerate(sequential):
        assert concurrent[n].record.weights_digest == result.record.weights_digest
        assert scores_by_epoch(concurrent[n]) == scores_by_epoch(result)


def test_fit_frees_gpu_memory() -> None:
    _on_gpu(small_fit(layers=LAYERS))
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    for seed in range(3):
        _on_gpu(small_fit(layers=LAYERS, seed=seed))
    assert torch.cuda.memory_allocated() <= before


def test_fit_too_large_for_gpu_fails_and_next_fit_succeeds() -> None:
    large = small_fit(layers=("conv 4096 3 relu", *LAYERS), batch_size=96)
    torch.cuda.set_per_process_memory_fraction(1e-4)
    try:
        record = run_fit(large, digits().train, device=DEVICE).record
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert (record.status, record.error_kind) == ("failed", "out-of-memory")
    _on_gpu(small_fit(layers=LAYERS))


def test_gpu_executor_trains_several_fits(tmp_path: Path) -> None:
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


def test_autocast_cache_is_off_on_gpu() -> None:
    """A cached cast could belong to another thread's graph."""
    with precision_context("bfloat16", torch.device(DEVICE)):
        assert torch.is_autocast_enabled("cuda")
        assert not torch.is_autocast_cache_enabled()
