"""`swaptalk generate` marks, `swaptalk verify` tells: with networks that know nothing."""

import json
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch

from pipelines import instance
from pipelines.cli.main import main
from swaptalk_models.data.media.audio import write_wav
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer
from swaptalk_models.data.store.home import Home
from swaptalk_models.inference import generator
from swaptalk_models.inference.release import build_release
from swaptalk_models.modules.face_swapper import FaceSwapper
from swaptalk_models.modules.lip_sync import LipSync
from swaptalk_models.modules.model_folder import ModelFolder, make_current
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.modules.weights import save_model
from swaptalk_models.settings.models import FaceSwapperConfig, LipSyncConfig, VQGANConfig
from swaptalk_models.settings.preset import load_preset

ROOT = Path(__file__).parents[2]
SIZE, SECONDS = 288, 2
STILL = dict.fromkeys(("opening", "spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}
PRESET = load_preset("tiny", {"face_crops.size": 32, "face_crops.label_grid": 8})


def swaptalk(*args) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(arg) for arg in args])
    return ended.value.code


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """With a release of networks with random weights."""
    home = Home(tmp_path_factory.mktemp("home")).create()
    torch.manual_seed(0)
    networks = {
        "vqgan": VQGAN(VQGANConfig(factor=8, channels=(8, 8, 8), codes=16, dim=8)),
        "face_swapper": FaceSwapper(FaceSwapperConfig(width=8, depth=1, heads=2), 8, 4),
        "lip_sync": LipSync(LipSyncConfig(width=8, heads=2, audio_dim=8), 8, 4, 8),
    }
    for name, network in networks.items():
        folder = ModelFolder(home.models / name / "v0")
        save_model(name, network, {"crop_size": 32, "grid": 4, "dim": 8}, folder.path)
        (folder.path / "result.json").write_text('{"step": 1, "metrics": {}, "baselines": {}, "snapshot": "snap"}')
        make_current(folder)
    build_release(home, PRESET)
    return home.root


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("inputs"), np.random.default_rng(0)
    renderer = Renderer(make_person(4), size=SIZE)
    with VideoWriter(folder / "head.mp4", SIZE, SIZE) as writer:
        for number in range(25 * SECONDS):
            frame, _ = renderer.frame(STILL | {"opening": 0.5 + 0.5 * np.sin(number)})
            writer.write(np.clip(frame + rng.normal(0, 2, frame.shape), 0, 255).astype(np.uint8))
    face, _ = Renderer(make_person(2), size=SIZE).frame(STILL)
    cv2.imwrite(str(folder / "face.png"), face[..., ::-1])
    write_wav(folder / "voice.wav", rng.normal(0, 0.1, SECONDS * 16000).clip(-1, 1))
    names = {"--source": "face.png", "--target": "head.mp4", "--audio": "voice.wav"}
    return [word for option, name in names.items() for word in (option, folder / name)]


