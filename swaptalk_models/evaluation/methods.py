"""The methods that are compared: ours, in latent space, and the paper's cascades of RGB models, each as stages in their order.

Light on purpose: presets are checked against it while Dagster's definitions load.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from swaptalk_models.evaluation.protocol import CROSS, OURS, SELF

LATENT, RGB = "latent", "rgb"
ALL = "all"


@dataclass(frozen=True)
class Method:
    """How a method makes a face."""

    space: str
    """LATENT: our modules (inference/networks.py). RGB: the models of baselines/cascade.py."""
    stages: tuple[str, ...]
    """What is done to each face, in this order: see inference/generator.py."""
    settings: tuple[str, ...] = (SELF, CROSS)
    """Where it is tried."""
    detail: bool = False
    """Whether swapped faces get the source's own detail (inference/finish.py): no row of the paper's has it."""

    @property
    def swaps(self) -> bool:
        """Whether it puts the source's face on."""
        return "swap" in self.stages

    @property
    def needs_wav2lip(self) -> bool:
        return self.space == RGB and "speak" in self.stages


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
    "Wav2Lip-Restore": Method(RGB, ("speak", "restore")),
    "Sync-Swap": Method(RGB, ("speak", "swap")),
    "Sync-Swap-Restore": Method(RGB, ("speak", "swap", "restore")),
    "Swap-Sync": Method(RGB, ("swap", "speak")),
    "Swap-Restore-Sync": Method(RGB, ("swap", "restore", "speak")),
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


def needs_wav2lip(names: Sequence[str]) -> bool:
    """Whether any of these methods runs the RGB lip-sync baseline."""
    return any(method.needs_wav2lip for method in chosen_methods(names).values())
