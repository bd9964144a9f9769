"""settings/models.py: values that cannot work are refused where they are written, by name."""

import pytest

from swaptalk_models.settings import models as settings
from swaptalk_models.settings.models import TrainConfig, VQGANConfig


@pytest.mark.parametrize(
    "field, value",
    [
        ("steps", 0),
        ("batch", 0),
        ("accumulate", 0),
        ("lr", 0.0),
        ("warmup", -1),
        ("final_lr", 1.5),
        ("ema", 1.0),
        ("beta2", 1.0),
        ("grad_clip", -1.0),
        ("checkpoint_seconds", 0.0),
        ("dtype", "float16"),
        ("processes", 0),
    ],
)
def test_training_settings_are_checked(field, value):
    with pytest.raises(ValueError, match=f"train.{field}"):
        TrainConfig(**{field: value})


def test_a_batch_divides_among_processes_and_micro_batches():
    TrainConfig(batch=24, processes=2, accumulate=3)
    with pytest.raises(ValueError, match="train.batch must be a multiple"):
        TrainConfig(batch=32, processes=2, accumulate=3)


@pytest.mark.parametrize("factor, channels", [(8, (8, 8)), (16, (8, 8, 8)), (4, (8, 8, 8)), (12, (8, 8, 8))])
def test_a_compression_has_one_width_a_halving(factor, channels):
    with pytest.raises(ValueError, match=r"vqgan\.(channels|factor)"):
        VQGANConfig(factor=factor, channels=channels)


@pytest.mark.parametrize(
    "kind, values, named",
    [
        (settings.VQGANConfig, {"codes": 65537}, "vqgan.codes"),
        (settings.FaceSwapperConfig, {"width": 10, "heads": 4}, "face_swapper.width"),
        (settings.LipSyncConfig, {"width": 10, "heads": 4}, "lip_sync.width"),
        (settings.LipExpertConfig, {"dropout": 1.0}, "lip_expert.dropout"),
        (settings.SyncJudgeConfig, {"channels": (8,)}, "sync_judge.channels"),
        (settings.IdentityEncoderConfig, {"margin": 1.0}, "identity_encoder.margin"),
        (settings.SwapTeacherConfig, {"colour_strength": 2.0}, "swap_teacher.colour_strength"),
    ],
)
def test_each_module_names_what_is_wrong(kind, values, named):
    with pytest.raises(ValueError, match=named):
        kind(**values)
