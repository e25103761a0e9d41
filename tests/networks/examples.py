"""The notebook's networks as layer texts, and every kind of layer with an input that fits it."""

from __future__ import annotations

from convstudy.networks import Shape

IMAGE: Shape = (9, 11, 6)
FLAT: Shape = (6,)

# Each layer text with the shape before and after it, worked out by hand; every word of LAYERS is among them.
EXAMPLES: tuple[tuple[str, Shape, Shape], ...] = (
    ("conv 5 3", IMAGE, (7, 9, 5)),
    ("conv 5 2 relu", IMAGE, (8, 10, 5)),
    ("conv 5 4 tanh stride=3", IMAGE, (2, 3, 5)),
    ("conv 5 3 padding=same", IMAGE, (9, 11, 5)),
    ("conv 5 4 gelu padding=same", IMAGE, (9, 11, 5)),
    ("conv 5 2 stride=2 padding=same", IMAGE, (5, 6, 5)),
    ("conv 5 30 padding=same init=orthogonal", IMAGE, (9, 11, 5)),
    ("max-pool 2", IMAGE, (4, 5, 6)),
    ("max-pool 3 stride=1", IMAGE, (7, 9, 6)),
    ("max-pool 1", IMAGE, IMAGE),
    ("max-pool 1 stride=2", IMAGE, (5, 6, 6)),
    ("average-pool 2", IMAGE, (4, 5, 6)),
    ("average-pool 4 stride=3", IMAGE, (2, 3, 6)),
    ("average-pool 1", IMAGE, IMAGE),
    ("global-average-pool", IMAGE, FLAT),
    ("batch-norm", IMAGE, IMAGE),
    ("batch-norm momentum=0.9 epsilon=1e-05", FLAT, FLAT),
    ("layer-norm", IMAGE, IMAGE),
    ("layer-norm epsilon=1e-06", FLAT, FLAT),
    ("group-norm 3", IMAGE, IMAGE),
    ("group-norm 1", FLAT, FLAT),
    ("group-norm 6", IMAGE, IMAGE),
    ("dropout 0.3", IMAGE, IMAGE),
    ("dropout 0", FLAT, FLAT),
    ("flatten", IMAGE, (594,)),
    ("flatten", FLAT, FLAT),
    ("dense 7", FLAT, (7,)),
    ("dense 7 sigmoid init=lecun-uniform", FLAT, (7,)),
    ("activation elu", IMAGE, IMAGE),
    ("activation leaky-relu", FLAT, FLAT),
)

NOTEBOOK: dict[str, tuple[str, ...]] = {
    "two-conv-7": (
        "conv 64 7 relu",
        "conv 32 7 relu",
        "max-pool 2",
        "batch-norm",
        "dropout 0.3",
        "flatten",
        "dense 128 relu",
        "batch-norm",
        "dropout 0.5",
    ),
    "five-conv": (
        "conv 32 3 relu",
        "conv 32 3 relu",
        "max-pool 2",
        "batch-norm",
        "dropout 0.5",
        "conv 64 2 relu",
        "conv 64 2 relu",
        "max-pool 2",
        "batch-norm",
        "dropout 0.5",
        "conv 128 5 relu",
        "batch-norm",
        "dropout 0.4",
        "flatten",
        "dense 256 relu",
        "dropout 0.4",
        "dense 128 relu",
        "dropout 0.4",
    ),
    "six-conv": (
        *("conv 16 3 relu", "max-pool 1", "batch-norm", "dropout 0.5"),
        *("conv 32 3 relu", "max-pool 1", "batch-norm", "dropout 0.5"),
        *("conv 64 3 relu", "max-pool 1", "batch-norm", "dropout 0.5"),
        *("conv 96 5 relu", "max-pool 1", "batch-norm", "dropout 0.3"),
        *("conv 128 5 relu", "max-pool 2", "batch-norm", "dropout 0.3"),
        *("conv 160 5 relu", "max-pool 2", "batch-norm", "dropout 0.3"),
        *("flatten", "dense 256 relu", "batch-norm", "dropout 0.3", "dense 128 relu", "dropout 0.3"),
    ),
}
