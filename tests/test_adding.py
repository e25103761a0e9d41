"""A new layer, block, metric or report section is one file: each is added to a copy of the package, and works."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import convstudy

PACKAGE = Path(convstudy.__file__).parent

FILES = {
    "networks/layers/negate.py": '''
from dataclasses import dataclass
from typing import ClassVar

from convstudy.networks.layers.layer import Layer


@dataclass(frozen=True)
class Negate(Layer):
    """``negate``: the negative of each value."""

    word: ClassVar[str] = "negate"
    usage: ClassVar[str] = "negate"

    def module(self, shape, generator):
        from torch import nn

        class Negative(nn.Module):
            def forward(self, x):
                return -x

        return Negative()


LAYERS = (Negate,)
''',
    "networks/blocks/negated.py": """
from convstudy.networks.block import Block

BLOCK = Block("negated", ("conv {filters} 3 padding=same", "negate"), {"filters": 2}, "this test")
""",
    "metrics/errors_found.py": """
from convstudy.metrics.metric import Metric


def error(labels, probabilities):
    return float((probabilities.argmax(axis=1) != labels).mean())


METRIC = Metric(
    name="errors-found",
    title="errors found",
    higher_is_better=False,
    unit="percent",
    low=0.0,
    high=1.0,
    margin=0.001,
    per_set=error,
)
""",
    "report/sections/greeting.py": """
from convstudy.report.section import Section, Text, Topic


def sections(material):
    yield Section("greeting", "A greeting", (Text((f"Hello, {material.results.study.name}.",)),))


SECTION = Topic(1000, sections)
""",
}

STUDY = """
[study]
name = "extended"
dataset = "digits"
seeds = 1
subset = 200
metric = "errors-found"

[recipe]
epochs = 1

[network.a]
layers = ["residual negated filters=4", "global-average-pool"]

[network.b]
layers = ["negate", "conv 4 3", "flatten"]

[compare.both]
networks = ["a", "b"]
"""


def test_one_file_each_adds_a_layer_a_block_a_metric_and_a_report_section(tmp_path: Path) -> None:
    source = tmp_path / "src" / "convstudy"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in FILES.items():
        assert not (source / name).exists()
        (source / name).write_text(text, encoding="utf-8")
    (tmp_path / "extended.toml").write_text(STUDY, encoding="utf-8")

    def convstudy_prints(*words: str) -> str:
        command = [sys.executable, "-c", "from convstudy.cli import main; main()", *words]
        environment = {**os.environ, "PYTHONPATH": str(source.parent)}
        ended = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    listed = convstudy_prints("layers")
    assert "negate" in listed and "negated" in listed
    assert "rrors found" in convstudy_prints("run", "extended.toml", "--workers", "1")
    (page,) = (tmp_path / "runs").glob("*/report.html")
    assert "Hello, extended." in page.read_text(encoding="utf-8")
