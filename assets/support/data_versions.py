"""A data version for each video: the materializations of a stage, logged one by one.

Dagster 1.13 gives all partitions that a step materializes one and the same data version (`_get_output_asset_events` in
dagster/_core/execution/plan/execute_step.py). One new video would re-version all others, and whatever is made of them
would show as out of date. So a stage logs its materializations itself, each with its own video's version and figures,
and marks its output as an observable source does: Dagster then makes no events of its own for it. There are as many
events as before.

What was tried and is worse: events that correct Dagster's (twice as many, each video twice in the UI); an optional
output that is not yielded (what is downstream is skipped); metadata alone (its own tag would still say otherwise).

The mark is no public API. A Dagster that does not know it would add its own events behind ours, with a version that it
makes of code and inputs: tests/assets/test_data_versions.py would fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

_NO_FURTHER_EVENTS = "__source_asset_observation__"  # SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION


def provenance(context: dg.AssetExecutionContext) -> dict[str, str]:
    """Tags that say from which code and which inputs an asset is made, as Dagster's own events have them.

    Call it before the inputs are read: what is made of them afterwards is news.
    """
    spec = context.assets_def.get_asset_spec(context.asset_key)
    tags = {"dagster/code_version": str(spec.code_version), "dagster/data_version_is_user_provided": "true"}
    for dep in spec.deps:
        name = dep.asset_key.to_user_string()
        newest = context.instance.fetch_materializations(dep.asset_key, limit=1).records
        made = newest[0].asset_materialization if newest else None
        version = (made.tags or {}).get("dagster/data_version") if made else None
        tags[f"dagster/input_data_version/{name}"] = version or "INITIAL"
        tags[f"dagster/input_event_pointer/{name}"] = str(newest[0].storage_id) if newest else "NULL"
    return tags


def materialize_videos(
    context: dg.AssetExecutionContext,
    made_from: Mapping[str, str],
    versions: Mapping[str, str],
    metadata: Mapping[str, Any],
    own: Mapping[str, Mapping[str, Any]],
) -> dg.MaterializeResult[Any]:
    """Log a materialization for each video; give back what the asset returns.

    Args:
        made_from: tags by ``provenance``.
        versions: {video: data version}, of every partition of the run.
        metadata: told of each of them.
        own: {video: what is told of it alone}.
    """
    assert set(versions) == set(context.partition_keys), "a version for every partition of the run, and no other"
    for video, version in versions.items():
        context.log_event(
            dg.AssetMaterialization(
                context.asset_key,
                partition=video,
                metadata={**metadata, **own.get(video, {})},
                tags={**made_from, "dagster/data_version": version},
            )
        )
    return dg.MaterializeResult(metadata={_NO_FURTHER_EVENTS: True})
