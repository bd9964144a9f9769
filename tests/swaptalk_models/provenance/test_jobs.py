"""provenance/jobs.py"""

import dataclasses
import hashlib
import json

import pytest

from swaptalk_models.errors import UserError
from swaptalk_models.provenance.jobs import Consent, JobStore, ReleaseUsed, new_job
from swaptalk_models.provenance.watermark.payload import job_bits


@pytest.fixture
def inputs(tmp_path):
    for name in ("face.png", "head.mp4", "voice.wav"):
        (tmp_path / name).write_text(name)
    names = {"source": "face.png", "target": "head.mp4", "voice": "voice.wav"}
    return {role: tmp_path / name for role, name in names.items()}


RELEASE = ReleaseUsed("v1", "ab" * 32, "snap")


def test_a_record_says_all(inputs, tmp_path):
    consent = Consent("Anna, for the film", "option", "2026-11-29T07:00:00+00:00")
    job = new_job(inputs, RELEASE, {"detail": True}, consent)
    path = JobStore(tmp_path / "home").write(dataclasses.replace(job, output={"path": "/o.mp4", "sha256": "cd" * 32}))
    record = json.loads(path.read_text())
    assert path == tmp_path / "home" / "jobs" / f"{job.id}.json"
    assert record["inputs"]["source"] == {
        "name": "face.png",
        "sha256": hashlib.sha256(b"face.png").hexdigest(),
        "size": 8,
    }
    assert record["release"] == {"version": "v1", "sha256": "ab" * 32, "snapshot": "snap"}
    assert record["consent"]["said"] == "Anna, for the film" and record["options"] == {"detail": True}
    assert record["bits"] == job.bits == job_bits(job.id)


def test_records_are_found_by_name_bits_and_file(inputs, tmp_path):
    store = JobStore(tmp_path)
    jobs = [dataclasses.replace(new_job(inputs, RELEASE, {}), output={"sha256": str(n)}) for n in range(3)]
    for job in jobs:
        store.write(job)
    assert store.read(jobs[1].id)["id"] == jobs[1].id
    assert store.with_bits(jobs[2].bits)["id"] == jobs[2].id
    assert store.with_output("0")["id"] == jobs[0].id
    assert store.all_bits() == [job.bits for job in sorted(jobs, key=lambda job: job.id, reverse=True)]
    assert store.read("none") is store.with_bits("00000000") is store.with_output("9") is None


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b"])
def test_a_name_out_of_a_file_is_no_path(tmp_path, name):
    (tmp_path / "secret.json").write_text("{}")
    assert JobStore(tmp_path).read(name) is None


def test_a_damaged_record_hides_no_other(inputs, tmp_path):
    store = JobStore(tmp_path)
    job = dataclasses.replace(new_job(inputs, RELEASE, {}), output={"sha256": "x"})
    store.write(job)
    (tmp_path / "jobs" / "zzz.json").write_text("{")
    (tmp_path / "jobs" / "zzy.json").write_text("{}")
    assert store.with_output("x")["id"] == job.id and store.consent_for(job.inputs) is None


def test_consent_counts_for_the_same_files_again_and_for_no_others(inputs, tmp_path):
    store = JobStore(tmp_path)
    job = new_job(inputs, RELEASE, {}, Consent("Anna", "terminal", "2026"))
    store.write(job)
    again = store.consent_for(new_job(inputs, RELEASE, {}).inputs)
    assert again == Consent("Anna", job.id, "2026"), "it says for which job it was asked for"
    inputs["voice"].write_text("somebody else")
    assert store.consent_for(new_job(inputs, RELEASE, {}).inputs) is None


def test_the_release_is_known_by_its_hashes(tmp_path):
    with pytest.raises(UserError, match="not a release"):
        ReleaseUsed.of(tmp_path)
    (tmp_path / "release.json").write_text('{"snapshot": "s1"}')
    release = ReleaseUsed.of(tmp_path)
    assert (release.version, release.snapshot) == (tmp_path.name, "s1")
    assert release.sha256 == hashlib.sha256(b'{"snapshot": "s1"}').hexdigest()
    (tmp_path / "release.json").write_text("{")
    with pytest.raises(UserError, match="damaged"):
        ReleaseUsed.of(tmp_path)


def test_faults_are_one_line(inputs, tmp_path):
    (tmp_path / "jobs").write_text("a file")
    with pytest.raises(UserError, match="records of jobs cannot be kept"):
        JobStore(tmp_path).require_writable()
    with pytest.raises(UserError, match="cannot be written"):
        JobStore(tmp_path).write(new_job(inputs, RELEASE, {}))
    inputs["voice"].unlink()
    with pytest.raises(UserError, match=r"voice\.wav"):
        new_job(inputs, RELEASE, {})
