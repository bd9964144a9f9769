"""Quality gates as checks that warn: clips beyond a limit stay; trainings do without them, or without their sound."""

from __future__ import annotations

import dagster as dg

from assets.support.resources import SwapTalk
from swaptalk_models.data.quality.gates import GATES, OUT_OF_STEP, SYNC_STAGE, judge, measured
from swaptalk_models.data.store.ledger import Ledger


def gates_check(stage: str) -> dg.AssetChecksDefinition:
    """Quality gates on what this stage has measured. Clips beyond a limit stay; trainings do without them, or without
    their sound.
    """
    gates = [gate.name for gate in GATES if gate.stage == stage]

    @dg.asset_check(
        name=f"{stage}_gates", asset=stage, description=f"No clip is {' or '.join(gates)} beyond its limit."
    )
    def check(swaptalk: SwapTalk) -> dg.AssetCheckResult:
        return _gates_result(swaptalk, stage, gates)

    return check


@dg.asset_check(
    asset="sync_judge", description="Lips and sound of every clip are in step, as far as the judge has measured."
)
def sync_judge_gates(swaptalk: SwapTalk) -> dg.AssetCheckResult:
    return _gates_result(swaptalk, SYNC_STAGE, [OUT_OF_STEP])


def _gates_result(swaptalk: SwapTalk, stage: str, gates: list[str]) -> dg.AssetCheckResult:
    config = swaptalk.load().quality
    with Ledger(swaptalk.home_folder().ledger) as ledger:
        entries = measured(ledger, [stage])[stage]
    reasons = {clip: judge({stage: entry.output}, config).reasons for clip, entry in entries.items()}
    counts = {gate: float(sum(gate in found for found in reasons.values())) for gate in gates}
    said = [f"{clip}: {why}" for clip, found in reasons.items() for why in found.values()]
    return dg.AssetCheckResult(
        passed=not said,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(said[:3]) or None,
        metadata={"clips": float(len(entries)), **counts, "first": "; ".join(said[:5])},
    )
