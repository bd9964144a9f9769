"""Second judges: the same figures by another network, so that no claim hangs on one.

Definition second_id_similarity, second_consistency   as those without `second`, by another identity judge (`faceres.py`).
           second_mouth_correlation, second_lmd        the same by another landmark judge (`mediapipe_judge.py`).
           How far two judges agree is the correlation of their figures over videos (metrics/agreement.py).
Units      as those of the first judge; the numbers of two judges do not compare, orders and correlations do.
Judge      `second_identity` and `second_landmarks` of the result. Neither is a loss of any training here, and neither may become one.
Source     ours.
Excludes   as the first judge's; videos are asked only where the user names a second judge.
"""

from __future__ import annotations

SECOND = {
    "second_id_similarity": "id_similarity",
    "second_consistency": "consistency",
    "second_mouth_correlation": "mouth_correlation",
    "second_lmd": "lmd",
}
"""A figure by the second judge -> the same by the first."""
