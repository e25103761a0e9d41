"""The captured loop of a device, on a processor: the same buffers, the graph replaced by calls of its work."""

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
from convstudy.engine.batches import ImageTensors, epoch_order, steps_per_epoch
from convstudy.engine.checkpoint import Progress
from convstudy.engine.cuda.graph import EagerCalls
from convstudy.engine.cuda.loop import CapturedLoop, steps_at_once, unchanged
from convstudy.engine.devices import CPU
from convstudy.engine.optimizers import build_optimizer, make_step
from convstudy.engine.rng_streams import RngStreams
from convstudy.engine.step_hyperparameters import StepHyperparameters, step_hyperparameters
from convstudy.engine.training import EagerLoop, Step, train_epoch
from convstudy.networks.modules.dropout import BitsDropout
from convstudy.plan import Fit
from tests.engine.small import digits, small_fit
from tests.engine.test_determinism import WAYS

LAYERS = ("conv 4 3 relu stride=2", "max-pool 2", "batch-norm", "dropout 0.3", "flatten", "dense 8 relu")
# Every optimizer, schedule, augmentation and number format; batches of 8, so that 96 images are twelve steps.
RECIPES: dict[str, dict[str, Any]] = {
    name: {**{key: value for key, value in values.items() if key != "layers"}, "batch_size": 8}
    for name, values in WAYS.items()
    if name not in ("patience", "tree")  # the first diverges on purpose, the second is about layers
}


def _begun(fit: Fit) -> tuple[Progress, Step, ImageTensors]:
    """Return a fit before its first step."""
    images = digits().train
    progress = engine_fit._start(fit, images.image_shape, CPU)
    rows, _ = split_indices(images.labels, fit.split)
    step = Step(progress.model, progress.optimizer, fit.recipe, progress.average)
    return progress, step, ImageTensors.of(images, rows)


def _state(progress: Progress) -> dict[str, torch.Tensor]:
    """Return all that a checkpoint would hold of the state, as copies."""
    state = {name: tensor.clone() for name, tensor in progress.modules.state_dict().items()}
    for group in progress.optimizer.param_groups:
        for parameter in group["params"]:
            for name, value in progress.optimizer.state[parameter].items():
                state[f"{name} {len(state)}"] = value.clone()
    counts = [group.get("n_steps", 0) for group in progress.optimizer.param_groups]
    return {**state, "counts": torch.tensor(counts)}


def _as_on_device(step: Step) -> Step:
    """Have the step draw as it does on a device: dropout too from a generator of torch's."""
    step.rng = RngStreams(step.model, CPU, torch_dropout=True)
    return step


class _ByTensors(EagerLoop):
    """The plain loop with each step's numbers as tensors, which is all that a captured one does otherwise."""

    def run(self, order: Any, per_step: list[StepHyperparameters]) -> torch.Tensor:
        return super().run(order, [StepHyperparameters(*row.unbind()) for row in torch.tensor(per_step)])


@pytest.mark.parametrize(
    ("name", "layers", "size"),
    [
        *((name, LAYERS, size) for name in RECIPES for size in (8, 10)),
        ("adam", WAYS["tree"]["layers"], 8),
    ],
)
def test_static_buffers_come_to_what_plain_calls_come_to(name: str, layers: Any, size: int) -> None:
    """Bit for bit, over two epochs; batches of 10 leave six images for a smaller last batch."""
    fit = small_fit(layers=layers, **{**RECIPES[name], "batch_size": size})
    plain, step, part = _begun(fit)
    by_calls = _ByTensors(step, part)
    for epoch in (1, 2):
        train_epoch(by_calls, fit.seed, epoch)
    captured, step, part = _begun(fit)
    with CapturedLoop(step, part, EagerCalls) as loop:
        assert loop._n_at_once == {8: 12, 10: 9}[size]
        for epoch in (1, 2):
            assert (
                train_epoch(loop, fit.seed, epoch)
                == step_hyperparameters(fit.recipe, epoch, 12 if size == 8 else 10)[-1].lr
            )
    expected, found = _state(plain), _state(captured)
    assert expected.keys() == found.keys()
    for key, tensor in expected.items():
        assert torch.equal(found[key], tensor), key


