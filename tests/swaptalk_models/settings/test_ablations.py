"""swaptalk_models/settings/ablations.py, and how a preset takes its words"""

import dataclasses

import pytest

from swaptalk_models.errors import UserError
from swaptalk_models.settings.ablations import ABLATIONS, ablated
from swaptalk_models.settings.preset import PRESETS, load_preset


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("word", ABLATIONS)
def test_every_word_is_one_change(preset, word):
    """Of one module (the compression of the VQGAN may ask for finer labels), and none where an evaluation measures it anyway."""
    if word == "no-extra-data":
        return  # see below
    if (preset, word) == ("tiny", "f32"):
        with pytest.raises(UserError, match="must be at least 4"):
            load_preset(preset, {"ablate": [word]})
        return
    whole, without = load_preset(preset), load_preset(preset, {"ablate": [word]})
    assert without.ablate == (word,)
    changed = {f.name for f in dataclasses.fields(whole) if getattr(whole, f.name) != getattr(without, f.name)} - {
        "ablate"
    }
    same = ABLATIONS[word].method or without.vqgan.factor == whole.vqgan.factor == {"f8": 8, "f16": 16}.get(word)
    assert len(changed - {"face_crops"}) == (0 if same else 1)


def test_what_the_words_say():
    off = load_preset(
        "nano", {"ablate": ["no-identity-loss", "no-expert", "no-warping", "no-semantic-embedding", "one-codebook"]}
    )
    assert (
        off.face_swapper.source_identity_weight
        == off.face_swapper.teacher_identity_weight
        == off.lip_sync.sync_weight
        == 0
    )
    assert not off.lip_sync.warping and not off.face_swapper.semantic and off.vqgan.one_codebook
    assert load_preset("nano", {"ablate": ["no-proxy-loss"]}).face_swapper.proxy_weight == 0
    f32 = load_preset("nano", {"ablate": ["f32"]})
    assert (f32.vqgan.factor, f32.vqgan.channels, f32.grid) == (32, (48, 96, 96, 96, 96), 4)
    f8 = load_preset("paper", {"ablate": ["f8"]})
    assert (f8.vqgan.channels, f8.grid, f8.face_crops.label_grid) == ((64, 128, 256), 64, 64)


def test_from_a_file_and_from_the_command_line(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("ablate: [no-expert]\nlip_sync: {width: 64}\n")
    assert load_preset(str(path)).lip_sync.sync_weight == 0
    assert load_preset(str(path), {"lip_sync.sync_weight": "0.5"}).lip_sync.sync_weight == 0, (
        "an ablation is of the system as it is set"
    )
    assert load_preset(str(path), {"ablate": "no-warping, f16"}).ablate == ("no-warping", "f16")
    assert load_preset(str(path), {"ablate": "['no-warping']"}).ablate == ("no-warping",)
    assert load_preset("tiny").ablate == ()


def test_a_home_set_to_one_compression_can_be_studied_at_another():
    set_so = {"vqgan.factor": "16", "vqgan.channels": "[8, 16, 32, 48]", "face_crops.size": "128"}
    f8 = load_preset("tiny", set_so | {"ablate": ["f8"]}).vqgan
    assert (f8.factor, f8.channels) == (8, (8, 16, 32))
    assert load_preset("tiny", set_so | {"ablate": ["f16"]}).vqgan == load_preset("tiny", set_so).vqgan


def test_extra_data_are_left_out_of_the_models_under_test():
    with pytest.raises(UserError, match="name the extra data first, as training_snapshot.extra="):
        load_preset("tiny", {"ablate": ["no-extra-data"]})
    preset = load_preset("tiny", {"training_snapshot.extra": "['vox_*']", "ablate": ["no-extra-data"]})
    trained = (preset.vqgan, preset.lip_expert, preset.face_swapper, preset.lip_sync)
    assert all(config.train.without == ("vox_*",) for config in trained) and preset.swap_teacher.without == ("vox_*",)
    assert preset.identity_encoder.train.without == preset.sync_judge.train.without == (), (
        "what they are measured with stays"
    )


@pytest.mark.parametrize(
    "wrong, word",
    [
        ({"face_crops.size": "128px"}, "f16"),
        ({"vqgan.channels": "48"}, "f16"),
        ({"training_snapshot": "[Vox_*]"}, "no-extra-data"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_with_an_ablation_too(wrong, word):
    with pytest.raises(UserError, match=f"setting '{next(iter(wrong))}'"):
        load_preset("tiny", wrong | {"ablate": [word]})


def test_mistakes_are_named():
    with pytest.raises(UserError, match="no ablation is called 'no-lips': there are no-identity-loss, "):
        load_preset("tiny", {"ablate": ["no-lips"]})
    with pytest.raises(UserError, match="'f16' and another of f8, f16 both set vqgan.factor"):
        ablated(["f8", "f16"], {})
