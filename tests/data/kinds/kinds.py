"""Every kind of files that a study can read, written by the library that people write it with.

A kind is a function that writes images into a folder and returns the keys of ``[dataset]``. :data:`KINDS` has them all;
the tests of :mod:`tests.data.kinds.test_kinds` compare the pixels that are read with the pixels that were written.
"""

from __future__ import annotations

import gzip
import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.data.kinds.example_images import Example, Pixels, colour_shapes, grey_digits

Keys = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind of files.

    Args:
        example: makes the images that are written.
        write: writes them into an empty folder; returns the keys of ``[dataset]``, with a relative path.
        tolerance: the largest difference of a pixel after reading; 0 for lossless files.
        expected: what the pixels become, if reading changes them on purpose.
    """

    example: Callable[[], Example]
    write: Callable[[Path, Example], Keys]
    tolerance: int = 0
    expected: Callable[[Pixels], Pixels] = lambda pixels: pixels


def _folder(
    save: Callable[[npt.NDArray[np.uint8], Path], None], suffix: str
) -> Callable[[Path, Example], Keys]:
    """Return a writer of one folder per class, in which ``save`` writes each image."""

    def write(folder: Path, example: Example) -> Keys:
        for number, (pixels, label) in enumerate(zip(example.pixels, example.labels, strict=True)):
            path = folder / "photos" / label / f"{number:03d}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            save(pixels, path)
        return {"path": "photos"}

    return write


def _image(pixels: npt.NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def _save(pixels: npt.NDArray[np.uint8], path: Path) -> None:
    _image(pixels).save(path)


def _save_webp(pixels: npt.NDArray[np.uint8], path: Path) -> None:
    _image(pixels).save(path, lossless=True)


def _save_palette(pixels: npt.NDArray[np.uint8], path: Path) -> None:
    _image(pixels).quantize(colors=256, dither=Image.Dither.NONE).save(path)


def _save_with_alpha(pixels: npt.NDArray[np.uint8], path: Path) -> None:
    _image(pixels).convert("RGBA").save(path)


def _save_bit(pixels: npt.NDArray[np.uint8], path: Path) -> None:
    _image(np.where(pixels > 127, 255, 0).astype(np.uint8)).convert("1").save(path)


def _save_16_bit(pixels: npt.NDArray[np.uint8], path: Path) -> None:
    Image.fromarray(pixels[..., 0].astype(np.uint16) * 257).save(path)


def _save_jpeg(pixels: npt.NDArray[np.uint8], path: Path) -> None:
    _image(pixels).save(path, quality=95, subsampling=0)


def _save_avif(pixels: npt.NDArray[np.uint8], path: Path) -> None:
    _image(pixels).save(path, quality=100, subsampling="4:4:4")


def _save_float_tiff(pixels: npt.NDArray[np.uint8], path: Path) -> None:
    import tifffile

    tifffile.imwrite(path, (pixels[..., 0] / np.float32(255)).astype(np.float32))


def _save_bands(pixels: npt.NDArray[np.uint8], path: Path) -> None:
    import tifffile

    tifffile.imwrite(path, _bands(pixels), planarconfig="contig", photometric="minisblack")


def _bands(pixels: Pixels) -> Pixels:
    """Return five channels: the three of the images, and two that are computed from them."""
    return np.concatenate([pixels, 255 - pixels[..., :1], pixels[..., 1:2] // 2], axis=-1)


def _save_npy(pixels: npt.NDArray[np.uint8], path: Path) -> None:
    np.save(path, pixels)


def _parts(folder: Path, example: Example) -> Keys:
    for number, (pixels, label) in enumerate(zip(example.pixels, example.labels, strict=True)):
        part = ("train", "train", "test")[number % 3]
        path = folder / "photos" / part / label / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        _save(pixels, path)
    return {"path": "photos"}


def _archive(kind: str) -> Callable[[Path, Example], Keys]:
    def write(folder: Path, example: Example) -> Keys:
        _folder(_save, ".png")(folder, example)
        name = shutil.make_archive(str(folder / "packed"), kind, folder / "photos")
        shutil.rmtree(folder / "photos")
        return {"path": Path(name).name}

    return write


def _table(name: str, write_frame: Callable[[Any, Path], None]) -> Callable[[Path, Example], Keys]:
    """Return a writer of image files and a table with their paths and labels."""

    def write(folder: Path, example: Example) -> Keys:
        import pandas

        (folder / "files").mkdir()
        names = [f"files/{number:03d}.png" for number in range(len(example))]
        for pixels, file in zip(example.pixels, names, strict=True):
            _save(pixels, folder / file)
        write_frame(pandas.DataFrame({"path": names, "label": list(example.labels)}), folder / name)
        return {"path": name}

    return write


def _pixel_csv(folder: Path, example: Example) -> Keys:
    import pandas

    flat = example.pixels.reshape(len(example), -1)
    frame = pandas.DataFrame(flat, columns=[f"pixel{i}" for i in range(flat.shape[1])])
    frame.insert(0, "label", [int(label) for label in example.labels])
    frame.to_csv(folder / "train.csv", index=False)
    return {"path": "train.csv"}


def _pixel_text(folder: Path, example: Example) -> Keys:
    values = example.pixels.reshape(len(example), -1) / 255 * 2 - 1
    rows = np.column_stack([[int(label) for label in example.labels], values])
    with gzip.open(folder / "zip.train.gz", "wt") as file:
        np.savetxt(file, rows, fmt="%.6f")
    return {"path": "zip.train.gz"}


def _medmnist(folder: Path, example: Example) -> Keys:
    numbers = example.numbers[:, None]
    part = np.arange(len(example)) % 3
    pixels = example.pixels[..., 0] if example.pixels.shape[-1] == 1 else example.pixels
    arrays = {}
    for index, name in enumerate(("train", "val", "test")):
        arrays[f"{name}_images"], arrays[f"{name}_labels"] = pixels[part == index], numbers[part == index]
    np.savez_compressed(folder / "medmnist.npz", **arrays)
    return {"path": "medmnist.npz", "classes": example.class_names}


def _npz(folder: Path, example: Example) -> Keys:
    np.savez(folder / "arrays.npz", X=example.pixels, y=np.array(example.labels))
    return {"path": "arrays.npz"}


def _npy_folder(folder: Path, example: Example) -> Keys:
    is_test = np.arange(len(example)) % 3 == 2
    (folder / "arrays").mkdir()
    for part, rows in (("train", ~is_test), ("test", is_test)):
        np.save(folder / "arrays" / f"{part}-images.npy", example.pixels[rows])
        np.save(folder / "arrays" / f"{part}-labels.npy", example.numbers[rows])
    return {"path": "arrays", "classes": example.class_names}


def _idx(transposed: bool) -> Callable[[Path, Example], Keys]:
    def write(folder: Path, example: Example) -> Keys:
        (folder / "idx").mkdir()
        is_test = np.arange(len(example)) % 3 == 2
        prefix = "emnist-letters-" if transposed else ""
        for part, rows in (("train", ~is_test), ("test" if transposed else "t10k", is_test)):
            images = example.pixels[rows][..., 0]
            images = images.transpose(0, 2, 1) if transposed else images
            labels = example.numbers[rows] + (1 if transposed else 0)
            header = struct.pack(">4I", 0x803, *images.shape)
            with gzip.open(folder / "idx" / f"{prefix}{part}-images-idx3-ubyte.gz", "wb") as file:
                file.write(header + images.tobytes())
            with gzip.open(folder / "idx" / f"{prefix}{part}-labels-idx1-ubyte.gz", "wb") as file:
                file.write(struct.pack(">2I", 0x801, len(labels)) + labels.astype(np.uint8).tobytes())
        keys: Keys = {"path": "idx", "classes": example.class_names}
        return {**keys, "transpose": True} if transposed else keys

    return write


def _hugging_face(folder: Path, example: Example) -> Any:
    """Return a ``datasets.Dataset`` of PNG bytes with class names."""
    import datasets

    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=example.class_names)}
    )
    values = {"image": [_image(pixels) for pixels in example.pixels], "label": example.numbers.tolist()}
    return datasets.Dataset.from_dict(values, features=features)


def _hugging_face_parquet(folder: Path, example: Example) -> Keys:
    _hugging_face(folder, example).to_parquet(folder / "shapes.parquet")
    return {"path": "shapes.parquet"}


def _hugging_face_arrow(folder: Path, example: Example) -> Keys:
    _hugging_face(folder, example).save_to_disk(folder / "shapes")
    return {"path": "shapes"}


def _cifar_images(n_per_class: int = 12) -> Example:
    return colour_shapes(n_per_class, (32, 32))


def _cifar_10(folder: Path, example: Example) -> Keys:
    (folder / "cifar-10-batches-bin").mkdir()
    is_test = np.arange(len(example)) % 3 == 2
    for name, rows in (("data_batch_1.bin", ~is_test), ("test_batch.bin", is_test)):
        planes = example.pixels[rows].transpose(0, 3, 1, 2).reshape(int(rows.sum()), -1)
        content = np.column_stack([example.numbers[rows].astype(np.uint8), planes])
        (folder / "cifar-10-batches-bin" / name).write_bytes(content.tobytes())
    names = "".join(f"{name}\n" for name in example.class_names)
    (folder / "cifar-10-batches-bin" / "batches.meta.txt").write_text(names)
    return {"path": "cifar-10-batches-bin"}


def _cifar_100(folder: Path, example: Example) -> Keys:
    (folder / "cifar-100-binary").mkdir()
    is_test = np.arange(len(example)) % 3 == 2
    for name, rows in (("train.bin", ~is_test), ("test.bin", is_test)):
        planes = example.pixels[rows].transpose(0, 3, 1, 2).reshape(int(rows.sum()), -1)
        fine = example.numbers[rows].astype(np.uint8)
        content = np.column_stack([np.zeros_like(fine), fine, planes])
        (folder / "cifar-100-binary" / name).write_bytes(content.tobytes())
    names = "".join(f"{name}\n" for name in example.class_names)
    (folder / "cifar-100-binary" / "fine_label_names.txt").write_text(names)
    (folder / "cifar-100-binary" / "coarse_label_names.txt").write_text("shapes\n")
    return {"path": "cifar-100-binary"}


def _stl_images() -> Example:
    return colour_shapes(12, (96, 96))


def _stl_10(folder: Path, example: Example) -> Keys:
    (folder / "stl10_binary").mkdir()
    is_test = np.arange(len(example)) % 3 == 2
    for part, rows in (("train", ~is_test), ("test", is_test)):
        # Planes in column-major order.
        planes = example.pixels[rows].transpose(0, 3, 2, 1)
        (folder / "stl10_binary" / f"{part}_X.bin").write_bytes(planes.tobytes())
        labels = example.numbers[rows].astype(np.uint8) + 1
        (folder / "stl10_binary" / f"{part}_y.bin").write_bytes(labels.tobytes())
    names = "".join(f"{name}\n" for name in example.class_names)
    (folder / "stl10_binary" / "class_names.txt").write_text(names)
    return {"path": "stl10_binary"}


def _two_levels(pixels: Pixels) -> Pixels:
    return np.where(pixels > 127, 255, 0).astype(np.uint8)


KINDS: dict[str, Kind] = {
    "folder of PNG, grey": Kind(grey_digits, _folder(_save, ".png")),
    "folder of PNG, colour": Kind(colour_shapes, _folder(_save, ".png")),
    "folders train and test": Kind(colour_shapes, _parts),
    "PNG with alpha": Kind(colour_shapes, _folder(_save_with_alpha, ".png")),
    "PNG with a palette": Kind(grey_digits, _folder(_save_palette, ".png")),
    "PNG, 1 bit": Kind(grey_digits, _folder(_save_bit, ".png"), expected=_two_levels),
    "PNG, 16 bits": Kind(grey_digits, _folder(_save_16_bit, ".png")),
    "BMP": Kind(colour_shapes, _folder(_save, ".bmp")),
    "GIF": Kind(grey_digits, _folder(_save, ".gif")),
    "PNM": Kind(colour_shapes, _folder(_save, ".ppm")),
    "WebP, lossless": Kind(colour_shapes, _folder(_save_webp, ".webp")),
    "TIFF": Kind(colour_shapes, _folder(_save, ".tif")),
    "TIFF, float": Kind(grey_digits, _folder(_save_float_tiff, ".tif")),
    "TIFF, five channels": Kind(colour_shapes, _folder(_save_bands, ".tif"), expected=_bands),
    "JPEG": Kind(colour_shapes, _folder(_save_jpeg, ".jpg"), tolerance=40),
    "AVIF": Kind(colour_shapes, _folder(_save_avif, ".avif"), tolerance=8),
    "one NPY per image": Kind(colour_shapes, _folder(_save_npy, ".npy")),
    "zip": Kind(colour_shapes, _archive("zip")),
    "tar.gz": Kind(colour_shapes, _archive("gztar")),
    "CSV with paths": Kind(
        colour_shapes, _table("list.csv", lambda frame, path: frame.to_csv(path, index=False))
    ),
    "TSV with paths": Kind(
        grey_digits, _table("list.tsv", lambda frame, path: frame.to_csv(path, sep="\t", index=False))
    ),
    "JSON Lines with paths": Kind(
        colour_shapes,
        _table("list.jsonl", lambda frame, path: frame.to_json(path, orient="records", lines=True)),
    ),
    "Parquet with paths": Kind(
        colour_shapes, _table("list.parquet", lambda frame, path: frame.to_parquet(path))
    ),
    "CSV of pixels": Kind(grey_digits, _pixel_csv),
    "text of pixels from −1 to 1": Kind(grey_digits, _pixel_text),
    "MedMNIST": Kind(colour_shapes, _medmnist),
    "npz with X and y": Kind(colour_shapes, _npz),
    "four npy files": Kind(colour_shapes, _npy_folder),
    "IDX": Kind(grey_digits, _idx(transposed=False)),
    "EMNIST": Kind(grey_digits, _idx(transposed=True)),
    "Hugging Face, Parquet": Kind(colour_shapes, _hugging_face_parquet),
    "Hugging Face, Arrow": Kind(colour_shapes, _hugging_face_arrow),
    "CIFAR-10": Kind(_cifar_images, _cifar_10),
    "CIFAR-100": Kind(_cifar_images, _cifar_100),
    "STL-10": Kind(_stl_images, _stl_10),
}
"""The kinds of files by name."""
