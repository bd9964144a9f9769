"""inference/generator.py, networks.py: drawn people, networks with random weights."""

import dataclasses
import inspect
from typing import get_args

import cv2
import numpy as np
import pytest
import torch

from swaptalk_models.classical.articulation import MOMENTS, Articulation
from swaptalk_models.data.media.audio import read_audio, write_wav
from swaptalk_models.data.media.video import probe, read_frames
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer
from swaptalk_models.data.sound.mel import centred_windows, log_mel
from swaptalk_models.data.sound.usual_voice import of_usual_voice
from swaptalk_models.errors import UserError
from swaptalk_models.inference import generator as generator_module
from swaptalk_models.inference import networks as networks_module
from swaptalk_models.inference.face_models import FaceModels
from swaptalk_models.inference.finish import Finish
from swaptalk_models.inference.generator import Generator
from swaptalk_models.inference.knowledge import Knowledge
from swaptalk_models.inference.networks import Latents, Networks
from swaptalk_models.inference.stand_in import drawn_face
from swaptalk_models.modules.audio_encoder import MEL_SILENCE
from swaptalk_models.modules.face_swapper import FaceSwapper
from swaptalk_models.modules.images import to_unit
from swaptalk_models.modules.lip_sync import LipSync
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.modules.weights import save_model
from swaptalk_models.settings.data import CropsConfig, FacesConfig
from swaptalk_models.settings.methods import Stage
from swaptalk_models.settings.models import FaceSwapperConfig, LipSyncConfig, VQGANConfig

WIDTH, HEIGHT, FRAMES = 206, 192, 24
GONE = range(8, 14)  # frames without a face
SECONDS = 1.1  # of sound: 27.5 frames
STILL = dict.fromkeys(("opening", "spread", "press", "tuck", "tongue", "blink", "brow", "gaze_x", "gaze_y"), 0.0)
STILL |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift_x": 0.0, "shift_y": 0.0, "zoom": 1.0}


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


def generate(networks, media, output, **changed):
    given = {"source": media / "source.png", "target": media / "target.mp4", "audio": media / "sound.wav"} | changed
    return Generator(networks).generate(**given, output=output, progress=False)


def frames_of(path) -> np.ndarray:
    return np.concatenate(list(read_frames(path)))


@pytest.fixture(scope="module")
def made(networks, media, tmp_path_factory):
    output = tmp_path_factory.mktemp("out") / "made.mp4"
    calls = []
    spied = Spied(networks, calls)
    return generate(spied, media, output), calls


class Spied:
    """Networks that write down what they are asked for."""

    def __init__(self, networks, calls) -> None:
        self._networks, self._calls = networks, calls

    def __getattr__(self, name):
        value = getattr(self._networks, name)
        if name not in ("encode", "encode_source", "swap", "speak", "copy_lips", "decode"):
            return value

        def call(*arguments):
            result = value(*arguments)
            self._calls.append((name, arguments, result))
            return result

        return call


def test_as_long_as_the_sound_and_as_large_as_the_target(made):
    result, _ = made
    info = probe(result.output)
    assert (info.frames, info.fps) == (28, 25), "27.5 frames of sound are 28 of picture"
    assert result.frames == 28
    assert (info.width, info.height) == (WIDTH, HEIGHT)
    made_by = {"crop", "encode", "swap", "speak", "decode"}
    assert set(result.seconds) - {"occlusion"} == {"track", *made_by, "finish", "paste", "mark", "write"}


def test_the_sound_is_the_one_given(made, media):
    ours, given = (read_audio(path) for path in (made[0].output, media / "sound.wav"))
    assert len(given) <= len(ours) < len(given) + 3000, "filled up to a whole frame"
    correlation = np.corrcoef(ours[: len(given)], given)[0, 1]
    assert correlation > 0.7, "in step, through AAC"


