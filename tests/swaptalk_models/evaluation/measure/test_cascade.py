"""evaluation/measure/cascade.py: what stands in for our networks, on drawn people"""

import types

import numpy as np
import pytest
import torch

from swaptalk_models.data.faces.alignment import apply_affine, crop_affines, crop_face
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.measure.cascade import PixelFaces, RGBModels, speak_pixels
from swaptalk_models.modules.identity_encoder import IdentityEncoder
from swaptalk_models.modules.images import from_unit, to_unit
from swaptalk_models.modules.restorer import Restorer
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.modules.wav2lip import Wav2Lip
from swaptalk_models.modules.wav_sync_swap import WavSyncSwap
from swaptalk_models.modules.weights import save_model
from swaptalk_models.settings.data import CropsConfig, FacesConfig
from swaptalk_models.settings.models import (
    IdentityEncoderConfig,
    RestorerConfig,
    VQGANConfig,
    Wav2LipConfig,
    WavSyncSwapConfig,
)

SIZE = 64
STILL = dict.fromkeys(("opening", "spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}
WINDOWS = np.random.default_rng(0).uniform(-4, 4, (3, 16, 80)).astype(np.float32)


def faces(person: int, openings) -> PixelFaces:
    renderer = Renderer(make_person(person), size=192)
    crops, points = [], []
    for opening in openings:
        image, landmarks = renderer.frame(STILL | {"opening": opening})
        affine = crop_affines(landmarks[None], CropsConfig(size=SIZE, smooth_frames=0))[0]
        crops.append(crop_face(image, affine, SIZE))
        points.append(apply_affine(landmarks, affine))
    return PixelFaces(np.stack(crops), np.stack(points).astype(np.float32))


@pytest.fixture(scope="module")
def source() -> PixelFaces:
    return faces(2, [0.0])


@pytest.fixture(scope="module")
def target() -> PixelFaces:
    return faces(4, [0.0, 0.5, 1.0])


@pytest.fixture(scope="module")
def networks():
    torch.manual_seed(0)
    vqgan = VQGAN(VQGANConfig(factor=8, channels=(8, 8, 8), codes=32, dim=8, groups=2))
    noise = np.random.default_rng(0).integers(0, 255, (8, SIZE, SIZE, 3), np.uint8)
    vqgan.train()(torch.from_numpy(to_unit(noise)))  # puts the codebooks on data
    return types.SimpleNamespace(
        grid=8, vqgan=vqgan.eval(), crops=CropsConfig(size=SIZE), faces=FacesConfig(), device=torch.device("cpu")
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("models")
    shape = {"crop_size": SIZE, "grid": 8, "dim": 8, "groups": 2, "codes": 32, "identity": 8}
    made = {
        "wav2lip": Wav2Lip(Wav2LipConfig(channels=(8, 16), audio_dim=8)),
        "wav_sync_swap": WavSyncSwap(WavSyncSwapConfig(channels=(8, 16), audio_dim=8), 8),
        "identity_encoder": IdentityEncoder(IdentityEncoderConfig(channels=(8, 8), dim=8)),
        "restorer": Restorer.build(RestorerConfig(width=16, depth=1, heads=2), shape),
    }
    with torch.no_grad():
        for name in ("wav2lip", "wav_sync_swap"):
            made[name].last[2].weight.normal_(std=0.1)
        for style in made["wav_sync_swap"].styles:
            style.affine.weight.normal_()
        made["restorer"].heads[0].weight.normal_(std=3)
        made["restorer"].log_scale[1] = 1  # so sure of the lower half that a code is its own mean
    for name, network in made.items():
        save_model(name, network, shape, root / name)
    return {name: root / name for name in made}


@pytest.fixture
def models(networks, folders, target) -> RGBModels:
    return RGBModels(networks, folders, target.landmarks[0])


def test_what_goes_in_comes_out(models, target):
    assert np.array_equal(models.decode(models.encode(target.crops, target.landmarks)), target.crops)


def test_a_swap_changes_the_face_and_not_the_rim(models, source, target):
    swapped = models.swap(source, target)
    difference = np.abs(swapped.crops.astype(int) - target.crops)
    assert difference.mean() > 3 and difference[:, :2].max() == 0
    assert np.array_equal(swapped.landmarks, target.landmarks)


def test_the_colour_of_a_video_is_measured_once(models, source, target, monkeypatch):
    first = models.swap(source, target)
    monkeypatch.setattr(
        "swaptalk_models.evaluation.measure.cascade.SwapColour.measure", lambda *_: pytest.fail("measured again")
    )
    assert np.array_equal(models.swap(source, target).crops, first.crops)


@pytest.mark.parametrize("itself", [False, True])
def test_speaking_looks_as_on_the_reference_or_as_on_the_frame_itself(networks, folders, source, target, itself):
    """The second is what the published inference does: it sees the lips that it is to make."""
    models = RGBModels(networks, folders, target.landmarks[0], frame_as_reference=itself)
    spoken = models.speak(target, source, WINDOWS)
    with torch.no_grad():
        images, looks = (torch.from_numpy(to_unit(faces.crops)) for faces in (target, target if itself else source))
        made = models.trained["wav2lip"](images, looks.expand_as(images), torch.from_numpy(WINDOWS))
    assert np.abs(spoken.crops.astype(int) - from_unit(made.numpy())).max() <= 1
    assert spoken.spoken and not target.spoken
    # Another lower half of the frame changes nothing, unless it is its own reference.
    hidden = PixelFaces(target.crops.copy(), target.landmarks)
    hidden.crops[:, SIZE // 2 :] = 0
    assert np.array_equal(models.speak(hidden, source, WINDOWS).crops, spoken.crops) != itself


def test_one_network_swaps_and_speaks(models, source, target):
    made = models.swap_and_speak(source, target, WINDOWS)
    assert made.spoken and made.crops.shape == target.crops.shape
    other_face = PixelFaces(source.crops[:, :, ::-1], source.landmarks)
    assert not np.array_equal(models.swap_and_speak(other_face, target, WINDOWS).crops, made.crops)
    assert not np.array_equal(models.swap_and_speak(source, target, -WINDOWS).crops, made.crops)


def test_after_speaking_a_swap_follows_the_new_lips(models, source, target, monkeypatch):
    """The landmarks of the target's own mouth would put the old lips back."""
    seen = []
    found = target.landmarks + np.float32(3)
    monkeypatch.setattr("swaptalk_models.metrics.crop_judges.crop_landmarks", lambda crops: found)
    monkeypatch.setattr(
        "swaptalk_models.evaluation.measure.cascade.warp_swap",
        lambda source, points, crop, shape, neutral, **_: (seen.append(shape), (crop, None))[1],
    )
    models.swap(source, models.speak(target, target, WINDOWS))
    assert np.array_equal(np.stack(seen)[:, 48:], found[:, 48:])
    assert np.array_equal(np.stack(seen)[:, :48], target.landmarks[:, :48])


def test_restoring_says_faces_in_codes_and_chooses_them_anew(models, networks, target):
    with torch.no_grad():
        images = torch.from_numpy(to_unit(target.crops))
        own = networks.vqgan.tokenize(images)
        codes = models.trained["restorer"].codes(images, networks.vqgan)
        expected = from_unit(networks.vqgan.decode(networks.vqgan.embed(*codes)).numpy())
    assert np.array_equal(models.restore(target).crops, expected)
    assert not torch.equal(codes[0], own[0]), "the half that its head was taught"
    assert torch.equal(codes[1], own[1]), "a restorer that has learned nothing re-encodes"


def test_batches_and_one_reference_for_all(models):
    crops = np.random.default_rng(0).integers(0, 255, (70, 32, 32, 3), np.uint8)
    windows = np.random.default_rng(1).uniform(-4, 4, (70, 16, 80)).astype(np.float32)
    wav2lip = models.trained["wav2lip"]
    made = speak_pixels(wav2lip, crops, crops[:1], windows)
    alone = speak_pixels(wav2lip, crops[64:66], crops[:1], windows[64:66])
    assert made.shape == crops.shape and np.abs(made[64:66].astype(int) - alone).max() <= 1


def test_lips_are_copied_in_latent_space_only(models, target):
    with pytest.raises(UserError, match="latent space only"):
        models.copy_lips(target, target)


def test_without_the_network_no_one_speaks(networks, source, target):
    models = RGBModels(networks, {}, target.landmarks[0])
    assert models.swap(source, target).crops.shape == target.crops.shape
    with pytest.raises(UserError, match="no trained wav2lip"):
        models.speak(target, target, WINDOWS)
    with pytest.raises(UserError, match="no trained wav_sync_swap"):
        models.swap_and_speak(source, target, WINDOWS)
    with pytest.raises(UserError, match="no trained restorer"):
        models.restore(target)
