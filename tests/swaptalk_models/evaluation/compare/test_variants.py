"""evaluation/compare/variants.py and compression.py, on a home made by hand"""

import json
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.compare.compression import compression_of, draw_compression, figure_of
from swaptalk_models.evaluation.compare.variants import VARIANTS, find_variants, load_evaluation, other_trainings

CONFIGS = {
    "vqgan": {"factor": 8, "channels": [32, 64, 128]},
    "face_swapper": {"source_identity_weight": 0.1, "teacher_identity_weight": 0.1, "width": 8},
    "lip_sync": {"sync_weight": 0.05, "width": 8},
}
SCENES = {"seed": 0, "pairs": 1, "chunk_seconds": 10.0, "code": "2", "snapshot": "snap"}


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path).create()


def add_model(home, name, version, **changed) -> None:
    folder = home.models / name / version
    folder.mkdir(parents=True, exist_ok=True)
    train = {"steps": changed.pop("steps", 10), "device": version, "minutes": 0.0} | changed.pop("train", {})
    train |= {"without": changed.pop("without")} if "without" in changed else {}
    inputs = changed.pop("inputs", {})
    config = CONFIGS[name] | changed | {"train": train}
    (folder / "config.json").write_text(json.dumps({"config": config}))
    (folder / "result.json").write_text(json.dumps({"metrics": {"psnr_db": 20.0 + len(version)}, "inputs": inputs}))


def add_evaluation(home, name, metrics="metrics_1", protocol=SCENES, **versions) -> Path:
    models = dict.fromkeys(CONFIGS, "ours") | versions
    folder = home.evaluation / name
    (folder / metrics).mkdir(parents=True)
    (folder / "made_from.json").write_text(json.dumps({"models": models, "methods": ["SwapTalk"]} | protocol))
    with VideoWriter(folder / "self_000_swaptalk.mp4", 96, 64) as writer:
        for number in range(9):
            writer.write(np.full((64, 96, 3), 20 * number + 10, np.uint8))
    row = {"scene": "self_000", "setting": "self", "method": "SwapTalk", "path": "self_000_swaptalk.mp4", "lse_c": 2.0}
    rows = [row, row | {"scene": "cross_000", "setting": "cross", "lse_c": 4.0}]
    pq.write_table(pa.Table.from_pylist(rows), folder / metrics / "metrics.parquet")
    summary = [{"method": method, "setting": "self", "cells": {}} for method in ("Ground truth", "SwapTalk")]
    (folder / metrics / "summary.json").write_text(json.dumps(summary))
    return folder / metrics


@pytest.fixture
def ours(home) -> Path:
    for name in CONFIGS:
        add_model(home, name, "ours")
    return add_evaluation(home, "ours")


def test_ours_is_a_point_of_the_compression_study(home, ours):
    found = find_variants(home, ours)
    assert set(found) == {"at f8"} and found["at f8"].folder == ours.parent


def test_an_ablation_is_found_whatever_machine_it_was_trained_on(home, ours):
    add_model(home, "lip_sync", "silent", sync_weight=0.0)
    add_evaluation(home, "silent", lip_sync="silent")
    assert find_variants(home, ours)["without expert"].folder.name == "silent"


@pytest.mark.parametrize(
    "module, changed",
    [
        ("lip_sync", {"width": 16}),
        ("lip_sync", {"steps": 20}),
        ("lip_sync", {"sync_weight": 0.01}),
        ("face_swapper", {}),
    ],
)
def test_what_differs_by_more_than_one_thing_is_no_ablation(home, ours, module, changed):
    add_model(home, "lip_sync", "other", **{"sync_weight": 0.0} | (changed if module == "lip_sync" else {}))
    add_model(home, "face_swapper", "other")
    versions = {"lip_sync": "other"} | ({"face_swapper": "other"} if module == "face_swapper" else {})
    add_evaluation(home, "other", **versions)
    assert "without expert" not in find_variants(home, ours)


