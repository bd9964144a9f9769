"""provenance/manifest.py"""

import json
import os
import sys

import av
import c2pa
import numpy as np
import pytest

from swaptalk_models.data.media.audio import read_audio
from swaptalk_models.data.media.mp4_boxes import read_top_boxes
from swaptalk_models.data.media.video import probe, read_frames
from swaptalk_models.errors import UserError
from swaptalk_models.provenance import manifest
from swaptalk_models.provenance.identity import load_identity
from swaptalk_models.provenance.manifest import Claim, read_manifest, sign

CLAIM = Claim(
    "job-1",
    "release-1",
    "2026-11-29T07:00:00+00:00",
    {"source": "aa" * 32, "target": "bb" * 32, "voice": "cc" * 32},
    {"source": "anna-private.png", "target": "ben-private.mp4", "voice": "carla-private.wav"},
    "deadbeef",
)


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    return load_identity(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def plain(write_video, tmp_path_factory):
    frames = list(np.random.default_rng(0).integers(0, 255, (4, 64, 64, 3), np.uint8))
    return write_video(tmp_path_factory.mktemp("plain") / "a.mp4", frames)


@pytest.fixture(scope="module")
def signed(plain, identity, tmp_path_factory):
    """To be read only."""
    path = tmp_path_factory.mktemp("signed") / "a.mp4"
    path.write_bytes(plain.read_bytes())
    sign(path, identity, CLAIM)
    return path


def test_roundtrip(signed, identity, tmp_path):
    reading = read_manifest(signed)
    assert (reading.state, reading.trusted, reading.problem) == ("valid", None, None)
    assert reading.said["job"] == "job-1" and reading.said["release"] == "release-1"
    assert reading.said["inputs"] == CLAIM.inputs and reading.said["watermark"] == "deadbeef"
    assert read_manifest(signed, identity.root).trusted is True
    stranger = read_manifest(signed, load_identity(tmp_path).root)
    assert (stranger.state, stranger.trusted) == ("valid", False)


def test_it_says_what_was_made_and_from_what_to_everybody(signed):
    """As any reader of C2PA sees it."""
    with c2pa.Reader("video/mp4", open(signed, "rb")) as reader:
        found, text = reader.get_active_manifest(), reader.json()
    actions = next(one["data"]["actions"] for one in found["assertions"] if one["label"].startswith("c2pa.actions"))
    assert [action["action"] for action in actions] == ["c2pa.created"]
    assert actions[0]["digitalSourceType"].endswith("/compositeWithTrainedAlgorithmicMedia")
    ingredients = {one["title"]: one for one in found["ingredients"]}
    assert {role: one["instance_id"] for role, one in ingredients.items()} == {
        role: f"urn:sha256:{digest}" for role, digest in CLAIM.inputs.items()
    }
    assert "thumbnail" not in text and "private" not in text, "by hash: no pixels, no names"


def test_picture_and_sound_stay_to_the_bit(plain, signed):
    assert probe(signed).frames == probe(plain).frames
    assert np.array_equal(*(np.concatenate(list(read_frames(path))) for path in (plain, signed)))
    assert np.array_equal(*(read_audio(path) for path in (plain, signed)))


def test_no_manifest(plain):
    assert read_manifest(plain).state == "none"


def test_any_flipped_byte_is_seen(signed, identity, tmp_path):
    """Every box, its head, and every 67th byte; the padding of the signature, which it does not cover itself, included."""
    content = signed.read_bytes()
    with open(signed, "rb") as file:
        heads = [start - back for _, start, _ in read_top_boxes(file) for back in range(1, 9)]
    changed = tmp_path / "a.mp4"
    for place in sorted({*heads, *range(0, len(content), 67), len(content) - 1}):
        damaged = bytearray(content)
        damaged[place] ^= 1
        changed.write_bytes(damaged)
        assert read_manifest(changed, identity.root).state == "damaged", f"byte {place} of {len(content)}"


@pytest.mark.parametrize("change", [lambda content: content[:-48], lambda content: content + b"\0\0\0\x08free"])
def test_what_is_cut_off_or_added_is_seen(signed, tmp_path, change):
    (tmp_path / "a.mp4").write_bytes(change(signed.read_bytes()))
    assert read_manifest(tmp_path / "a.mp4").state == "damaged"


def test_a_stream_copy_strips_it(signed, tmp_path):
    with av.open(str(signed)) as source, av.open(str(tmp_path / "a.mp4"), "w") as copy:
        streams = {stream.index: copy.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                copy.mux(packet)
    assert read_manifest(tmp_path / "a.mp4").state == "none"


def test_another_programs_manifest_is_foreign(plain, identity, tmp_path):
    definition = {"claim_generator_info": [{"name": "Camera"}], "assertions": []}
    definition["assertions"] = [{"label": "c2pa.actions", "data": {"actions": [{"action": "c2pa.opened"}]}}]
    action = {
        "action": "c2pa.created",
        "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture",
    }
    definition["assertions"][0]["data"]["actions"] = [action]
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", identity.chain, identity.key, None))
    with open(plain, "rb") as source, open(tmp_path / "a.mp4", "w+b") as target:
        c2pa.Builder(json.dumps(definition)).sign(signer, "video/mp4", source, target)
    assert read_manifest(tmp_path / "a.mp4").state == "foreign"


@pytest.mark.parametrize("name", ["a.mkv", "a.txt", "noending"])
def test_other_kinds_of_file_have_none(tmp_path, name):
    (tmp_path / name).write_bytes(b"hello, " * 50)
    assert read_manifest(tmp_path / name).state == "none"


def test_any_name_will_do(signed, tmp_path):
    for name in (b"12:30.mp4", b"caf\xe9.mp4", b"a b\n.mp4", b"no ending"):
        path = tmp_path / os.fsdecode(name)
        path.write_bytes(signed.read_bytes())
        assert read_manifest(path).state == "valid", name


def test_without_the_library_there_is_one_line(monkeypatch, plain, identity):
    monkeypatch.setitem(sys.modules, "c2pa", None)
    assert not manifest.can_sign()
    with pytest.raises(UserError, match="c2pa-python is missing, which signs"):
        sign(plain, identity, CLAIM)
    with pytest.raises(UserError, match="c2pa-python is missing, which checks"):
        read_manifest(plain)
