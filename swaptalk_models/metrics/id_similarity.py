"""Identity similarity: how much the frames look like the source picture's person, to the identity judge.

Definition mean cosine between the embeddings of sampled frames and that of the source picture. `target_similarity` in the result's
           details is the same to the target video's own person (mean embedding of some of its frames): a swap lowers it.
Source     the CSIM of the field (e.g. Zakharov et al., "Few-shot adversarial learning of realistic neural talking head models",
           ICCV 2019), on paired vectors; not the mean of an all-pairs matrix that some scripts take.
Units      cosine, -1 to 1; higher is better (target_similarity: lower). What two pictures of one person score depends on the judge: read it
           beside the ground-truth row's cosine to itself.
Excludes   frames without a face; of the others `EvaluationConfig.identity_frames`, evenly spread, are looked at
           (`sampled_identity_frames` in the result).
"""

from __future__ import annotations

import numpy as np

from swaptalk_models.metrics.embedding import cosine


def id_similarity(embeddings: np.ndarray, source: np.ndarray) -> float:
    """Mean cosine of (N, D) frames to the source (D,); NaN for no frame."""
    return float(cosine(embeddings, source).mean()) if len(embeddings) else float("nan")
