"""A data version for each video: the materializations of a stage, logged one by one.

Dagster 1.13 gives all partitions that a step materializes one and the same data version (`_get_output_asset_events` in
dagster/_core/execution/plan/execute_step.py). One new video would re-version all others, and whatever is made of them
would show as out of date. So a stage logs its materializations itself, each with its own video's version and figures,
and marks its output as an observable source does: Dagster then makes no events of its own for it. There is one event
more, of all videos together.

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


def provenance(context: dg.AssetExecutionContext, spec: dg.AssetSpec | None = None) -> dict[str, str]:
    """Tags that say from which code and which inputs an asset is made, as Dagster's own events have them.

    Call it before the inputs are read: what is made of them afterwards is news.

    Args:
        spec: of the asset, by default the context's.
    """
    spec = spec or context.assets_def.get_asset_spec(context.asset_key)
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
    whole_version: str,
    asset: dg.AssetKey | None = None,
) -> dg.MaterializeResult[Any]:
    """Log a materialization for each video, and last one of no partition, which tells of all of them: the UI's page of the asset shows the
    newest event, that of a partition the newest of this partition. Gives back what the asset returns.

    Args:
        made_from: tags by ``provenance``.
        versions: {video: data version}.
        metadata: what is told of all videos together.
        own: {video: what is told of it}.
        whole_version: data version of all videos together.
        asset: whose events they are, by default the context's.
    """
    told = [(video, own.get(video, {}), version) for video, version in versions.items()]
    for partition, metadata_of, version in [*told, (None, metadata, whole_version)]:
        context.log_event(
            dg.AssetMaterialization(
                asset or context.asset_key,
                partition=partition,
                metadata=dict(metadata_of),
                tags={**made_from, "dagster/data_version": version},
            )
        )
    return dg.MaterializeResult(metadata={_NO_FURTHER_EVENTS: True})
