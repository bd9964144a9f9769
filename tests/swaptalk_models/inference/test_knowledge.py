"""inference/knowledge.py: people of a plane of embeddings that are made up, and two drawn ones."""

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.data.faces.face_track import FaceTrack
from swaptalk_models.data.snapshot import SCHEMA
from swaptalk_models.data.sources.catalog_table import catalog_table
from swaptalk_models.inference import knowledge as module
from swaptalk_models.inference.knowledge import knowledge_of, read_knowledge, to_json, unlike_source, unlike_target
from swaptalk_models.metrics import dlib_judge


def embedding(images, landmarks):
    """(N, 128): by how bright the face is, an angle; faces of one kind lie close together."""
    angle = np.array([image.mean() / 255 * np.pi / 2 for image in images])
    found = np.zeros((len(images), 128), np.float32)
    found[:, 0], found[:, 1] = np.cos(angle), np.sin(angle)
    return found


@pytest.fixture
def knows(own, monkeypatch):
    """Of three people whose faces are grey, two of them phantoms."""
    monkeypatch.setattr(dlib_judge, "identity_embeddings", embedding)
    rows = pq.read_table(own.manifest).to_pylist()
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), own.manifest)
    (own.home.snapshots / "current").write_text("snap\n")
    places = {"a": own.home.phantom / "a.mp4", "b": own.home.phantom / "b.mp4", "c": "/films/c.mp4"}
    catalog = [
        {"video": name, "clip": f"{name}_000", "clip_index": 0, "person": name, "source": own.home.name(str(path))}
        for name, path in places.items()
    ]
    own.home.catalog.parent.mkdir(exist_ok=True)
    pq.write_table(catalog_table(catalog), own.home.catalog)
    return knowledge_of(own.home, 32)


def test_a_release_knows_whom_it_was_trained_on(knows):
    assert (knows.people, knows.drawn, knows.crop) == (3, 2, 32), "a, b and c; d, e and f are held out"
    assert np.linalg.norm(knows.middle) == pytest.approx(1, abs=1e-3) and 0.9 < knows.reach < 1
    assert knows.who() == "3 people, 2 of them drawn, at 32 px"
    assert dataclasses.replace(knows, drawn=3).who() == "3 drawn people at 32 px"


def test_it_is_kept_in_the_record(knows, tmp_path):
    (tmp_path / "release.json").write_text(json.dumps({"preset": "tiny"} | to_json(knows)))
    assert read_knowledge(tmp_path) == knows
    (tmp_path / "release.json").write_text(json.dumps({"preset": "tiny"} | to_json(None)))
    assert read_knowledge(tmp_path) is None


def test_a_face_unlike_theirs_is_said(knows):
    landmarks = template_landmarks(64)
    grey, white = (np.full((64, 64, 3), level, np.uint8) for level in (128, 255))
    assert unlike_source(knows, grey, landmarks, "anna.png") is None
    said = unlike_source(dataclasses.replace(knows, drawn=3), white, landmarks, "anna.png")
    assert (
        said
        == "this release knows 3 drawn people at 32 px; the face in anna.png is like none of them: it will look drawn"
    )
    assert "less of its likeness" in unlike_source(knows, white, landmarks, "anna.png")


def test_a_large_target_is_said(knows):
    landmarks = np.repeat(template_landmarks(64)[None], 4, axis=0)
    box = np.tile(np.float32([0, 0, 50, 50]), (4, 1))
    ones = np.ones(4, np.float32)
    assert unlike_target(knows, FaceTrack(box, landmarks, ones, ones.astype(np.uint8)), "ben.mp4") is None
    said = unlike_target(knows, FaceTrack(4 * box, 4 * landmarks, ones, ones.astype(np.uint8)), "ben.mp4")
    assert "ben.mp4 is 200 px wide" in said


def test_where_nothing_is_known_nothing_is_kept(tmp_path):
    from swaptalk_models.data.store.home import Home

    assert knowledge_of(Home(tmp_path), 64) is None and module.KEY not in to_json(None)
    assert read_knowledge(tmp_path) is None


def test_crops_are_in_colour(own, monkeypatch):
    """PNGs are read as they were written: red is no blue."""
    seen = []
    monkeypatch.setattr(
        dlib_judge, "identity_embeddings", lambda images, points: seen.extend(images) or embedding(images, points)
    )
    (own.home.snapshots / "current").write_text("snap\n")
    own.home.catalog.parent.mkdir(exist_ok=True)
    row = {"video": "a", "clip": "a_000", "clip_index": 0, "person": "a", "source": "/films/a.mp4"}
    pq.write_table(catalog_table([row]), own.home.catalog)
    knowledge_of(own.home, 32)
    assert np.array_equal(seen[0], own.crops["a_000"][15])
