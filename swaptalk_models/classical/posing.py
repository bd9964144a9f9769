"""A source's face as one frame of a target holds it: its outline, its turn, its expression.

The swapper takes what is inside of the face from the source's cell at the same place. Of a source that looks the same for all frames it makes a mask:
the source's brows, lids and lips in every frame. What is given to it is therefore the source as it would look in this frame,
bent in two steps: the outline and the turn by a smooth spline (outline.py), brows, lids and lips by triangles, since lids that close are a fold,
which no smooth map has.
"""

from __future__ import annotations

import numpy as np

from swaptalk_models.classical.outline import bending, bent
from swaptalk_models.classical.skin import with_forehead
from swaptalk_models.classical.warp_swap import destination_shape, keep_mouth_interior, places_by_triangles

STEADY = 1.0
"""Sigma (frames) of the Gaussian over the target's landmarks (``smooth_landmarks``): a detector's tremble would be the face's. Of drawn people's swaps it
takes away more than half of the change from frame to frame that their targets do not have (3.7 to 2.5 levels), of the mouth's range 5 %."""
_MOUTH = slice(48, 68)


def posed_as(
    crop: np.ndarray, landmarks: np.ndarray, neutral: np.ndarray, frame: np.ndarray, target: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """The source's crop as it would look in a frame of the target, and where its landmarks are then.

    Args:
        crop: (S, S, 3) uint8, the source's aligned crop, in the target's light.
        landmarks: (68, 2) in its pixels.
        neutral: (68, 2) the target's resting shape, in any pixels (``neutral_landmarks``).
        frame: (68, 2) the target's landmarks in this frame, steadied over time, in the pixels of its own aligned crop.
        target: (S, S, 3) uint8, that crop: between the lips its teeth and dark are shown, as by the teacher. None: what is there of the frame's
            mouth is not to be shown (another one was made), and the source's mouth stays as it is.

    Returns:
        (S, S, 3) uint8 and (68, 2) float32.
    """
    frame = np.asarray(frame, np.float32)
    shift_gg2, points = bending(landmarks, frame, len(crop), in_place=True)
    goal = destination_shape(np.asarray(landmarks, np.float32), frame, neutral).astype(np.float32)
    goal[:17] = points[:17]  # where the spline has brought them: at its rim the bent face must not tear
    if target is None:
        goal[_MOUTH] = points[_MOUTH]
    start = with_forehead(points)
    end = np.concatenate([goal, start[68:]])
    posed = bent(crop, shift_gg2, places_by_triangles(start, end, len(crop)))  # both at once: each look-up blurs
    if target is not None:
        shown = keep_mouth_interior(posed.astype(np.float32), target, frame, goal)
        posed = np.clip(np.rint(shown), 0, 255).astype(np.uint8)
    return posed, goal