@pytest.mark.parametrize("key, value", [("seed", 1), ("pairs", 2), ("snapshot", "another"), ("chunk_seconds", 5.0)])
def test_other_scenes_cannot_be_paired(home, ours, key, value):
    add_model(home, "lip_sync", "silent", sync_weight=0.0)
    add_evaluation(home, "silent", protocol=SCENES | {key: value}, lip_sync="silent")
    assert "without expert" not in find_variants(home, ours)


def test_other_judges_do_not_count(home, ours):
    add_model(home, "lip_sync", "silent", sync_weight=0.0)
    add_evaluation(home, "silent", "metrics_2", lip_sync="silent")
    assert "without expert" not in find_variants(home, ours)


def test_an_ablation_is_no_point_of_the_compression_study(home, ours):
    """Newer than ours, and of the same compression."""
    add_model(home, "lip_sync", "silent", sync_weight=0.0)
    add_evaluation(home, "silent", lip_sync="silent")
    assert find_variants(home, ours)["at f8"].folder.name == "ours"


def test_models_that_were_deleted_are_not_compared_with(home, ours):
    add_model(home, "lip_sync", "silent", sync_weight=0.0)
    add_evaluation(home, "silent", lip_sync="silent")
    (home.models / "lip_sync" / "silent" / "config.json").unlink()
    add_evaluation(home, "ancient").parent.joinpath("made_from.json").unlink()
    assert set(find_variants(home, ours)) == {"at f8"}


def test_at_another_compression_all_is_trained_anew(home, ours):
    add_model(home, "vqgan", "coarse", factor=16, channels=[32, 64, 128, 192])
    for name in ("face_swapper", "lip_sync"):
        add_model(home, name, "on_coarse")
    add_evaluation(home, "coarse", vqgan="coarse", face_swapper="on_coarse", lip_sync="on_coarse")
    assert set(find_variants(home, ours)) == {"at f8", "at f16"}


EXTRA = ("extra_*", "more")


def without_extra(home, without=EXTRA, of_teacher=EXTRA) -> Path:
    teacher = home.models / "swap_teacher" / "less"
    teacher.mkdir(parents=True)
    (teacher / "result.json").write_text(json.dumps({"config": {"without": list(of_teacher)}}))
    for name in CONFIGS:
        add_model(home, name, "less", without=list(without), inputs={"swap_teacher": "less"})
    return add_evaluation(home, "less", **dict.fromkeys(CONFIGS, "less"))


def give_ours_a_teacher(home) -> None:
    teacher = home.models / "swap_teacher" / "ours"
    teacher.mkdir(parents=True)
    (teacher / "result.json").write_text(json.dumps({"config": {}}))
    add_model(home, "face_swapper", "ours", inputs={"swap_teacher": "ours"})


def test_without_extra_data(home, ours):
    give_ours_a_teacher(home)
    less = without_extra(home)
    found = find_variants(home, ours, EXTRA)
    assert set(found) == {"at f8", "without extra data"} and found["without extra data"].folder.name == "less"
    assert other_trainings(found, ours) == [{"method": "SwapTalk without extra data", "setting": "self", "cells": {}}]
    assert set(find_variants(home, less, EXTRA)) == {"at f8"}, "the system without has nothing to be compared with"


def test_other_methods_beside_it_make_no_difference(home, ours):
    """Wav2Lip is trained where a method needs it, for ours perhaps, for a variant hardly."""
    add_model(home, "lip_sync", "silent", sync_weight=0.0)
    add_evaluation(home, "silent", lip_sync="silent")
    folder = home.models / "wav2lip" / "v1"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"config": {"train": {"steps": 1}}}))
    (folder / "result.json").write_text(json.dumps({"metrics": {}, "inputs": {"lip_expert": "gone"}}))
    with_wav2lip = add_evaluation(home, "ours and Wav2Lip", wav2lip="v1")
    assert "without expert" in find_variants(home, with_wav2lip)


@pytest.mark.parametrize(
    "extra, without, of_teacher",
    [((), EXTRA, EXTRA), (("extra_*",), EXTRA, EXTRA), (EXTRA, ("more",), EXTRA), (EXTRA, EXTRA, ())],
    ids=["none is named", "more was left out", "less was left out", "the teacher saw them"],
)
def test_what_was_left_out_has_to_be_the_extra_data(home, ours, extra, without, of_teacher):
    give_ours_a_teacher(home)
    without_extra(home, without, of_teacher)
    assert set(find_variants(home, ours, extra)) == {"at f8"}


