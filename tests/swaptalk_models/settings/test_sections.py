"""A value that cannot work is refused where it is written, by the name that was typed."""

import pytest

from swaptalk_models.errors import UserError
from swaptalk_models.settings.models import TrainConfig
from swaptalk_models.settings.preset import Preset, load_preset
from swaptalk_models.settings.section import setting_names

WRONG = {
    "limits.item_seconds": 0,
    "clips.min_seconds": 0,
    "clips.chunk_seconds": 0.5,
    "clips.max_height": -1,
    "clips.crf": 52,
    "face_tracks.backend": "opencv",
    "face_tracks.detect_every": 0,
    "face_tracks.detect_height": 40,
    "face_tracks.max_gap": -1,
    "face_tracks.min_found": 0,
    "face_tracks.min_face": 0,
    "face_crops.size": 72,
    "face_crops.margin": 0.6,
    "face_crops.smooth_frames": -1,
    "face_crops.label_grid": 4,
    "mels.fmin": 9000,
    "mels.fmax": 9000,
    "phantom.people": 3,
    "phantom.seconds": 0,
    "training_snapshot.validation": 1,
    "training_snapshot.test": 1,
    "quality.max_magnification": 0,
    "quality.max_blur": 2,
    "quality.max_yaw": 100,
    "quality.max_doubt": 0,
    "quality.max_lost": 2,
    "quality.min_level": 1,
    "quality.max_clipped": 2,
    "quality.out_of_step": "sing",
    "quality.max_offset": -1,
    "quality.max_spread": -1,
    "download.parallel": 0,
    "download.pause_s": -1,
    "download.timeout_s": 0,
    "evaluation.pairs": 0,
    "evaluation.chunk_seconds": 0,
    "evaluation.crop_size": 64,
    "evaluation.identity_frames": 1,
    "evaluation.identity_neighbours": -1,
    "evaluation.fid_frames": 1,
    "evaluation.cpbd_frames": 0,
    "evaluation.max_offset": 0,
    "evaluation.batch_frames": 4,
    "evaluation.same_sound": 1,
    "evaluation.bootstrap_samples": 0,
    "evaluation.frechet_samples": 0,
    "evaluation.confidence": 1,
    "model_release.tolerance": 1,
    "model_release.fewest_videos": 1,
    "vqgan.factor": 12,
    "vqgan.channels": [8],
    "vqgan.codes": 65537,
    "vqgan.dim": 2,
    "vqgan.groups": 0,
    "vqgan.decoder": "heavy",
    "vqgan.decoder_channels": 33,
    "vqgan.codebook_start": "zeros",
    "vqgan.gradient": "none",
    "vqgan.quantise_from": 1,
    "vqgan.adversarial_start": 2,
    "identity_encoder.channels": [8],
    "identity_encoder.margin": 1,
    "swap_teacher.pairs": 0,
    "swap_teacher.held_out_pairs": 0,
    "swap_teacher.colour_strength": 2,
    "face_swapper.width": 130,
    "face_swapper.guidance": 0,
    "face_swapper.depth": 0,
    "face_swapper.decoded_samples": 0,
    "lip_expert.dropout": 1,
    "lip_expert.noise": -1,
    "lip_sync.width": 97,
    "lip_sync.guidance": 0,
    "lip_sync.region": "lips",
    "lip_sync.sync_start": 2,
    "lip_sync.quiet": 1,
    "wav2lip.channels": [8],
    "wav2lip.sync_start": 2,
    "sync_judge.channels": [8],
    "vqgan.train.steps": 0,
    "vqgan.train.batch": 0,
    "lip_sync.train.accumulate": 0,
    "lip_sync.train.eval_every": 0,
    "lip_sync.train.processes": 0,
    "lip_sync.train.minutes": -1,
    "lip_sync.train.lr": 0,
    "lip_sync.train.warmup": -1,
    "lip_sync.train.final_lr": 2,
    "lip_sync.train.ema": 1,
    "lip_sync.train.beta2": 1,
    "lip_sync.train.grad_clip": -1,
    "lip_sync.train.checkpoint_seconds": 0,
    "lip_sync.train.dtype": "float16",
}


@pytest.mark.parametrize("setting", WRONG)
def test_the_message_begins_with_the_setting_that_was_typed(setting):
    with pytest.raises(UserError) as error:
        load_preset("tiny", {setting: WRONG[setting]})
    assert str(error.value).startswith(f"{setting} "), error.value
    assert "\n" not in str(error.value)


def test_every_name_is_a_setting():
    assert set(WRONG) <= set(setting_names(Preset))


def test_a_batch_divides_among_processes_and_micro_batches():
    TrainConfig(batch=24, processes=2, accumulate=3)
    with pytest.raises(ValueError, match="batch must be a multiple"):
        TrainConfig(batch=32, processes=2, accumulate=3)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("faces.min_face", "face_tracks.min_face"),
        ("vqgan.trian.steps", "vqgan.train.steps"),
        ("vqgan.train.step", "vqgan.train.steps"),
        ("lip_sync.guidence", "lip_sync.guidance"),
        ("min_face", "face_tracks.min_face"),
    ],
)
def test_an_unknown_setting_says_what_may_be_meant(typed, meant):
    with pytest.raises(UserError, match=rf"unknown setting '{typed}': did you mean .*{meant}"):
        load_preset("tiny", {typed: "1"})


def test_an_unknown_setting_in_a_section_lists_the_sections_own():
    with pytest.raises(UserError, match="there are steps, minutes, batch"):
        load_preset("tiny", {"vqgan.train.tempo": "1"})
