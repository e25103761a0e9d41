"""The built-in datasets. Their digests must not change, because records refer to them."""

from __future__ import annotations

import re
import subprocess
import sys

import convstudy.data
from convstudy.data import BUILT_IN_DATASETS
from convstudy.data.sources.idx import IdxSource


def test_there_are_four_datasets_of_10_classes() -> None:
    assert list(BUILT_IN_DATASETS) == ["digits", "mnist", "fashion-mnist", "kmnist"]
    for name, info in BUILT_IN_DATASETS.items():
        assert info.name == name
        assert info.image_shape == (28, 28, 1)
        assert info.n_classes == len(set(info.class_names)) == 10


def test_digests_do_not_change() -> None:
    assert (
        BUILT_IN_DATASETS["digits"].digest
        == "31c8a1b7ae8fd4b6683fab4ce98e829251c1b154f7c95dec7a146ba9e21e2484"
    )
    assert (
        BUILT_IN_DATASETS["mnist"].digest
        == "60908b7762abb7b009183e4974fde6175b9ef311909d51c08f2c8d1d1032a109"
    )


def test_published_digests_are_valid_and_different() -> None:
    files = [
        file
        for info in BUILT_IN_DATASETS.values()
        if isinstance(info.source, IdxSource)
        for file in (*info.source.train, *info.source.test)
    ]
    assert len(files) == 12
    digests = [file.archive_digest for file in files] + [d for file in files if (d := file.content_digest)]
    assert len(digests) == 16
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests)
    assert len({*digests, *(info.digest for info in BUILT_IN_DATASETS.values())}) == 20


def test_idx_files_have_the_shapes_of_the_dataset() -> None:
    for info in BUILT_IN_DATASETS.values():
        if isinstance(info.source, IdxSource):
            for (images, labels), n in ((info.source.train, info.n_train), (info.source.test, info.n_test)):
                assert images.shape == (n, *info.image_shape[:2])
                assert labels.shape == (n,)
            assert len(info.source.mirrors) == 2
            assert all(mirror.endswith("/") for mirror in info.source.mirrors)


def test_importing_the_package_loads_no_heavy_module() -> None:
    heavy = ("numpy", "sklearn", "scipy", "pooch", "requests", "torch")
    code = f"import sys, convstudy.data; print([m for m in {heavy!r} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_loading_and_splitting_does_not_load_torch() -> None:
    code = (
        "import sys; from convstudy.data import *; d = BUILT_IN_DATASETS['digits'].load(); d.test.open(lambda: None);"
        "split_indices(d.train.labels, Fold(0, 5, 0)); print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_all_is_sorted_and_complete() -> None:
    assert sorted(convstudy.data.__all__) == convstudy.data.__all__
    assert all(hasattr(convstudy.data, name) for name in convstudy.data.__all__)
