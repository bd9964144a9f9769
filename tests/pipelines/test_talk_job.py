"""pipelines/talk_job.py: a run of one talk, which takes no time, and what leads back from its video."""

import json
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.support.resources import SwapTalk
from pipelines import talk_job as module
from swaptalk_models.errors import UserError
from swaptalk_models.talks import queue
from swaptalk_models.talks.cancelling import Cancelled
from swaptalk_models.talks.job_file import Talk
from swaptalk_models.talks.queue import Entry


@pytest.fixture
def run(tmp_path, monkeypatch):
    """(entry, or a fault) -> the result of a run of the job."""
    home = tmp_path / "home"
    (home / "jobs").mkdir(parents=True)
    (home / "jobs" / "j1.json").write_text(
        json.dumps({"release": {"version": "v7", "snapshot": "snap"}, "inputs": {"source": {"name": "a.png"}}})
    )
    manifest = home / "snapshots" / "snap" / "manifest.parquet"
    manifest.parent.mkdir(parents=True)
    rows = [{"video": name, "split": split} for name, split in (("b", "train"), ("a", "train"), ("c", "test"))]
    pq.write_table(pa.Table.from_pylist(rows), manifest)
    monkeypatch.setattr(module, "loaded", lambda home, release: None)

    def go(outcome):
        def make(*_):
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(queue, "make_queued", make)
        config = {
            "ops": {"make_talk": {"config": {"id": "t1", "release": str(tmp_path / "v7")}}},
            "resources": {"swaptalk": {"config": {"home": str(home)}}},
        }
        defs = dg.Definitions(jobs=[module.talk_job], resources={"swaptalk": SwapTalk()})
        return defs.resolve_job_def(module.TALK).execute_in_process(
            run_config=config, instance=dg.DagsterInstance.ephemeral(), raise_on_error=False
        )

    return go


def test_from_the_video_back_to_what_it_was_made_from(run):
    talk = Talk("a.png", "b.mp4", "c.wav", "/films/d.mp4")
    result = run(Entry("t1", talk, "done", job="j1", sha256="f" * 64, frames={"made": 3}))
    assert result.success
    (made,) = result.asset_materializations_for_node("make_talk")
    assert (made.asset_key, made.partition) == (dg.AssetKey("talks"), "t1")
    told = {name: value.value for name, value in made.metadata.items()}
    assert told["video"] == "/films/d.mp4" and Path(told["job"]).is_file() and told["release version"] == "v7"
    assert told["training snapshot"] == "snap" and told["source videos"] == ["a", "b"], "those that were trained on"
    assert told["made from"] == {"source": {"name": "a.png"}} and told["frames"] == {"made": 3}
    assert made.tags["dagster/input_data_version/model_release"] == "v7"


@pytest.mark.parametrize("fault", [UserError("b.mp4: no face"), Cancelled()])
def test_what_was_refused_or_cancelled_is_a_failed_run(run, fault):
    result = run(fault)
    assert not result.success
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    said = str(failed.step_failure_data.error) + str(failed.step_failure_data.user_failure_data)
    assert ("b.mp4: no face" if isinstance(fault, UserError) else "talk t1 was cancelled") in said
