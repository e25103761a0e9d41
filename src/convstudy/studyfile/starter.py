"""The study file that ``convstudy init`` writes: small, complete, and with a comment on each key."""

from __future__ import annotations

from convstudy.data.built_in import BUILT_IN_DATASETS
from convstudy.errors import DataError, unknown

_TEXT = """\
# A study: a dataset, networks, a recipe, and questions. Edit it, then
#   convstudy plan FILE    lists the fits, their cost and problems with the design
#   convstudy run FILE     trains them and writes a report; run it again to resume

[study]                  # name, dataset, number of seeds
name = "my-{dataset}"
{dataset_key:24} # one of: {datasets}
seeds = 3                # the number of trainings of each compared network; more seeds detect smaller differences
validation = {validation}         # fraction of the training images for validation; the test images stay locked
{subset}
# metric = "balanced-accuracy"  # to select and compare models (default: accuracy): brier, kappa, log-loss, ...
# equivalence_margin = 0.1      # smaller differences count as equivalent: percentage points (log-loss: nats), "10 %"

# For your own images, replace the line "dataset = ..." by this table. "convstudy run photos/" writes such a file.
#   [dataset]
#   path = "photos"      # a folder with one folder per class, a table of paths, an archive or an array file
#   size = 64            # pixels; docs/datasets.md has all keys

[recipe]                 # how networks are trained; every key has a default
optimizer = "adam"       # adam, adamw, muon, rmsprop, sgd
learning_rate = 0.003
batch_size = {batch_size}
epochs = {epochs}
# schedule = "cosine"    # constant, cosine, one-cycle, step, triangular
# weight_decay = 0.01
# label_smoothing = 0.1
# normalise = "standard"          # give each channel the mean 0 and the standard deviation 1
# class_weights = "balanced"      # for classes of different sizes (docs/imbalance.md)
# patience = 3           # early stopping: after 3 epochs without a lower validation loss
# augment = "light"      # light, strong, digits, natural, trivial-augment, or {{ rotate = 15, shift = 0.1 }}
# ema_decay = 0.99       # evaluate and save an exponential moving average of the weights
# tta = "shift"          # test-time augmentation: average predictions over an image and its shifts by 1 pixel
# precision = "auto"     # float32, bfloat16 (1.7 to 4 times as fast if the device supports it), auto
# checkpoint = "last"    # the epoch whose weights are used: best (by validation), last

# A network is a list of layers; the output layer is added.
# conv FILTERS KERNEL, max-pool SIZE, average-pool SIZE, global-average-pool, batch-norm, layer-norm, group-norm GROUPS,
# dropout RATE, flatten, dense UNITS, activation NAME. conv and dense can end with an activation: relu, tanh, gelu, ...
# "convstudy layers" lists all layers, blocks and activations.
# Blocks of layers: "residual basic x2 filters=16 stride=2 then=relu"; docs/networks.md describes blocks.
# The momentum of batch-norm is that of Keras, by default 0.99. Short trainings need a lower one.
[network.small]
kernel = 5               # a parameter: the value of {{kernel}} below, which a search can vary
layers = [
  "conv 8 {{kernel}} relu", "max-pool 2", "batch-norm momentum=0.9",
  "conv 16 3 relu", "max-pool 2", "batch-norm momentum=0.9", "dropout 0.2",
  "flatten",
  "dense 32 relu", "dropout 0.2",
]

[network.strided]        # a study can have any number of networks
layers = [
  "conv 8 3 relu stride=2 padding=same", "batch-norm momentum=0.9",
  "conv 16 3 relu stride=2 padding=same", "batch-norm momentum=0.9",
  "conv 32 3 relu", "batch-norm momentum=0.9", "dropout 0.2",
  "flatten",
]

# Question 1: which values are best? Each candidate is trained on every fold; the questions below use the best values.
[search.kernel-size]
network = "small"
parameters = {{ kernel = [3, 5, 7] }}    # parameters of the network, or recipe keys: learning_rate = [0.001, 0.003]
folds = 3
recipe = {{ epochs = {search_epochs} }}           # recipe keys that differ in the search
# method = "screening"           # trains all combinations for a few epochs, and only the best few longer;
                                 # "random" and "tpe" also draw from ranges: {{ low = 1e-4, high = 0.1, log = true }}
# nested = true                  # nested cross-validation: also scores the search itself, at several times the cost

# Question 2: which network is best?
[compare.architectures]
networks = ["small", "strided"]

# Question 3: what does each part contribute? "best" is the winner of question 2; you can also name a network.
[ablate.best]
plain = {{ without = ["batch-norm", "dropout"] }}
tanh = {{ activation = "tanh", init = "glorot-normal" }}
rmsprop = {{ optimizer = "rmsprop" }}
# interactions = true    # also train these in pairs: do their effects add up?

# "convstudy check FILE" reports problems with the design. Suppress one that does not matter here, with a reason:
# [suppress]
# single-seed = "a first look"
"""


def starter_file(dataset: str) -> str:
    """Return the text of a study file with comments, which can be run unchanged.

    Args:
        dataset: the name of a built-in dataset.

    Raises:
        DataError: if there is no such dataset.

    >>> starter_file("digits").splitlines()[5]
    'name = "my-digits"'
    """
    if dataset not in BUILT_IN_DATASETS:
        raise DataError(unknown("dataset", dataset, BUILT_IN_DATASETS))
    is_small = BUILT_IN_DATASETS[dataset].n_train < 10_000
    return _TEXT.format(
        dataset=dataset,
        dataset_key=f'dataset = "{dataset}"',
        datasets=", ".join(BUILT_IN_DATASETS),
        validation=0.2 if is_small else 0.1,
        subset="# subset = 500           # the number of training images to use; fewer are faster"
        if is_small
        else "subset = 5000            # the number of training images to use; remove it to use all",
        batch_size=50,
        epochs=8,
        search_epochs=5 if is_small else 3,
    )
