"""Pixels of any type as uint8 of the target's size and channels: transparency, grey or colour, value range, fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from convstudy.data.decoding.fitting import fitted
from convstudy.data.decoding.pixels import Samples
from convstudy.data.decoding.undecodable import Undecodable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image

    from convstudy.data.decoding.options import DecodeOptions

LUMA = (0.299, 0.587, 0.114)
"""The weights of red, green and blue in a grey value: ITU-R BT.601, as in Pillow's mode L."""

EIGHT_BIT: tuple[float, float] = (0, 255)
"""The limits of 8-bit values."""


def pixels_of(
    loaded: Image.Image | Samples, source: tuple[int, int], turn: int, options: DecodeOptions
) -> npt.NDArray[np.uint8]:
    """Return an image as the options ask.

    Args:
        loaded: a Pillow image of mode L, LA, RGB or RGBA, or samples.
        source: (height, width) of the whole upright image; a Pillow image is smaller after a reduced decode.
        turn: the EXIF orientation, 1 to 8, in which the image is stored.
        options: the form of the result.

    Returns:
        uint8, shape (height, width, channels), in memory of its own.

    Raises:
        Undecodable: if the channels cannot become those of the options, or the values need a range.
    """
    import numpy as np

    if not isinstance(loaded, Samples) and options.value_range is not None:
        values = np.asarray(loaded)
        values = values.reshape(loaded.height, loaded.width, -1)
        loaded = Samples(values, EIGHT_BIT, has_alpha=loaded.mode in ("LA", "RGBA"))
    planes: Iterable[Image.Image]
    if isinstance(loaded, Samples):  # noqa: SIM108 (mypy narrows the type only here)
        planes = _planes_of_samples(loaded, options)
    else:
        planes = _planes_of_image(loaded, options)
    arrays = [_as_uint8(fitted(plane, source, turn, options)) for plane in planes]
    pixels = arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=2)
    if pixels.shape[2] == 1 and options.channels == 3:
        pixels = np.repeat(pixels, 3, axis=2)
    if options.invert:
        np.subtract(255, pixels, out=pixels)
    return pixels


def _planes_of_image(image: Image.Image, options: DecodeOptions) -> Sequence[Image.Image]:
    """Return an 8-bit image as one grey or colour image, or as one grey image per stored channel.

    A grey image that must have three channels stays grey: fitting it once and repeating it gives the same values.
    """
    stored = len(image.getbands())
    if options.channels not in (1, 3):
        if options.channels != stored:
            raise _wrong_channels(stored, options)
        return image.split()
    if image.mode in ("LA", "RGBA"):
        image = _composited(image, options)
    if options.channels == 1 and image.mode == "RGB":
        image = image.convert("L")
    return [image]


def _composited(image: Image.Image, options: DecodeOptions) -> Image.Image:
    """Return an image with transparency over the background, with values rounded to the nearest integer."""
    from PIL import Image

    red, green, blue = options.colour_background
    if image.mode == "LA" and options.channels == 3 and not red == green == blue:
        image = image.convert("RGBA")
    has_grey = image.mode == "LA"
    if image.getextrema()[-1] == (255, 255):  # nothing is transparent
        return image.convert("L" if has_grey else "RGB")
    below = options.grey_background if has_grey else options.colour_background
    composited = Image.new("L" if has_grey else "RGB", image.size, below)
    composited.paste(image, mask=image)
    return composited


def _planes_of_samples(samples: Samples, options: DecodeOptions) -> Iterable[Image.Image]:
    """Return samples as images of mode F with values 0 to 255, or of mode L if they are 8-bit already.

    Interpolation in Pillow's 16-bit modes is wrong or clips, so every other type becomes float32 first.
    """
    import numpy as np
    from PIL import Image

    values = samples.values
    stored = values.shape[2]
    if values.dtype.kind == "b":
        values = values.astype(np.uint8) * np.uint8(255)
        samples = replace(samples, values=values, limits=EIGHT_BIT)
    is_8_bit = values.dtype.str == "|u1" and samples.limits == EIGHT_BIT
    if is_8_bit and options.value_range is None and not samples.is_premultiplied:
        if stored in (1, 3) or samples.has_alpha:
            image = Image.fromarray(np.ascontiguousarray(values[..., 0] if stored == 1 else values))
            return _planes_of_image(image, options)
        if stored != options.channels:
            raise _wrong_channels(stored, options)
        return [Image.fromarray(np.ascontiguousarray(values[..., each])) for each in range(stored)]
    keeps_all = options.channels == stored
    with_alpha = samples.has_alpha and not keeps_all
    colours = stored - 1 if with_alpha else stored
    if not keeps_all and (options.channels not in (1, 3) or colours not in (1, 3)):
        raise _wrong_channels(stored, options)
    return _float_planes(samples, options, colours, with_alpha)