class Watched:
    """A marking that writes down what it is given, and blackens every frame's corner."""

    def __init__(self) -> None:
        self.track, self.seen, self.files, self.told = None, [], [], {}

    def begin(self, track):
        self.track = track

    def on_frame(self, frame, number, shown):
        self.seen.append((number, shown))
        frame = frame.copy()
        frame[:16, :16] = 0
        return frame

    def end(self, told):
        self.told = told

    def on_file(self, path):
        assert self.told, "the file comes last"
        self.files.append((path.name, probe(path).frames))


def test_marks_go_into_every_frame_and_the_file_before_it_appears(networks, media, tmp_path):
    marking = Watched()
    result = generate(networks, media, tmp_path / "out.mp4", marking=marking)
    assert len(marking.track.landmarks) == FRAMES
    walked = [*range(FRAMES), *range(FRAMES - 2, FRAMES - 6, -1)]
    assert marking.seen == [(place, None if n in GONE else n) for place, n in enumerate(walked)], "back and forth"
    assert [frames for _, frames in marking.files] == [result.frames]
    gone = {"no face": len(GONE)}
    assert marking.told == {"frames": 28, "made": 28 - len(GONE), "partly_covered": 0, "passed_through": gone}
    assert marking.files[0][0].endswith(".part"), "not yet under its name"
    assert frames_of(result.output)[:, 2:12, 2:12].max() < 20


def test_what_fails_to_be_marked_is_not_there(networks, media, tmp_path):
    class Fails(Watched):
        def on_file(self, path):
            raise UserError("cannot be signed")

    with pytest.raises(UserError, match="cannot be signed"):
        generate(networks, media, tmp_path / "out.mp4", marking=Fails())
    assert list(tmp_path.iterdir()) == []


def test_frames_without_a_face_pass_through(made, media):
    result, _ = made
    assert result.faceless == len(GONE)
    output, target = frames_of(result.output), frames_of(media / "target.mp4")
    difference = np.abs(output[:FRAMES].astype(int) - target).mean((1, 2, 3))
    assert difference[list(GONE)].max() < 2
    with_face = [number for number in range(FRAMES) if number not in GONE]
    assert difference[with_face].min() > 4, "a random network's face is no face"


def test_a_bar_before_the_face_stays(networks, media, tmp_path):
    """Frames 20 to 25 of 60 show a bar down the cheek."""
    renderer, target = Renderer(make_person(4), size=HEIGHT), tmp_path / "barred.mp4"
    with VideoWriter(target, HEIGHT, HEIGHT, crf=10) as writer:
        for number in range(60):
            frame, _ = renderer.frame(STILL | {"opening": 0.5 + 0.5 * np.sin(number)})
            if number in range(20, 26):
                frame[:, 78:90] = (40, 140, 60)
            writer.write(frame)
    write_wav(tmp_path / "long.wav", np.random.default_rng(0).normal(0, 0.1, 60 * 640).clip(-1, 1))
    result = generate(networks, media, tmp_path / "out.mp4", target=target, audio=tmp_path / "long.wav")
    assert 4 <= result.tally.partly_covered <= 6 and result.tally.made == 60
    output = frames_of(result.output)[20:26].astype(int)
    bar, cheek = output[:, 60:130, 81:87], output[:, 100:120, 112:122]
    kept = (np.abs(bar - (40, 140, 60)).max(axis=3) < 30).mean(axis=(1, 2)) > 0.9
    assert kept.sum() >= 4
    assert np.abs(cheek - frames_of(target)[20:26, 100:120, 112:122]).mean() > 4, "beside it a face was made"


def test_only_the_face_changes(made, media):
    output, target = frames_of(made[0].output), frames_of(media / "target.mp4")
    corners = np.abs(output[:FRAMES, :20, :20].astype(int) - target[:, :20, :20])
    assert corners.mean() < 2


def test_a_short_target_goes_back(made, media):
    output = frames_of(made[0].output)
    again = np.abs(output[24:27, :40].astype(int) - output[[22, 21, 20], :40]).mean()
    assert again < 2, "frames 22, 21, 20 once more"


