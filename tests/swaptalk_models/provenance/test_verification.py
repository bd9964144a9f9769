"""provenance/verification.py: states, and the sentence that people read."""

import dataclasses

import av
import pytest

from swaptalk_models.errors import UserError
from swaptalk_models.provenance.identity import load_identity
from swaptalk_models.provenance.jobs import Consent, JobStore, ReleaseUsed, new_job, sha256_of
from swaptalk_models.provenance.manifest import sign
from swaptalk_models.provenance.marks import claim_of
from swaptalk_models.provenance.verification import verify
from swaptalk_models.provenance.watermark.embedding import Watermark


def stream_copy(source_path, path):
    """As `ffmpeg -c copy` does."""
    with av.open(str(source_path)) as source, av.open(str(path), "w") as copy:
        streams = {stream.index: copy.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                copy.mux(packet)
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def job(home, tmp_path_factory):
    inputs = tmp_path_factory.mktemp("inputs")
    for role in ("source", "target", "voice"):
        (inputs / role).write_text(role)
    given = {role: inputs / role for role in ("source", "target", "voice")}
    job = new_job(given, ReleaseUsed("v1", "ab" * 32, "snap"), {}, Consent("Anna", "option", "2026"))
    return dataclasses.replace(job, marks={"unmarked": None}, output={"sha256": "?"})


@pytest.fixture(scope="module")
def video(home, job, talking, track, write_video, tmp_path_factory):
    """Marked by ``home``; to be read only."""
    watermark = Watermark(job.bits, track)
    frames = [watermark.on(frame, number, number) for number, frame in enumerate(talking)]
    path = write_video(tmp_path_factory.mktemp("marked") / "out.mp4", frames)
    sign(path, load_identity(home), claim_of(job, job.bits))
    JobStore(home).write(job)
    return path


def test_intact(video, home, job, tmp_path):
    result = verify(video, home)
    assert (result.state, result.job, result.release) == ("intact", job.id, "v1")
    assert result.watermark.bits == job.bits and result.record["consent"]["said"] == "Anna"
    assert result.said.startswith("Synthetic, made by SwapTalk") and "by this home" in result.said
    for folder in (None, tmp_path):
        elsewhere = verify(video, folder)
        assert (elsewhere.state, elsewhere.job, elsewhere.record) == ("intact", job.id, None)
        assert "by this home" not in elsewhere.said
    assert list(tmp_path.iterdir()) == [], "whoever verifies writes nothing"


def test_json_is_the_contracts(video, home, job):
    found = verify(video, home).to_json()
    assert {"state", "manifest", "watermark", "job", "release", "said"} <= found.keys()
    assert (
        found["watermark"].keys() == {"found", "bits", "confidence"} and 0.9999 <= found["watermark"]["confidence"] <= 1
    )


def test_who_has_signed(video, home, tmp_path):
    trusted = verify(video, None, home / "identity" / "ca.pem")
    assert trusted.state == "intact" and "ca.pem vouches for" in trusted.said
    load_identity(tmp_path)
    other = verify(video, home, tmp_path / "identity" / "ca.pem")
    assert other.state == "tampered" and "does not vouch" in other.said


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.9])
def test_a_flipped_byte(video, home, tmp_path, share):
    content = bytearray(video.read_bytes())
    content[int(share * len(content))] ^= 1
    (tmp_path / "a.mp4").write_bytes(content)
    result = verify(tmp_path / "a.mp4", home)
    assert result.state == "tampered" and result.said.startswith("Tampered")


def test_a_file_damaged_beyond_decoding_is_still_recognised(video, tmp_path):
    content = bytearray(video.read_bytes())
    place = content.index(b"moov")
    content[place : place + 400] = bytes(400)
    (tmp_path / "a.mp4").write_bytes(content)
    assert verify(tmp_path / "a.mp4").state == "tampered"


def test_stripped(video, home, job, tmp_path):
    copy = stream_copy(video, tmp_path / "a.mp4")
    known, unknown = verify(copy, home), verify(copy, tmp_path)
    assert (known.state, known.job, known.release) == ("stripped", job.id, "v1")
    assert (unknown.state, unknown.job) == ("stripped", None) and unknown.watermark.bits == job.bits
    assert "does not know" in unknown.said and job.id in known.said


def test_stripped_in_another_container(video, tmp_path):
    assert verify(stream_copy(video, tmp_path / "a.mkv")).state == "stripped"


def test_signed_anew_by_somebody_else_for_another_job(video, job, tmp_path):
    copy = stream_copy(video, tmp_path / "a.mp4")
    sign(copy, load_identity(tmp_path), claim_of(dataclasses.replace(job, id="mine"), None))
    result = verify(copy)
    assert result.state == "tampered" and "another job's" in result.said


def test_nothing(talking, home, job, write_video, tmp_path):
    path = write_video(tmp_path / "plain.mp4", talking)
    result = verify(path, home)
    assert (result.state, result.job) == ("none", None) and "does not prove that it is real" in result.said
    told = dataclasses.replace(job, id="unmarked-job", marks={"unmarked": "a test"}, output={"sha256": sha256_of(path)})
    JobStore(home).write(told)
    result = verify(path, home)
    assert (result.state, result.job) == ("none", "unmarked-job") and "unmarked: a test" in result.said


@pytest.mark.parametrize("content", [b"", b"hello, this is no video"])
def test_no_video(tmp_path, content):
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.mp4") as error:
        verify(tmp_path / "a.mp4")
    assert "\n" not in str(error.value)
