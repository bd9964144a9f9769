"""The whole chain on real people, at toy size."""

import json

import pytest

from swaptalk_models.data.media.video import probe

from .first_seconds import first_seconds
from .toy_home import swaptalk, toy_settings


@pytest.mark.real
@pytest.mark.slow
def test_real_clips_go_through(real_clips, tmp_path):
    """The first seconds of the seven real clips, one of a person's face on another's video with a third's voice."""
    home, clips = tmp_path / "home", first_seconds(real_clips / "clips", tmp_path / "clips", 2.4)
    settings = toy_settings(**{"evaluation.methods": "[SwapTalk]"})  # the whole table is the phantoms'
    swaptalk("run", "--preset", "tiny", "--videos", clips, "--home", home, *settings)
    status = json.loads(swaptalk("status", "--home", home, "--json"))
    assert status["videos"] == {"total": 7, "ok": 7, "quarantined": 0}
    assert status["frames"] > 400 and status["report"] and status["release"]
    source = next((home / "evaluation").glob("*/sources/*.png"))
    output = tmp_path / "out.mp4"
    target, voice = clips / "WDA_KatieHill_000.mp4", clips / "WRA_SteveDaines0_000.mp4"
    swaptalk("generate", "--home", home, "--source", source, "--target", target, "--audio", voice, "--output", output)
    assert probe(output).has_audio and probe(output).frames == 60