def _float_planes(
    samples: Samples, options: DecodeOptions, colours: int, with_alpha: bool
) -> Iterator[Image.Image]:
    """Yield images of mode F, one per channel of the result, or one grey image for three equal channels.

    One plane is in memory at a time: an image may have 89 million pixels.
    """
    import numpy as np
    from PIL import Image

    values, limits = samples.values, options.value_range or _limits(samples)
    alpha = _scaled(values[..., -1], samples.limits or limits) if with_alpha else None
    if alpha is not None:
        alpha /= np.float32(255)

    def plane(channel: int, level: int) -> npt.NDArray[np.float32]:
        scaled = _scaled(values[..., channel], limits)
        if alpha is None:
            return scaled
        if not samples.is_premultiplied:
            scaled *= alpha
        scaled += np.float32(level) * (1 - alpha)
        return scaled

    if colours == 3 and options.channels == 1:
        grey = np.zeros(values.shape[:2], np.float32)
        for channel, weight in enumerate(LUMA):
            grey += np.float32(weight) * plane(channel, options.colour_background[channel])
        yield Image.fromarray(grey)
    elif colours == 1:
        is_coloured = alpha is not None and options.channels == 3
        for level in options.colour_background if is_coloured else (options.grey_background,):
            yield Image.fromarray(plane(0, level))
    else:
        levels = options.colour_background if colours == 3 else (0,) * colours
        for channel, level in enumerate(levels):
            yield Image.fromarray(plane(channel, level))


def _limits(samples: Samples) -> tuple[float, float]:
    """Return the values that become 0 and 255 by default.

    Raises:
        Undecodable: if the type has no such values, or a float is outside of 0 to 1.
    """
    import numpy as np

    values = samples.values
    if samples.limits is not None and values.dtype.kind != "f":
        return samples.limits
    low, high = float(np.min(values)), float(np.max(values))
    if not np.isfinite([low, high]).all():
        raise Undecodable("NaN or infinite values")
    if samples.limits is None or low < samples.limits[0] - 1e-6 or high > samples.limits[1] + 1e-6:
        reason = f"{values.dtype.name} values from {low:g} to {high:g} need `range`"
        raise Undecodable(f"{reason}, for example range = [{low:g}, {high:g}]")
    return samples.limits


def _scaled(plane: npt.NDArray[Any], limits: tuple[float, float]) -> npt.NDArray[np.float32]:
    """Return a plane as float32 in which the limits are 0 and 255; values outside are clipped."""
    import numpy as np

    low, high = limits
    # float32 has 24 bits: enough for the differences of 16-bit values, not for those of larger integers.
    is_narrow = plane.dtype.itemsize <= 2 or plane.dtype.kind + str(plane.dtype.itemsize) == "f4"
    # A damaged file may have numbers that overflow, or are none.
    with np.errstate(all="ignore"):
        scaled: npt.NDArray[Any] = np.array(plane, np.float32 if is_narrow else np.float64, order="C")
        scaled -= low
        scaled *= 255 / (high - low)
    if not np.isfinite(scaled).all():
        raise Undecodable("NaN or infinite values")
    np.clip(scaled, 0, 255, out=scaled)
    return scaled.astype(np.float32, copy=False)


def _as_uint8(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Return uint8, shape (height, width, bands); values of mode F are rounded half up."""
    import numpy as np

    if image.mode == "F":
        values = np.floor(np.asarray(image) + np.float32(0.5)).clip(0, 255).astype(np.uint8)
    else:
        values = np.array(image)
    return values.reshape(image.height, image.width, -1)


def _wrong_channels(stored: int, options: DecodeOptions) -> Undecodable:
    plural = "channel" if stored == 1 else "channels"
    return Undecodable(f"{stored} {plural} cannot become the {options.channels} of `channels`")
