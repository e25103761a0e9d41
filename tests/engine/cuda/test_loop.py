"""The captured loop of a GPU, on a CPU: the same buffers, with eager calls instead of a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from convstudy.data import split_indices
from convstudy.engine import fit as engine_fit
from convstudy.engine.augmentation import trivial
from convstudy.engine.augmentation.rows import changed_everywhere
from convstudy.engine.batches import ImageTensors, epoch_order, steps_per_epoch
from convstudy.engine.checkpoint import Progress
from convstudy.engine.cuda.graph import EagerCalls
from convstudy.engine.cuda.loop import CapturedLoop, steps_at_once, unchanged
from convstudy.engine.devices import CPU
from convstudy.engine.normalisation import channel_statistics
from convstudy.engine.optimizers import build_optimizer, make_step
from convstudy.engine.rng_streams import RngStreams
from convstudy.engine.step_hyperparameters import StepHyperparameters, step_hyperparameters
from convstudy.engine.training import EagerLoop, Step, train_epoch
from convstudy.networks.modules.dropout import BitsDropout
from convstudy.plan import Fit
from tests.engine.small import digits, small_fit
from tests.engine.test_determinism import RECIPES_BY_NAME

LAYERS = ("conv 4 3 relu stride=2", "max-pool 2", "batch-norm", "dropout 0.3", "flatten", "dense 8 relu")
# Every optimizer, schedule, augmentation and precision. With batches of 8, 96 images are twelve steps.
RECIPES: dict[str, dict[str, Any]] = {
    name: {**{key: value for key, value in values.items() if key != "layers"}, "batch_size": 8}
    for name, values in RECIPES_BY_NAME.items()
    if name not in ("patience", "tree")  # the first diverges on purpose; the second has its own layers
}


def _started(fit: Fit) -> tuple[Progress, Step, ImageTensors]:
    """Return the state of a fit before its first step, the step and the training images."""
    images = digits().train
    rows, _ = split_indices(images.labels, fit.split)
    part = engine_fit._training_part(fit, images, rows)
    progress = engine_fit._start(fit, images.image_shape, len(rows), CPU, channel_statistics(part))
    loss = engine_fit._training_loss(fit, images.labels[rows], CPU)
    step = Step(progress.model, progress.optimizer, fit.recipe, progress.average, loss, progress.image_losses)
    return progress, step, part


def _state(progress: Progress) -> dict[str, torch.Tensor]:
    """Return copies of everything that a checkpoint contains."""
    state = {name: tensor.clone() for name, tensor in progress.modules.state_dict().items()}
    for group in progress.optimizer.param_groups:
        for parameter in group["params"]:
            for name, value in progress.optimizer.state[parameter].items():
                state[f"{name} {len(state)}"] = value.clone()
    if progress.image_losses is not None:
        state["image_losses"] = progress.image_losses.clone()
    counts = [group.get("n_steps", 0) for group in progress.optimizer.param_groups]
    return {**state, "counts": torch.tensor(counts)}


def _use_torch_dropout(step: Step) -> Step:
    """Let dropout draw from a torch generator, as on a GPU."""
    step.rng = RngStreams(step.model, CPU, torch_dropout=True)
    return step


class _TensorLoop(EagerLoop):
    """The eager loop with hyperparameters as tensors: the reference implementation of the captured loop."""

    def run(self, order: Any, per_step: list[StepHyperparameters]) -> torch.Tensor:
        return super().run(order, [StepHyperparameters(*row.unbind()) for row in torch.tensor(per_step)])


@pytest.mark.parametrize(
    ("name", "layers", "size"),
    [
        *((name, LAYERS, size) for name in RECIPES for size in (8, 10)),
        ("adam", RECIPES_BY_NAME["tree"]["layers"], 8),
    ],
)
def test_captured_loop_is_bit_identical_to_eager_loop(name: str, layers: Any, size: int) -> None:
    """Over two epochs; batches of 10 leave six images for a smaller last batch."""
    fit = small_fit(layers=layers, **{**RECIPES[name], "batch_size": size})
    reference, step, part = _started(fit)
    eager = _TensorLoop(step, part)
    for epoch in (1, 2):
        train_epoch(eager, fit.seed, epoch)
    captured, step, part = _started(fit)
    with CapturedLoop(step, part, EagerCalls) as loop:
        assert loop._n_at_once == {8: 12, 10: 9}[size]
        for epoch in (1, 2):
            n_steps = (
                {8: (12, 6), 10: (10, 5)}[size]
                if fit.recipe.sampling == "hard"
                else (12 if size == 8 else 10,)
            )
            last = step_hyperparameters(fit.recipe, epoch, *n_steps)[-1]
            assert train_epoch(loop, fit.seed, epoch) == last.lr
    expected, found = _state(reference), _state(captured)
    assert expected.keys() == found.keys()
    for key, tensor in expected.items():
        assert torch.equal(found[key], tensor), key


def test_capture_for_a_resumed_fit_changes_no_state() -> None:
    """The images' losses of earlier epochs too, because they decide which images the next epoch uses."""
    fit = small_fit(layers=LAYERS, **RECIPES["hard"])
    progress, step, part = _started(fit)
    train_epoch(_TensorLoop(step, part), fit.seed, 1)
    before = _state(progress)
    with CapturedLoop(step, part, EagerCalls):
        after = _state(progress)
    assert before.keys() == after.keys()
    for key, tensor in before.items():
        assert torch.equal(after[key], tensor), key


