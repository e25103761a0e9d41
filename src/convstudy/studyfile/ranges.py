"""Ranges of values that a search draws from: ``{ low = 1e-4, high = 1e-1, log = true }``."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

# JSON readers that use float64 keep these integers exactly.
JsonInt = Annotated[int, Field(ge=-(2**53), le=2**53)]


class Range(BaseModel):
    """All numbers from ``low`` to ``high``, both included. If both are integers, only integers are drawn.

    Attributes:
        low: the lowest value.
        high: the highest value; must be greater than ``low``.
        log: whether to draw uniformly on a logarithmic scale; ``low`` must be > 0.
        step: the distance between integers: low, low + step, ... up to ``high``. Not with ``log``.

    >>> Range(low=3, high=9, step=2).integers
    range(3, 10, 2)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    low: JsonInt | float = Field(description="The lowest value.")
    high: JsonInt | float = Field(description="The highest value.")
    log: bool = Field(
        default=False,
        description="Draw uniformly on a logarithmic scale, as for values over several powers of ten.",
    )
    step: Annotated[int, Field(ge=1, le=2**53)] | None = Field(
        default=None, description="Draw one of low, low + step, ... up to high; all three must be integers."
    )

    @model_validator(mode="after")
    def _check_ends(self) -> Range:
        if self.low >= self.high:
            raise _refusal("high", "greater than low", self.high)
        if self.log and self.low <= 0:
            raise _refusal("low", "greater than 0 if log is true", self.low)
        if self.step is not None and not self.is_integer:
            raise _refusal("step", "omitted unless low and high are integers", self.step)
        if self.step is not None and self.log:
            raise _refusal("step", "omitted if log is true", self.step)
        return self

    @property
    def is_integer(self) -> bool:
        """Whether the values are integers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def integers(self) -> range:
        """All values, if they are integers."""
        if not (isinstance(self.low, int) and isinstance(self.high, int)):
            raise TypeError(f"the range from {self.low} to {self.high} is not a range of integers")
        return range(self.low, self.high + 1, self.step or 1)

    @property
    def ends(self) -> tuple[int | float, int | float]:
        """The lowest and the highest value. If both are in an allowed interval, all values are."""
        return (self.low, self.integers[-1]) if self.is_integer else (self.low, self.high)


def _refusal(key: str, expected: str, got: float) -> PydanticCustomError:
    context = {"key": key, "expected": expected, "got": str(got)}
    return PydanticCustomError("combination", "{key} must be {expected}; got {got}", context)
