"""Ranges that a search draws values from, beside lists: ``{ low = 1e-4, high = 1e-1, log = true }``."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

# Whole numbers that every JSON reader keeps exactly.
Whole = Annotated[int, Field(ge=-(2**53), le=2**53)]


class Range(BaseModel):
    """All numbers from ``low`` to ``high``, both included; whole numbers only where both ends are whole.

    >>> Range(low=3, high=9, step=2).integers
    range(3, 10, 2)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    low: Whole | float = Field(description="The lowest value.")
    high: Whole | float = Field(description="The highest value.")
    log: bool = Field(
        default=False,
        description="Draw evenly on a logarithmic scale: for values over several powers of ten.",
    )
    step: Annotated[int, Field(ge=1, le=2**53)] | None = Field(
        default=None, description="Whole numbers only: low, low + step, ... up to high."
    )

    @model_validator(mode="after")
    def _check_ends(self) -> Range:
        """Refuse ends and steps that make no range."""
        if self.low >= self.high:
            raise _refusal("high", "a range goes from low up to high", "a high above the low")
        if self.log and self.low <= 0:
            raise _refusal("low", "a logarithmic scale has no place for 0 or less", "a low above 0")
        if self.step is not None and not self.is_integer:
            what = "a step goes with whole numbers, and low or high is none"
            raise _refusal("step", what, "whole numbers for low and high, or no step")
        if self.step is not None and self.log:
            raise _refusal("step", "a logarithmic scale has no even steps", "a step or log = true, not both")
        return self

    @property
    def is_integer(self) -> bool:
        """Whether it holds whole numbers only."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def integers(self) -> range:
        """Every value of a range of whole numbers, which is never written out."""
        if not (isinstance(self.low, int) and isinstance(self.high, int)):
            raise TypeError(f"there is no list of all numbers from {self.low} to {self.high}")
        return range(self.low, self.high + 1, self.step or 1)

    @property
    def ends(self) -> tuple[int | float, int | float]:
        """Its lowest and highest value: what holds for both, holds for all where the allowed values are a range too."""
        return (self.low, self.integers[-1]) if self.is_integer else (self.low, self.high)


def _refusal(key: str, what: str, expected: str) -> PydanticCustomError:
    return PydanticCustomError("combination", what, {"key": key, "expected": expected})
