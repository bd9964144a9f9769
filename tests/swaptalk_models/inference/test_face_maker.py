"""inference/face_maker.py: what is done to faces with detail on, and who speaks."""

import dataclasses

import cv2
import numpy as np
import pytest
import torch

from swaptalk_models.classical.articulation import MOMENTS, Articulation
from swaptalk_models.inference import generator as generator_module
from swaptalk_models.inference.finish import Finish
from swaptalk_models.inference.generator import Generator
from swaptalk_models.inference.knowledge import Knowledge
from swaptalk_models.inference.stand_in import drawn_face
from swaptalk_models.modules.audio_encoder import MEL_SILENCE

from .a_talk import GONE, Spied, frames_of, generate


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


def test_without_a_swap_there_is_no_detail(networks, media, tmp_path):
    own = generate(networks, media, tmp_path / "own.mp4", source=None, detail=True)
    again = generate(networks, media, tmp_path / "again.mp4", source=None)
    assert np.array_equal(frames_of(own.output), frames_of(again.output))


def test_the_targets_glasses_stay_with_detail_alone(networks, media, tmp_path, made):
    """The target wears square ones, the source none."""
    detailed = generate(networks, media, tmp_path / "detail.mp4", detail=True)
    plain, kept, target = (
        frames_of(path)[0].astype(int) for path in (made[0].output, detailed.output, media / "target.mp4")
    )
    line = slice(66, 96), slice(60, 146)
    dark = target[line].mean(axis=2) < 70
    assert (
        np.abs(plain - target)[line].mean(axis=2)[dark].mean()
        > 2 * np.abs(kept - target)[line].mean(axis=2)[dark].mean()
    )
