"""The study file that ``convstudy init`` writes: small, complete, and explained line by line."""

from __future__ import annotations

from convstudy.data.built_in import BUILT_IN_DATASETS
from convstudy.errors import DataError, unknown

_TEXT = """\
# A study: a dataset, networks, a recipe, and questions. Change what you like; "convstudy plan FILE" says what the
# study costs and points out mistakes, "convstudy run FILE" answers it, and goes on where it stopped.

[study]                  # what it is called, which images, how many repeats
name = "my-{dataset}"
{dataset_key:24} # one of: {datasets}
seeds = 3                # repeats of each training; fewer are quicker, more tell smaller differences
validation = {validation}         # this share of the training images validates; the test images stay sealed
{subset}
# metric = "balanced-accuracy"  # what chooses and compares (default: accuracy): brier, kappa, log-loss, macro-f1, ...
# equivalence_margin = 0.1         # differences of the metric up to this many points count as none (nats for log-loss)

# Images of your own take the place of the line "dataset = ...": four arrays in a folder, as np.save writes them:
#   [dataset]
#   source = "npy"
#   path = "arrays"      # train-images.npy (uint8), train-labels.npy, test-images.npy, test-labels.npy
#   classes = ["cat", "dog"]

[recipe]                 # how networks are trained; a key that is left out has its default
optimizer = "adam"       # adam, adamw, muon, rmsprop, sgd
learning_rate = 0.003
batch_size = {batch_size}
epochs = {epochs}
# schedule = "cosine"    # constant, cosine, one-cycle, step, triangular
# weight_decay = 0.01
# label_smoothing = 0.1
# patience = 3           # stop early: after 3 epochs without a lower validation loss
# augment = "shift"      # none, shift, affine, cutout, shift+cutout, affine+cutout
# ema_decay = 0.99         # judge and keep the running average of the weights
# tta = "shift"        # average predictions over an image and its shifts by 1 pixel
# precision = "auto"     # float32, bfloat16 (1.7 to 4 times as fast where the device has it), auto: bfloat16 there
# checkpoint = "last"          # which epoch counts: best (by validation), last

# Networks are stacks of layers; the output layer follows from the dataset's classes.
# conv FILTERS KERNEL, max-pool SIZE, average-pool SIZE, global-average-pool, batch-norm, layer-norm, group-norm GROUPS,
# dropout RATE, flatten, dense UNITS, activation NAME; after conv and dense an activation: relu, tanh, gelu, silu, ...
# convstudy layers lists all layers, blocks and activations.
# Blocks of layers: "residual basic x2 filters=16 stride=2 then=relu"; docs/networks.md shows how to write blocks.
# batch-norm's momentum is Keras' (0.99 if left out); few steps need less, so that its averages forget their start.
[network.small]
kernel = 5               # a parameter: {{kernel}} below stands for it, and a search may vary it
layers = [
  "conv 8 {{kernel}} relu", "max-pool 2", "batch-norm momentum=0.9",
  "conv 16 3 relu", "max-pool 2", "batch-norm momentum=0.9", "dropout 0.2",
  "flatten",
  "dense 32 relu", "dropout 0.2",
]

[network.strided]        # any number of networks, under names of your own
layers = [
  "conv 8 3 relu stride=2 padding=same", "batch-norm momentum=0.9",
  "conv 16 3 relu stride=2 padding=same", "batch-norm momentum=0.9",
  "conv 32 3 relu", "batch-norm momentum=0.9", "dropout 0.2",
  "flatten",
]

# Question 1: which values do best? Each candidate is trained on every fold; the winner goes on to the questions below.
[search.kernel-size]
network = "small"
parameters = {{ kernel = [3, 5, 7] }}    # parameters of the network, or recipe keys: learning_rate = [0.001, 0.003]
folds = 3
recipe = {{ epochs = {search_epochs} }}           # a search may be cheaper than what follows
# method = "halving"             # trains all combinations a little and drops the worse half, again and again;
                                 # "random" and "tpe" draw some, of ranges too: {{ low = 1e-4, high = 0.1, log = true }}
# nested = true                  # also score the search on images that it does not see; it costs several times as much

# Question 2: which network does best?
[compare.architectures]
networks = ["small", "strided"]

# Question 3: what does each part contribute? "best" is the winner of question 2; a network's name does as well.
[ablate.best]
plain = {{ without = ["batch-norm", "dropout"] }}
tanh = {{ activation = "tanh", init = "glorot-normal" }}
rmsprop = {{ optimizer = "rmsprop" }}
# interactions = true    # also train each two of these together: do they do what each alone adds up to?

# "convstudy check FILE" points out mistakes. One that does not matter here is suppressed, with the reason for it:
# [suppress]
# single-seed = "a first look"
"""


def starter_file(dataset: str) -> str:
    """Return the text of a commented study file for a dataset, ready to run.

    Args:
        dataset: the name of a built-in dataset.

    Raises:
        DataError: if there is no dataset of that name.

    >>> starter_file("digits").splitlines()[4]
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
        subset="# subset = 500           # use so many training images only: quick and rough"
        if is_small
        else "subset = 5000            # use so many training images only: quick and rough; without it, all",
        batch_size=50,
        epochs=8,
        search_epochs=5 if is_small else 3,
    )
