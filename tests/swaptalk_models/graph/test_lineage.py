"""graph/lineage.py: sound by itself; tests/test_lineage.py holds it to the Dagster graph."""

from swaptalk_models.graph.code_versions import CODE_VERSIONS
from swaptalk_models.graph.lineage import LINEAGE
from swaptalk_models.graph.models import MODELS


def test_what_comes_from_what_comes_later():
    seen = set()
    for asset, (_, upstream) in LINEAGE.items():
        assert set(upstream) <= seen, asset
        seen.add(asset)


def test_every_asset_has_a_code_version():
    assert set(LINEAGE) == set(CODE_VERSIONS) - {"phantom", "sync_offsets"}


def test_models_come_from_their_inputs():
    for name, spec in MODELS.items():
        assert {*spec.reads, *spec.inputs} == set(LINEAGE[name][1])
        assert ("training_snapshot" in spec.reads) == (name != "sync_judge"), "it is heard before the snapshot"