def test_swap_first_then_lips_then_one_decode(made):
    """On target and reference alike, in latent space: what the paper does."""
    _, calls = made
    names = [name for name, _, _ in calls]
    assert names == ["encode", "encode_source", "swap"] + ["encode", "swap", "speak", "decode"] * 2
    source, swapped_reference = calls[1][2], calls[2][2]
    for batch in (calls[3:7], calls[7:11]):
        encode, swap, speak, decode = batch
        assert swap[1][0] is source and swap[1][1] is encode[2]
        assert speak[1][0] is swap[2] and speak[1][1] is swapped_reference
        assert decode[1][0] is speak[2]


def test_each_frame_hears_its_own_window(made, media):
    """Frames of the output count: a target that goes back does not turn the sound round."""
    heard = np.concatenate([arguments[2] for name, arguments, _ in made[1] if name == "speak"])
    mel = log_mel(read_audio(media / "sound.wav"))
    assert np.array_equal(heard, centred_windows(of_usual_voice(mel), np.arange(28)))


def test_lips_of_the_reference_and_of_the_target(networks, media, tmp_path):
    calls = []
    generate(Spied(networks, calls), media, tmp_path / "copied.mp4", source=None, stages=("copy_lips",))
    assert [name for name, _, _ in calls] == ["encode"] + ["encode", "copy_lips", "decode"] * 2
    calls.clear()
    generate(Spied(networks, calls), media, tmp_path / "own.mp4", stages=("swap",))
    assert {name for name, _, _ in calls} == {"encode", "encode_source", "swap", "decode"}


def test_lips_first_leaves_the_reference_as_it_is(networks, media, tmp_path):
    """Sync-then-swap: lips are made from the target's own reference, and what was spoken is swapped."""
    calls = []
    generate(Spied(networks, calls), media, tmp_path / "other.mp4", stages=("speak", "swap"))
    names = [name for name, _, _ in calls]
    assert names == ["encode", "encode_source"] + ["encode", "speak", "swap", "decode"] * 2
    reference, source, encode, speak, swap, decode = calls[:6]
    assert speak[1][0] is encode[2] and speak[1][1] is reference[2]
    assert swap[1][0] is source[2] and swap[1][1] is speak[2] and decode[1][0] is swap[2]


def test_a_face_that_was_followed_before_is_not_followed_again(networks, media, tmp_path, monkeypatch):
    track = Generator(networks).follow(media / "target.mp4", progress=False)
    first = generate(networks, media, tmp_path / "first.mp4")
    monkeypatch.setattr(Generator, "follow", lambda *_: pytest.fail("followed again"))
    second = generate(networks, media, tmp_path / "second.mp4", track=track)
    assert second.faceless == first.faceless
    assert np.array_equal(frames_of(first.output), frames_of(second.output))


def test_detail_comes_from_the_source_and_on_the_face_alone(networks, media, tmp_path, made):
    """The networks' own face is smooth at the frame's size: 32 px, enlarged."""
    detailed = generate(networks, media, tmp_path / "detail.mp4", detail=True)
    plain, fine = frames_of(made[0].output), frames_of(detailed.output)
    target = frames_of(media / "target.mp4")
    upper = np.s_[: GONE.start, 60:120, 70:136]  # brows, eyes and cheeks
    sharpness = [
        np.abs(cv2.Laplacian(frame[..., 1], cv2.CV_32F)).mean() for frame in (plain[0][upper[1:]], fine[0][upper[1:]])
    ]
    assert sharpness[1] > 1.3 * sharpness[0]
    assert np.abs(fine.astype(int) - plain)[upper].mean() > 1
    assert np.abs(fine[: GONE.start, :20, :20].astype(int) - target[: GONE.start, :20, :20]).mean() < 2


READABLE = Articulation(rest=0.02, gain=1.2, width=0.8)


def shapes_asked_for(monkeypatch) -> list[tuple]:
    """(articulation, face that is bent, mouth that says how, opening by the sound) of each frame, as they are asked for."""
    asked: list[tuple] = []

    def shaped(self, shown, found, by_sound=None):
        asked.append((self, shown, found, by_sound))
        return shown[48:]

    monkeypatch.setattr(Articulation, "shaped", shaped)
    return asked


