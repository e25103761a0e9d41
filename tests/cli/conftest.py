"""A tiny study, a finished run of it, and the command line called in this process or in another."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from convstudy.cli import main
from convstudy.run import run_study
from convstudy.studyfile import load_study

TINY = """\
[study]
name = "tiny"
dataset = "digits"
seeds = 2
subset = 100

[recipe]
epochs = 2

[network.small]
kernel = 3
layers = ["conv 4 {kernel} relu stride=2", "max-pool 2", "max-pool 1", "flatten"]

[network.flat]
layers = ["flatten", "dense 8 relu"]

[search.kernel]
network = "small"
parameters = { kernel = [3, 5] }
folds = 2

[compare.both]
networks = ["small", "flat"]

[ablate.flat]
tanh = { activation = "tanh" }
"""
# 4 folds in the search, 4 seeds in the comparison, 2 in the variant; the ablation shares 2 with the comparison.
N_FITS = 10


@dataclass(frozen=True)
class CommandResult:
    """The exit status and output of a command."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def in_a_process(*arguments: str, **options: Any) -> CommandResult:
    """Run a command in a separate process."""
    done = subprocess.run(
        process_arguments(*arguments), capture_output=True, text=True, check=False, **options
    )
    return CommandResult(done.returncode, done.stdout, done.stderr)


def process_arguments(*arguments: str) -> list[str]:
    """Return the arguments of a process that runs a command."""
    return [sys.executable, "-c", "import sys; from convstudy.cli import main; sys.exit(main())", *arguments]


@pytest.fixture
def convstudy(capsys: pytest.CaptureFixture[str]) -> Callable[..., CommandResult]:
    """Return a function that runs a command in this process."""

    def call(*arguments: object) -> CommandResult:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return CommandResult(status, captured.out, captured.err)

    return call


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a runs folder with a complete run of the tiny study; tests must not train in it."""
    folder = tmp_path_factory.mktemp("finished")
    path = folder / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    results = run_study(load_study(path), folder / "runs", workers=0)
    assert results.complete and len(results.records) == N_FITS
    return folder / "runs"
