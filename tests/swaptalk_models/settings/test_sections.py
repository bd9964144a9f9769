"""Every section: a value that cannot work is refused by the name that the user has typed."""

import ast
import functools
import json
import traceback
import typing
from pathlib import Path

import pytest

from swaptalk_models.errors import UserError
from swaptalk_models.settings import preset
from swaptalk_models.settings.models import TrainConfig
from swaptalk_models.settings.names import section_in, setting_names
from swaptalk_models.settings.preset import Preset, load_preset

WRONG: dict[str, list] = {
    "phantom.people": [3],
    "phantom.seconds": [0.5],
    "clips.chunk_seconds": [0.5],
    "clips.min_seconds": [0],
    "clips.crf": [52],
    "face_tracks.detect_height": [79],
    "face_tracks.min_found": [0, 1.1],
    "face_crops.size": [16, 48, 64, 72],
    "face_crops.margin": [-0.3, 0.6],
    "face_crops.label_grid": [7, 12],
    "mels.rate": [8000, 44100],
    "mels.fmax": [55, 8001],
    "quality.max_blur": [0, 1.1],
    "quality.max_yaw": [0, 91],
    "quality.max_lost": [1.1],
    "quality.min_level": [1],
    "quality.max_clipped": [1.1],
    "training_snapshot.validation": [-0.1, 1, 0.75],
    "training_snapshot.test": [1],
    "vqgan.factor": [12],
    "vqgan.channels": [[8, 8], [0, 8, 8]],
    "vqgan.decoder_channels": [0, 48],
    "vqgan.codes": [1, 65537],
    "vqgan.dim": [3, 41],
    "vqgan.quantise_from": [1],
    "vqgan.codebook_decay": [1],
    "vqgan.adversarial_start": [1.1],
    "identity_encoder.margin": [1],
    "identity_encoder.scale": [0],
    "swap_teacher.colour_strength": [1.1],
    "face_swapper.width": [0, 129],
    "face_swapper.guidance": [0],
    "lip_expert.dropout": [1],
    "lip_sync.width": [0, 97],
    "lip_sync.guidance": [0],
    "lip_sync.sync_start": [1.1],
    "lip_sync.quiet": [1],
    "wav2lip.sync_start": [1.1],
    "sync_judge.dropout": [1],
    "evaluation.methods": [["Swapsync"]],
    "evaluation.crop_size": [64],
    "evaluation.silent_seconds": [-1],
    "evaluation.second_landmarks": ["dlib"],
    "evaluation.identity_frames": [1],
    "evaluation.fid_frames": [1],
    "evaluation.batch_frames": [4],
    "evaluation.same_sound": [0, 1],
    "evaluation.confidence": [0, 1],
    "model_release.tolerance": [1],
    "model_release.fewest_videos": [1],
    "model_release.fresh_days": [-1],
    "download.timeout_s": [0],
    "download.limit_minutes": [0],
    "limits.item_seconds": [0],
    "ray.address": ["ray://head:10001"],
    "ray.inputs_mib": [0],
    "ray.object_store_mib": [99],
    "quality.max_magnification": [0],
    "quality.max_doubt": [0],
}
"""Values that name the bounds; below them stand those that every setting of a kind refuses."""
TRAIN_WRONG = {
    "lr": [0],
    "final_lr": [1.1],
    "ema": [1],
    "beta2": [0, 1],
    "checkpoint_seconds": [0],
    "batch": [31],
}
ANYTHING_GOES = {
    "name": "of the preset",
    "init": "a word, or a path",
    "ablate": "has words and errors of its own: test_ablations.py",
    "face_tracks.device": "which there are, the machine says",
    "download.cookies": "a path",
    "download.annotations": "an address",
    "training_snapshot.extra": "names of videos",
    "swap_teacher.without": "names of videos",
    "identity_encoder.external": "a path",
    "identity_encoder.external_sha256": "compared with the file's",
    "evaluation.syncnet": "a path",
    "evaluation.lipreader": "a path",
    "evaluation.second_identity": "a path",
    "evaluation.inception": "a path",
    "tracking.mlflow": "an address",
    "tracking.experiment": "a name",
    "train.device": "which there are, the machine says",
    "train.without": "names of videos",
}
"""Settings whose values no section can judge. So can truth values, all of which are good."""


