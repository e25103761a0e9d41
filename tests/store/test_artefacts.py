"""The files of a fit: digests equal the engine's, and damaged files are set aside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from convstudy.engine.weights import weights_digest, write_tensors
from convstudy.errors import StoreError
from convstudy.plan import make_plan
from convstudy.store import Layout
from convstudy.store.artefacts import Artefacts, arrays_digest
from tests.plan.made import study

TENSORS = {
    "b.weight": torch.linspace(-1, 1, 24).reshape(2, 3, 4),
    "a.steps": torch.tensor(7),
    "c.mask": torch.tensor([True, False]),
    "d.half": torch.ones(3, dtype=torch.float16),
    "e.pixels": torch.arange(6, dtype=torch.uint8).reshape(1, 6),
    "f.empty": torch.zeros(0, 3),
}


def test_digest_of_arrays_equals_that_of_the_engine() -> None:
    arrays = {name: tensor.numpy() for name, tensor in TENSORS.items()}
    assert arrays_digest(arrays) == weights_digest(TENSORS)
    for name, array in arrays.items():
        if array.size:
            changed = np.array(array)
            changed.reshape(-1)[0] = 0 if changed.reshape(-1)[0] else 1
            assert arrays_digest({**arrays, name: changed}) != arrays_digest(arrays)


@pytest.mark.parametrize("kind", ["weights", "test"])
def test_file_is_read_only_if_its_digests_match_the_record(kind: str, tmp_path: Path) -> None:
    artefacts, digest = Artefacts(Layout(tmp_path)), weights_digest(TENSORS)
    metadata = {"fit_id": "fit", "weights_digest": digest, "digest": digest}
    path = Layout(tmp_path).artefact("fit", kind)
    write_tensors(path, TENSORS, metadata)
    assert sorted(artefacts.read("fit", kind, digest)) == sorted(TENSORS)
    assert sorted(artefacts.read("fit", kind)) == sorted(TENSORS)
    for other, match in (("0" * 64, "weights_digest"), ("1" * 64, "weights_digest")):
        assert not artefacts.is_sound("fit", kind, other)
        with pytest.raises(StoreError, match=match):
            artefacts.read("fit", kind, other)
    write_tensors(path, {**TENSORS, "b.weight": torch.zeros(2, 3, 4)}, metadata)
    with pytest.raises(StoreError, match="its content does not match its digest"):
        artefacts.read("fit", kind, digest)
    write_tensors(path, TENSORS, {**metadata, "fit_id": "other"})
    with pytest.raises(StoreError, match="the fit_id in the file is other, not fit"):
        artefacts.read("fit", kind, digest)
    for missing in metadata:
        if kind == "test" or missing != "digest":
            write_tensors(path, TENSORS, {key: value for key, value in metadata.items() if key != missing})
            assert not artefacts.is_sound("fit", kind, digest)


def test_file_that_was_set_aside_is_never_overwritten(tmp_path: Path) -> None:
    artefacts = Artefacts(Layout(tmp_path))
    path = Layout(tmp_path).artefact("fit", "weights")
    assert artefacts.set_aside("fit", "weights") is None
    places = []
    for content in (b"one", b"two", b"three"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        places.append(artefacts.set_aside("fit", "weights"))
    names = [place.name for place in places if place]
    assert names == [f"weights.safetensors.damaged{end}" for end in ("", "-2", "-3")]
    assert [place.read_bytes() for place in places if place] == [b"one", b"two", b"three"]


def test_obstacles_in_the_place_of_a_fits_files_are_set_aside(tmp_path: Path) -> None:
    fit = make_plan(study()).fits[0]
    layout = Layout(tmp_path)
    artefacts, checkpoint = Artefacts(layout), layout.artefact(fit.trial_id, "checkpoint")
    (tmp_path / "fits").write_text("no folder")
    artefacts.set_aside_obstacles(fit.id, fit.trial_id)
    assert not (tmp_path / "fits").exists()
    (tmp_path / "fits").mkdir()
    (tmp_path / "fits" / fit.id).write_text("no folder")
    artefacts.set_aside_obstacles(fit.id, fit.trial_id)
    checkpoint.mkdir(parents=True)
    artefacts.set_aside_obstacles(fit.id, fit.trial_id)
    assert not checkpoint.exists()
    checkpoint.write_bytes(b"a state")
    artefacts.set_aside_obstacles(fit.id, fit.trial_id)
    assert checkpoint.read_bytes() == b"a state"
    assert len(list(tmp_path.rglob("*.damaged"))) == 3