@pytest.mark.parametrize("augment", ["none", "affine+cutout"])
def test_every_number_of_a_captured_step_is_drawn_from_a_registered_generator(augment: str) -> None:
    """The draws of a device, on a processor: augmentation's and dropout's generators move, torch's own does not."""
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
        progress, step, part = _begun(fit)
        _as_on_device(step)
        with (
            nullcontext(_ByTensors(step, part)) if kind == "called" else CapturedLoop(step, part, Watched)
        ) as loop:
            train_epoch(loop, fit.seed, 1)
            train_epoch(loop, fit.seed, 2)
        weights.append(torch.cat([tensor.flatten() for tensor in progress.modules.state_dict().values()]))
    assert drawn == [[augment != "none", True]] * 2  # a replay an epoch
    assert torch.equal(*weights)
    # Not what a processor draws: else the test above would have looked at that.
    progress, step, part = _begun(fit)
    train_epoch(_ByTensors(step, part), fit.seed, 1)
    train_epoch(_ByTensors(step, part), fit.seed, 2)
    state = progress.modules.state_dict()
    assert not torch.equal(torch.cat([tensor.flatten() for tensor in state.values()]), weights[0])


def test_dropout_on_a_device_drops_as_often_and_starts_anew_with_each_epoch() -> None:
    model = nn.Sequential(BitsDropout(0.3)).train()
    noise = RngStreams(model, CPU, torch_dropout=True)
    values, masks = torch.ones(200, 500), []
    for seed, epoch in ((1, 1), (1, 2), (2, 1), (1, 1)):
        noise.start(seed, epoch)
        masks.append(model(values) == 0)
        masks.append(model(values) == 0)
    for mask in masks:
        assert abs(mask.float().mean().item() - 0.3) < 5 * (0.3 * 0.7 / values.numel()) ** 0.5
    assert len({mask.numpy().tobytes() for mask in masks}) == 6
    assert torch.equal(masks[0], masks[6])
    assert torch.equal(masks[1], masks[7])


