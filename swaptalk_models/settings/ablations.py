"""Ablations, one word each: what of the paper's design is left out, as settings of a preset.

    swaptalk run --ablate no-warping          (or `ablate: [no-warping]` in a preset's file)
    swaptalk ablate no-warping f8             (a study: several seeds, a table of differences)

Light on purpose: read while Dagster's definitions load.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from swaptalk_models.errors import UserError
from swaptalk_models.settings.data import CropsConfig
from swaptalk_models.settings.models import VQGANConfig

Overrides = dict[str, Any]


@dataclass(frozen=True)
class Ablation:
    """One part of the design, left out or exchanged."""

    meaning: str
    changes: Overrides = field(default_factory=dict)
    """{"section.field": value}."""
    hurts: tuple[str, ...] = ()
    """Figures, as the study names them, that should get worse by what the paper says of this part."""
    stated: bool = True
    """Whether the paper's sources say so, or only its design implies it."""
    method: str = ""
    """Where every evaluation measures it already: the method's name in the table of metrics."""
    label: str = ""
    """How the report calls models that were made with it, behind the name of ours; empty: it does not look for them."""
    follows: Callable[[Mapping[str, Any]], Overrides] | None = None
    """What has to change along with ``changes``, from the preset's own values."""
    without_extra: bool = False
    """Whether the models under test are trained without the videos that training_snapshot.extra names."""

    def overrides(self, values: Mapping[str, Any]) -> Overrides:
        """{"section.field": value} of all that it changes in a preset's values.

        Raises:
            UserError: it leaves out extra data, and none are named.
        """
        found = self.changes | (self.follows(values) if self.follows else {})
        return found | (_without(values) if self.without_extra else {})


UNDER_TEST = ("vqgan.train", "lip_expert.train", "swap_teacher", "face_swapper.train", "lip_sync.train")
"""Where each model under test says how it is made. The identity encoder and the judge are not among them: whatever is left out, they stay
what the others are trained and measured with."""


def _factor(factor: int) -> Callable[[Mapping[str, Any]], Overrides]:
    """Another compression: the coarsest resolutions fall away or come again, and the stored labels are fine enough for the
    latent grid.
    """

    def follows(values: Mapping[str, Any]) -> Overrides:
        channels = list(values.get("vqgan", {}).get("channels", VQGANConfig.channels))
        halvings = factor.bit_length() - 1
        crops = values.get("face_crops", {})
        grid = crops.get("size", CropsConfig.size) // factor
        finer = (
            {"face_crops.label_grid": grid} if grid and crops.get("label_grid", CropsConfig.label_grid) % grid else {}
        )
        return {"vqgan.channels": (channels + halvings * channels[-1:])[:halvings]} | finer

    return follows


def _without(values: Mapping[str, Any]) -> Overrides:
    """The models under test without the extra data."""
    extra = (values.get("training_snapshot") or {}).get("extra")
    if not extra:
        raise UserError(
            "ablation 'no-extra-data': name the extra data first, as training_snapshot.extra=[names of videos, with * and ?]"
        )
    return {f"{section}.without": list(extra) for section in UNDER_TEST}


def _compression(factor: int, meaning: str, hurts: tuple[str, ...] = (), stated: bool = True) -> Ablation:
    return Ablation(meaning, {"vqgan.factor": factor}, hurts, stated, label=f"at f{factor}", follows=_factor(factor))


ABLATIONS: dict[str, Ablation] = {
    "no-identity-loss": Ablation(
        "The face swapper without L_id_src and L_id_res: only the teacher's embeddings to go by.",
        {"face_swapper.source_identity_weight": 0.0, "face_swapper.teacher_identity_weight": 0.0},
        ("face_swapper source_similarity", "face_swapper id_retrieve", "video id_retrieve"),
        label="without identity losses",
    ),
    "no-proxy-loss": Ablation(
        "The face swapper without L_proxy: only the identity losses.",
        {"face_swapper.proxy_weight": 0.0},
        ("video ssim", "video consistency"),
        stated=False,
    ),
    "no-semantic-embedding": Ablation(
        "Tokens of the face swapper that do not know which part of the face they cover.",
        {"face_swapper.semantic": False},
        ("face_swapper source_similarity", "video id_retrieve"),
        stated=False,
    ),
    "one-codebook": Ablation(
        "One codebook for both halves of the face, of the same size and so as many bits a cell.",
        {"vqgan.one_codebook": True},
        ("vqgan psnr_db", "lip_sync mouth_correlation", "video lmd"),
        stated=False,
    ),
    "no-expert": Ablation(
        "The lip-sync module without L_sync of the VQ-lip expert.",
        {"lip_sync.sync_weight": 0.0},
        ("video lse_c", "lip_sync mouth_correlation"),
        stated=False,
        label="without expert",
    ),
    "no-warping": Ablation(
        "The lip-sync module takes the reference's lower half as it is, in the reference's pose.",
        {"lip_sync.warping": False},
        ("video lmd", "video ssim", "lip_sync mouth_correlation"),
        stated=False,
    ),
    "sync-then-swap": Ablation(
        "The two modules in the other order. Nothing is trained for it: every evaluation measures it as a method of its own.",
        hurts=("video lmd", "video lse_c"),
        method="Sync-then-swap, latent",
    ),
    "no-extra-data": Ablation(
        "Trained without the videos that training_snapshot.extra names, for as many steps.",
        hurts=("video ssim", "video lmd", "video lse_c", "video id_retrieve", "video consistency"),
        label="without extra data",
        without_extra=True,
    ),
    "f8": _compression(8, "Compression 8: four times the cells of the paper's 16.", ("video consistency", "video lmd")),
    "f16": _compression(16, "Compression 16, the paper's."),
    "f32": _compression(
        32,
        "Compression 32: a quarter of the cells of the paper's 16.",
        ("video consistency", "video lmd"),
        stated=False,
    ),
}

COMPRESSIONS = tuple(word for word, found in ABLATIONS.items() if "vqgan.factor" in found.changes)
"""Words of which only one can hold."""


def ablation(word: str) -> Ablation:
    """The ablation called ``word``.

    Raises:
        UserError: there is none.
    """
    if word not in ABLATIONS:
        raise UserError(f"no ablation is called {word!r}: there are {', '.join(ABLATIONS)}")
    return ABLATIONS[word]


def ablated(words: list[str], values: Mapping[str, Any]) -> Overrides:
    """What these words change in a preset's values, which have all other settings already.

    Raises:
        UserError: an unknown word, or two words that want different things.
    """
    found: Overrides = {}
    for word in words:
        for name, value in ablation(word).overrides(values).items():
            if found.setdefault(name, value) != value:
                raise UserError(f"ablation {word!r} and another of {', '.join(words)} both set {name}")
    return found
