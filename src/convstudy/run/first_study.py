"""A first study of a dataset, sized to its images and to the time that its networks need on this machine."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from convstudy.cores import n_cores
from convstudy.data import Dataset, Part
from convstudy.data.preparing.summary import PreparedSummary
from convstudy.data.progress import report_progress
from convstudy.data.sources.prepared import PreparedSource
from convstudy.errors import Location, Problem, UsageError
from convstudy.plan import make_plan
from convstudy.studyfile import Study, StudyText, study_of
from convstudy.studyfile.first_networks import LINEAR, RESNET, RESNET_SIZES, first_networks
from convstudy.studyfile.first_size import EpochSeconds, FirstSize, first_size
from convstudy.studyfile.first_study import FIRST_RECIPE, DatasetKeys, FirstFacts, first_study_file
from convstudy.studyfile.images import name_of

MINUTES = 10.0
"""The default time of a first study."""
CALIBRATION_SECONDS = 3.0
USED_FRACTION = 0.85
"""The fraction of the minutes that is planned: fits that run at the same time slow each other down."""
MAX_MINUTES = 60 * 24 * 365


NO_KEYS: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True)
class FirstStudy:
    """A first study.

    Attributes:
        text: the text of its study file.
        file: the name of that file, such as ``photos.toml``.
        dataset: the dataset.
        facts: what the text says about the dataset.
        size: the number of epochs and seeds, and the expected time.
        n_workers: the number of fits that train at the same time.
        minutes: the time that the run may take.
    """

    text: str
    file: str
    dataset: Dataset
    facts: FirstFacts
    size: FirstSize
    n_workers: int
    minutes: float

    @property
    def summary(self) -> PreparedSummary | None:
        """What was found when the images were prepared; ``None`` for arrays and built-in datasets."""
        source = self.dataset.source
        return source.summary() if isinstance(source, PreparedSource) else None

    def study(self, changes: Mapping[str, object] = NO_KEYS) -> Study:
        """Return the study of the text, with the ``changes`` of ``load_study``. The images are not read again."""
        return StudyText(self.text, self.file).study(changes, self.dataset)


def first_study(
    source: Path | str | Dataset,
    minutes: float = MINUTES,
    workers: int | None = None,
    keys: Mapping[str, object] = NO_KEYS,
) -> FirstStudy:
    """Return a first study of images: a linear model, a small CNN and a residual network, compared over seeds.

    No study file is written. Training steps of the networks are timed for about three seconds.

    Args:
        source: the path of the images, or a dataset.
        minutes: the time that the run may take on this machine.
        workers: the number of fits that train at the same time; ``None`` for one per CPU core.
        keys: other keys of ``[dataset]``, such as ``{"size": 64}``.

    Raises:
        StudyError: if the images cannot be read, or a key has a wrong value.
        UsageError: if ``minutes`` is out of range.
    """
    if not 0 < minutes <= MAX_MINUTES:
        expected = f"a number of minutes in (0, {MAX_MINUTES}]"
        raise UsageError(Problem(where=Location(key=("minutes",)), expected=expected, got=str(minutes)))
    notes: tuple[str, ...] = ()
    written: DatasetKeys = ()
    if isinstance(source, Dataset):
        dataset, name, command = source, source.name, "Study.from_data"
    else:
        name, command = name_of(Path(source)), shlex.join(["convstudy", "run", str(source)])
        dataset = read_images(source, name, keys)
        notes, written = _notes(dataset), _written_keys(source, dataset, keys)
        # With the keys of the file: the study is the same when the file is read, and its images are in the cache.
        dataset = read_images(source, name, {key: value for key, value, _ in written})
    facts = FirstFacts(
        name=name,
        command=command,
        image_shape=dataset.image_shape,
        class_names=dataset.class_names,
        train_counts=_counts(dataset, "train"),
        test_counts=_counts(dataset, "test"),
        keys=written,
        notes=notes,
    )
    n_workers = workers or n_cores()
    seconds = 60 * minutes * USED_FRACTION
    size = first_size(facts.n_train, min(facts.train_counts), measure_epochs(dataset), n_workers, seconds)
    text = first_study_file(facts, size, minutes, n_workers)
    return FirstStudy(text, f"{name}.toml", dataset, facts, size, n_workers, minutes)


def read_images(source: Path | str, name: str, keys: Mapping[str, object]) -> Dataset:
    """Return the dataset at a path.

    Args:
        source: the path.
        name: the name of the study.
        keys: other keys of ``[dataset]``.

    Raises:
        StudyError: with all problems of the images and of the keys.
    """
    document = {
        "study": {"name": name, "validation": 0.5},  # the least demanding value
        "dataset": {**keys, "path": str(source)},
        "network": {LINEAR: {"layers": ["flatten"]}},
        "ablate": {LINEAR: {"network": LINEAR, "short": {"epochs": 1}}},  # a study needs a question
    }
    return study_of(document).dataset


def _written_keys(source: Path | str, dataset: Dataset, keys: Mapping[str, object]) -> DatasetKeys:
    """Return the keys of ``[dataset]`` that the file contains, with comments."""
    found = dataset.source
    written: dict[str, tuple[object, str]] = {"path": (str(Path(source)), "relative to this file")}
    if isinstance(found, PreparedSource):
        height, width, channels = dataset.image_shape
        size = height if height == width else [height, width]
        written["size"] = (size, "pixels, from the training images; one side or [height, width]")
        written["fit"] = (
            "crop",
            f"or pad, stretch: `convstudy data show {source} --out page.html` shows them",
        )
        colour = {1: "grey", 3: "colour"}.get(channels, "")
        written["channels"] = (channels, ", ".join(filter(None, (colour, "from the training images"))))
        if found.sets_test_aside:
            comment = "the fraction of images that is set aside as test images, once, and kept in a file"
            written["test"] = (found.request.test, comment)
    written |= {key: (value, "") for key, value in keys.items()}
    return [(key, value, comment) for key, (value, comment) in written.items()]


def measure_epochs(dataset: Dataset) -> EpochSeconds:
    """Measure how long an epoch of each network takes on this machine."""
    from convstudy.engine.run_time import estimate_run_time

    report_progress("time", 0, 0)
    networks: dict[str, Mapping[str, Any]] = {}
    for size in RESNET_SIZES:
        for network in first_networks(dataset.image_shape, dataset.n_classes, size):
            name = f"{RESNET}-{size.width}-{size.blocks}" if network.name == RESNET else network.name
            networks[name] = network.document()
    study = Study.model_validate(
        {
            "name": "sizes",
            "dataset": dataset,
            "seeds": 1,
            "recipe": {"epochs": 1, "batch_size": 32, **FIRST_RECIPE},
            "network": networks,
            "compare": {"all": {"networks": list(networks)}},
        }
    )
    (stage,) = make_plan(study).stages
    expected = estimate_run_time(stage.fits, CALIBRATION_SECONDS).seconds
    seconds = {each.name: expected[each.fits[0].id] for each in stage.candidates}
    others = [value for name, value in seconds.items() if not name.startswith(RESNET)]
    resnet = {size: seconds[f"{RESNET}-{size.width}-{size.blocks}"] for size in RESNET_SIZES}
    return EpochSeconds(sum(others), max(others), resnet)


def _notes(dataset: Dataset) -> tuple[str, ...]:
    """Return what was decided or left out when the images were read."""
    return dataset.source.summary().notes if isinstance(dataset.source, PreparedSource) else ()


def _counts(dataset: Dataset, part: Part) -> tuple[int, ...]:
    """Return the number of images of each class."""
    import numpy as np

    return tuple(np.bincount(dataset.load_labels(part), minlength=dataset.n_classes).tolist())
