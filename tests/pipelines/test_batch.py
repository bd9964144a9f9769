"""`swaptalk batch` under load: thirty talks, three of them broken, killed twice in the middle and called again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from swaptalk_models.data.media.audio import write_wav
from swaptalk_models.data.media.video import probe
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer

ROOT = Path(__file__).parents[2]
SIDE, FRAMES, TALKS, BROKEN = 160, 8, 30, (4, 13, 22)
STILL = dict.fromkeys(("opening", "spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}
WORKER = """
import sys
from swaptalk_models.inference import release
from swaptalk_models.settings.data import CropsConfig, FacesConfig
class Mirror:
    crops, faces, grid = CropsConfig(size=64), FacesConfig(), 8
    def encode(self, crops, landmarks): return crops
    def encode_source(self, crop, landmarks, neutral): return crop[None]
    def repeated(self, face, count): return face.repeat(count, axis=0)
    def swap(self, source, target): return target
    def speak(self, target, reference, windows): return target
    def decode(self, faces): return faces
def load(folder, device):
    with open(folder / "loaded", "a") as file: file.write("x")
    return Mirror()
release.load_release = load
from swaptalk_models.inference.engines import choice
choice.choose_engine = lambda networks, folder, engine: None
from pipelines.cli.main import main
main(sys.argv[1:])
"""


@pytest.fixture
def asked(tmp_path):
    """The job file."""
    renderer = Renderer(make_person(4), size=SIDE)
    with VideoWriter(tmp_path / "head.mp4", SIDE, SIDE) as writer:
        for number in range(FRAMES):
            writer.write(renderer.frame(STILL | {"opening": 0.5 + 0.5 * np.sin(number)})[0])
    cv2.imwrite(str(tmp_path / "face.png"), renderer.frame(STILL)[0][..., ::-1])
    (tmp_path / "broken.mp4").write_text("hello")
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "release.json").write_text(json.dumps({"snapshot": "snap"}))
    rng, talks = np.random.default_rng(0), []
    for number in range(TALKS):
        write_wav(tmp_path / f"voice{number}.wav", rng.normal(0, 0.1, FRAMES * 640).clip(-1, 1))
        target = "broken.mp4" if number in BROKEN else "head.mp4"
        talks.append({"audio": f"voice{number}.wav", "target": target, "output": f"made/{number:02d}.mp4"})
    (tmp_path / "jobs.yaml").write_text(
        yaml.safe_dump({"all": {"source": "face.png", "consent": "drawn"}, "talks": talks})
    )
    return tmp_path / "jobs.yaml"


def start(jobs: Path) -> subprocess.Popen:
    home, release = jobs.parent / "home", jobs.parent / "release"
    words = ["batch", str(jobs), "--home", str(home), "--release", str(release)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment.pop("DAGSTER_HOME", None)
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def states(jobs: Path) -> Counter:
    found = [json.loads(path.read_text())["state"] for path in (jobs.parent / "home" / "talks").glob("[!.]*.json")]
    return Counter(found)


def kill_when_done(jobs: Path, count: int) -> None:
    process, begun = start(jobs), time.monotonic()
    while states(jobs)["done"] < count and process.poll() is None and time.monotonic() - begun < 300:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    said = process.communicate()
    assert process.returncode == -signal.SIGKILL, said[1][-2000:]


@pytest.mark.slow
def test_thirty_talks_three_of_them_broken_killed_twice(asked):
    import dagster as dg

    from pipelines.instance import open_instance

    kill_when_done(asked, 8)
    kill_when_done(asked, 17)
    process = start(asked)
    out, err = process.communicate(timeout=500)
    assert process.returncode == 2, err
    assert out.splitlines()[-1].startswith("30 talks: ") and " 3 refused" in out.splitlines()[-1], out
    assert [line for line in out.splitlines() if "refused" in line and "broken.mp4: " in line][2:], (
        "each with its reason"
    )
    home = asked.parent / "home"
    assert states(asked) == {"done": TALKS - len(BROKEN), "refused": len(BROKEN)}
    for number in range(TALKS):
        output = asked.parent / "made" / f"{number:02d}.mp4"
        assert output.is_file() == (number not in BROKEN)
        assert number in BROKEN or probe(output).frames == FRAMES
    assert not list((asked.parent / "made").glob(".*")), "nothing is unfinished"
    records = [json.loads(path.read_text()) for path in (home / "jobs").glob("*.json")]
    assert len({record["output"]["path"] for record in records}) == TALKS - len(BROKEN)
    entries = [json.loads(path.read_text()) for path in (home / "talks").glob("[!.]*.json")]
    done = [entry for entry in entries if entry["state"] == "done"]
    assert sum(entry["attempts"] > 1 for entry in done) <= 2, "only what was killed in the middle was begun twice"
    assert (asked.parent / "release" / "loaded").read_text() == "xxx", "the networks once a process"
    with open_instance(home) as instance:
        runs = {run.run_id: run for run in instance.get_runs()}
        assert all(run.is_finished for run in runs.values()), "what was killed is not going on for ever"
        run = runs[done[0]["run"]]
        assert run.tags["swaptalk/batch"] == "jobs.yaml" and run.tags["swaptalk/snapshot"] == "snap"
        (event,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        made = event.dagster_event.step_materialization_data.materialization
        assert made.asset_key == dg.AssetKey("talks") and made.metadata["training snapshot"].value == "snap"
        assert {"source", "target", "voice"} == set(made.metadata["made from"].value)
    again = start(asked)
    out, _ = again.communicate(timeout=300)
    assert out.splitlines()[-1] == "30 talks: 27 done before, 3 refused"
    assert len(list((home / "jobs").glob("*.json"))) == len(records)
