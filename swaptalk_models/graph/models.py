"""The models, each said once: what it is built on, its settings, how it is made and measured, what it has to reach.

The lineage, Dagster's assets and checks, trainings, the dry run, the report and `swaptalk status` are derived from this
table. How to add a model: docs/guide/add_a_model.md.

Light on purpose: read while Dagster's definitions load. Code is named, and imported when it is used
(graph/reference.py): the table stands below the packages that it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_type_hints

from swaptalk_models.settings.methods import models_needed
from swaptalk_models.settings.models import ModelSections
from swaptalk_models.settings.preset import Preset

_MODULES = "swaptalk_models.modules"
_OBJECTIVES = "swaptalk_models.training.objectives"
_HELD_OUT = "swaptalk_models.evaluation.held_out"
_NETWORK_FILES = ("weights.safetensors", "config.json")


@dataclass(frozen=True)
class Figure:
    """A measure on held-out people."""

    meaning: str
    baseline_name: str = ""
    """What the trivial baseline in the model's result is."""
    threshold: float | None = None
    """To be reached; None: nothing is asked of it."""
    at_least: bool = True
    """Whether the figure must be at least the threshold, or at most in absolute value."""
    less_is_better: bool = False


def relation(figure: Figure) -> str:
    """What is asked of a figure, in words."""
    assert figure.threshold is not None
    return f"at least {figure.threshold:g}" if figure.at_least else f"within {figure.threshold:g}"


@dataclass(frozen=True)
class ModelSpec:
    """One model of the graph."""

    name: str
    """Of its asset, of its section of the preset (settings/models.py), and of its folder HOME/models/NAME."""
    description: str
    code_version: str
    """Raise it when the same settings and data give another model: what was trained before is then trained again."""
    held_out: str
    """Measures it on people whom no training saw: (objective) -> `HeldOut` (training/objective.py)."""
    network: str = ""
    """(settings, shape) -> module; empty: it is no network."""
    objective: str = ""
    """(TrainingInputs) -> `Objective`; empty: nothing is learned, ``make`` makes it."""
    make: str = ""
    """(TrainSpec, report) -> facts for the result: for a model that no objective trains."""
    external: str = ""
    """The same for a model that somebody else has trained, named by the setting `external`."""
    inputs: tuple[str, ...] = ()
    """Models that it is built on."""
    reads: tuple[str, ...] = ("training_snapshot",)
    """Other assets that it reads."""
    group: str = "training"
    kinds: tuple[str, ...] = ("pytorch", "safetensors")
    files: tuple[str, ...] = _NETWORK_FILES
    """What its folder holds beside result.json."""
    released: bool = False
    """Whether a generation needs it."""
    compared_only: bool = False
    """Trained only to be compared with, and only where a method of `evaluation.methods` needs it."""
    budget_of: str = ""
    """Model whose budget it gets where its own section has `train: null`."""
    leaves_chance: bool = False
    """Whether what follows is stopped as long as it knows no more than a coin (evaluation/held_out/chance.py)."""
    figures: Mapping[str, Figure] = field(default_factory=dict)

    @property
    def section(self) -> type:
        """Dataclass of its settings, which the preset's field of the same name holds."""
        return get_type_hints(ModelSections)[self.name]

    @property
    def targets(self) -> dict[str, Figure]:
        """The figures of which something is asked."""
        return {name: figure for name, figure in self.figures.items() if figure.threshold is not None}

    @property
    def unheard(self) -> bool:
        """Whether it learns before the sounds are put into step, from no snapshot's but the clips' own sound."""
        return "training_snapshot" not in self.reads

    @property
    def upstream(self) -> tuple[str, ...]:
        """Assets that it is made from."""
        return (*self.reads, *self.inputs)

    def needed(self, preset: Preset) -> bool:
        """Whether a run of this preset trains it."""
        return not self.compared_only or self.name in models_needed(preset.evaluation.methods)


_LATENTS = ("training_snapshot", "vq_latents")
_ACCURACY = Figure("Windows in step told from windows 5 or more frames off.", "mouth opening against loudness", 0.85)
_OFFSET_ERROR = Figure("Mean distance of a clip's best offset from the true one (frames).")
_SOURCE = Figure("Cosine of swapped faces to their source, dlib judge.", "the target as it was")
_TARGET = Figure(
    "Cosine of swapped faces to the target that should have vanished, dlib judge: less is better.", less_is_better=True
)

