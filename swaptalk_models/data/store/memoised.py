"""Work that finds its result where it was made before says so itself."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

Value = TypeVar("Value")


class Memoised(NamedTuple, Generic[Value]):
    """What some work gave."""

    value: Value
    cached: bool
    """Whether it was there already, whole, and nothing was done."""