@pytest.fixture(scope="module", autouse=True)
def as_if_the_face_were_made_well():
    """What networks with random weights make is no face, and none would be found in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generator, "paste_face", lambda frame, *made, **before: frame)
        yield


@pytest.fixture(scope="module")
def made(home, inputs, tmp_path_factory):
    output = tmp_path_factory.mktemp("made") / "out.mp4"
    assert swaptalk("generate", *inputs, "--home", home, "--output", output, "--consent", "drawn people") == 0
    return output


def record_of(home: Path, name: str) -> dict:
    return json.loads((home / "jobs" / f"{name}.json").read_text())


def test_generated_is_marked_and_intact(made, home, capsys):
    assert swaptalk("verify", made, "--home", home, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["state"] == "intact" and found["watermark"]["found"] and found["manifest"]["trusted"]
    record = record_of(home, found["job"])
    assert found["lineage"] == record and record["consent"]["said"] == "drawn people"
    assert record["release"]["version"] == found["release"] == (home / "releases" / "current").read_text().strip()
    assert record["release"]["snapshot"] == "snap"


def test_people_read_a_sentence(made, home, capsys):
    assert swaptalk("verify", made, "--home", home) == 0
    out = capsys.readouterr().out
    assert out.startswith("Synthetic, made by SwapTalk in job") and "consent    drawn people" in out


def test_exit_codes(made, home, inputs, tmp_path, capsys):
    content = bytearray(made.read_bytes())
    content[-1000] ^= 1
    (tmp_path / "flipped.mp4").write_bytes(content)
    assert swaptalk("verify", tmp_path / "flipped.mp4", "--home", home) == 3
    with av.open(str(made)) as source, av.open(str(tmp_path / "copy.mp4"), "w") as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    assert swaptalk("verify", tmp_path / "copy.mp4", "--home", tmp_path) == 3
    assert "the manifest is gone" in capsys.readouterr().out
    assert swaptalk("verify", inputs[3], "--home", home) == 4
    (tmp_path / "text.mp4").write_text("hello")
    assert swaptalk("verify", tmp_path / "text.mp4", "--home", home) == 2
    assert swaptalk("verify", tmp_path / "nowhere.mp4") == 2
    assert swaptalk("verify", made, "--trust", tmp_path / "text.mp4") == 2


def test_off_only_by_a_reason_that_is_written_down(home, inputs, tmp_path, capsys):
    output = tmp_path / "plain.mp4"
    assert swaptalk("generate", *inputs, "--home", home, "--output", output, "--unmarked", " ") == 2
    assert swaptalk("generate", *inputs, "--home", home, "--output", output, "--unmarked", "for a codec test") == 0
    capsys.readouterr()
    assert swaptalk("verify", output, "--home", home, "--json") == 4
    found = json.loads(capsys.readouterr().out)
    assert found["state"] == "none" and found["lineage"]["marks"]["unmarked"] == "for a codec test"


def test_consent_is_asked_for_once_where_somebody_can_answer(home, inputs, tmp_path, monkeypatch, capsys):
    from pipelines.cli import generate
    from swaptalk_models.provenance.choice import MarkChoice

    paths = dict(zip(("source", "target", "voice"), map(Path, inputs[1::2]), strict=True))
    asked = []
    monkeypatch.setattr(generate.click, "prompt", lambda question, **_: asked.append(question) or " Anna ")
    assert generate._asked(MarkChoice(), paths, tmp_path) == MarkChoice() and not asked, "no terminal, no question"
    assert "no consent is noted" in capsys.readouterr().err
    for stream in (sys.stdin, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    assert generate._asked(MarkChoice(label=True), paths, tmp_path) == MarkChoice("Anna", "terminal", label=True)
    assert len(asked) == 1
    (tmp_path / "own").mkdir()
    from swaptalk_models.provenance.jobs import Consent, JobStore, ReleaseUsed, new_job

    JobStore(tmp_path / "own").write(new_job(paths, ReleaseUsed("v", "x", None), {}, Consent("Anna", "terminal", "")))
    assert generate._asked(MarkChoice(), paths, tmp_path / "own") == MarkChoice() and len(asked) == 1


def test_where_there_is_no_home_the_users_configuration_has_the_records(tmp_path, monkeypatch):
    import click

    monkeypatch.setattr(click, "get_app_dir", lambda name: str(tmp_path / "config" / name))
    assert instance.marks_folder(tmp_path) == tmp_path
    assert instance.marks_folder(tmp_path / "none") == tmp_path / "config" / "swaptalk"
    assert not (tmp_path / "config").exists()


def test_help_loads_nothing_that_signs():
    code = "import sys; from pipelines.cli.main import main\ntry: main([*sys.argv[1:], '--help'])\nexcept SystemExit: pass\n"
    code += "print({'c2pa', 'cryptography', 'torch', 'cv2', 'numpy'} & set(sys.modules))"
    for command in ([], ["generate"], ["verify"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *command], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[-1] == "set()"