def test_detail_shows_the_swapped_face_and_takes_the_lips_shape_alone(networks, media, tmp_path, monkeypatch):
    """Two decodings: one to look at, one to find the spoken mouth in. Before them the reference says a few moments of the sound, and silence."""
    monkeypatch.setattr(Articulation, "measure", lambda *_: READABLE)
    asked = shapes_asked_for(monkeypatch)
    calls = []
    generate(Spied(networks, calls), media, tmp_path / "detail.mp4", detail=True)
    names = [name for name, _, _ in calls]
    listen = ["encode", "swap", "speak", "decode"]
    assert names == ["encode", "encode_source", "swap", *listen] + [*listen, "decode"] * 2
    listened, first = calls[3:7], calls[7:12]
    assert len(listened[2][1][2]) == MOMENTS + 1 and (listened[2][1][2][0] == MEL_SILENCE).all()
    assert listened[3][1][0] is listened[2][2]
    _, swap, speak, spoken, shown = first
    assert shown[1][0] is swap[2] and spoken[1][0] is speak[2]
    assert asked and all(np.array_equal(face, found) and heard is None for _, face, found, heard in asked)
    assert asked[0][0].width is None, "its own lips are as wide as they are"


@pytest.mark.parametrize("reason", ["a real face to networks of drawn people", "lips that are not seen to move"])
def test_a_drawn_face_speaks_where_lips_cannot_be_read(networks, media, tmp_path, monkeypatch, reason):
    strange = reason.startswith("a real face")
    listened = iter([READABLE] if strange else [dataclasses.replace(READABLE, readable=False), READABLE])
    monkeypatch.setattr(Articulation, "measure", lambda *_: next(listened))
    monkeypatch.setattr(generator_module, "unlike_source", lambda *_: "it is like none of them")
    real = Knowledge(people=3, drawn=0, crop=32, middle=(0.0,) * 128, reach=0.9, turn=10.0)
    knowledge = dataclasses.replace(real, drawn=3) if strange else real
    asked = shapes_asked_for(monkeypatch)
    calls = []
    with pytest.warns(UserWarning, match="like none of them"):
        generate(Spied(networks, calls), media, tmp_path / "out.mp4", detail=True, knowledge=knowledge)
    names = [name for name, _, _ in calls]
    own = [] if strange else ["encode", "swap", "speak", "decode"]
    stand_in = ["encode", "speak", "decode"]
    assert (
        names
        == ["encode", "encode_source", "swap", *own, *stand_in] + ["encode", "swap", "speak", "decode", "decode"] * 2
    )
    drawn, batch = calls[3 + len(own)], calls[6 + len(own) : 11 + len(own)]
    assert np.array_equal(drawn[1][0][0], drawn_face(networks.crops).crop)
    speak, spoken, shown = batch[2:]
    assert speak[1][1] is drawn[2], "it is its own reference"
    assert len(speak[1][0].z) == len(speak[1][2]) and torch.equal(speak[1][0].z[0], drawn[2].z[0])
    assert spoken[1][0] is speak[2] and shown[1][0] is batch[1][2], "what is shown is the swapped face"
    assert asked and not any(np.array_equal(face, found) for _, face, found, _ in asked), (
        "another's lips, this face's place"
    )
    assert all(0 <= heard < 0.3 for *_, heard in asked) and asked[0][0].width == READABLE.width


def test_detail_on_lips_that_were_made_before_the_swap_needs_one_decoding(networks, media, tmp_path):
    calls = []
    generate(Spied(networks, calls), media, tmp_path / "detail.mp4", detail=True, stages=("speak", "swap"))
    assert [name for name, _, _ in calls].count("decode") == 3, "listened to, and two batches"


