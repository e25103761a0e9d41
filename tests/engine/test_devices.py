"""Which devices there are, what a fit that changes its device comes to, and what several threads share."""

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
from tests.engine.small import digits, small_fit, stopped, story, trained

CUDA = torch.device("cuda:0")


def test_the_processor_is_always_there() -> None:
    assert find_device("cpu") == CPU
    assert device_name(CPU) == "cpu"


def _two_cards(monkeypatch: pytest.MonkeyPatch, **unusable: str) -> None:
    """Let there be two CUDA devices, of which those named ``cuda0`` and ``cuda1`` cannot be used for this reason."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(
        devices, "why_unusable", lambda device: unusable.get(str(device).replace(":", ""), "")
    )


@pytest.mark.parametrize(
    ("name", "found"), [("auto", "cuda:0"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1"), ("cpu", "cpu")]
)
def test_a_device_is_found_by_its_name(name: str, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _two_cards(monkeypatch)
    assert str(find_device(name)) == found


@pytest.mark.parametrize("name", ["cuda:2", "gpu", "cuda:-1", "CPU", ""])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _two_cards(monkeypatch)
    with pytest.raises(UsageError) as error:
        find_device(name)
    (problem,) = error.value.problems
    assert (problem.got, problem.expected) == (name, "auto, cpu, cuda:0, cuda:1")
    assert ("2 CUDA devices" in problem.hint) == name.startswith("cuda")


def test_auto_is_the_processor_where_a_device_cannot_be_used_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _two_cards(monkeypatch, cuda0="The NVIDIA driver on your system is too old")
    with pytest.warns(RuntimeWarning, match=r"on the CPU: The NVIDIA driver .* too old"):
        assert find_device("auto") == CPU
    for name in ("cuda", "cuda:0"):
        with pytest.raises(
            UsageError, match=r"cannot use this device(.|\n)*driver on your system is too old"
        ):
            find_device(name)
    assert str(find_device("cuda:1")) == "cuda:1"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_the_driver_counts_and_torch_cannot_use_stops_no_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """NVML counts cards without a look at whether the CUDA runtime works; a torch without one stands for that."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert why_unusable(CPU) == ""
    assert why_unusable(torch.device("cuda:0"))
    monkeypatch.setattr(choosing, "_has_driver", lambda: True)
    with pytest.warns(RuntimeWarning, match="cannot use it"):
        assert chosen_device("auto") == "cpu"
    # The card may also fail later; then too a fit is a record with its error, and the record is made without the card.
    assert device_name("cuda:0") == "cuda:0"
    History.open(tmp_path, create=True).close()
    said: list[Any] = []
    execute(Train(small_fit()), Layout(tmp_path), said.append, "cuda:0")
    record = said[-1].record
    assert (record.status, record.error_kind, record.environment.device) == ("failed", "failed", "cuda:0")
    assert record.error


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_device_auto_is_the_processor_and_cuda_says_why_not() -> None:
    assert chosen_device("auto") == chosen_device("cpu") == "cpu"
    with pytest.raises(UsageError, match=r"without CUDA|finds no CUDA device"):
        chosen_device("cuda")


def test_torch_is_not_asked_where_there_is_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: Any) -> int:
        raise AssertionError("torch was asked")

    monkeypatch.setattr(torch.cuda, "device_count", asked)
    monkeypatch.setattr(choosing, "CUDA_DRIVER", "libno-such-driver.so")
    monkeypatch.setattr(choosing, "AMD_DRIVER", Path("no-such-file"))
    assert chosen_device("auto") == "cpu"
    monkeypatch.setattr(choosing, "AMD_DRIVER", Path(__file__))
    with pytest.raises(AssertionError, match="asked"):
        chosen_device("auto")