@pytest.mark.parametrize("name", RECIPES)
def test_numbers_as_tensors_come_to_what_plain_numbers_come_to_but_for_rounding(name: str) -> None:
    fit = small_fit(layers=LAYERS, **{**RECIPES[name], "precision": "float32"})
    totals, weights = [], []
    for kind in (EagerLoop, _ByTensors):
        progress, step, part = _begun(fit)
        loop = kind(step, part)
        n_steps = steps_per_epoch(len(part), fit.recipe.batch_size)
        step.rng.start(0, 1)
        step.model.train()
        # A few steps only: what rounding does grows with each.
        order = epoch_order(len(part), 0, 1)[: 4 * fit.recipe.batch_size]
        totals.append(float(loop.run(order, step_hyperparameters(fit.recipe, 1, n_steps)[:4])))
        weights.append(torch.cat([tensor.flatten() for tensor in progress.modules.state_dict().values()]))
    assert totals[1] == pytest.approx(totals[0], rel=1e-4)
    assert torch.allclose(weights[1], weights[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_fused_kernel_gets_gradients_laid_out_as_their_parameters(optimizer: str) -> None:
    """Strides of an axis of length 1 mean nothing, and a device's kernels compare them all the same."""
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


def test_the_losses_of_all_steps_are_summed() -> None:
    fit = small_fit(layers=LAYERS, batch_size=10)
    sums = []
    for kind in ("plain", "captured"):
        _, step, part = _begun(fit)
        loop = _ByTensors(step, part) if kind == "plain" else CapturedLoop(step, part, EagerCalls)
        step.rng.start(0, 1)
        step.model.train()
        sums.append(float(loop.run(epoch_order(len(part), 0, 1), step_hyperparameters(fit.recipe, 1, 10))))
    assert sums[0] == pytest.approx(sums[1], rel=1e-6)
    assert sums[0] > 1.0


@pytest.mark.parametrize("name", ["adam", "momentum", "muon", "rmsprop", "ema_decay"])
def test_warming_up_and_capturing_leave_no_trace(name: str) -> None:
    fit = small_fit(layers=LAYERS, **RECIPES[name])
    progress, step, part = _begun(fit)
    _as_on_device(step)
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


def test_state_that_a_first_step_makes_is_zero_afterwards() -> None:
    fit = small_fit(layers=LAYERS, optimizer="sgd", momentum=0.9)
    progress, step, part = _begun(fit)
    with unchanged(step):
        train_epoch(EagerLoop(step, part), 0, 1)
        assert any(state["momentum_buffer"].any() for state in progress.optimizer.state.values())
    assert len(progress.optimizer.state) == 8
    assert not any(state["momentum_buffer"].any() for state in progress.optimizer.state.values())


def test_a_closed_loop_lets_go_of_its_replay() -> None:
    closed = []

    class Watched(EagerCalls):
        def close(self) -> None:
            super().close()
            closed.append(True)

    _, step, part = _begun(small_fit(layers=LAYERS, batch_size=10))
    with pytest.raises(ZeroDivisionError), CapturedLoop(step, part, Watched):
        raise ZeroDivisionError
    assert closed == [True]


def test_fewer_images_than_a_batch_are_a_step_without_a_graph() -> None:
    fit = small_fit(layers=LAYERS, batch_size=200)
    expected, step, part = _begun(fit)
    train_epoch(_ByTensors(step, part), 0, 1)
    found, step, part = _begun(fit)

    def capture(*_: Any) -> EagerCalls:
        raise AssertionError("there is nothing to capture")

    with CapturedLoop(step, part, capture) as loop:
        train_epoch(loop, 0, 1)
    assert all(torch.equal(_state(expected)[key], tensor) for key, tensor in _state(found).items())


@pytest.mark.parametrize("kind", ["plain", "captured"])
def test_a_loop_asks_before_each_step_or_replay_and_ends_where_it_is_told_to(kind: str) -> None:
    """Batches of 10 of 96 images: nine steps at once and one that is left, or ten."""
    asked: list[bool] = []

    def ask() -> None:
        asked.append(True)
        if len(asked) == stop_at:
            raise KeyboardInterrupt

    for stop_at, n_asked in ((0, {"plain": 10, "captured": 2}[kind]), (2, 2)):
        _, step, part = _begun(small_fit(layers=LAYERS, batch_size=10))
        loop = EagerLoop(step, part, ask) if kind == "plain" else CapturedLoop(step, part, EagerCalls, ask)
        asked.clear()
        if stop_at:
            with pytest.raises(KeyboardInterrupt):
                train_epoch(loop, 0, 1)
        else:
            train_epoch(loop, 0, 1)
        assert len(asked) == n_asked


@pytest.mark.parametrize(
    ("n_steps", "expected"),
    [(0, 0), (1, 1), (7, 7), (20, 20), (480, 20), (540, 20), (485, 11), (23, 11), (437, 19)],
)
def test_as_many_steps_are_captured_as_leave_few_over(n_steps: int, expected: int) -> None:
    assert steps_at_once(n_steps) == expected


class _Seen(TorchDispatchMode):
    """Notes which of torch's operations are called."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(str(function))
        return function(*args, **(kwargs or {}))


# What has to wait for a device to know a number or a shape, and so cannot be captured.
WAITING = (
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
def test_no_captured_step_asks_what_a_tensor_holds(name: str) -> None:
    fit = small_fit(layers=LAYERS, **RECIPES[name])
    _, step, part = _begun(fit)
    loop = CapturedLoop(step, part, EagerCalls)
    with _Seen() as seen:
        loop._take_steps()
    assert len(seen.names) > 20
    assert [each for each in seen.names if any(word in each for word in WAITING)] == []


def test_the_check_for_waiting_sees() -> None:
    values = torch.arange(3)
    with _Seen() as seen:
        float(values[1])
        values[values > 1]
    assert {word for word in WAITING if any(word in each for each in seen.names)} >= {"_local_scalar_dense"}


@pytest.mark.parametrize("augment", ["shift", "affine", "cutout", "shift+cutout", "affine+cutout"])
def test_images_are_changed_where_they_are(augment: str) -> None:
    """On the meta device a tensor that was made on the processor by mistake is an error."""
    from convstudy.engine.augmentation import augmented

    recipe = small_fit(augment=augment).recipe
    pixels = torch.zeros(6, 8, 8, 1, dtype=torch.uint8, device="meta")
    changed = augmented(pixels, recipe)
    assert (changed.device.type, changed.shape) == ("meta", (6, 1, 8, 8))


def test_a_network_is_trained_where_it_is() -> None:
    model = nn.Sequential(*engine_fit._start(small_fit(layers=LAYERS), (8, 8, 1), CPU).model).to("meta")
    model.train()
    logits = model(torch.zeros(6, 1, 8, 8, device="meta"))
    nn.functional.cross_entropy(logits, torch.zeros(6, dtype=torch.int64, device="meta")).backward()  # type: ignore[no-untyped-call]
    assert {parameter.grad.device.type for parameter in model.parameters() if parameter.grad is not None} == {
        "meta"
    }
