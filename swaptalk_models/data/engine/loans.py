"""Large input files in Ray's object store: put there once for all groups in flight that read them, released with the last of these."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swaptalk_models.data.engine.parcels import pieces


@dataclass
class _Loan:
    references: list[Any]
    bytes: int
    users: int = 0


class Loans:
    """The files that tasks in flight read."""

    def __init__(self) -> None:
        self._loans: dict[str, _Loan] = {}

    @property
    def bytes(self) -> int:
        """Of all of them."""
        return sum(loan.bytes for loan in self._loans.values())

    def lend(self, path: Path) -> list[Any]:
        """References to its pieces. OSError: it cannot be read."""
        import ray

        key = str(path)
        if key not in self._loans:
            self._loans[key] = _Loan([ray.put(piece) for piece in pieces(path)], path.stat().st_size)
        self._loans[key].users += 1
        return self._loans[key].references

    def give_back(self, path: str) -> None:
        """One task fewer reads it."""
        loan = self._loans[path]
        loan.users -= 1
        if not loan.users:
            del self._loans[path]