def kind_of(dotted: str) -> typing.Any:
    hint: typing.Any = Preset
    for name in dotted.split("."):
        hint = typing.get_type_hints(section_in(hint))[name]
    return hint


def wrong_values(dotted: str) -> list:
    """Values of the right type that the setting must refuse."""
    train = dotted.partition(".train.")[2]
    if dotted in ANYTHING_GOES or f"train.{train}" in ANYTHING_GOES or kind_of(dotted) is bool:
        return []
    by_kind = {int: [-1], float: [-1.0, ".nan"], str: ["nonsense"]}.get(kind_of(dotted), [[]])
    if dotted in ("face_crops.margin", "quality.min_level"):
        by_kind = [".nan"]  # may be negative
    return WRONG.get(dotted, []) + (TRAIN_WRONG.get(train, []) if train else []) + by_kind


CASES = [(dotted, value) for dotted in setting_names(Preset) for value in wrong_values(dotted)]
# Nothing is a wrong list of methods: ours is compared all the same.
CASES.remove(("evaluation.methods", []))


F32 = {"vqgan.factor": 32, "vqgan.channels": [8] * 5}
NEEDS = {
    ("face_crops.size", "48"): F32,
    ("face_crops.size", "64"): F32,
    ("vqgan.channels", "[8, 8]"): {"vqgan.factor": 8},
    ("vqgan.channels", "[0, 8, 8]"): {"vqgan.factor": 8},
} | {(name, "31"): {name.replace("batch", "accumulate"): 2} for name in setting_names(Preset)}
"""What makes a value wrong that is good by itself."""


@functools.cache
def refused(dotted: str, value: str) -> UserError:
    """What a preset with this setting says. ``value``: as JSON."""
    with pytest.raises(UserError) as error:
        load_preset("tiny", {dotted: json.loads(value)} | NEEDS.get((dotted, value), {}))
    return error.value


@pytest.mark.parametrize(("dotted", "value"), CASES)
def test_a_wrong_value_is_refused_by_the_name_that_was_typed(dotted, value):
    said = str(refused(dotted, json.dumps(value)))
    assert said.startswith(dotted) and "\n" not in said


def test_every_check_is_met_by_one_of_them():
    """No section can be given a check that is never tried."""
    folder = Path(preset.__file__).parent
    checks = {}  # (file, line) -> the check, as it is written
    for path in folder.glob("*.py"):
        post_inits = [n for n in ast.walk(ast.parse(path.read_text())) if getattr(n, "name", "") == "__post_init__"]
        for call in (node.value for post in post_inits for node in post.body if isinstance(node, ast.Expr)):
            checks |= {(path, line): ast.unparse(call) for line in range(call.lineno, call.end_lineno + 1)}
    met = set()
    for dotted, value in CASES:
        cause = refused(dotted, json.dumps(value)).__context__
        frames = traceback.extract_tb(cause.__traceback__)
        met |= {checks.get((Path(frame.filename), frame.lineno)) for frame in frames}
    assert set(checks.values()) - met == set()


def test_each_case_is_of_a_setting_that_there_is():
    names = set(setting_names(Preset))
    assert WRONG.keys() | {name for name in ANYTHING_GOES if not name.startswith("train.")} <= names
    assert {f"vqgan.train.{name}" for name in TRAIN_WRONG} <= names


def test_a_batch_divides_among_processes_and_micro_batches():
    TrainConfig(batch=24, processes=2, accumulate=3)
    with pytest.raises(ValueError, match=r"^batch must be a multiple of processes \* accumulate$"):
        TrainConfig(batch=32, processes=2, accumulate=3)
