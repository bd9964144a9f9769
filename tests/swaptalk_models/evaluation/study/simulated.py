"""A study that nobody made, and raters of known preference."""

import numpy as np

from swaptalk_models.evaluation.study.record import Item, Shown, Study
from swaptalk_models.evaluation.study.votes import LEFT, RIGHT, SAME, Vote

TRUE = {"best": 1.5, "good": 0.5, "poor": -0.5, "worst": -1.5}
"""Strengths in log-odds."""
SCENES = 6


def study_of(strengths=TRUE, scenes=SCENES, checks=6, pairs=None) -> Study:
    """Every pair of contestants on every scene. The figure `lse_c` is the true strength, `ssim` is chance."""
    rng = np.random.default_rng(1)
    names = sorted(strengths)
    videos = {
        f"{name}-{scene}": Shown(
            name,
            str(scene),
            {"lse_c": strengths[name] + 0.01 * scene, "ssim": float(rng.random()), "lmd": -strengths[name]},
        )
        for name in names
        for scene in range(scenes)
    }
    duels = [(a, b, scene) for scene in range(scenes) for n, a in enumerate(names) for b in names[n + 1 :]][:pairs]
    items = []
    for number, (a, b, scene) in enumerate(duels):
        sides = (f"{a}-{scene}", f"{b}-{scene}")
        items.append(Item(f"i{number:03d}", *(sides if rng.random() < 0.5 else sides[::-1]), str(scene)))
    for number in range(checks):
        sides = (f"whole-{number}", f"broken-{number}")
        items.append(Item(f"c{number:03d}", *(sides if number % 2 else sides[::-1]), "0", f"whole-{number}"))
    return Study("s1", "realism", 0, tuple(items), videos)


def rater(study: Study, name: str, seed: int, strengths=TRUE, ties: float = 0.0, attention: float = 1.0) -> list[Vote]:
    """Somebody who prefers by the strengths and is undecided in a share of the pairs; with an odd seed, sees all pairs mirrored."""
    rng = np.random.default_rng([7, seed])
    mirrored, votes = bool(seed % 2), []
    for item in study.items:
        sides = (item.right, item.left) if mirrored else (item.left, item.right)
        if item.answer:
            chosen = item.answer if rng.random() < attention else sides[int(rng.integers(2))]
        elif rng.random() < ties:
            chosen = ""
        else:
            one, other = (strengths[study.videos[side].contestant] for side in sides)
            chosen = sides[0] if rng.random() < 1 / (1 + np.exp(other - one)) else sides[1]
        side = SAME if not chosen else LEFT if chosen == sides[0] else RIGHT
        votes.append(Vote(name, item.id, side, chosen, mirrored))
    return votes


def left_clicker(study: Study, name: str) -> list[Vote]:
    return [Vote(name, item.id, LEFT, item.left, False) for item in study.items]
