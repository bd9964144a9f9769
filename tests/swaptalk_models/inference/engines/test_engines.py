"""inference/engines: what the graphs make is what the networks make, whoever runs them."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.errors import UserError
from swaptalk_models.graph.models import RELEASED
from swaptalk_models.inference.engines import choice, openvino_engine
from swaptalk_models.inference.engines.choice import choose_engine
from swaptalk_models.inference.engines.engine import TorchEngine
from swaptalk_models.inference.engines.graphs import PRECISE
from swaptalk_models.inference.networks import Latents, Networks
from swaptalk_models.inference.release import file_hashes, load_release
from swaptalk_models.modules.face_swapper import FaceSwapper
from swaptalk_models.modules.lip_sync import LipSync
from swaptalk_models.modules.model_folder import RELEASE_FILE
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.modules.weights import save_model
from swaptalk_models.settings.models import FaceSwapperConfig, LipSyncConfig, VQGANConfig

SIZE, GRID, DIM, FRAMES = 32, 4, 8, 5
SHAPE = {"crop_size": SIZE, "grid": GRID, "dim": DIM}
openvino = pytest.mark.skipif(not openvino_engine.is_installed(), reason="needs swaptalk[openvino]")


def write_release(folder, refine: int = 1):
    """Of networks whose every layer counts."""
    torch.manual_seed(0)
    swapper = FaceSwapperConfig(width=16, depth=2, heads=2, refine=refine, guidance=1.3)
    made = {
        "vqgan": VQGAN(VQGANConfig(factor=8, channels=(8, 8, 8), codes=12, dim=DIM)),
        "face_swapper": FaceSwapper(swapper, DIM, GRID),
        "lip_sync": LipSync(LipSyncConfig(width=16, warp_width=8, heads=2, audio_dim=16, guidance=1.5), DIM, GRID, 8),
    }
    for name in RELEASED:
        for part in made[name].modules():
            if getattr(part, "weight", None) is not None and part.weight.abs().max() == 0:
                torch.nn.init.normal_(part.weight, std=0.1)
        save_model(name, made[name].eval(), SHAPE, folder / name)
    crops = {"size": SIZE, "margin": 0.0, "smooth_frames": 2.0, "label_grid": 32}
    settings = {"preset": "none", "face_crops": crops, "face_tracks": {}, "models": {}, "files": file_hashes(folder)}
    (folder / RELEASE_FILE).write_text(json.dumps(settings))
    return folder


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return write_release(tmp_path_factory.mktemp("release"))


@pytest.fixture
def networks(release) -> Networks:
    return load_release(release, "cpu")


def some_faces() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Crops, landmarks, sound."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (FRAMES, 4, 4, 3)).repeat(8, 1).repeat(8, 2)
    landmarks = np.repeat(template_landmarks(SIZE)[None], FRAMES, 0)
    return coarse.astype(np.uint8), landmarks, rng.normal(0, 2, (FRAMES, 16, 80)).astype(np.float32)


def chain(networks: Networks) -> tuple[Latents, Latents, Latents, np.ndarray]:
    """Target, swapped, spoken, crops."""
    crops, landmarks, sound = some_faces()
    source, reference = (networks.encode(crops[n : n + 1], landmarks[n : n + 1]) for n in (0, 1))
    target = networks.encode(crops[1:], landmarks[1:])
    swapped = networks.swap(source, target)
    spoken = networks.speak(swapped, networks.swap(source, reference), sound[1:])
    return target, swapped, spoken, networks.decode(spoken)


@torch.inference_mode()
def test_the_graphs_make_what_the_networks_make(networks):
    target, swapped, spoken, _ = chain(networks)
    crops, landmarks, sound = some_faces()
    source, reference = (networks.encode(crops[n : n + 1], landmarks[n : n + 1]) for n in (0, 1))
    count = len(target.z)
    images = torch.from_numpy(crops[1:]).permute(0, 3, 1, 2) / 127.5 - 1
    assert torch.equal(target.codes, torch.cat(networks.vqgan.tokenize(images), dim=2))
    many = [part.expand(count, *part.shape[1:]) for part in (source.z, source.region)]
    wanted = networks.face_swapper.swap(*many, target.z, target.region)
    torch.testing.assert_close(swapped.z, wanted, atol=1e-5, rtol=1e-4)
    told = networks.swap(source, reference).z.expand(count, -1, -1, -1)
    upper, lower = swapped.z.chunk(2, dim=2)
    made = networks.lip_sync.speak(upper, told, torch.from_numpy(sound[1:]))
    face = (target.region > 0)[:, None].chunk(2, dim=2)[1]
    wanted = torch.where(face, networks.lip_sync.place(made, lower), lower)
    # The warp looks at differences of what is nearly alike, and normalises them.
    torch.testing.assert_close(spoken.z.chunk(2, dim=2)[1], wanted, atol=1e-3, rtol=1e-3)
    image = networks.vqgan.decode(spoken.z)
    plain = networks.decode(Latents(spoken.z, spoken.region))
    assert np.abs(plain - ((image + 1) * 127.5).permute(0, 2, 3, 1).numpy()).max() <= 0.51


@torch.inference_mode()
def test_a_source_is_posed_for_each_frame(networks, monkeypatch):
    """What stands in the face's cells is the source as posed for that frame; who it is, is looked up in the one at rest."""
    crops, landmarks, sound = some_faces()
    source = networks.encode_source(crops[0], landmarks[0], landmarks[0])
    target = networks.encode(crops[1:], landmarks[1:])
    asked = []

    def posed_as(crop, points, neutral, frame, shown):
        asked.append((frame, shown))
        return np.roll(crop, len(asked), axis=0), points

    monkeypatch.setattr("swaptalk_models.inference.networks.posed_as", posed_as)
    swapped = networks.swap(source, target)
    assert all(np.array_equal(frame, wanted) for (frame, _), wanted in zip(asked, landmarks[1:], strict=True))
    assert all(np.array_equal(shown, wanted) for (_, shown), wanted in zip(asked, crops[1:], strict=True))
    count = len(target.z)
    posed = networks.encode(np.stack([np.roll(crops[0], n + 1, axis=0) for n in range(count)]), landmarks[1:])
    swapper, rest = networks.face_swapper, [part.expand(count, *part.shape[1:]) for part in (source.z, source.region)]
    x = swapper.target_tokens(target.z, target.region)
    for block in swapper.blocks:
        x = block(x, swapper.source_tokens(*rest))
    made = swapper.head(x, posed.z, posed.region == 0, target.z)
    wanted = swapper.guided(swapper.mix(made, posed.z, posed.region == 0, target.z, target.region), target.z)
    torch.testing.assert_close(swapped.z, wanted, atol=1e-5, rtol=1e-4)

    asked.clear()
    networks.swap(source, networks.speak(target, networks.encode(crops[:1], landmarks[:1]), sound[1:]))
    assert len(asked) == count and all(shown is None for _, shown in asked), "lips of the frame's own would come back"