def test_a_record_names_every_device_that_its_fit_was_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit, checkpoint = small_fit(), tmp_path / "checkpoint.safetensors"
    whole = trained(fit)
    assert whole.record.environment is not None
    assert whole.record.environment.device == "cpu"
    with monkeypatch.context() as patch:
        patch.setattr(engine_fit, "device_name", lambda device: "cuda (made up)")
        stopped(fit, checkpoint, 1)
        stopped(fit, checkpoint, 2)
    resumed = trained(fit, checkpoint)
    assert resumed.record.environment is not None
    assert resumed.record.environment.device == "cuda (made up), then cpu"


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "muon", "rmsprop"])
def test_a_fit_goes_on_on_another_device_from_its_checkpoint(
    optimizer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop of a device, on a processor: what it leaves, the plain one goes on from, and the other way about."""
    fit = small_fit(optimizer=optimizer, learning_rate=0.003, ema_decay=0.5, batch_size=10)
    losses = {
        way: _losses(fit, way, tmp_path / f"{way}.safetensors", monkeypatch)
        for way in ("pp", "cc", "pc", "cp")
    }
    for way in ("cc", "pc", "cp"):
        assert losses[way] == pytest.approx(losses["pp"], rel=2e-3), way
    # Adam without its step count or its moments would be far off.
    assert len({round(loss, 3) for loss in losses["pp"]}) == 3


def _losses(fit: Any, way: str, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Train an epoch by the first loop and the others by the second, ``p``\\ lain or ``c``\\ aptured."""
    from convstudy.engine.cuda.loop import CapturedLoop

    def captured(step: Any, part: ImageTensors, before_step: Any) -> CapturedLoop:
        return CapturedLoop(step, part, EagerCalls, before_step)

    for loop, goes_on in zip(way, (False, True), strict=True):
        with monkeypatch.context() as patch:
            if loop == "c":
                patch.setattr(engine_fit, "_loop", captured)
            if goes_on:
                return [epoch.train["log-loss"] for epoch in trained(fit, checkpoint).record.history]
            stopped(fit, checkpoint, 1)
    raise AssertionError


def test_fits_in_threads_at_once_come_to_what_they_come_to_alone() -> None:
    fits = [small_fit(seed=seed, augment="affine") for seed in range(4)]
    alone = [trained(fit) for fit in fits]
    state = torch.get_rng_state()
    together: dict[int, Any] = {}
    threads = [
        threading.Thread(target=lambda n=n: together.update({n: run_fit(fits[n], digits().train)}))  # type: ignore[misc]
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n, result in enumerate(alone):
        assert together[n].record.weights_digest == result.record.weights_digest
        assert story(together[n]) == story(result)
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.get_rng_state(), state)


class _WithCode(RuntimeError):
    """Stands for torch.AcceleratorError, which only torch can make."""

    def __init__(self, error_code: int) -> None:
        self.error_code = error_code


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("some words"), _WithCode(2)])
def test_a_device_without_memory_is_out_of_memory(error: RuntimeError) -> None:
    with pytest.raises(OutOfMemory), memory_errors(small_fit(), CUDA):
        raise error
    # Ending the capture that it broke off is an error of its own.
    try:
        try:
            raise error
        finally:
            raise RuntimeError("CUDA error: operation failed due to a previous error during capture")
    except RuntimeError as last:
        assert first_error(last) is error


def test_a_library_of_a_device_lacks_memory_if_the_device_has_none_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """cuBLAS' errors are of no type of their own."""
    for free, kind in ((LIBRARY_BYTES - 1, OutOfMemory), (2**40, RuntimeError)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _, free=free: (free, 2**40))
        with pytest.raises(kind), memory_errors(small_fit(), CUDA):
            raise RuntimeError("some words")


def test_a_processor_that_refuses_an_allocation_is_out_of_memory() -> None:
    """torch's error has no type of its own there; no machine has these bytes."""
    huge = small_fit(batch_size=65_536, layers=(*(8 * ("conv 65000 1",)), "flatten"))
    assert step_bytes(huge, CPU) > 10**14
    with pytest.raises(OutOfMemory), memory_errors(huge, CPU):
        torch.empty(step_bytes(huge, CPU) // 4)


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
@pytest.mark.parametrize("error", [RuntimeError("out of memory"), _WithCode(700)])
def test_another_error_is_no_lack_of_memory_whatever_it_says(
    device: str, error: RuntimeError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (2**40, 2**40))
    with pytest.raises(type(error)) as caught, memory_errors(small_fit(), torch.device(device)):
        raise error
    assert caught.value is error


def test_a_driver_that_has_failed_does_not_know_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def mem_get_info(_: torch.device) -> tuple[int, int]:
        raise RuntimeError("the driver is gone")

    monkeypatch.setattr(torch.cuda, "mem_get_info", mem_get_info)
    with pytest.raises(RuntimeError, match="the first words"), memory_errors(small_fit(), CUDA):
        raise RuntimeError("the first words")


def test_pixels_of_a_file_go_to_a_device_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (23, 4, 5, 2), dtype=np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    rows = np.arange(22, -1, -1)
    file = PixelFile.of(np.load(tmp_path / "pixels.npy", mmap_mode="r"), tmp_path / "pixels.npy")
    part = batches.PixelsOnDisk(file, rows)
    sizes = []
    read = PixelFile.read

    def counted(self: PixelFile, wanted: Any) -> Any:
        sizes.append(len(wanted))
        return read(self, wanted)

    monkeypatch.setattr(PixelFile, "read", counted)
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


def test_evaluation_takes_larger_batches_on_a_device_and_gives_the_same_shapes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The meta device stands for one here; it knows no number formats.
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
