"""The lineage that the report draws is the one that Dagster runs."""

import dagster as dg

from swaptalk_models.graph.lineage import LINEAGE


def test_lineage_is_the_dagster_graph():
    from pipelines.definitions import defs

    graph = defs.resolve_asset_graph()
    found = {
        key.to_user_string(): (
            graph.get(key).group_name,
            tuple(sorted(parent.to_user_string() for parent in graph.get(key).parent_keys)),
        )
        for key in graph.get_all_asset_keys()
    }
    assert found == {name: (group, tuple(sorted(upstream))) for name, (group, upstream) in LINEAGE.items()}
    assert all(isinstance(key, dg.AssetKey) and len(key.path) == 1 for key in graph.get_all_asset_keys())
