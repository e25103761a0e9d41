from __future__ import annotations

import os
import subprocess
import sys

import pytest

from convstudy.cores import n_cores
from convstudy.engine.environment import environment
from convstudy.run import default_workers
from tests.run.studies import small_study


def test_n_cores_is_the_affinity_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 128)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 64, 65}, raising=False)
    assert n_cores() == environment(1).n_cores == 4
    assert [default_workers(small_study(threads=threads)) for threads in (1, 2, 3, 8)] == [4, 2, 1, 1]


def test_n_cores_without_affinity_is_that_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    for count, expected in ((12, 12), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        assert n_cores() == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system sets no affinity")
def test_process_limited_to_one_core_has_one() -> None:
    program = "import os; os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])\n"
    program += "from convstudy.cores import n_cores; print(n_cores())"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "1"
