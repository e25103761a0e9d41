# mypy: disable-error-code="import-not-found, import-untyped"
"""Compute reference values with Keras on TensorFlow for the tests of convstudy.

TensorFlow is not a dependency of convstudy, so the script needs a separate virtual environment::

    python3.11 -m venv .venv-keras && .venv-keras/bin/pip install tensorflow-cpu==2.21.0 keras==3.15.1
    .venv-keras/bin/python -m benchmarks.parity.keras_reference tests/engine/keras_reference.json

It takes about five minutes on one core. The file has results and seeds only. Initial weights, images and labels come
from raw PCG64 bits (:func:`uniform`), whose stream numpy guarantees; the tests import these functions. Nothing else is
shared: the Keras models below do not use convstudy.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

N_STEPS = 20
# The batches repeat, so that the loss falls clearly at small learning rates too.
N_BATCHES = 4
N_CLASSES = 10
INPUT_SHAPE = (28, 28, 1)
WEIGHT_SEED, IMAGE_SEED, LAYER_SEED = 20260101, 20260102, 20260103

# The settings of each optimizer except the learning rate. Biases and batch-norm have no weight decay.
OPTIMIZERS: dict[str, dict[str, float | bool]] = {
    "adam": {},
    "adamw": {"weight_decay": 0.1},
    "rmsprop": {},
    "sgd": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9, "nesterov": True},
}


@dataclass(frozen=True)
class Run:
    """One training whose losses are recorded: ``N_STEPS`` steps without dropout."""

    network: str
    optimizer: str
    precision: str
    batch_size: int
    learning_rate: float

    @property
    def name(self) -> str:
        return f"{self.network} {self.optimizer} {self.precision}"


# At the notebook's learning rates these networks amplify rounding: within 20 steps, float32 and float64 runs of the
# same code differ by up to 60 % (benchmarks/README.md). So runs at those rates are compared in float64, and float32
# is compared at rates where rounding stays small.
RUNS = (
    *(Run("two-conv-3", name, "float64", 8, 0.001) for name in ("adam", "adamw", "rmsprop")),
    *(Run("two-conv-3", name, "float64", 8, 0.01) for name in ("sgd", "nesterov")),
    Run("two-conv-7", "adam", "float64", 4, 0.001),
    *(Run("five-conv", name, "float64", 16, 0.001) for name in ("adam", "rmsprop")),
    Run("five-conv-tanh", "adam", "float64", 16, 0.001),
    Run("six-conv", "adam", "float64", 4, 0.001),
    *(Run("two-conv-3", name, "float32", 16, 1e-4) for name in ("adam", "adamw", "rmsprop")),
    *(Run("two-conv-3", name, "float32", 16, 3e-4) for name in ("sgd", "nesterov")),
    *(Run("two-conv-7", name, "float32", 16, 1e-4) for name in ("adam", "rmsprop", "sgd")),
    *(Run("five-conv", name, "float32", 32, 1e-5) for name in ("adam", "sgd")),
    Run("five-conv", "rmsprop", "float32", 32, 3e-6),
    Run("six-conv", "adam", "float32", 16, 3e-6),
    *(Run("six-conv", name, "float32", 16, 1e-6) for name in ("rmsprop", "sgd")),
    Run("residual", "adam", "float64", 8, 0.001),
    Run("residual", "sgd", "float64", 8, 0.01),
    Run("residual", "adam", "float32", 16, 1e-4),
    Run("residual", "sgd", "float32", 16, 5e-4),
    Run("mobile", "adam", "float64", 8, 0.001),
    Run("mobile", "sgd", "float64", 8, 0.01),
    Run("mobile", "sgd", "float32", 16, 2e-3),
)
INITIALISERS = {
    "he-normal": "HeNormal",
    "he-uniform": "HeUniform",
    "glorot-normal": "GlorotNormal",
    "glorot-uniform": "GlorotUniform",
    "lecun-normal": "LecunNormal",
    "lecun-uniform": "LecunUniform",
    "orthogonal": "Orthogonal",
}
INITIALISER_SHAPES = ((5, 5, 32, 64), (400, 300))
ACTIVATIONS = {
    "relu": "relu",
    "tanh": "tanh",
    "gelu": "gelu",
    "silu": "silu",
    "leaky-relu": "leaky_relu",
    "sigmoid": "sigmoid",
    "elu": "elu",
    "relu6": "relu6",
    "hardswish": "hard_silu",
    "mish": "mish",
}
ACTIVATION_POINTS = (-4.0, -2.0, -1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0, 2.0, 4.0)
# Convolutions: height, width, kernel, stride, padding.
CONVOLUTIONS = (
    (7, 8, 2, 2, "same"),
    (7, 8, 3, 2, "same"),
    (7, 8, 4, 2, "same"),
    (7, 8, 4, 1, "same"),
    (8, 7, 5, 3, "same"),
    (3, 2, 4, 1, "same"),
    (7, 8, 1, 2, "same"),
    (7, 8, 3, 2, "valid"),
    (8, 7, 4, 3, "valid"),
)
# Pooling: kind, height, width, window, stride.
POOLS = (
    ("max-pool", 7, 8, 2, 2),
    ("max-pool", 7, 8, 3, 2),
    ("max-pool", 7, 8, 1, 2),
    ("average-pool", 7, 8, 2, 2),
    ("average-pool", 8, 7, 3, 1),
)


def uniform(seed: int, shape: Sequence[int]) -> npt.NDArray[np.float64]:
    """Return float64 numbers in [0, 1) with 53 random bits each, the same with every version of numpy."""
    raw = np.random.PCG64(seed).random_raw(math.prod(shape))
    return (raw >> np.uint64(11)).astype(np.float64).reshape(shape) * 2.0**-53


def initial_kernels(shapes: Sequence[tuple[int, ...]]) -> list[FloatArray]:
    """Return the initial weights of the kernels, in layer order.

    Args:
        shapes: the shapes in Keras' layout: ``(height, width, in, out)`` for a convolution, ``(in, out)`` for a dense
            layer.

    Returns:
        float32 arrays of these shapes, uniform in ±sqrt(6 / fan in). Each layer has its own seed.
    """
    kernels = []
    for number, shape in enumerate(shapes):
        bound = math.sqrt(6.0 / math.prod(shape[:-1]))
        kernels.append(((2.0 * uniform(WEIGHT_SEED + number, shape) - 1.0) * bound).astype(np.float32))
    return kernels


def batch(step: int, n_images: int) -> tuple[FloatArray, IntArray]:
    """Return the images ``(n, 28, 28, 1)`` in [-1, 1) and the labels of a step; there are ``N_BATCHES`` batches.

    An image is a pattern of 7 × 7 tiles, which belongs to its class, plus noise of the same range.
    """
    number = step % N_BATCHES
    patterns = np.kron(uniform(IMAGE_SEED, (N_CLASSES, 7, 7)), np.ones((1, 4, 4)))
    labels = (uniform(IMAGE_SEED + 1000 + number, (n_images,)) * N_CLASSES).astype(np.int64)
    noise = uniform(IMAGE_SEED + 2000 + number, (n_images, 28, 28))
    return (patterns[labels] + noise - 1.0)[..., np.newaxis].astype(np.float32), labels


def signed(seed: int, shape: Sequence[int]) -> FloatArray:
    """Return float32 numbers in [-1, 1): inputs and weights of single layers."""
    return (2.0 * uniform(LAYER_SEED + seed, shape) - 1.0).astype(np.float32)


def summary(values: npt.NDArray[Any]) -> dict[str, float]:
    """Return mean, standard deviation, minimum and maximum of an array, computed in float64."""
    wide = values.astype(np.float64)
    return {
        "mean": float(wide.mean()),
        "sd": float(wide.std()),
        "min": float(wide.min()),
        "max": float(wide.max()),
    }


class Parts:
    """Creates Keras layers with numbered names, so that they can be sorted in the order of their creation."""

    def __init__(self) -> None:
        self.n_made = 0

    def __call__(self, kind: str, *arguments: Any, **settings: Any) -> Any:
        from keras import layers

        self.n_made += 1
        return getattr(layers, kind)(*arguments, **settings, name=f"{self.n_made:03d}-{kind}")

    def conv(self, values: Any, filters: int, kernel: int, stride: int = 1) -> Any:
        """Apply a convolution without bias, then batch normalization."""
        output = self("Conv2D", filters, kernel, stride, padding="same", use_bias=False)(values)
        return self("BatchNormalization")(output)


def make_residual_network(name: str) -> Any:
    """Return a network with residual connections as a Keras model with softmax, without ``compile``.

    "residual" is a ResNet-14 (He et al. 2016) of 8, 16 and 32 filters with projections; "mobile" has inverted residuals
    with squeeze-excite and relu6 (Sandler et al. 2018; Hu et al. 2018).
    """
    from keras import Input, Model

    part = Parts()
    images = Input(INPUT_SHAPE)
    activation = "relu" if name == "residual" else "relu6"
    values = part("Activation", activation)(part.conv(images, 8, 3))
    if name == "residual":
        for filters, stride in ((8, 1), (8, 1), (16, 2), (16, 1), (32, 2), (32, 1)):
            output = part("Activation", "relu")(part.conv(values, filters, 3, stride))
            output = part.conv(output, filters, 3)
            is_same = stride == 1 and values.shape[-1] == filters
            shortcut = values if is_same else part.conv(values, filters, 1, stride)
            values = part("Activation", "relu")(part("Add")([output, shortcut]))
    else:
        for filters, stride in ((8, 1), (12, 2), (12, 1)):
            output = part("Activation", "relu6")(part.conv(values, 4 * values.shape[-1], 1))
            output = part("DepthwiseConv2D", 3, stride, padding="same", use_bias=False)(output)
            output = part("Activation", "relu6")(part("BatchNormalization")(output))
            means = part("GlobalAveragePooling2D")(output)
            weights = part("Dense", output.shape[-1] // 16, activation="relu6")(means)
            weights = part("Dense", output.shape[-1], activation="sigmoid")(weights)
            output = part("Multiply")([output, part("Reshape", (1, 1, output.shape[-1]))(weights)])
            output = part.conv(output, filters, 1)
            values = part("Add")([output, values]) if values.shape[-1] == filters else output
    means = part("GlobalAveragePooling2D")(values)
    return Model(images, part("Dense", N_CLASSES, activation="softmax")(means))


def make_network(name: str, dropout: bool) -> Any:
    """Return a network of the notebook, or one with residuals, as a Keras model with softmax, without ``compile``."""
    from keras import Sequential, layers

    if name in ("residual", "mobile"):
        return make_residual_network(name)

    activation = "tanh" if name == "five-conv-tanh" else "relu"
    plain = name == "five-conv-plain"
    parts: list[Any] = [layers.Input(INPUT_SHAPE)]

    def conv(filters: int, kernel: int) -> None:
        parts.append(layers.Conv2D(filters, kernel, activation=activation))

    def dense(units: int) -> None:
        parts.append(layers.Dense(units, activation=activation))

    def pool(size: int) -> None:
        parts.append(layers.MaxPooling2D(size))

    def norm_and_drop(rate: float, norm: bool = True) -> None:
        if norm and not plain:
            parts.append(layers.BatchNormalization())
        if dropout and not plain:
            parts.append(layers.Dropout(rate))

    if name.startswith("two-conv"):
        kernel = int(name.rpartition("-")[2])
        conv(64, kernel)
        conv(32, kernel)
        pool(2)
        norm_and_drop(0.3)
        parts.append(layers.Flatten())
        dense(128)
        norm_and_drop(0.5)
    elif name.startswith("five-conv"):
        conv(32, 3)
        conv(32, 3)
        pool(2)
        norm_and_drop(0.5)
        conv(64, 2)
        conv(64, 2)
        pool(2)
        norm_and_drop(0.5)
        conv(128, 5)
        norm_and_drop(0.4)
        parts.append(layers.Flatten())
        dense(256)
        norm_and_drop(0.4, norm=False)
        dense(128)
        norm_and_drop(0.4, norm=False)
    elif name == "six-conv":
        for filters, kernel, size, rate in (
            (16, 3, 1, 0.5),
            (32, 3, 1, 0.5),
            (64, 3, 1, 0.5),
            (96, 5, 1, 0.3),
            (128, 5, 2, 0.3),
            (160, 5, 2, 0.3),
        ):
            conv(filters, kernel)
            pool(size)
            norm_and_drop(rate)
        parts.append(layers.Flatten())
        dense(256)
        norm_and_drop(0.3)
        dense(128)
        norm_and_drop(0.3, norm=False)
    else:
        raise ValueError(name)
    parts.append(layers.Dense(N_CLASSES, activation="softmax"))
    return Sequential(parts)


def make_optimizer(run: Run) -> Any:
    """Return a Keras optimizer."""
    from keras import optimizers

    kinds: dict[str, Callable[..., Any]] = {
        "adam": optimizers.Adam,
        "adamw": optimizers.AdamW,
        "rmsprop": optimizers.RMSprop,
        "sgd": optimizers.SGD,
        "nesterov": optimizers.SGD,
    }
    optimizer = kinds[run.optimizer](learning_rate=run.learning_rate, **OPTIMIZERS[run.optimizer])
    if run.optimizer == "adamw":
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    if run.precision == "float64":
        _make_float64(optimizer)
    return optimizer


def _make_float64(optimizer: Any) -> None:
    """Make the coefficients of an optimizer float64.

    Keras converts Python numbers to float32 before float64 (``tf.cast``): 0.999 becomes 0.99900001287. Tensors are not
    converted.
    """
    import tensorflow as tf

    for name in ("beta_1", "beta_2", "momentum"):
        if hasattr(optimizer, name):
            setattr(optimizer, name, tf.constant(getattr(optimizer, name), tf.float64))


def train(run: Run) -> dict[str, Any]:
    """Return the loss of each step, the loss in inference mode afterwards, and the moving averages."""
    import keras

    keras.backend.clear_session()
    keras.config.set_floatx(run.precision)
    model = make_network(run.network, dropout=False)
    # Keras sorts the layers of a model with branches by their depth.
    created = (
        model.layers
        if isinstance(model, keras.Sequential)
        else sorted(model.layers, key=lambda each: each.name)
    )
    kernels = [layer.kernel for layer in created if hasattr(layer, "kernel")]
    for variable, values in zip(kernels, initial_kernels([tuple(k.shape) for k in kernels]), strict=True):
        variable.assign(values)
    # float64 runs eagerly: inside a graph, Keras cannot test whether a coefficient that is a tensor is 0.
    eagerly = run.precision == "float64"
    model.compile(
        optimizer=make_optimizer(run), loss="categorical_crossentropy", jit_compile=False, run_eagerly=eagerly
    )

    def loss(step: int, measure: Callable[..., Any]) -> float:
        images, labels = batch(step, run.batch_size)
        # Without reset_metrics, Keras returns the mean of all losses so far.
        model.reset_metrics()
        return float(measure(images.astype(run.precision), np.eye(N_CLASSES, dtype=run.precision)[labels]))

    losses = [loss(step, model.train_on_batch) for step in range(N_STEPS)]
    after = loss(N_STEPS, model.test_on_batch)
    norms = [layer for layer in created if isinstance(layer, keras.layers.BatchNormalization)]
    keras.config.set_floatx("float32")
    return {
        **asdict(run),
        "losses": losses,
        "inference_loss": after,
        "batch_norms": [
            {
                "moving_mean": summary(np.asarray(layer.moving_mean)),
                "moving_variance": summary(np.asarray(layer.moving_variance)),
            }
            for layer in norms
        ],
    }


def layer_counts() -> dict[str, Any]:
    """Return the output shape and the number of parameters of every layer, and the totals of ``model.summary()``."""
    counts = {}
    for name in ("two-conv-7", "five-conv", "five-conv-plain", "six-conv"):
        model = make_network(name, dropout=True)
        counts[name] = {
            "rows": [[list(layer.output.shape[1:]), layer.count_params()] for layer in model.layers],
            "total": model.count_params(),
            "trainable": sum(math.prod(weight.shape) for weight in model.trainable_weights),
            "not_trainable": sum(math.prod(weight.shape) for weight in model.non_trainable_weights),
        }
    return counts


def initialiser_statistics() -> list[dict[str, Any]]:
    """Return the summary of a draw of each initialiser, for a convolution and for a dense layer."""
    from keras import initializers

    statistics = []
    for ours, theirs in INITIALISERS.items():
        for shape in INITIALISER_SHAPES:
            values = np.asarray(getattr(initializers, theirs)(seed=1)(shape))
            statistics.append({"init": ours, "shape": list(shape), **summary(values)})
    return statistics


def single_layers() -> dict[str, Any]:
    """Return the outputs of single layers for known inputs."""
    import keras
    from keras import layers

    points = np.asarray(ACTIVATION_POINTS, dtype=np.float32)
    activations = {
        ours: _listed(keras.activations.get(theirs)(points)) for ours, theirs in ACTIVATIONS.items()
    }
    # In Keras, PReLU is a layer, and its initial slope is 0.
    prelu = layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25))
    activations["prelu"] = _listed(prelu(points[np.newaxis])[0])
    convolutions = []
    for height, width, kernel, stride, padding in CONVOLUTIONS:
        layer = layers.Conv2D(3, kernel, strides=stride, padding=padding)
        layer.build((None, height, width, 2))
        layer.kernel.assign(signed(1, (kernel, kernel, 2, 3)))
        convolutions.append(_listed(layer(signed(2, (1, height, width, 2)))))
    pools = []
    for kind, height, width, window, stride in POOLS:
        pooling = layers.MaxPooling2D if kind == "max-pool" else layers.AveragePooling2D
        pools.append(_listed(pooling(window, strides=stride)(signed(3, (1, height, width, 2)))))
    image, flat = signed(4, (2, 2, 3, 4)), signed(5, (2, 6))
    norms = {
        "layer-norm image": _listed(layers.LayerNormalization()(image)),
        "layer-norm flat": _listed(layers.LayerNormalization()(flat)),
        "group-norm image": _listed(layers.GroupNormalization(2)(image)),
        "group-norm flat": _listed(layers.GroupNormalization(2)(flat)),
        "flatten": _listed(layers.Flatten()(image)),
        "global-average-pool": _listed(layers.GlobalAveragePooling2D()(image)),
    }
    return {"activations": activations, "convolutions": convolutions, "pools": pools, "others": norms}


def batch_norm_of_one() -> dict[str, Any]:
    """Return the output of batch normalization in training mode for a batch with one value per channel."""
    from keras import layers

    layer = layers.BatchNormalization()
    output = layer(signed(6, (1, 3)), training=True)
    return {
        "output": _listed(output),
        "moving_mean": _listed(layer.moving_mean),
        "moving_variance": _listed(layer.moving_variance),
    }


def _listed(values: Any) -> list[Any]:
    listed: list[Any] = np.asarray(values).tolist()
    return listed


def main(path: Path) -> None:
    """Write the reference values to ``path``."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(1)
    reference = {
        "made_by": "benchmarks/parity/keras_reference.py",
        "versions": {"keras": keras.__version__, "tensorflow": tf.__version__, "numpy": np.__version__},
        "seeds": {"weights": WEIGHT_SEED, "images": IMAGE_SEED, "statistics": LAYER_SEED},
        "layer_counts": layer_counts(),
        "initialisers": initialiser_statistics(),
        "single_layers": single_layers(),
        "batch_norm_of_one": batch_norm_of_one(),
        "runs": [train(run) for run in RUNS],
    }
    path.write_text(_compact(reference), encoding="utf-8")


def _compact(reference: dict[str, Any]) -> str:
    """Return JSON with one line per entry, so that diffs are readable."""
    lines = []
    for name, part in reference.items():
        if isinstance(part, list):
            inner = ",\n".join(f"  {json.dumps(entry)}" for entry in part)
            lines.append(f'"{name}": [\n{inner}\n]')
        elif isinstance(part, dict):
            inner = ",\n".join(f"  {json.dumps(key)}: {json.dumps(entry)}" for key, entry in part.items())
            lines.append(f'"{name}": {{\n{inner}\n}}')
        else:
            lines.append(f'"{name}": {json.dumps(part)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
