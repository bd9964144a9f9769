"""pipelines/checkup.py and pipelines/cli/doctor.py; pipelines/doctor.py is in test_cli.py"""

import json
import os
import re

import pytest
from click.testing import CliRunner

from pipelines import checkup
from pipelines.checkup import MISSING, OK, WARNING, look
from pipelines.cli import doctor
from pipelines.cli.main import swaptalk
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger
from swaptalk_models.data.store.object_store import ObjectStore
from swaptalk_models.data.store.storage_address import VARIABLE as STORAGE
from swaptalk_models.data.store.storage_address import Storage
from swaptalk_models.data.store.storage_home import open_home
from swaptalk_models.errors import UserError
from swaptalk_models.rehearsal.trial import Trial

from ..postgres_server import PASSWORD


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Nothing is compiled."""
    monkeypatch.setattr("swaptalk_models.modules.device.compiler_fault", lambda device: "")


def marks(home):
    return {finding.what: finding.mark for finding in look(home)}


def test_this_machine_lacks_nothing(tmp_path):
    found = look(tmp_path / "new")
    assert {f.what for f in found} == {
        "Python", "wheels", "cores", "memory", "disk", "home", "Ray", "weights", "decoders", "encoders", "compiler", "CUDA",
        "state", "storage",
    }  # fmt: skip
    assert MISSING not in {f.mark for f in found if f.what != "disk"}, found
    assert not (tmp_path / "new").exists(), "nothing is made by looking"


def test_the_state_of_a_home(tmp_path):
    home = Home(tmp_path / "home").create()
    assert "empty" in checkup._state(home.root).said
    home.update_state(preset="nano")
    (home.models / "vqgan").mkdir(parents=True)
    (home.models / "vqgan" / "current").write_text("v1\n")
    assert checkup._state(home.root).said == "preset nano, trained: vqgan"
    home.state_file.write_text("{")
    assert checkup._state(home.root).mark == MISSING


def storage_line(home):
    found = [finding for finding in look(home) if finding.what == "storage"]
    return found[0].mark, found[0].said


def test_the_storage_is_looked_at_and_left_as_it_was(tmp_path, s3, monkeypatch):
    assert storage_line(tmp_path) == (OK, f"in the home's folder; {STORAGE} would name a prefix on S3")
    monkeypatch.setenv(STORAGE, s3)
    mark, said = storage_line(tmp_path / "new")
    assert mark == OK and s3 in said and "a run begins the home there" in said
    assert list(ObjectStore(Storage(s3)).listed()) == [] and not (tmp_path / "new").exists()
    (tmp_path / "local" / "tables").mkdir(parents=True)
    mark, said = storage_line(tmp_path / "local")
    assert mark == MISSING and "`swaptalk storage --move-to s3`, or unset it" in said
    with Ledger(open_home(tmp_path / "home", begin=True).ledger):
        pass
    assert (
        storage_line(tmp_path / "home")[0] == OK and "its ledger in a folder of" in storage_line(tmp_path / "home")[1]
    )
    ObjectStore(Storage(s3)).delete(["home.json"])
    mark, said = storage_line(tmp_path / "home")
    assert mark == MISSING and "its home has gone" in said


def test_a_storage_that_cannot_be_used_is_missing(tmp_path, s3, monkeypatch):
    monkeypatch.setenv(STORAGE, "s3://there-is-none/x")
    assert storage_line(tmp_path) == (
        MISSING,
        "s3://there-is-none/x: there is no such bucket: make it, or name another",
    )
    monkeypatch.setenv(STORAGE, "lab/x")
    assert storage_line(tmp_path)[0] == MISSING
    monkeypatch.setenv(STORAGE, s3)
    monkeypatch.setattr(checkup.importlib.util, "find_spec", lambda name: None)
    found = [finding for finding in checkup.storage_findings(tmp_path)]
    assert [(f.mark, f.said) for f in found] == [(MISSING, "boto3: pip install 'swaptalk[s3]'")]


def ray_finding(home):
    (found,) = checkup._ray(home)
    return found.mark, found.said


def test_ray_is_missing_only_where_the_home_asks_for_it(tmp_path, monkeypatch):
    home = Home(tmp_path / "home").create()
    monkeypatch.setattr("swaptalk_models.data.engine.ray_cluster.importlib.util.find_spec", lambda name: None)
    assert ray_finding(home.root)[0] == OK and "pip install 'swaptalk[ray]'" in ray_finding(home.root)[1]
    home.update_state(preset="tiny", overrides={"compute": "ray"})
    assert ray_finding(home.root)[0] == MISSING and "pip install 'swaptalk[ray]'" in ray_finding(home.root)[1]


def test_a_ray_cluster_that_does_not_answer_is_told(tmp_path, monkeypatch):
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'swaptalk[ray]'")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    home = Home(tmp_path / "home").create()
    assert ray_finding(home.root)[0] == OK and "starts its own" in ray_finding(home.root)[1]
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    mark, said = ray_finding(home.root)
    assert mark == WARNING and "no Ray cluster answers at 127.0.0.1:1" in said
    home.update_state(preset="tiny", overrides={"compute": "ray"})
    assert ray_finding(home.root)[0] == MISSING


def test_what_is_missing_is_marked(tmp_path, monkeypatch):
    monkeypatch.setattr(
        checkup, "complaints", lambda: ["cv2 needs the system library libGL.so.1: apt-get install libgl1"]
    )
    monkeypatch.setattr(checkup.sys, "version_info", _Version(3, 9, 1))
    monkeypatch.setattr(checkup.shutil, "disk_usage", lambda place: _Disk(1 << 30))
    found = {finding.what: finding for finding in look(tmp_path)}
    assert found["Python"].mark == found["wheels"].mark == found["disk"].mark == MISSING
    assert "libgl1" in found["wheels"].said and "3.9.1" in found["Python"].said and "1.0 GiB free" in found["disk"].said
    monkeypatch.setattr(checkup.shutil, "disk_usage", lambda place: _Disk(5 << 30))
    assert marks(tmp_path)["disk"] == WARNING
    done = CliRunner().invoke(swaptalk, ["doctor", "--home", str(tmp_path)])
    assert done.exit_code == 1 and "missing" in done.stdout


class _Version(tuple):
    def __new__(cls, *parts):
        made = super().__new__(cls, parts)
        made.major, made.minor, made.micro = parts
        return made


class _Disk:
    def __init__(self, free):
        self.free = free


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_to(tmp_path):
    tmp_path.chmod(0o500)
    assert checkup._disk(tmp_path).mark == MISSING


def test_weights_that_are_not_installed(monkeypatch):
    def gone(name):
        raise UserError(f"dlib's model {name} is missing")

    monkeypatch.setattr("swaptalk_models.data.faces.detection.dlib_weights", gone)
    assert {finding.mark for finding in checkup._weights()} == {MISSING}


def test_a_device_is_tried_and_a_fault_ends_with_1(tmp_path, monkeypatch):
    trials = [
        Trial("vqgan", "step", 0.25, 3 << 30, "bfloat16"),
        Trial("vqgan", "validation", 0.5, 0, fault="out of memory"),
    ]
    asked = []

    def try_out(*wanted):
        asked.append(wanted)
        return trials

    monkeypatch.setattr(doctor, "try_out", try_out)
    options = ["doctor", "--home", str(tmp_path), "--device", "cpu", "--processes", "2", "--preset", "nano"]
    done = CliRunner().invoke(swaptalk, options)
    assert asked == [("cpu", "nano", 2, None)] and done.exit_code == 1
    lines = done.stdout.splitlines()
    assert any(line.split() == ["vqgan", "step", "bfloat16", "0.25", "3.00", "ok"] for line in lines)
    assert "validation of vqgan: out of memory" in lines
    found = json.loads(CliRunner().invoke(swaptalk, [*options, "--json"]).stdout)
    assert found["trials"][1]["fault"] == "out of memory" and found["findings"][0]["what"] == "Python"


def test_presets_and_processes_by_device(monkeypatch):
    asked = []
    monkeypatch.setattr("swaptalk_models.rehearsal.trial.try_device", lambda *wanted: asked.append(wanted) or [])
    doctor.try_out("cpu", None, None, None)
    preset, device, compiled, processes, _ = asked[0]
    assert (preset.name, device.type, compiled, processes) == ("tiny", "cpu", False, 1)
    with pytest.raises(UserError, match="no CUDA device"):
        doctor.try_out("cuda", None, None, None)


def test_ok_is_ok(tmp_path):
    assert OK in marks(tmp_path).values()


def said_of_the_state(home) -> list[tuple[str, str]]:
    return [(finding.mark, finding.said) for finding in look(home) if finding.what == "state"]


def test_state_in_the_home(tmp_path):
    ((mark, said),) = said_of_the_state(tmp_path)
    assert mark == OK and said.startswith("in the home: SQLite 3.")


def test_state_in_postgres(tmp_path, monkeypatch, postgres):
    monkeypatch.setattr(checkup, "_SLOW_MS", 1e6)
    home = Home(tmp_path / "home").create()
    (mark, said), (_, versions) = said_of_the_state(home.root)
    assert mark == OK and re.match(r"postgresql://swaptalk@127.0.0.1:\d+/postgres: Postgres \d+\.\d+, answers in", said)
    assert "a run makes this home's schema" in said and not (home.root / "state_in_postgres.json").exists()
    assert re.match(r"psycopg2 2\..*, dagster-postgres 0\..*, SQLAlchemy \d", versions)
    home.update_state(preset="tiny")
    assert "schema swaptalk_" in said_of_the_state(home.root)[0][1]
    monkeypatch.setattr(checkup, "_SLOW_MS", 0.0)
    mark, said = said_of_the_state(home.root)[0]
    assert mark == WARNING and said.endswith("; too far away")


def test_state_in_a_database_that_cannot_be_used(tmp_path, monkeypatch, postgres):
    monkeypatch.setenv("SWAPTALK_STATE", postgres.replace("/postgres", "/none"))
    done = CliRunner().invoke(swaptalk, ["doctor", "--home", str(tmp_path)])
    assert done.exit_code == 1 and 'database "none" does not exist' in done.stdout and PASSWORD not in done.stdout
    monkeypatch.setattr(checkup.importlib.util, "find_spec", lambda name: None)
    ((mark, said),) = said_of_the_state(tmp_path)
    assert mark == MISSING and said == "psycopg2, dagster-postgres: pip install 'swaptalk[postgres]'"


def test_state_command(tmp_path, monkeypatch, postgres_address):
    home = Home(tmp_path / "home").create()
    with Ledger(home.ledger):
        pass

    def state(*options, code=0):
        done = CliRunner().invoke(swaptalk, ["state", "--home", str(home.root), *options])
        assert done.exit_code == code, (done.output, done.exception)
        return done.stdout if code == 0 else str(done.exception)

    assert "in the home: SQLite" in state()
    assert "SWAPTALK_STATE is not set" in state("--move-to", "postgres", code=1)
    monkeypatch.setenv("SWAPTALK_STATE", postgres_address)
    assert "0 entries are in Postgres now" in state("--move-to", "postgres")
    assert "is the ledger's home now" in state("--take-over")
    assert "a ledger of its own now" in state("--own-copy")
    assert "give one of" in state("--own-copy", "--take-over", code=1)
    moved = state("--move-to", "sqlite")
    assert "unset SWAPTALK_STATE" in moved and "in the home: SQLite" in moved
