"""How many parameters each network has at a preset's size. Those of the shipped presets are written down: counting them takes torch."""

from __future__ import annotations

import dataclasses
from typing import Any

from swaptalk_models.graph.models import MODELS
from swaptalk_models.settings.preset import Preset, load_preset

COUNTED: dict[str, dict[str, int]] = {
    "tiny": {
        "identity_encoder": 771_480,
        "sync_judge": 1_159_586,
        "vqgan": 1_054_508,
        "lip_expert": 2_265_954,
        "face_swapper": 668_439,
        "lip_sync": 2_924_258,
        "wav2lip": 2_445_036,
        "wav_sync_swap": 2_528_752,
        "restorer": 1_025_008,
    },
    "nano": {
        "identity_encoder": 771_480,
        "sync_judge": 1_159_586,
        "vqgan": 1_054_508,
        "lip_expert": 2_265_954,
        "face_swapper": 1_494_551,
        "lip_sync": 2_961_122,
        "wav2lip": 2_445_036,
        "wav_sync_swap": 2_528_752,
        "restorer": 1_709_360,
    },
    "base": {
        "identity_encoder": 3_448_160,
        "sync_judge": 6_371_266,
        "vqgan": 5_024_444,
        "lip_expert": 8_724_386,
        "face_swapper": 37_690_119,
        "lip_sync": 19_504_482,
        "wav2lip": 2_445_036,
        "wav_sync_swap": 2_610_672,
        "restorer": 18_102_018,
    },
    "paper": {
        "identity_encoder": 13_831_584,
        "sync_judge": 16_666_818,
        "vqgan": 41_533_004,
        "lip_expert": 21_983_714,
        "face_swapper": 87_228_935,
        "lip_sync": 42_093_794,
        "wav2lip": 2_445_036,
        "wav_sync_swap": 2_774_512,
        "restorer": 43_324_418,
    },
}
"""{preset: {model: parameters}}; a test counts them again."""


def parameters(name: str, preset: Preset) -> int:
    """Of the network that is kept; 0 of a model that is no network."""
    if not MODELS[name].network:
        return 0
    counted = COUNTED.get(preset.name, {}).get(name)
    if counted is not None and _sizes(preset) == _sizes(load_preset(preset.name)):
        return counted
    return count(name, preset)


def count(name: str, preset: Preset) -> int:
    """The same, from the network itself without its values."""
    import torch

    from swaptalk_models.rehearsal.random_data import untrained

    with torch.device("meta"):
        return sum(parameter.numel() for parameter in untrained(name, preset).parameters())


def _sizes(preset: Preset) -> list[Any]:
    """All that sizes can hang on."""
    sections = [dataclasses.asdict(getattr(preset, name)) for name in MODELS]
    return [preset.face_crops.size, *({k: v for k, v in section.items() if k != "train"} for section in sections)]
