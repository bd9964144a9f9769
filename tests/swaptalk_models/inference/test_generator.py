"""inference/generator.py: drawn people, networks with random weights."""

import cv2
import numpy as np
import pytest

from swaptalk_models.data.media.audio import read_audio, write_wav
from swaptalk_models.data.media.video import probe
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.phantom.render import Renderer
from swaptalk_models.data.sound.mel import centred_windows, log_mel
from swaptalk_models.data.sound.usual_voice import of_usual_voice
from swaptalk_models.errors import UserError
from swaptalk_models.inference.generator import Generator

from .a_talk import FRAMES, GONE, HEIGHT, STILL, WIDTH, Spied, frames_of, generate


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


def test_a_source_with_closed_eyes_is_told_of(networks, media, tmp_path):
    asleep, _ = Renderer(make_person(6), size=HEIGHT).frame(STILL | {"blink": 1.0})
    cv2.imwrite(str(media / "asleep.png"), asleep[..., ::-1])
    with pytest.warns(UserWarning, match=r"the eyes in asleep\.png are closed"):
        generate(networks, media, tmp_path / "out.mp4", source=media / "asleep.png")


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