@pytest.mark.parametrize("augment", ["none", "affine+cutout"])
def test_captured_step_draws_from_registered_generators_only(augment: str) -> None:
    """With the generators of a GPU, on a CPU: only those of augmentation and dropout advance, not torch's default."""
    fit = small_fit(layers=LAYERS, augment=augment, batch_size=8)
    drawn: list[list[bool]] = []
    weights = []

    class Watched(EagerCalls):
        def __init__(self, work: Callable[[], None], generators: Sequence[torch.Generator] = ()) -> None:
            super().__init__(work, generators)
            self.generators = generators

        def __call__(self) -> None:
            own, before = torch.get_rng_state(), [each.get_state() for each in self.generators]
            super().__call__()
            assert torch.equal(torch.get_rng_state(), own)
            pairs = zip(self.generators, before, strict=True)
            drawn.append([not torch.equal(each.get_state(), state) for each, state in pairs])

    for kind in ("called", "captured"):
        progress, step, part = _started(fit)
        _use_torch_dropout(step)
        with (
            nullcontext(_TensorLoop(step, part)) if kind == "called" else CapturedLoop(step, part, Watched)
        ) as loop:
            train_epoch(loop, fit.seed, 1)
            train_epoch(loop, fit.seed, 2)
        weights.append(torch.cat([tensor.flatten() for tensor in progress.modules.state_dict().values()]))
    assert drawn == [[augment != "none", True]] * 2  # one replay per epoch
    assert torch.equal(*weights)
    # The draws differ from those of a CPU, so the test has used the generators of a GPU.
    progress, step, part = _started(fit)
    train_epoch(_TensorLoop(step, part), fit.seed, 1)
    train_epoch(_TensorLoop(step, part), fit.seed, 2)
    state = progress.modules.state_dict()
    assert not torch.equal(torch.cat([tensor.flatten() for tensor in state.values()]), weights[0])


def test_torch_dropout_has_its_rate_and_repeats_per_epoch() -> None:
    model = nn.Sequential(BitsDropout(0.3)).train()
    rng = RngStreams(model, CPU, torch_dropout=True)
    values, masks = torch.ones(200, 500), []
    for seed, epoch in ((1, 1), (1, 2), (2, 1), (1, 1)):
        rng.start(seed, epoch)
        masks.append(model(values) == 0)
        masks.append(model(values) == 0)
    for mask in masks:
        assert abs(mask.float().mean().item() - 0.3) < 5 * (0.3 * 0.7 / values.numel()) ** 0.5
    assert len({mask.numpy().tobytes() for mask in masks}) == 6
    assert torch.equal(masks[0], masks[6])
    assert torch.equal(masks[1], masks[7])