def test_a_token_that_was_there_before_is_not_made_again(networks):
    chain(networks)
    assert networks.memo.made < networks.memo.asked == FRAMES * GRID**2


@openvino
@pytest.mark.parametrize("refine", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_an_export_is_as_near_as_it_says(tmp_path, refine, monkeypatch):
    from swaptalk_models.inference.engines.export import EXPORT_FILE, export_release, find_export, load_export

    release = write_release(tmp_path / "release", refine)
    networks = load_release(release, "cpu")
    assert find_export(release) is None
    wanted = chain(networks)[-1]
    assert all(kinds["float32"].decibels > 60 for kinds in export_release(release).values())
    networks.engine = load_export(find_export(release), "float32")
    assert np.abs(chain(networks)[-1].astype(int) - wanted).max() <= 2
    choose_engine(networks, release, "auto")
    assert networks.engine.name.startswith("OpenVINO")
    off = chain(networks)[-1].astype(float) - wanted
    assert 10 * np.log10(255**2 / max(np.square(off).mean(), 1e-9)) > 38, "networks whose every layer is random"
    if refine:
        with monkeypatch.context() as later:
            later.setattr("swaptalk_models.inference.engines.export.LAYOUT", 99)
            assert find_export(release) is None, "of graphs that took something else"
        (release / "openvino" / "decode.bin").write_bytes(b"other")
        with pytest.raises(UserError, match=r"decode.bin: .*swaptalk export"):
            choose_engine(networks, release, "openvino")
        about = json.loads((release / RELEASE_FILE).read_text())
        (release / RELEASE_FILE).write_text(json.dumps(about | {"preset": "another"}))
        assert find_export(release) is None, "of another state of the release"
        assert (release / "openvino" / EXPORT_FILE).is_file()


@openvino
def test_a_folder_that_cannot_be_written_is_named(release, tmp_path):
    from swaptalk_models.inference.engines.export import export_release

    copy = tmp_path / "release"
    shutil.copytree(release, copy)
    (copy / "openvino").write_text("in the way of the folder")
    with pytest.raises(UserError, match=str(copy)):
        export_release(copy)
    assert sorted(path.name for path in copy.iterdir()) == sorted([*RELEASED, RELEASE_FILE, "openvino"])


def test_what_cannot_be_had_is_refused_and_auto_does_without(networks, release, monkeypatch):
    monkeypatch.setattr(openvino_engine, "is_installed", lambda: False)
    monkeypatch.setattr(choice, "is_installed", lambda: False)
    with pytest.raises(UserError, match="pip install"):
        choose_engine(networks, release, "openvino")
    choose_engine(networks, release, "torch")
    assert networks.engine.name == "torch"
    choose_engine(networks, release, "auto")
    assert networks.engine.name.startswith("torch")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_auto_takes_what_the_device_is_quickest_with(networks, release, monkeypatch, dtype):
    wanted = chain(networks)[-1].astype(float)
    monkeypatch.setattr(choice, "pick_dtype", lambda name, device: dtype)
    monkeypatch.setattr(choice, "is_installed", lambda: False)
    choose_engine(networks, release, "auto")
    assert networks.engine.name == ("torch" if dtype == torch.float32 else "torch, bfloat16")
    target, swapped, spoken, crops = chain(networks)
    assert {faces.z.dtype for faces in (target, swapped, spoken)} == {torch.float32}
    assert np.array_equal(crops, wanted) == (dtype == torch.float32)


def test_bfloat16_is_near_and_a_graph_that_must_be_precise_stays_so(networks):
    """Graph by graph: a code that falls to the other side of a border is another picture, where every layer is random."""
    engine = TorchEngine(networks.graphs(), torch.bfloat16)
    for name, graph in networks.graphs().items():
        torch.manual_seed(1)
        with torch.no_grad():
            items, shared = graph.items(3), graph.shared()
            wanted = graph.module(*items, *shared).float()
        found = engine.run(name, items, shared)
        assert torch.equal(found, wanted) == (name in PRECISE), name
        off = (found - wanted).square().mean() / wanted.square().mean()
        assert off < 10**-3.5, f"{name}: 35 dB"


@openvino
def test_auto_is_torch_until_the_release_is_exported(networks, release):
    choose_engine(networks, release, "auto")
    assert networks.engine.name.startswith("torch")
    with pytest.raises(UserError, match="swaptalk export"):
        choose_engine(networks, release, "openvino")


AFTERWARDS = """
import os, signal, sys, time
from pathlib import Path

import openvino
import torch
from swaptalk_models.inference.engines.openvino_engine import OpenVINOEngine

folder = Path(sys.argv[1])
openvino.save_model(openvino.convert_model(torch.nn.ReLU(), example_input=torch.zeros(1, 3)), folder / "decode.xml")
first, second = OpenVINOEngine(folder, {"decode": [0]}), OpenVINOEngine(folder, {"decode": [0]})
del first
del second
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)
except KeyboardInterrupt:
    print("interrupted")
"""


@openvino
def test_an_interrupt_after_two_engines_have_gone_is_an_interrupt(tmp_path):
    """OpenVINO puts the signal stack of the first back when the second goes, whose memory has gone: Python's handlers ran on it."""
    command = [sys.executable, "-X", "faulthandler", "-c", AFTERWARDS, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout.strip()) == (0, "interrupted"), done.stderr[-2000:]
