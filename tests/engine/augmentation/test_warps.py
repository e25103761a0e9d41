"""Warps compared with scipy's interpolation, and with moves that are worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import ndimage

from convstudy.engine.augmentation import augmented, transforms
from convstudy.engine.augmentation.draws import Draws
from convstudy.engine.augmentation.elastic import N_INTERVALS, N_POINTS, spline_weights
from convstudy.engine.augmentation.transform import WarpTransform
from convstudy.engine.augmentation.warp import Warp, warped
from convstudy.engine.randomness import torch_generator
from convstudy.studyfile import Recipe
from convstudy.studyfile.augment import augmentation_of
from convstudy.studyfile.transforms import BORDERS

MODES = {"zero": "constant", "edge": "nearest", "reflect": "reflect"}
HEIGHT, WIDTH = 11, 8


def _images(n: int = 1) -> torch.Tensor:
    # Zeros at the border: at its edge, scipy's "constant" mode does not blend with the constant.
    return torch.nn.functional.pad(torch.rand(n, 2, HEIGHT - 2, WIDTH - 2), (1, 1, 1, 1))


def _warp(text: str, n: int = 1, seed: int = 0) -> Warp:
    """Return the warp of a text."""
    warp, draws = (
        Warp.identity(n, HEIGHT, WIDTH, torch.device("cpu")),
        Draws(n, torch.device("cpu"), torch_generator(seed, "noise")),
    )
    for setting in augmentation_of(text).settings:
        transform = transforms()[setting.key]
        assert isinstance(transform, WarpTransform)
        warp = transform.change(warp, setting, draws)
    return warp


def _reference(image: torch.Tensor, source: npt.NDArray[np.float64], border: str) -> npt.NDArray[np.float64]:
    """Return an image ``(c, h, w)`` sampled at ``source`` (2, h, w): rows and columns."""
    return np.stack(
        [
            ndimage.map_coordinates(channel, source, order=1, mode=MODES[border])
            for channel in image.double().numpy()
        ]
    )


def _source(
    matrix: npt.NDArray[np.float64], right: float = 0.0, down: float = 0.0
) -> npt.NDArray[np.float64]:
    """Return the source rows and columns of content that a matrix (x, y) moves around the center, and then a shift."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    x, y = columns - (WIDTH - 1) / 2 - right, rows - (HEIGHT - 1) / 2 - down
    inverse = np.linalg.inv(matrix)
    return np.stack(
        [
            inverse[1, 0] * x + inverse[1, 1] * y + (HEIGHT - 1) / 2,
            inverse[0, 0] * x + inverse[0, 1] * y + (WIDTH - 1) / 2,
        ]
    )


def _rotation(degrees: float) -> npt.NDArray[np.float64]:
    angle = math.radians(degrees)  # y points down
    return np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])


SHEAR = np.array([[1.0, math.tan(math.radians(20))], [0.0, 1.0]])
ONE = np.eye(2)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("shift=0.25..0.25", _source(ONE, right=WIDTH / 4, down=HEIGHT / 4)),
        ("shift=-0.1..-0.1", _source(ONE, right=-WIDTH / 10, down=-HEIGHT / 10)),
        ("rotate=30..30", _source(_rotation(30))),
        ("rotate=-75..-75", _source(_rotation(-75))),
        ("scale=1.5..1.5", _source(1.5 * ONE)),
        ("scale=0.7..0.7", _source(0.7 * ONE)),
        ("shear=20..20", _source(SHEAR)),
        (
            "shift=0.2..0.2 rotate=40..40 scale=1.2..1.2 shear=20..20",
            _source(_rotation(40) @ (1.2 * ONE) @ SHEAR, right=WIDTH / 5, down=HEIGHT / 5),
        ),
    ],
)
def test_warp_equals_scipy(text: str, source: npt.NDArray[np.float64], border: str) -> None:
    images = _images() if border == "zero" else torch.rand(1, 2, HEIGHT, WIDTH)
    result = warped(images, _warp(text), border)[0].numpy()
    assert np.allclose(result, _reference(images[0], source, border), atol=2e-5)


