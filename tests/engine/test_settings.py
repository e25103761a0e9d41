"""Torch's settings during training, and their restoration afterwards."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from convstudy.engine import settings
from convstudy.engine.cuda.settings import CUBLAS_WORKSPACE, NONDETERMINISTIC_WARNING
from convstudy.engine.devices import CPU
from convstudy.engine.float32 import FULL_PRECISION
from convstudy.engine.settings import repeatable
from tests.engine.small import small_fit, trained

CUDA = torch.device("cuda:0")
cudnn: Any = torch.backends.cudnn
BACKENDS: dict[torch.device, list[Any]] = {
    CPU: [torch.backends.mkldnn.matmul, torch.backends.mkldnn.conv, torch.backends.mkldnn.rnn],
    CUDA: [torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn],
}


def _precisions() -> list[str]:
    return [backend.fp32_precision for backends in BACKENDS.values() for backend in backends]


@pytest.fixture
def torchs_own() -> Iterator[None]:
    """Restore torch's default precision settings after the test."""
    yield
    for everywhere in (torch.backends, torch.backends.cudnn, torch.backends.mkldnn):
        everywhere.fp32_precision = "none"  # type: ignore[attr-defined]
    torch.set_float32_matmul_precision("highest")
    cudnn.allow_tf32 = True
    for backend in BACKENDS[CPU]:
        backend.fp32_precision = "none"


def test_settings_last_until_last_thread_leaves() -> None:
    first, second = repeatable(1), repeatable(1)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert torch.are_deterministic_algorithms_enabled()
    second.__exit__(None, None, None)
    assert not torch.are_deterministic_algorithms_enabled()


def test_gpu_settings_are_deterministic_and_restored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(CUBLAS_WORKSPACE, raising=False)
    before = list(warnings.filters)
    with repeatable(1, CUDA):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
        assert os.environ[CUBLAS_WORKSPACE] == ":4096:8"
        with warnings.catch_warnings(record=True) as caught:
            warnings.warn("max_pool has a deterministic implementation", stacklevel=1)
            warnings.warn("max_pool does not have a deterministic implementation, but", stacklevel=1)
        assert len(caught) == 1
    assert not torch.is_deterministic_algorithms_warn_only_enabled()
    assert CUBLAS_WORKSPACE not in os.environ
    assert list(warnings.filters) == before


def test_callers_cublas_workspace_and_filters_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CUBLAS_WORKSPACE, ":16:8")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=NONDETERMINISTIC_WARNING)
        own = warnings.filters[0]
        with repeatable(1, CUDA):
            assert os.environ[CUBLAS_WORKSPACE] == ":16:8"
            warnings.filterwarnings("error", message="set meanwhile")
            meanwhile = warnings.filters[0]
        assert own in warnings.filters
        assert meanwhile in warnings.filters
    assert os.environ[CUBLAS_WORKSPACE] == ":16:8"


def _legacy_names() -> None:
    torch.set_float32_matmul_precision("medium")
    cudnn.allow_tf32 = True


def _everywhere() -> None:
    torch.backends.fp32_precision = "tf32"  # type: ignore[attr-defined]


def _mixed() -> None:
    """Set both, so that torch refuses to read the legacy settings."""
    torch.set_float32_matmul_precision("high")
    cudnn.conv.fp32_precision = "ieee"
    torch.backends.cuda.matmul.fp32_precision = "ieee"  # type: ignore[attr-defined]
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"  # type: ignore[attr-defined]


def _nothing() -> None:
    """Keep cuDNN's default, TF32."""


@pytest.mark.usefixtures("torchs_own")
@pytest.mark.parametrize("device", [CPU, CUDA])
@pytest.mark.parametrize("caller", [_nothing, _legacy_names, _everywhere, _mixed])
def test_float32_precision_is_full_for_any_caller_settings(
    caller: Callable[[], None], device: torch.device
) -> None:
    caller()
    before = _precisions()
    assert any(precision not in FULL_PRECISION for precision in before)
    for _ in range(2):
        with repeatable(1, device):
            assert {backend.fp32_precision for backend in BACKENDS[device]} <= set(FULL_PRECISION)
        assert _precisions() == before
    if caller is _legacy_names:
        assert torch.get_float32_matmul_precision() == "medium"
        assert cudnn.allow_tf32


@pytest.mark.usefixtures("torchs_own")
def test_weights_do_not_depend_on_callers_precision_settings() -> None:
    fit = small_fit(epochs=1)
    expected = trained(fit).record.weights_digest
    for caller in (_legacy_names, _mixed, _everywhere):
        caller()
        assert trained(fit).record.weights_digest == expected


def test_failed_settings_are_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: torch.device) -> None:
        raise RuntimeError("unsupported setting")

    n_threads = torch.get_num_threads()
    with monkeypatch.context() as patch:
        patch.setattr(settings, "full_float32", fail)
        with pytest.raises(RuntimeError, match="unsupported"), repeatable(n_threads + 1):
            raise AssertionError("it must not begin")
    assert not torch.are_deterministic_algorithms_enabled()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with repeatable(n_threads + 1):
        torch.rand(7)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == n_threads


def test_last_thread_restores_settings() -> None:
    begun, end = threading.Event(), threading.Event()

    def work() -> None:
        with repeatable(1, CUDA):
            begun.set()
            end.wait(10)

    before = (list(warnings.filters), os.environ.get(CUBLAS_WORKSPACE), _precisions())
    thread = threading.Thread(target=work)
    with repeatable(1, CUDA):
        thread.start()
        assert begun.wait(10)
    assert torch.are_deterministic_algorithms_enabled()
    end.set()
    thread.join(10)
    assert (list(warnings.filters), os.environ.get(CUBLAS_WORKSPACE), _precisions()) == before
