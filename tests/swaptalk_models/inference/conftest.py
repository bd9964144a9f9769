"""A drawn target, source and sound, and networks with random weights, for all tests of a generation."""

import cv2
import numpy as np
import pytest
import torch

from swaptalk_models.data.media.audio import write_wav
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer
from swaptalk_models.inference.networks import Networks
from swaptalk_models.modules.face_swapper import FaceSwapper
from swaptalk_models.modules.images import to_unit
from swaptalk_models.modules.lip_sync import LipSync
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.modules.weights import save_model
from swaptalk_models.settings.data import CropsConfig, FacesConfig
from swaptalk_models.settings.models import FaceSwapperConfig, LipSyncConfig, VQGANConfig

from .a_talk import FRAMES, GONE, HEIGHT, SECONDS, STILL, WIDTH, Spied, generate


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    renderer = Renderer(make_person(4), size=HEIGHT)
    empty = np.dstack([np.tile(np.linspace(40, 200, WIDTH), (HEIGHT, 1))] * 3).astype(np.uint8)
    with VideoWriter(folder / "target.mp4", WIDTH, HEIGHT, crf=10) as writer:
        for number in range(FRAMES):
            face, _ = renderer.frame(STILL | {"opening": 0.5 + 0.5 * np.sin(number)})
            wide = cv2.copyMakeBorder(face, 0, 0, 7, 7, cv2.BORDER_REPLICATE)
            writer.write(empty if number in GONE else wide)
    source, _ = Renderer(make_person(2), size=HEIGHT).frame(STILL)
    cv2.imwrite(str(folder / "source.png"), source[..., ::-1])
    cv2.imwrite(str(folder / "empty.png"), empty)
    write_wav(folder / "sound.wav", np.random.default_rng(0).normal(0, 0.1, int(SECONDS * 16000)).clip(-1, 1))
    return folder


@pytest.fixture(scope="module")
def networks(tmp_path_factory) -> Networks:
    torch.manual_seed(0)
    made = {
        "vqgan": VQGAN(VQGANConfig(factor=8, channels=(8, 8, 8), codes=32, dim=8, groups=2)),
        "face_swapper": FaceSwapper(FaceSwapperConfig(width=8, depth=1, heads=2), 8, 4),
        "lip_sync": LipSync(LipSyncConfig(width=8, heads=2, audio_dim=8), 8, 4, 8),
    }
    noise = np.random.default_rng(0).integers(0, 255, (8, 32, 32, 3), np.uint8)
    made["vqgan"].train()(torch.from_numpy(to_unit(noise)))  # puts the codebooks on data
    with torch.no_grad():
        made["lip_sync"].transform.last[-1].weight.normal_(std=0.3)
    folders = {name: tmp_path_factory.mktemp("models") / name for name in made}
    for name, network in made.items():
        save_model(name, network, {"crop_size": 32, "grid": 4, "dim": 8}, folders[name])
    faces = FacesConfig(max_gap=2, min_found=0.6, detect_every=4)
    return Networks(folders, CropsConfig(size=32, label_grid=8), faces, device="cpu")


@pytest.fixture(scope="module")
def made(networks, media, tmp_path_factory):
    output = tmp_path_factory.mktemp("out") / "made.mp4"
    calls = []
    spied = Spied(networks, calls)
    return generate(spied, media, output), calls