# In an order in which they can be trained.
_ALL = (
    ModelSpec(
        "identity_encoder",
        "Face recogniser with a margin loss: the identity losses' eye. Whoever judges the results is another network.",
        code_version="1",
        network="swaptalk_models.modules.identity_encoder:build_identity_encoder",
        group="latents",
        objective=f"{_OBJECTIVES}.identity:IdentityObjective.build",
        held_out=f"{_HELD_OUT}.identity:IdentityHeldOut",
        external="swaptalk_models.training.external:take_arcface",
        figures={
            "auc": Figure("Same person or not, from two frames under random light and pose.", "8 x 8 thumbnails", 0.95),
        },
    ),
    ModelSpec(
        "sync_judge",
        "A pixel-space SyncNet that no generator was trained against. It learns from the clips as they are; where it "
        "is good enough, it then listens to every clip, and the snapshot goes by the offsets that it finds.",
        code_version="1",
        network=f"{_MODULES}.sync_judge:SyncJudge.build",
        objective=f"{_OBJECTIVES}.sync:SyncJudgeObjective.build",
        held_out=f"{_HELD_OUT}.sync:SyncHeldOut",
        reads=("face_tracks", "face_crops", "mels"),
        group="snapshot",
        figures={"accuracy": _ACCURACY, "offset_error_frames": _OFFSET_ERROR},
    ),
    ModelSpec(
        "vqgan",
        "One encoder, two codebooks (upper and lower half of the face), one decoder.",
        code_version="2",
        network=f"{_MODULES}.vqgan:VQGAN.build",
        objective=f"{_OBJECTIVES}.vqgan:VQGANObjective.build",
        held_out=f"{_HELD_OUT}.vqgan:VQGANHeldOut",
        inputs=("identity_encoder",),
        group="latents",
        released=True,
        figures={
            "psnr_db": Figure("Reconstruction of held-out faces (dB).", "a bicubic thumbnail of as many values", 24),
            "upper_use": Figure("Share of the upper codebook that held-out faces use.", "", 0.25),
            "lower_use": Figure("Share of the lower codebook that held-out faces use.", "", 0.25),
            "seam_ratio": Figure("Step in brightness where the halves meet, over the real one's: 1 adds no seam."),
        },
    ),
    ModelSpec(
        "lip_expert",
        "SyncNet over VQ embeddings of the lower half and sound: tells whether they belong together.",
        code_version="2",
        network=f"{_MODULES}.lip_expert:LipExpert.build",
        objective=f"{_OBJECTIVES}.sync:LipExpertObjective.build",
        held_out=f"{_HELD_OUT}.sync:SyncHeldOut",
        inputs=("vqgan",),
        reads=_LATENTS,
        leaves_chance=True,
        figures={"accuracy": _ACCURACY, "offset_error_frames": _OFFSET_ERROR},
    ),
    ModelSpec(
        "swap_teacher",
        "Classical landmark swaps of pairs of people: the proxy targets of the face swapper.",
        code_version="10",
        make="swaptalk_models.training.swap_teacher:make_swap_teacher",
        held_out=f"{_HELD_OUT}.swap_teacher:measure_swap_teacher",
        inputs=("vqgan",),
        kinds=("opencv", "parquet"),
        files=(),
        figures={"source_similarity": _SOURCE, "target_similarity": _TARGET},
    ),
    ModelSpec(
        "face_swapper",
        "Transformer over VQ tokens: queries from the target, keys and values from the source.",
        code_version="9",
        network=f"{_MODULES}.face_swapper:FaceSwapper.build",
        objective=f"{_OBJECTIVES}.swapper:FaceSwapperObjective.build",
        held_out=f"{_HELD_OUT}.swapper:FaceSwapperHeldOut",
        inputs=("vqgan", "identity_encoder", "swap_teacher"),
        reads=_LATENTS,
        released=True,
        figures={
            "id_retrieve": Figure(
                "Swapped faces whose nearest identity is their source (%).", "the target as it was", 80
            ),
            "source_similarity": Figure(_SOURCE.meaning, _SOURCE.baseline_name, 0),
            "target_similarity": _TARGET,
            "rim_ratio": Figure(
                "Steepest step in brightness across the jaw's line after pasting, over the target's own: 1 adds no "
                "edge, more does, less is blur."
            ),
            "landmark_distance": Figure(
                "Distance of a swap's landmarks to the target's, in percent of the eyes' distance: pose and "
                "expression kept."
            ),
            "mouth_kept": Figure(
                "Correlation of a swap's mouth opening with the target's: near 0 it is a mask.", "", 0.6
            ),
            "background_difference": Figure(
                "Absolute difference to the target outside of the face, after pasting (levels of 255): less is better.",
                less_is_better=True,
            ),
            "flicker": Figure(
                "Change of a swapped face from frame to frame that the target's does not have (levels of 255): less "
                "is better.",
                less_is_better=True,
            ),
            "swap_alone_id_retrieve": Figure("id_retrieve of the swap alone, before the lips are made to speak."),
            "swap_alone_target_similarity": Figure("target_similarity of the swap alone."),
        },
    ),
    ModelSpec(
        "lip_sync",
        "Warping by offset map, then a U-Net with audio cross-attention: the mouth that goes with the sound.",
        code_version="4",
        network=f"{_MODULES}.lip_sync:LipSync.build",
        objective=f"{_OBJECTIVES}.lip_sync:LipSyncObjective.build",
        held_out=f"{_HELD_OUT}.lip_sync:LipSyncHeldOut",
        inputs=("vqgan", "lip_expert"),
        reads=_LATENTS,
        released=True,
        figures={
            "mouth_correlation": Figure(
                "Mouth opening of self-driven videos against the real one's.", "a copied reference", 0.6
            ),
            "av_offset": Figure(
                "Offset between lips and sound that the judge finds (frames, median).", "", 1, at_least=False
            ),
            "code_error": Figure(
                "Squared error of the lower half in latent space, 0 by birth outside of lip_sync.region: less is "
                "better.",
                "a copied reference",
                less_is_better=True,
            ),
            "silent_opening": Figure(
                "Mouth opening, as a share of the eyes' distance, when the module hears silence: closed lips are "
                "near 0."
            ),
            "jitter": Figure(
                "How much the mouth's opening jumps to and fro from frame to frame (mean second difference, share of "
                "the eyes' distance)."
            ),
        },
    ),
    ModelSpec(
        "wav2lip",
        "RGB lip-sync after Wav2Lip, on the same snapshot, expert and budget as lip_sync. Trained only where a "
        "method of `evaluation.methods` needs it.",
        code_version="3",
        network=f"{_MODULES}.wav2lip:Wav2Lip.build",
        objective=f"{_OBJECTIVES}.wav2lip:Wav2LipObjective.build",
        held_out=f"{_HELD_OUT}.wav2lip:Wav2LipHeldOut",
        inputs=("vqgan", "lip_expert"),
        reads=_LATENTS,
        compared_only=True,
        budget_of="lip_sync",
        figures={
            "mouth_correlation": Figure("Mouth opening against the real one's.", "another's sound"),
            "pixel_error": Figure(
                "Absolute error of the lower half in pixels: less is better.", "a copied reference", less_is_better=True
            ),
        },
    ),
    ModelSpec(
        "wav_sync_swap",
        "The paper's end-to-end competitor: one RGB network, Wav2Lip's layout styled by the source's identity, that "
        "swaps and speaks at once, on the same snapshot, teacher, expert and budget. Trained only where a method of "
        "`evaluation.methods` needs it.",
        code_version="2",
        network=f"{_MODULES}.wav_sync_swap:WavSyncSwap.build",
        objective=f"{_OBJECTIVES}.wav_sync_swap:WavSyncSwapObjective.build",
        held_out=f"{_HELD_OUT}.wav_sync_swap:WavSyncSwapHeldOut",
        inputs=("vqgan", "identity_encoder", "lip_expert", "swap_teacher"),
        compared_only=True,
        budget_of="lip_sync",
        figures={
            "mouth_correlation": Figure(
                "Mouth opening, under another's face, against the real one's.", "another's sound"
            ),
            "source_similarity": _SOURCE,
            "id_retrieve": Figure("Swapped faces whose nearest identity is their source (%).", "the target as it was"),
        },
    ),
    ModelSpec(
        "restorer",
        "Face restorer after CodeFormer: a transformer that predicts a face's codes from what blur, noise, compression "
        "and low resolution have left of it. Trained only where a method of `evaluation.methods` needs it.",
        code_version="1",
        network=f"{_MODULES}.restorer:Restorer.build",
        objective=f"{_OBJECTIVES}.restorer:RestorerObjective.build",
        held_out=f"{_HELD_OUT}.restorer:RestorerHeldOut",
        inputs=("vqgan",),
        reads=_LATENTS,
        compared_only=True,
        budget_of="face_swapper",
        figures={
            "code_accuracy": Figure("Codes of harmed faces that are those of the face unharmed.", "re-encoding"),
            "psnr_db": Figure("Restored faces against the real ones (dB).", "the harmed face"),
            "sharpness": Figure(
                "Edges of restored faces over the real ones': 1 is as sharp, less is blur.", "the harmed face"
            ),
        },
    ),
)
MODELS: dict[str, ModelSpec] = {spec.name: spec for spec in _ALL}
RELEASED = tuple(name for name, spec in MODELS.items() if spec.released)
"""What a generation runs on."""


def own_models() -> list[ModelSpec]:
    """The models of the system itself: all but those that are only compared with."""
    return [spec for spec in MODELS.values() if not spec.compared_only]


def needed_models(preset: Preset) -> list[ModelSpec]:
    """The models that a run of this preset trains."""
    return [spec for spec in MODELS.values() if spec.needed(preset)]
