"""Device names, fits that change their device, out-of-memory errors, and fits in several threads."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from convstudy.data.arrays import PixelFile
from convstudy.engine import batches, devices, evaluation
from convstudy.engine import fit as engine_fit
from convstudy.engine.batches import ImageTensors
from convstudy.engine.cuda.graph import EagerCalls, first_error
from convstudy.engine.cuda.memory import LIBRARY_BYTES
from convstudy.engine.devices import CPU, device_name, find_device, why_unusable
from convstudy.engine.evaluation import logits_of
from convstudy.engine.fit import run_fit
from convstudy.engine.memory import memory_errors, step_bytes
from convstudy.errors import OutOfMemory, UsageError
from convstudy.history import History
from convstudy.run import choosing
from convstudy.run.choosing import chosen_device
from convstudy.run.execute import execute
from convstudy.run.tasks import Train
from convstudy.store import Layout
from tests.engine.small import digits, scores_by_epoch, small_fit, stopped, trained

CUDA = torch.device("cuda:0")


def test_cpu_is_always_available() -> None:
    assert find_device("cpu") == CPU
    assert device_name(CPU) == "cpu"


def _two_gpus(monkeypatch: pytest.MonkeyPatch, **unusable: str) -> None:
    """Simulate two GPUs; ``cuda0="reason"`` makes one unusable."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(
        devices, "why_unusable", lambda device: unusable.get(str(device).replace(":", ""), "")
    )


