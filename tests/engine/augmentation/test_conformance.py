"""Every transform and every preset keeps the rules of the package, for any shape of images."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from convstudy.engine.augmentation import augmented, transforms
from convstudy.engine.augmentation.draws import Draws
from convstudy.engine.augmentation.rows import changed_everywhere, changed_where
from convstudy.engine.augmentation.transform import Mixture, ValueTransform
from convstudy.engine.augmentation.warp import Warp, warped
from convstudy.engine.randomness import torch_generator
from convstudy.studyfile import Recipe
from convstudy.studyfile.augment import Setting, augmentation_of
from convstudy.studyfile.transforms import ORIGINALS, PRESETS, TRANSFORMS

# A strong setting of each transform, also with a probability and with a range where one is allowed.
TEXTS = {
    "flip": "flip=both",
    "shift": "shift=0.3",
    "rotate": "rotate=-20..90",
    "scale": "scale=0.5..2",
    "shear": "shear=30",
    "elastic": "elastic=0.2",
    "trivial": "trivial=wide@0.9",
    "blur": "blur=0.5..2",
    "brightness": "brightness=0.9",
    "contrast": "contrast=0.9@0.5",
    "saturation": "saturation=0.9",
    "noise": "noise=0.3",
    "cutout": "cutout=0.2..0.8",
    "mixup": "mixup=0.4",
    "cutmix": "cutmix=1",
}
TOGETHER = " ".join(text for key, text in TEXTS.items()) + " border=edge"
EVERY = [*TEXTS.values(), *PRESETS, TOGETHER, "flip=both@0.7", "mixup=1@0.5", "cutmix=2@0.5"]
SHAPES = [(6, 8, 8, 1), (1, 28, 28, 1), (5, 9, 21, 3), (4, 16, 5, 7), (3, 1, 1, 1), (2, 2, 3, 3)]


def _pixels(*shape: int) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(4))


def _augmented(text: str, pixels: torch.Tensor, seed: int = 0) -> torch.Tensor:
    return augmented(pixels, Recipe(augment=text), torch_generator(seed, "noise", 1))[0]


def test_study_file_and_engine_have_the_same_transforms() -> None:
    assert set(transforms()) == set(TRANSFORMS) == set(TEXTS)
    assert len(TRANSFORMS) == 15


@pytest.mark.parametrize("text", EVERY)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_augmented_images_keep_shape_range_and_memory_format(
    text: str, shape: tuple[int, int, int, int]
) -> None:
    pixels = _pixels(*shape)
    before = pixels.clone()
    images, mixed = augmented(pixels, Recipe(augment=text), torch_generator(2, "noise", 1))
    n, height, width, channels = shape
    assert images.shape == (n, channels, height, width)
    assert images.dtype == torch.float32
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert 0.0 <= float(images.min()) <= float(images.max()) <= 1.0
    assert torch.equal(pixels, before)  # the input is not modified
    is_mixture = any(key in augmentation_of(text).text for key in ("mixup", "cutmix"))
    assert (mixed is not None) == is_mixture
    if mixed is not None:
        assert mixed.partner.shape == mixed.proportion.shape == (n,)
        assert bool(((mixed.proportion >= 0) & (mixed.proportion <= 1 + 1e-6)).all())


@pytest.mark.parametrize("text", EVERY)
def test_augmentation_is_determined_by_its_generator(text: str) -> None:
    pixels = _pixels(16, 12, 10, 3)
    torch.manual_seed(1)
    first = _augmented(text, pixels, 1)
    state = torch.random.get_rng_state()
    torch.manual_seed(2)
    assert torch.equal(_augmented(text, pixels, 1), first)
    assert not torch.equal(_augmented(text, pixels, 3), first)
    torch.manual_seed(1)
    assert torch.equal(torch.random.get_rng_state(), state)  # torch's default generator is not used


@pytest.mark.parametrize("text", EVERY)
def test_image_does_not_depend_on_other_images_of_its_batch(text: str) -> None:
    """Except its partner in a mixture: image i gets values of image i - 1."""
    pixels = _pixels(5, 8, 9, 3)
    changed = pixels.clone()
    changed[3] = 255 - changed[3]
    first, second = _augmented(text, pixels), _augmented(text, changed)
    for row in (0, 1, 2):
        assert torch.equal(first[row], second[row])
    assert not torch.equal(first[3], second[3])


@pytest.mark.parametrize("name", TRANSFORMS)
def test_neutral_strength_is_identity(name: str) -> None:
    spec, transform = TRANSFORMS[name], transforms()[name]
    images = _pixels(4, 9, 7, 3).permute(0, 3, 1, 2).float() / 255.0
    draws = Draws(4, images.device, torch_generator(0, "noise", 1))
    setting = Setting(name, spec.neutral, spec.neutral, spec.choices[0] if spec.choices else "")
    if spec.choices or spec.form == "alpha":  # no strength, but a probability
        setting = Setting(name, 1.0, 1.0, setting.choice, probability=0.0)
    if isinstance(transform, ValueTransform):
        assert torch.equal(transform.change(images, setting, draws), images)
    elif isinstance(transform, Mixture):
        assert torch.equal(transform.own(9, 7, setting, draws), torch.ones(4, 9, 7))
    else:
        warp = transform.change(Warp.identity(4, 9, 7, images.device), setting, draws)
        assert torch.allclose(warped(images, warp, "zero"), images, atol=1e-5)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_probability_zero_changes_nothing_and_is_left_out(name: str) -> None:
    value = TEXTS[name].partition("@")[0]
    assert augmentation_of(f"{value}@0").text == "none"


def test_transforms_that_accept_uint8_give_the_same_images_as_in_float32() -> None:
    pixels = _pixels(20, 9, 7, 3).permute(0, 3, 1, 2)
    names = [key for key, each in transforms().items() if isinstance(each, ValueTransform) and each.on_uint8]
    assert sorted(names) == ["cutout", "flip"]
    for name in names:
        (setting,), results = augmentation_of(TEXTS[name]).settings, []
        for images in (pixels, pixels.float()):
            results.append(
                transforms()[name].change(
                    images, setting, Draws(20, pixels.device, torch_generator(1, "noise"))
                )
            )  # type: ignore[arg-type, call-arg]
        assert results[0].dtype == torch.uint8  # type: ignore[union-attr]
        assert torch.equal(results[0].float(), results[1])  # type: ignore[union-attr, arg-type]


def test_some_changed_rows_equal_all_changed_rows() -> None:
    """The fast path of a CPU and its reference implementation."""
    images, factor = torch.rand(7, 1, 4, 4), torch.rand(7)
    for chosen in (torch.tensor([0, 1, 0, 0, 1, 1, 0]).bool(), torch.zeros(7).bool(), torch.ones(7).bool()):

        def change(some: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
            return some * factor[rows][:, None, None, None]

        expected = changed_everywhere(chosen, images, change)
        assert torch.equal(changed_where(chosen, images, change), expected)
        assert torch.equal(expected[~chosen], images[~chosen])


@pytest.mark.parametrize("text", [*EVERY, *ORIGINALS])
@pytest.mark.parametrize("channels", [1, 3])
def test_augmentation_stays_on_its_device(text: str, channels: int) -> None:
    """On the meta device, reading a value or using a tensor on the CPU raises an error."""
    pixels = torch.zeros(6, 12, 9, channels, dtype=torch.uint8, device="meta")
    with _WithoutCopies():
        images, mixed = augmented(pixels, Recipe(augment=text))
    assert (images.device.type, images.shape) == ("meta", (6, channels, 12, 9))
    assert mixed is None or mixed.proportion.device.type == "meta"


class _WithoutCopies(TorchDispatchMode):
    """Refuses what a CUDA graph cannot capture: copies from a CPU, and shapes that depend on values."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = [each for each in args if isinstance(each, torch.Tensor)]
        refused = ("nonzero", "_local_scalar_dense", "masked_select", "unique")
        assert not any(word in str(function) for word in refused), function
        # A number that becomes a tensor is a tensor on the CPU without dimensions.
        assert not any(each.device.type == "cpu" for each in given), function
        return function(*args, **(kwargs or {}))


def test_refused_operations_are_noticed() -> None:
    values = torch.zeros(3, device="meta")
    for refused in (lambda: torch.where(values > 0, values, torch.tensor(1.0)), lambda: values[values > 0]):
        with pytest.raises((AssertionError, RuntimeError)), _WithoutCopies():
            refused()