@pytest.mark.parametrize("key, value", [("seed", 1), ("minutes", 5.0), ("batch", 8)])
def test_another_seed_or_budget_is_another_thing(home, ours, key, value):
    """As an ablation study leaves them: the newest must not take the place of ours."""
    add_model(home, "lip_sync", "other", train={key: value})
    add_evaluation(home, "other", lip_sync="other")
    add_model(home, "lip_sync", "silent", sync_weight=0.0, train={key: value})
    add_evaluation(home, "silent", lip_sync="silent")
    assert {name: one.folder.name for name, one in find_variants(home, ours).items()} == {"at f8": "ours"}


def test_the_word_of_a_variant_makes_it():
    """What the report tells people to run."""
    import dataclasses

    from swaptalk_models.settings.preset import load_preset

    for name, variant in VARIANTS.items():
        preset = load_preset(
            "nano", {"ablate": [variant.word], "training_snapshot.extra": ["a*"], "face_crops.size": 128}
        )
        for module, fields in variant.changed.items():
            section = dataclasses.asdict(getattr(preset, module))
            assert all(section[key] == value for key, value in fields.items()), name
        assert all(bool(getattr(preset, module).train.without) == variant.without_extra for module in CONFIGS), name


def test_what_sets_a_variant_apart_follows_from_its_ablation_and_the_graph():
    told = {
        name: (one.word, dict(one.changed), dict(one.follows), one.kept, one.without_extra)
        for name, one in VARIANTS.items()
    }
    identity = {"source_identity_weight": 0.0, "teacher_identity_weight": 0.0}
    assert told == {
        "without extra data": ("no-extra-data", {}, {}, (), True),
        "without identity losses": ("no-identity-loss", {"face_swapper": identity}, {}, ("vqgan", "lip_sync"), False),
        "without expert": ("no-expert", {"lip_sync": {"sync_weight": 0.0}}, {}, ("vqgan", "face_swapper"), False),
    } | {
        f"at f{factor}": (f"f{factor}", {"vqgan": {"factor": factor}}, {"vqgan": {"channels"}}, (), False)
        for factor in (8, 16, 32)
    }


@pytest.fixture
def coarse(home, ours):
    add_model(home, "vqgan", "coarser", factor=16)
    return load_evaluation(home, add_evaluation(home, "coarser", vqgan="coarser"))


def test_the_study_is_one_picture(home, ours, coarse, tmp_path):
    fine = load_evaluation(home, ours)
    assert (compression_of(fine), compression_of(coarse)) == (8, 16)
    path = draw_compression([coarse, fine], tmp_path / "study.png")
    image = cv2.imread(str(path))
    assert image.shape[0] > 500 and image.std() > 10
    assert figure_of(coarse, "psnr_db").value == 27 and figure_of(fine, "psnr_db").value == 24
    assert (figure_of(fine, "lse_c").value, figure_of(fine, "lse_c").videos) == (3, 2)
    assert figure_of(fine, "cpbd").value is None


def test_one_compression_is_no_study(home, ours, coarse, tmp_path):
    fine = load_evaluation(home, ours)
    for points in ([], [fine], [fine, fine, coarse]):
        with pytest.raises(UserError, match="two or more compressions"):
            draw_compression(points, tmp_path / "study.png")
    assert not (tmp_path / "study.png").exists()


def test_the_command_draws_from_several_homes(home, ours, tmp_path):
    import subprocess
    import sys

    other = Home(tmp_path / "other").create()
    for name in CONFIGS:
        add_model(other, name, "ours", **({"factor": 32} if name == "vqgan" else {}))
    add_evaluation(other, "ours")
    script = Path(__file__).parents[4] / "docs" / "scripts" / "compression.py"
    words = [str(word) for word in (script, home.root, other.root, tmp_path / "study.png")]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("f8, f32: ") and (tmp_path / "study.png").is_file()