def test_rotation_by_90_degrees_is_counter_clockwise() -> None:
    images = torch.rand(2, 3, 6, 6)
    warp = Warp.identity(2, 6, 6, images.device)
    (setting,) = augmentation_of("rotate=90..90").settings
    turned = transforms()["rotate"].change(warp, setting, Draws(2, images.device, None))  # type: ignore[call-arg, arg-type]
    assert torch.allclose(warped(images, turned, "zero"), torch.rot90(images, 1, (2, 3)), atol=1e-5)  # type: ignore[arg-type]


def test_shift_moves_content_right_and_down() -> None:
    pixels = torch.zeros(1, 10, 10, 1, dtype=torch.uint8)
    pixels[0, 4, 4] = 255
    images, _ = augmented(pixels, Recipe(augment="shift=0.2..0.2"))
    assert torch.nonzero(images[0, 0] > 0.99).tolist() == [[6, 6]]


@pytest.mark.parametrize("text", ["shift=0.2", "rotate=30", "scale=0.3", "shear=20", "elastic=0.2"])
def test_warp_with_a_probability_moves_that_proportion_of_the_images(text: str) -> None:
    warp = _warp(f"{text}@0.25", 2000)
    still = (warp.matrix == torch.eye(2)).all(dim=2).all(dim=1) & (warp.offset == 0).all(dim=1)
    if warp.field is not None:
        still &= (warp.field == 0).flatten(1).all(dim=1)
    assert 0.72 < float(still.float().mean()) < 0.78


def test_several_warps_interpolate_once() -> None:
    """Two half-pixel shifts would blur twice; as one warp they are a whole pixel, without any blur."""
    warp, half = Warp.identity(1, 6, 6, torch.device("cpu")), torch.tensor([0.5])
    images = torch.rand(1, 1, 6, 6)
    moved = warped(images, warp.shifted(half, 0 * half).shifted(half, 0 * half), "zero")
    assert torch.allclose(moved[..., 1:], images[..., :-1], atol=1e-6)


def test_strengths_are_uniform_over_the_range() -> None:
    angles = torch.rad2deg(
        torch.atan2(*(row[:, 0] for row in _warp("rotate=-30..60", 4000).matrix.flip(1).unbind(1)))
    )
    assert -30 <= float(angles.min()) < -29 and 59 < float(angles.max()) <= 60
    assert float(angles.mean()) == pytest.approx(15, abs=2)


def test_elastic_field_equals_cubic_spline_of_scipy() -> None:
    """scipy evaluates the same B-spline if it does not filter the control points first."""
    points = torch.rand(N_POINTS, N_POINTS)
    field = (spline_weights(HEIGHT, points.device) @ points @ spline_weights(WIDTH, points.device).T).numpy()
    rows, columns = (1 + (np.arange(side) + 0.5) * N_INTERVALS / side for side in (HEIGHT, WIDTH))
    at = np.stack(np.meshgrid(rows, columns, indexing="ij"))
    expected = ndimage.map_coordinates(points.double().numpy(), at, order=3, prefilter=False)
    assert np.allclose(field, expected, atol=1e-6)


def test_elastic_deformation_equals_scipy_and_stays_within_strength() -> None:
    images, warp = _images(3), _warp("elastic=0.1..0.1", 3)
    assert warp.field is not None
    field = warp.field.double().numpy()
    assert 0 < abs(field[:, 0]).max() <= 0.1 * WIDTH and 0 < abs(field[:, 1]).max() <= 0.1 * HEIGHT
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    for image, result, (across, down) in zip(images, warped(images, warp, "edge"), field, strict=True):
        expected = _reference(image, np.stack([rows + down, columns + across]), "edge")
        assert np.allclose(result.numpy(), expected, atol=2e-5)


def test_field_must_be_last_step_of_a_warp() -> None:
    one = torch.ones(1)
    with pytest.raises(ValueError, match="last step"):
        _warp("elastic=0.1").followed_by(one, 0 * one, 0 * one, one)
