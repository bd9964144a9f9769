"""The graph of assets by name: what is made from what. The report draws it; Dagster's assets take their inputs here."""

from __future__ import annotations

from graphlib import TopologicalSorter

from swaptalk_models.graph.models import MODELS, RELEASED

Node = tuple[str, tuple[str, ...]]
"""(group, upstream assets). Groups form no circle: collapsed in the UI, each still comes from those to its left."""

_OTHERS: dict[str, Node] = {
    "hdtf_catalog": ("catalog", ()),
    "raw_videos": ("clips", ("hdtf_catalog",)),
    "clips": ("clips", ("raw_videos",)),
    "face_tracks": ("faces", ("clips",)),
    "face_crops": ("faces", ("clips", "face_tracks")),
    "mels": ("audio", ("clips",)),
    "training_snapshot": ("snapshot", ("face_tracks", "face_crops", "mels", "sync_judge")),
    "vq_latents": ("latents", ("face_crops", "vqgan")),
    "test_videos": (
        "evaluation",
        ("training_snapshot", *RELEASED, *(name for name, spec in MODELS.items() if spec.compared_only)),
    ),
    "metrics": ("evaluation", ("test_videos", "sync_judge")),
    "evaluation_report": ("evaluation", ("test_videos", "metrics")),
    "model_release": ("release", (*RELEASED, "metrics")),
}


def _in_order(nodes: dict[str, Node]) -> dict[str, Node]:
    """Every asset behind what it is made from."""
    order = TopologicalSorter({name: parents for name, (_, parents) in nodes.items()}).static_order()
    return {name: nodes[name] for name in order}


LINEAGE: dict[str, Node] = _in_order(_OTHERS | {name: (spec.group, spec.upstream) for name, spec in MODELS.items()})


def group(asset: str) -> str:
    return LINEAGE[asset][0]


def upstream(asset: str) -> tuple[str, ...]:
    """Names of the assets that it is made from."""
    return LINEAGE[asset][1]
