"""evaluation/measure/protocol.py"""

from collections import Counter

import pytest

from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.measure.protocol import Chunk, chunks_of, draw_scenes
from swaptalk_models.settings.methods import CROSS, SELF

COUNTS = {"a": 3, "b": 1, "c": 2}
CLIPS = [
    {"clip": f"{person}_{n}", "person": person, "frames": 100, "sound": True}
    for person, count in COUNTS.items()
    for n in range(count)
]
PERSON = {clip["clip"]: clip["person"] for clip in CLIPS}


@pytest.mark.parametrize("seed", range(20))
def test_nobody_is_swapped_with_himself(seed):
    for scene in draw_scenes(CLIPS, 12, seed):
        assert scene.source in COUNTS and scene.source != PERSON[scene.target.clip]
        if scene.setting == SELF:
            assert scene.audio == scene.target, "self-driven: the target's own sound"
        else:
            assert PERSON[scene.audio.clip] != PERSON[scene.target.clip], "cross-driven: another person's"


def test_as_many_of_each_setting_with_names_of_their_own():
    scenes = draw_scenes(CLIPS, 5, 0)
    assert Counter(scene.setting for scene in scenes) == {SELF: 5, CROSS: 5}
    assert len({scene.name for scene in scenes}) == 10


def test_people_take_turns_then_their_clips():
    scenes = [scene for scene in draw_scenes(CLIPS, 12, 3) if scene.setting == SELF]
    assert set(Counter(scene.target for scene in scenes).values()) == {2}
    assert {PERSON[scene.target.clip] for scene in scenes[:3]} == set("abc"), (
        "whoever has most clips does not crowd out the others"
    )


def test_scenes_of_one_number_have_the_same_target_in_both_settings():
    """So that a method can be compared with itself, self-driven and cross-driven."""
    scenes = {scene.name: scene.target for scene in draw_scenes(CLIPS, 7, 1, chunk_seconds=2)}
    assert all(scenes[f"self_{n:03d}"] == scenes[f"cross_{n:03d}"] for n in range(7))


@pytest.mark.parametrize("seed", range(4))
def test_sources_and_voices_take_turns(seed):
    """As far as nobody is on their own face."""
    clips = [{"clip": person, "person": person, "frames": 50, "sound": True} for person in "abcdef"]
    scenes = draw_scenes(clips, 6, seed)
    assert set(Counter(scene.source for scene in scenes).values()) <= {1, 2, 3}
    assert max(Counter(scene.source for scene in draw_scenes(clips, 3, seed)).values()) <= 2
    assert max(Counter(scene.audio.clip for scene in scenes if scene.setting == CROSS).values()) <= 2
    assert all(scene.source != scene.target.clip for scene in scenes)


def test_long_clips_come_in_chunks():
    clips = [{"clip": person, "person": person, "frames": 700, "sound": True} for person in "ab"]
    scenes = draw_scenes(clips, 6, 0, chunk_seconds=10)
    targets = Counter(scene.target for scene in scenes if scene.setting == SELF)
    assert set(targets.values()) == {1} and len(targets) == 6, "three chunks of each of two clips"
    assert {scene.audio.frames for scene in scenes} <= {233, 234}
    clips[0]["sound_offset"] = 2
    moved = {chunk for scene in draw_scenes(clips, 6, 0, chunk_seconds=10) for chunk in (scene.target, scene.audio)}
    assert {(chunk.clip, chunk.sound_offset) for chunk in moved} == {("a", 2), ("b", 0)}


@pytest.mark.parametrize("frames, count", [(1, 1), (374, 1), (376, 2), (500, 2), (2510, 10)])
def test_chunks_cover_a_clip_once(frames, count):
    chunks = chunks_of("clip", frames, 10)
    assert len(chunks) == count
    if count == 1:
        assert chunks == [Chunk("clip")], "a clip of about the length is itself"
        return
    assert sum(chunk.frames for chunk in chunks) == frames
    assert [chunk.first for chunk in chunks[1:]] == [chunk.first + chunk.frames for chunk in chunks[:-1]]
    assert all(7.5 * 25 <= chunk.frames <= 15 * 25 for chunk in chunks)
    assert len({chunk.name for chunk in chunks}) == count


def test_the_seed_says_it_all():
    assert draw_scenes(CLIPS, 8, 1) == draw_scenes(CLIPS, 8, 1)
    assert draw_scenes(CLIPS, 8, 1) != draw_scenes(CLIPS, 8, 2)
    assert draw_scenes(CLIPS, 4, 1)[:4] == draw_scenes(CLIPS, 8, 1)[:4], "more scenes keep the first self-driven ones"


@pytest.mark.parametrize("seed", range(5))
def test_a_mute_clip_is_neither_target_nor_voice(seed):
    clips = [clip | {"sound": clip["clip"] not in ("a_1", "b_0")} for clip in CLIPS]
    scenes = draw_scenes(clips, 40, seed)
    assert {scene.target.clip for scene in scenes} == {"a_0", "a_2", "c_0", "c_1"}
    assert {scene.audio.clip for scene in scenes} == {"a_0", "a_2", "c_0", "c_1"}
    assert {scene.source for scene in scenes} == set("abc"), "the face of whoever is mute is as good as any"
    assert all(PERSON[scene.audio.clip] != PERSON[scene.target.clip] for scene in scenes if scene.setting == CROSS)


@pytest.mark.parametrize("clips", [[], CLIPS[:3], [clip | {"sound": clip["person"] == "a"} for clip in CLIPS]])
def test_two_people_are_needed(clips):
    with pytest.raises(UserError, match="at least two held-out people with a usable sound"):
        draw_scenes(clips, 2, 0)
