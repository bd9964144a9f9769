"""The methods that are compared: ours, in latent space, and the paper's cascades of RGB models, each as stages in their order.

Light on purpose: presets are checked against it while Dagster's definitions load.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

SELF, CROSS = "self", "cross"
"""Settings in which a method is tried: driven by the target's own sound, or by another video's."""
GROUND_TRUTH, OURS = "Ground truth", "SwapTalk"
LATENT, RGB = "latent", "rgb"
ALL = "all"
Stage = Literal["swap", "speak", "swap_and_speak", "copy_lips", "restore"]
"""What is done to a face: a method of ``FaceModels`` (inference/face_models.py)."""


@dataclass(frozen=True)
class Method:
    """How a method makes a face."""

    space: str
    """LATENT: our modules (inference/networks.py). RGB: the models of evaluation/measure/cascade.py."""
    stages: tuple[Stage, ...]
    """What is done to each face, in this order."""
    settings: tuple[str, ...] = (SELF, CROSS)
    """Where it is tried."""
    detail: bool = False
    """Whether swapped faces get the source's own detail (inference/finish.py): no row of the paper's has it."""
    frame_as_reference: bool = False
    """Whether Wav2Lip is shown each frame itself as its reference, own lips included, as its published inference code does. Else the reference is one
    frame of the target for all, as ours has it and as it was trained."""

    @property
    def swaps(self) -> bool:
        """Whether it puts the source's face on."""
        return "swap" in self.stages or "swap_and_speak" in self.stages

    @property
    def listens(self) -> bool:
        """Whether its lips follow the driving sound."""
        return "speak" in self.stages

    @property
    def compared_models(self) -> tuple[str, ...]:
        """Models that are trained for the comparison alone, and that this method runs on."""
        if self.space != RGB:
            return ()
        return tuple(_RGB_MODELS[stage] for stage in self.stages if stage in _RGB_MODELS)


_RGB_MODELS: dict[Stage, str] = {"speak": "wav2lip", "swap_and_speak": "wav_sync_swap", "restore": "restorer"}
"""What does a stage on pixels, where a network does."""


SWAP_ALONE = "Swap alone"
OURS_WITH_DETAIL = f"{OURS} + detail"
"""What `swaptalk generate` makes; OURS is the paper's method, from latent space alone."""
# The trivial ones run where they say something: own lips fit the own sound by birth, so `Swap alone` is tried on a foreign one.
METHODS: dict[str, Method] = {
    OURS: Method(LATENT, ("swap", "speak")),
    OURS_WITH_DETAIL: Method(LATENT, ("swap", "speak"), detail=True),
    "Lip-sync alone": Method(LATENT, ("speak",)),
    "Sync-then-swap, latent": Method(LATENT, ("speak", "swap")),
    SWAP_ALONE: Method(LATENT, ("swap",), (CROSS,)),
    "Copied reference": Method(LATENT, ("copy_lips",), (SELF,)),
    "Wav2Lip": Method(RGB, ("speak",)),
    "Wav2Lip, frame as reference": Method(RGB, ("speak",), frame_as_reference=True),
    "Wav2Lip-Restore": Method(RGB, ("speak", "restore")),
    "Sync-Swap": Method(RGB, ("speak", "swap")),
    "Sync-Swap-Restore": Method(RGB, ("speak", "swap", "restore")),
    "Swap-Sync": Method(RGB, ("swap", "speak")),
    "Swap-Restore-Sync": Method(RGB, ("swap", "restore", "speak")),
    "WavSyncSwap": Method(RGB, ("swap_and_speak",)),
    "RGB swap alone": Method(RGB, ("swap",), (CROSS,)),
}
CASCADES = ("Sync-Swap", "Sync-Swap-Restore", "Swap-Sync", "Swap-Restore-Sync")


def chosen_methods(names: Sequence[str]) -> dict[str, Method]:
    """Those of METHODS that are named, or all where `all` is; ours always, and first.

    Raises:
        ValueError: a name that METHODS does not have.
    """
    unknown = sorted(set(names) - {*METHODS, ALL})
    if unknown:
        raise ValueError(f"evaluation.methods: no method {unknown[0]!r}: there are {', '.join(METHODS)}, or {ALL}")
    return {name: method for name, method in METHODS.items() if name == OURS or name in names or ALL in names}


def models_needed(names: Sequence[str]) -> frozenset[str]:
    """The models, trained for the comparison alone, that these methods run on."""
    return frozenset(model for method in chosen_methods(names).values() for model in method.compared_models)