@pytest.mark.parametrize("name", RECIPES)
def test_tensor_hyperparameters_equal_floats_within_rounding(name: str) -> None:
    fit = small_fit(layers=LAYERS, **{**RECIPES[name], "precision": "float32"})
    totals, weights = [], []
    for kind in (EagerLoop, _TensorLoop):
        progress, step, part = _started(fit)
        loop = kind(step, part)
        n_steps = steps_per_epoch(len(part), fit.recipe.batch_size)
        step.rng.start(0, 1)
        step.model.train()
        # Only a few steps, because rounding errors grow with each.
        order = epoch_order(len(part), 0, 1)[: 4 * fit.recipe.batch_size]
        totals.append(float(loop.run(order, step_hyperparameters(fit.recipe, 1, n_steps)[:4])))
        weights.append(torch.cat([tensor.flatten() for tensor in progress.modules.state_dict().values()]))
    assert totals[1] == pytest.approx(totals[0], rel=1e-4)
    assert torch.allclose(weights[1], weights[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_fused_step_gets_gradients_with_strides_of_parameters(optimizer: str) -> None:
    """Fused CUDA kernels compare the strides of an axis of length 1, although they have no effect."""
    seen, weights = [], []
    for strides in ((4, 4, 2, 1), (4, 1, 2, 1)):
        kernel = nn.Parameter(torch.arange(12.0).reshape(3, 1, 2, 2))
        made = build_optimizer(small_fit(optimizer=optimizer).recipe, [kernel])
        made.register_step_pre_hook(lambda *_, kernel=kernel: seen.append(kernel.grad.stride()))  # type: ignore[misc]
        kernel.grad = torch.linspace(-1.0, 1.0, 12).as_strided((3, 1, 2, 2), strides)
        assert kernel.grad.stride() == strides
        make_step(made, torch.tensor(0.1), torch.tensor(1.0))
        weights.append(kernel.detach().clone())
    assert seen == [(4, 4, 2, 1)] * 2
    assert torch.equal(*weights)


def test_loop_returns_sum_of_losses() -> None:
    fit = small_fit(layers=LAYERS, batch_size=10)
    sums = []
    for kind in ("eager", "captured"):
        _, step, part = _started(fit)
        loop = _TensorLoop(step, part) if kind == "eager" else CapturedLoop(step, part, EagerCalls)
        step.rng.start(0, 1)
        step.model.train()
        sums.append(float(loop.run(epoch_order(len(part), 0, 1), step_hyperparameters(fit.recipe, 1, 10))))
    assert sums[0] == pytest.approx(sums[1], rel=1e-6)
    assert sums[0] > 1.0


@pytest.mark.parametrize("name", ["adam", "momentum", "muon", "rmsprop", "ema_decay"])
def test_warm_up_and_capture_restore_state(name: str) -> None:
    fit = small_fit(layers=LAYERS, **RECIPES[name])
    progress, step, part = _started(fit)
    _use_torch_dropout(step)
    train_epoch(EagerLoop(step, part), 0, 1)
    before = _state(progress)
    n_calls = []

    class Once(EagerCalls):
        def __init__(self, work: Any, generators: Any) -> None:
            super().__init__(work, generators)
            work()  # a graph is captured by calling it
            n_calls.append(len(generators))

    addresses = {tensor.data_ptr() for tensor in progress.modules.state_dict().values()}
    CapturedLoop(step, part, Once)
    assert n_calls == [2]  # augmentation's generator and dropout's
    after = _state(progress)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert {tensor.data_ptr() for tensor in progress.modules.state_dict().values()} == addresses


def test_new_optimizer_state_is_zero_after_unchanged() -> None:
    fit = small_fit(layers=LAYERS, optimizer="sgd", momentum=0.9)
    progress, step, part = _started(fit)
    with unchanged(step):
        train_epoch(EagerLoop(step, part), 0, 1)
        assert any(state["momentum_buffer"].any() for state in progress.optimizer.state.values())
    assert len(progress.optimizer.state) == 8
    assert not any(state["momentum_buffer"].any() for state in progress.optimizer.state.values())


def test_loop_closes_its_replay_on_error() -> None:
    closed = []

    class Watched(EagerCalls):
        def close(self) -> None:
            super().close()
            closed.append(True)

    _, step, part = _started(small_fit(layers=LAYERS, batch_size=10))
    with pytest.raises(ZeroDivisionError), CapturedLoop(step, part, Watched):
        raise ZeroDivisionError
    assert closed == [True]


def test_epoch_smaller_than_batch_captures_no_graph() -> None:
    fit = small_fit(layers=LAYERS, batch_size=200)
    expected, step, part = _started(fit)
    train_epoch(_TensorLoop(step, part), 0, 1)
    found, step, part = _started(fit)

    def capture(*_: Any) -> EagerCalls:
        raise AssertionError("there is nothing to capture")

    with CapturedLoop(step, part, capture) as loop:
        train_epoch(loop, 0, 1)
    assert all(torch.equal(_state(expected)[key], tensor) for key, tensor in _state(found).items())


@pytest.mark.parametrize("kind", ["eager", "captured"])
def test_before_step_is_called_before_each_step_and_can_end_epoch(kind: str) -> None:
    """Batches of 10 from 96 images: one replay of nine steps and one single step, or ten eager steps."""
    calls: list[bool] = []

    def before_step() -> None:
        calls.append(True)
        if len(calls) == stop_at:
            raise KeyboardInterrupt

    for stop_at, n_calls in ((0, {"eager": 10, "captured": 2}[kind]), (2, 2)):
        _, step, part = _started(small_fit(layers=LAYERS, batch_size=10))
        loop = (
            EagerLoop(step, part, before_step)
            if kind == "eager"
            else CapturedLoop(step, part, EagerCalls, before_step)
        )
        calls.clear()
        if stop_at:
            with pytest.raises(KeyboardInterrupt):
                train_epoch(loop, 0, 1)
        else:
            train_epoch(loop, 0, 1)
        assert len(calls) == n_calls


@pytest.mark.parametrize(
    ("n_steps", "expected"),
    [(0, 0), (1, 1), (7, 7), (20, 20), (480, 20), (540, 20), (485, 11), (23, 11), (437, 19)],
)
def test_steps_at_once_minimizes_launch_cost(n_steps: int, expected: int) -> None:
    assert steps_at_once(n_steps) == expected


class _Seen(TorchDispatchMode):
    """Records the names of the called torch operations."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(str(function))
        return function(*args, **(kwargs or {}))


# Operations that synchronize with the GPU for a value or a shape, and cannot be captured.
SYNCHRONIZING = (
    "_local_scalar_dense",
    "nonzero",
    "masked_select",
    "unique",
    "equal.",
    "is_nonzero",
    "bincount",
    "repeat_interleave",
)


@pytest.mark.parametrize("name", RECIPES)
def test_captured_step_calls_no_synchronizing_operation(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trivial, "changed_where", changed_everywhere)  # as on a GPU
    fit = small_fit(layers=LAYERS, **RECIPES[name])
    _, step, part = _started(fit)
    loop = CapturedLoop(step, part, EagerCalls)
    with _Seen() as seen:
        loop._take_steps()
    assert len(seen.names) > 20
    assert [each for each in seen.names if any(word in each for word in SYNCHRONIZING)] == []


def test_synchronization_check_detects_item() -> None:
    values = torch.arange(3)
    with _Seen() as seen:
        float(values[1])
        values[values > 1]
    assert {word for word in SYNCHRONIZING if any(word in each for each in seen.names)} >= {
        "_local_scalar_dense"
    }


@pytest.mark.parametrize("augment", ["shift", "affine", "cutout", "shift+cutout", "affine+cutout"])
def test_augmentation_stays_on_device(augment: str) -> None:
    """On the meta device, a tensor on the CPU raises an error."""
    from convstudy.engine.augmentation import augmented

    recipe = small_fit(augment=augment).recipe
    pixels = torch.zeros(6, 8, 8, 1, dtype=torch.uint8, device="meta")
    changed, _ = augmented(pixels, recipe)
    assert (changed.device.type, changed.shape) == ("meta", (6, 1, 8, 8))


def test_network_computes_on_its_own_device() -> None:
    model = nn.Sequential(*engine_fit._start(small_fit(layers=LAYERS), (8, 8, 1), 96, CPU).model).to("meta")
    model.train()
    logits = model(torch.zeros(6, 1, 8, 8, device="meta"))
    nn.functional.cross_entropy(logits, torch.zeros(6, dtype=torch.int64, device="meta")).backward()  # type: ignore[no-untyped-call]
    assert {parameter.grad.device.type for parameter in model.parameters() if parameter.grad is not None} == {
        "meta"
    }