@pytest.mark.parametrize(
    ("name", "found"), [("auto", "cuda:0"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1"), ("cpu", "cpu")]
)
def test_find_device_returns_device_with_this_name(
    name: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _two_gpus(monkeypatch)
    assert str(find_device(name)) == found


@pytest.mark.parametrize("name", ["cuda:2", "gpu", "cuda:-1", "CPU", ""])
def test_missing_device_raises_and_error_lists_devices(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _two_gpus(monkeypatch)
    with pytest.raises(UsageError) as error:
        find_device(name)
    (problem,) = error.value.problems
    assert (problem.got, problem.expected) == (f'"{name}"', 'one of "auto", "cpu", "cuda:0", "cuda:1"')
    assert ("2 CUDA devices" in problem.hint) == name.startswith("cuda")


def test_auto_falls_back_to_cpu_with_reason_if_gpu_is_unusable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _two_gpus(monkeypatch, cuda0="The NVIDIA driver on your system is too old")
    with pytest.warns(RuntimeWarning, match=r"on the CPU: The NVIDIA driver .* too old"):
        assert find_device("auto") == CPU
    for name in ("cuda", "cuda:0"):
        with pytest.raises(
            UsageError, match=rf'torch cannot use "{name}": The NVIDIA driver on your system is too old'
        ):
            find_device(name)
    assert str(find_device("cuda:1")) == "cuda:1"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_unusable_gpu_warns_and_run_uses_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """NVML counts GPUs that the CUDA runtime cannot use; a torch without CUDA simulates that."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert why_unusable(CPU) == ""
    assert why_unusable(torch.device("cuda:0"))
    monkeypatch.setattr(choosing, "_has_driver", lambda: True)
    with pytest.warns(RuntimeWarning, match="cannot use it"):
        assert chosen_device("auto") == "cpu"
    # A GPU may also fail later: the fit is then a failed record, which is written without the GPU.
    assert device_name("cuda:0") == "cuda:0"
    History.open(tmp_path, create=True).close()
    messages: list[Any] = []
    execute(Train(small_fit()), Layout(tmp_path), messages.append, "cuda:0")
    record = messages[-1].record
    assert (record.status, record.error_kind, record.environment.device) == ("failed", "failed", "cuda:0")
    assert record.error


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_gpu_auto_is_cpu_and_cuda_raises() -> None:
    assert chosen_device("auto") == chosen_device("cpu") == "cpu"
    with pytest.raises(UsageError, match=r"without CUDA|finds no CUDA device"):
        chosen_device("cuda")


def test_torch_is_not_called_without_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: Any) -> int:
        raise AssertionError("torch was called")

    monkeypatch.setattr(torch.cuda, "device_count", asked)
    monkeypatch.setattr(choosing, "CUDA_DRIVER", "libno-such-driver.so")
    monkeypatch.setattr(choosing, "AMD_DRIVER", Path("no-such-file"))
    assert chosen_device("auto") == "cpu"
    monkeypatch.setattr(choosing, "AMD_DRIVER", Path(__file__))
    with pytest.raises(AssertionError, match="called"):
        chosen_device("auto")


def test_record_names_all_devices_of_resumed_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit, checkpoint = small_fit(), tmp_path / "checkpoint.safetensors"
    whole = trained(fit)
    assert whole.record.environment is not None
    assert whole.record.environment.device == "cpu"
    with monkeypatch.context() as patch:
        patch.setattr(engine_fit, "device_name", lambda device: "cuda (fake)")
        stopped(fit, checkpoint, 1)
        stopped(fit, checkpoint, 2)
    resumed = trained(fit, checkpoint)
    assert resumed.record.environment is not None
    assert resumed.record.environment.device == "cuda (fake), then cpu"


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "muon", "rmsprop"])
def test_fit_resumes_on_another_device_with_equal_losses(
    optimizer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The captured loop runs on a CPU here. Each loop resumes from the checkpoint of the other."""
    fit = small_fit(optimizer=optimizer, learning_rate=0.003, ema_decay=0.5, batch_size=10)
    losses = {
        loops: _losses(fit, loops, tmp_path / f"{loops}.safetensors", monkeypatch)
        for loops in ("ee", "cc", "ec", "ce")
    }
    for loops in ("cc", "ec", "ce"):
        assert losses[loops] == pytest.approx(losses["ee"], rel=2e-3), loops
    # Without its step count or moments, Adam would deviate much more.
    assert len({round(loss, 3) for loss in losses["ee"]}) == 3


def _losses(fit: Any, loops: str, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Train one epoch with the first loop and the others with the second: ``e`` is eager, ``c`` captured."""
    from convstudy.engine.cuda.loop import CapturedLoop

    def captured(step: Any, part: ImageTensors, before_step: Any) -> CapturedLoop:
        return CapturedLoop(step, part, EagerCalls, before_step)

    for loop, is_second in zip(loops, (False, True), strict=True):
        with monkeypatch.context() as patch:
            if loop == "c":
                patch.setattr(engine_fit, "_loop", captured)
            if is_second:
                return [epoch.train["log-loss"] for epoch in trained(fit, checkpoint).record.history]
            stopped(fit, checkpoint, 1)
    raise AssertionError


def test_concurrent_fits_in_threads_equal_sequential_fits() -> None:
    fits = [small_fit(seed=seed, augment="affine") for seed in range(4)]
    sequential = [trained(fit) for fit in fits]
    state = torch.get_rng_state()
    concurrent: dict[int, Any] = {}
    threads = [
        threading.Thread(target=lambda n=n: concurrent.update({n: run_fit(fits[n], digits().train)}))  # type: ignore[misc]
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n, result in enumerate(sequential):
        assert concurrent[n].record.weights_digest == result.record.weights_digest
        assert scores_by_epoch(concurrent[n]) == scores_by_epoch(result)
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.get_rng_state(), state)


class _WithCode(RuntimeError):
    """Simulates torch.AcceleratorError, which only torch can create."""

    def __init__(self, error_code: int) -> None:
        self.error_code = error_code


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("some message"), _WithCode(2)])
def test_full_gpu_raises_out_of_memory(error: RuntimeError) -> None:
    with pytest.raises(OutOfMemory), memory_errors(small_fit(), CUDA):
        raise error
    # Ending a failed capture raises another error on top.
    try:
        try:
            raise error
        finally:
            raise RuntimeError("CUDA error: operation failed due to a previous error during capture")
    except RuntimeError as last:
        assert first_error(last) is error


def test_cuda_library_error_counts_as_out_of_memory_if_gpu_is_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """cuBLAS raises a plain RuntimeError."""
    for free, kind in ((LIBRARY_BYTES - 1, OutOfMemory), (2**40, RuntimeError)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _, free=free: (free, 2**40))
        with pytest.raises(kind), memory_errors(small_fit(), CUDA):
            raise RuntimeError("some message")


def test_failed_cpu_allocation_raises_out_of_memory() -> None:
    """Torch raises a plain RuntimeError on a CPU. No machine has this much memory."""
    huge = small_fit(batch_size=65_536, layers=(*(8 * ("conv 65000 1",)), "flatten"))
    assert step_bytes(huge, CPU) > 10**14
    with pytest.raises(OutOfMemory), memory_errors(huge, CPU):
        torch.empty(step_bytes(huge, CPU) // 4)


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
@pytest.mark.parametrize("error", [RuntimeError("out of memory"), _WithCode(700)])
def test_unrelated_error_with_memory_message_is_raised_unchanged(
    device: str, error: RuntimeError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (2**40, 2**40))
    with pytest.raises(type(error)) as caught, memory_errors(small_fit(), torch.device(device)):
        raise error
    assert caught.value is error


def test_error_is_raised_unchanged_if_driver_cannot_report_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def mem_get_info(_: torch.device) -> tuple[int, int]:
        raise RuntimeError("the driver is gone")

    monkeypatch.setattr(torch.cuda, "mem_get_info", mem_get_info)
    with pytest.raises(RuntimeError, match="the first message"), memory_errors(small_fit(), CUDA):
        raise RuntimeError("the first message")


def test_disk_pixels_are_copied_to_gpu_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (23, 4, 5, 2), dtype=np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    rows = np.arange(22, -1, -1)
    file = PixelFile.of(np.load(tmp_path / "pixels.npy", mmap_mode="r"), tmp_path / "pixels.npy")
    part = batches.PixelsOnDisk(file, rows)
    sizes = []
    read = PixelFile.read

    def counting_read(self: PixelFile, rows_to_read: Any) -> Any:
        sizes.append(len(rows_to_read))
        return read(self, rows_to_read)

    monkeypatch.setattr(PixelFile, "read", counting_read)
    monkeypatch.setattr(batches, "ROWS_PER_READ", 10)
    tensors = ImageTensors(part, torch.arange(23))
    assert tensors.to(CPU) is tensors
    moved = tensors.to(torch.device("meta"))
    assert isinstance(moved.pixels, torch.Tensor)
    assert (moved.pixels.shape, moved.pixels.dtype, moved.labels.device.type) == (
        (23, 4, 5, 2),
        torch.uint8,
        "meta",
    )
    assert sizes == [10, 10, 3]


def test_evaluation_uses_larger_batches_on_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The meta device simulates a GPU; it does not support autocast.
    monkeypatch.setattr(evaluation, "precision_context", lambda *_: nullcontext())
    seen = []

    class Watching(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            seen.append(len(images))
            return images.flatten(1)[:, :3]

    n = evaluation.BATCH_SIZE_ON_GPU + 7
    for device, sizes in (("cpu", [500] * 5 + [7]), ("meta", [evaluation.BATCH_SIZE_ON_GPU, 7])):
        part = ImageTensors(
            torch.zeros(n, 2, 2, 1, dtype=torch.uint8, device=device),
            torch.zeros(n, dtype=torch.int64, device=device),
        )
        seen.clear()
        logits = logits_of(Watching(), part, "float32", "shift")
        assert seen == [size for size in sizes for _ in range(5)]
        assert (logits.shape, logits.dtype, logits.device.type) == ((n, 3), torch.float32, device)