def test_teeth_are_looked_up_where_the_mouth_is_open_and_the_head_to_the_front(networks, media, tmp_path, monkeypatch):
    """In the ten seconds from the first face on."""
    target, number = media / "target.mp4", 5
    track = Generator(networks).follow(target, progress=False)
    landmarks = track.landmarks.copy()
    for other, gap in ((number, 16.0), (3, 22.0), (16, 30.0)):
        landmarks[other, [65, 66, 67], 1] = landmarks[other, [63, 62, 61], 1] + gap
    landmarks[3, 27:36, 0] += 0.22 * np.ptp(landmarks[3, :, 0])  # the nose beside the middle: a head turned aside
    confidence = track.confidence.copy()
    confidence[16] = 0
    taken = []
    monkeypatch.setattr(Finish, "take_teeth", lambda self, frame, number: taken.append(number))
    changed = dataclasses.replace(track, landmarks=landmarks, confidence=confidence)
    generate(networks, media, tmp_path / "out.mp4", detail=True, track=changed)
    generate(networks, media, tmp_path / "plain.mp4", track=changed)
    assert taken == [number]


def test_a_source_with_closed_eyes_is_told_of(networks, media, tmp_path):
    asleep, _ = Renderer(make_person(6), size=HEIGHT).frame(STILL | {"blink": 1.0})
    cv2.imwrite(str(media / "asleep.png"), asleep[..., ::-1])
    with pytest.warns(UserWarning, match=r"the eyes in asleep\.png are closed"):
        generate(networks, media, tmp_path / "out.mp4", source=media / "asleep.png")


def test_without_a_swap_there_is_no_detail(networks, media, tmp_path):
    own = generate(networks, media, tmp_path / "own.mp4", source=None, detail=True)
    again = generate(networks, media, tmp_path / "again.mp4", source=None)
    assert np.array_equal(frames_of(own.output), frames_of(again.output))


def test_guidance_goes_on_in_the_direction_of_the_swap(networks):
    torch.manual_seed(1)
    region = torch.zeros(1, 4, 4, dtype=torch.long)
    source, target = (Latents(torch.randn(n, 8, 4, 4), region.expand(n, -1, -1)) for n in (1, 3))
    plain = networks.swap(source, target).z
    object.__setattr__(networks.face_swapper.config, "guidance", 2.0)
    try:
        twice = networks.swap(source, target).z
    finally:
        object.__setattr__(networks.face_swapper.config, "guidance", 1.0)
    assert torch.allclose(twice - target.z, 2 * (plain - target.z), atol=1e-4)


def test_only_faces_that_were_made_are_deblocked(networks, monkeypatch):
    asked = []
    monkeypatch.setattr(networks_module, "deblock", lambda crops, made: asked.append(made) or crops)
    torch.manual_seed(1)
    region = torch.zeros(1, 4, 4, dtype=torch.long)
    source, target = (Latents(torch.randn(n, 8, 4, 4), region.expand(n, -1, -1)) for n in (1, 3))
    real = networks.decode(target)
    assert asked == []
    swapped = networks.decode(networks.swap(source, target))
    assert asked[0].shape == (4, 4) and asked[0].all() and swapped.shape == real.shape


def test_speaking_leaves_the_upper_half(networks):
    torch.manual_seed(1)
    face = torch.ones(3, 4, 4, dtype=torch.long)
    target, reference = Latents(torch.randn(3, 8, 4, 4), face), Latents(torch.randn(1, 8, 4, 4), face[:1])
    mel = np.random.default_rng(0).uniform(-4, 4, (3, 16, 80)).astype(np.float32)
    spoken, copied = networks.speak(target, reference, mel), networks.copy_lips(target, reference)
    for made in (spoken, copied):
        assert torch.equal(made.z[:, :, :2], target.z[:, :, :2])
    assert not torch.allclose(spoken.z[:, :, 2:], copied.z[:, :, 2:], atol=1e-3)
    # The target's own lower half is no input; around mouth and chin it stays as it is.
    other = Latents(torch.cat([target.z[:, :, :2], torch.randn(3, 8, 2, 4)], dim=2), face)
    lower, made = networks.speak(other, reference, mel).z[:, :, 2:], networks.lip_sync.region.expand(3, 8, -1, -1) > 0
    assert torch.equal(lower[made], spoken.z[:, :, 2:][made])
    assert torch.equal(lower[~made], other.z[:, :, 2:][~made])
    assert torch.equal(spoken.made[2:], networks.lip_sync.region[0, 0] > 0) and not spoken.made[:2].any()


