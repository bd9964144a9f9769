"""`swaptalk clean --keep`: what is old goes, what anything kept names stays, and a kill in the middle loses nothing of it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time

import dagster as dg
import lance
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli.main import main
from pipelines.instance import compute_logs_folder, open_instance
from pipelines.pruning import prune as pruning
from pipelines.pruning.policy import DAY, Policy
from pipelines.pruning.prune import plan, prune
from swaptalk_models.data.snapshot import SCHEMA, TABLES, load_snapshot
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger
from swaptalk_models.errors import UserError
from swaptalk_models.graph.models import RELEASED

NIGHTS, ROWS = 6, 3000
NOW = time.time()


def aged(path, days: float) -> None:
    os.utime(path, (NOW - days * DAY, NOW - days * DAY))


def write_json(path, values, days: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))
    aged(path, days)


def night(home: Home, number: int) -> None:
    """What a retraining leaves: a snapshot with table versions of its own, models, an evaluation, a release."""
    days, snapshot = NIGHTS - number, f"s{number}"
    versions = {}
    for name in TABLES:
        noise = np.random.default_rng(number).random(ROWS)
        rows = pa.table({"clip": [f"c{number}"] * ROWS, "video": ["v"] * ROWS, "x": noise})
        tables.delete_clips(home, name, [f"c{number - 2}"])
        tables.append_rows(home, name, rows)
        versions[f"{name}_version"] = tables.tag_version(home, name, f"snapshot-{snapshot}")
    manifest = home.manifest(snapshot)
    manifest.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([{"clip": f"c{number}", "video": "v"} | versions], SCHEMA), manifest)
    aged(manifest, days)
    (home.snapshots / "current").write_text(snapshot)
    models = {name: f"{name[:2]}{number}" for name in RELEASED}
    for name, version in (models | {"lip_expert": f"le{number}"}).items():
        inputs = {"lip_expert": f"le{number}"} if name == "lip_sync" else {}
        result = home.models / name / version / "result.json"
        write_json(result, {"snapshot": snapshot, "inputs": inputs}, days)
        (result.parent / "weights.safetensors").write_bytes(bytes(1000))
        (home.models / name / "current").write_text(version)
    folder = home.evaluation / f"e{number}"
    write_json(folder / "made_from.json", {"models": models, "snapshot": snapshot}, days)
    write_json(folder / "metrics_m" / "metrics.parquet", {}, days)
    (folder / "report_r.html").write_text("</html>")
    home.update_state(report=str(folder / "report_r.html"))
    write_json(home.releases / f"r{number}" / "release.json", {"models": models, "snapshot": snapshot}, days)
    (home.releases / "current").write_text(f"r{number}")


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("months") / "home").create()
    Ledger(home.ledger).__exit__()
    for number in range(1, NIGHTS + 1):
        night(home, number)
    return home


@pytest.fixture
def home(lived_in, tmp_path, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    shutil.copytree(lived_in.root, tmp_path / "home")
    return Home(tmp_path / "home")


def there(home: Home) -> dict[str, list[str]]:
    folders = {"releases": home.releases, "evaluations": home.evaluation, "snapshots": home.snapshots}
    folders |= {name: home.models / name for name in (*RELEASED, "lip_expert")}
    return {name: sorted(p.name for p in folder.iterdir() if p.is_dir()) for name, folder in folders.items()}


def names(*numbers: int) -> dict[str, list[str]]:
    letters = {"releases": "r", "evaluations": "e", "snapshots": "s", "lip_expert": "le"}
    letters |= {name: name[:2] for name in RELEASED}
    return {kind: [f"{letter}{number}" for number in numbers] for kind, letter in letters.items()}


def snapshots_read(home: Home) -> list[str]:
    """Snapshots of which every table can be read as it was."""
    found = []
    for version in there(home)["snapshots"]:
        snapshot = load_snapshot(home, version)
        clip = snapshot.clips()[0]["clip"]
        for name in TABLES:
            assert tables.read_clip(home, name, clip, version=snapshot.table_version(name)).num_rows == ROWS
        found.append(version)
    return found


def test_the_newest_of_each_stay(home):
    assert there(home) == names(*range(1, NIGHTS + 1))
    before = sum(path.stat().st_size for path in home.root.rglob("*") if path.is_file())
    promised = sum(removal.size for removal in plan(home, Policy(2)).all)
    assert there(home) == names(*range(1, NIGHTS + 1)), "a plan changes nothing"
    prune(home, Policy(2))
    assert there(home) == names(5, 6)
    assert snapshots_read(home) == ["s5", "s6"]
    for name in TABLES:
        assert set(lance.dataset(str(home.table(name))).tags.list()) == {"snapshot-s5", "snapshot-s6"}
    freed = before - sum(path.stat().st_size for path in home.root.rglob("*") if path.is_file())
    assert freed == pytest.approx(promised, rel=0.1), "what was said is what it frees, but for Lance's own records"
    assert plan(home, Policy(2)).all == []


def test_the_release_in_use_stays_with_all_that_it_was_made_from(home):
    (home.releases / "current").write_text("r2")
    prune(home, Policy(1))
    assert there(home) == names(2, 6)
    assert snapshots_read(home) == ["s2", "s6"]


def test_the_current_models_stay_though_a_newer_training_was_made(home):
    """The data went back to what they were: an old model is the current one again."""
    for name in (*RELEASED, "lip_expert"):
        (home.models / name / "current").write_text(f"{name[:2] if name in RELEASED else 'le'}3")
    prune(home, Policy(1))
    left = there(home)
    assert left["lip_expert"] == ["le3", "le6"] and left["snapshots"] == ["s3", "s6"] and left["releases"] == ["r6"]
    assert left["evaluations"] == ["e3", "e6"]


def test_a_snapshot_that_somebody_tagged_stays(home):
    version = load_snapshot(home, "s1").table_version("face_crops")
    lance.dataset(str(home.table("face_crops"))).tags.create("paper", version)
    prune(home, Policy(1))
    assert snapshots_read(home) == ["s1", "s6"]


def test_what_is_young_stays(home):
    prune(home, Policy(1, days=2.5))
    assert there(home) == names(4, 5, 6)


def test_a_training_that_waits_to_be_resumed_stays_an_abandoned_one_goes(home):
    for name, days in (("waiting", 0), ("abandoned", 3)):
        folder = home.models / "vqgan" / name
        folder.mkdir()
        (folder / "checkpoint.pt").write_bytes(bytes(10))
        aged(folder / "checkpoint.pt", days)
        aged(folder, days)
    prune(home, Policy(1))
    assert there(home)["vqgan"] == ["vq6", "waiting"]


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", [0, 1, 5])
@pytest.mark.parametrize(
    ("module", "name"),
    [(pruning, "remove_folder"), (shutil, "rmtree"), (tables, "delete_tags"), (tables, "clean_versions")],
    ids=["folder", "trash", "tags", "versions"],
)
def test_a_kill_anywhere_loses_nothing_kept(home, monkeypatch, module, name, at):
    """One step of the removal is the one in which the process dies; then once again to the end."""
    real, left = getattr(module, name), [at]

    def die(*args, **more):
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return real(*args, **more)

    with monkeypatch.context() as patched, contextlib.suppress(Killed):
        patched.setattr(module, name, die)
        prune(home, Policy(2))
    assert all(set(kept) <= set(there(home)[kind]) for kind, kept in names(5, 6).items())
    assert {"s5", "s6"} <= set(snapshots_read(home))
    prune(home, Policy(2))
    assert there(home) == names(5, 6) and not (home.root / "trash").exists()
    assert snapshots_read(home) == ["s5", "s6"]
    for table in TABLES:
        assert set(lance.dataset(str(home.table(table))).tags.list()) == {"snapshot-s5", "snapshot-s6"}


def test_while_somebody_is_at_work_nothing_goes(home):
    with home.writing("vqgan"), pytest.raises(UserError, match="is at work on vqgan"):
        prune(home, Policy(1))
    home.update_state(study=("no-expert",))
    with pytest.raises(UserError, match="ablation study"):
        prune(home, Policy(1))
    assert there(home) == names(*range(1, NIGHTS + 1))


def test_cleaning_does_not_hide_that_a_writer_was_killed(home):
    (home.locks / "face_crops.lock").write_text("123")
    prune(home, Policy(1))
    with home.writing("face_crops") as unclean:
        assert unclean


@dg.asset(partitions_def=dg.DynamicPartitionsDefinition(name="videos"))
def clips(context):
    print("said by a step")


@dg.asset
def training_snapshot():
    pass


@dg.job
def later():
    pass


def test_old_runs_go_but_for_the_newest_event_of_everything(home):
    shutil.rmtree(home.releases)
    with open_instance(home.root) as instance:
        instance.add_dynamic_partitions("videos", ["a", "b"])

        def run(asset, **where) -> str:
            return dg.materialize([asset], instance=instance, raise_on_error=False, **where).run_id

        first_a = run(clips, partition_key="a")
        old_b, new_b = (run(clips, partition_key="b") for _ in range(2))
        old_snapshot, new_snapshot = (run(training_snapshot) for _ in range(2))
        for run_id in (old_b, first_a):
            (compute_logs_folder(home.root) / run_id / "compute_logs").mkdir(parents=True)
        removed = {str(one.path) for one in prune(home, Policy(1)).runs}
        assert removed == {old_b, old_snapshot}
        assert {run.run_id for run in instance.get_runs()} == {first_a, new_b, new_snapshot}
        logs = {path.name for path in compute_logs_folder(home.root).iterdir()}
        assert first_a in logs and old_b not in logs
        assert not list((home.root / "dagster").rglob(f"*{old_b}*"))
        for partition, made in (("a", first_a), ("b", new_b)):
            wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey("clips"), asset_partitions=[partition])
            assert [one.run_id for one in instance.fetch_materializations(wanted, limit=9).records] == [made]
        going = instance.create_run_for_job(later, status=dg.DagsterRunStatus.STARTED)
        with pytest.raises(UserError, match=going.run_id):
            plan(home, Policy(1))


def test_the_command_lists_sizes_and_asks(home, capsys):
    def clean(*words) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["clean", "--home", str(home.root), *words])
        out = capsys.readouterr()
        return out.out if ended.value.code == 0 else out.err

    listed = clean("--keep", "2")
    assert "release" in listed and "r4" in listed and "MiB" in listed and "run with --yes to remove them" in listed
    assert "r5" not in listed and max(map(len, listed.splitlines())) <= 80
    assert there(home) == names(*range(1, NIGHTS + 1))
    assert "freed" in clean("--keep", "2", "--yes") and there(home) == names(5, 6)
    assert clean("--keep", "2") == "nothing to remove\n"
    assert "--days goes with --keep" in clean("--days", "3")
