"""Stages that had nothing left to do: while all that they go by is the same, nobody looks at each of their clips again.

What a stage goes by is the ledger's entries of its own and of the stages that it reads, its code and parameters, and what its caller says. The
ledger counts the changes of entries, so a few numbers tell that none of a hundred thousand has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from swaptalk_models.data.store.fingerprint import hash_values
from swaptalk_models.data.store.ledger import Ledger, StageReport


@dataclass(frozen=True)
class Standing:
    """How one stage stands, for one run of it; whoever uses it holds the stage and what it reads."""

    ledger: Ledger
    name: str
    reads: Sequence[str]
    goes_by: Callable[[], Any] | None
    """Plain values: all else that decides what there is to do. None: only a look at everything tells."""
    there: Callable[[], bool] = lambda: True
    """Whether what was made still is."""

    def still(self) -> StageReport | None:
        """What was done or refused when nothing was left to do, if that is still so and it is all there."""
        if self.goes_by is None:
            return None
        found = self.ledger.settled(self.name, self._seen(self.goes_by()))
        return found if found and self.there() else None

    def before(self) -> Any:
        """What it goes by as the run begins, for ``note``."""
        return self.goes_by and self.goes_by()

    def note(self, before: Any, report: StageReport) -> None:
        """Nothing is left to do, unless somebody has changed meanwhile what the run went by."""
        if self.goes_by is not None and self.goes_by() == before:
            known = replace(report, cached=report.cached + report.computed, computed=0)
            self.ledger.settle(self._seen(before), known)

    def _seen(self, goes_by: Any) -> str:
        return hash_values([sorted(self.ledger.changes([self.name, *self.reads]).items()), goes_by])
