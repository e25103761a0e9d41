"""The source of scikit-learn's digits."""

from __future__ import annotations

import numpy as np
import pytest

from convstudy.data.images import Images, Part
from tests.data.sources.conformance import Example, SourceConformance
from tests.datasets import DIGITS


class TestDigits(SourceConformance):
    """The digits pass the tests of all sources."""

    @pytest.fixture
    def example(self, monkeypatch: pytest.MonkeyPatch) -> Example:
        from convstudy.data import digits

        read = digits.read_digits

        def damage(damaged: Part) -> None:
            def other(part: Part) -> Images:
                images = read(part)
                return images if part != damaged else images.take(np.arange(len(images))[::-1].copy())

            monkeypatch.setattr(digits, "read_digits", other)

        return Example(DIGITS, None, damage)