def test_beside_the_targets_face_nothing_is_spoken(networks):
    """The reference's background stays with the reference when the target turns away."""
    torch.manual_seed(1)
    face = torch.ones(2, 4, 4, dtype=torch.long)
    face[1, :, 2:] = 0  # the second frame's head is turned
    target, reference = Latents(torch.randn(2, 8, 4, 4), face), Latents(torch.randn(1, 8, 4, 4), face[:1])
    mel = np.random.default_rng(0).uniform(-4, 4, (2, 16, 80)).astype(np.float32)
    spoken_of = networks.lip_sync.region[0, 0] > 0
    assert spoken_of[:, 2].any() and spoken_of[:, 1].any()
    for made in (networks.speak(target, reference, mel), networks.copy_lips(target, reference)):
        changed = (made.z != target.z).any(dim=1)[:, 2:]
        assert torch.equal(changed[0], spoken_of)
        assert torch.equal(changed[1][:, :2], spoken_of[:, :2]) and not changed[1][:, 2:].any()


def test_some_stages_are_done_on_pixels_only(networks):
    faces = Latents(torch.randn(2, 8, 4, 4), torch.zeros(2, 4, 4, dtype=torch.long))
    with pytest.raises(UserError, match="on pixels only"):
        networks.restore(faces)
    with pytest.raises(UserError, match="on pixels only"):
        networks.swap_and_speak(faces, faces, np.zeros((2, 16, 80), np.float32))


def test_every_stage_is_a_method_of_whatever_makes_faces():
    """A stage that one of the models lacks would show in the middle of a video."""
    from swaptalk_models.evaluation.measure.cascade import RGBModels

    for stage in (*get_args(Stage), "encode", "decode"):
        expected = list(inspect.signature(getattr(FaceModels, stage)).parameters)
        for models in (Networks, RGBModels):
            assert list(inspect.signature(getattr(models, stage)).parameters) == expected, (models, stage)


BAD = {
    "text.mp4": "target",
    "empty.mp4": "target",
    "empty.png": "source",
    "text.png": "source",
    "target.mp4": "audio",  # has no sound
    "text.wav": "audio",
    "nowhere.mp4": "target",
    "nowhere.wav": "audio",
    "nowhere.png": "source",
}


@pytest.mark.parametrize("name, role", BAD.items())
def test_bad_input_is_named(networks, media, tmp_path, name, role):
    if name.startswith("text"):
        (tmp_path / name).write_text("hello")
    if name == "empty.mp4":
        with VideoWriter(tmp_path / name, 128, 128) as writer:
            for _ in range(6):
                writer.write(np.full((128, 128, 3), 90, np.uint8))
    path = media / name if (media / name).is_file() else tmp_path / name
    with pytest.raises(UserError) as error:
        generate(networks, media, tmp_path / "out.mp4", **{role: path})
    assert name in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("output", ["out.avi", "out", "out.mp4.txt"])
def test_the_output_is_an_mp4(networks, media, tmp_path, output):
    with pytest.raises(UserError, match=output):
        generate(networks, media, tmp_path / output)


def test_an_error_on_the_way_leaves_no_video(networks, media, tmp_path):
    class Breaks(Spied):
        def __getattr__(self, name):
            if name == "decode":
                raise ZeroDivisionError
            return super().__getattr__(name)

    with pytest.raises(ZeroDivisionError):
        generate(Breaks(networks, []), media, tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == []


def test_config_of_the_crops_travels(networks):
    assert dataclasses.asdict(networks.crops)["size"] == 32 and networks.grid == 4
