"""ID retrieve: how often a generated frame's nearest identity in a gallery is its source.

Source     the protocol of FaceShifter (Li et al., CVPR 2020) and SimSwap (Chen et al., ACM MM 2020), top 1 by cosine.
Definition share of sampled frames whose nearest embedding among a gallery of pictures, one a person, is the source's.
Units      percent, 0 to 100; higher is better; chance is 100 / gallery size. **The gallery's size drives the number**: it is in the result's
           details (`gallery_size`). Frames of one video mostly agree: the unit of the interval is the video.
Excludes   as id_similarity. A source that lies in the gallery under another picture is not known to be the same person: give one picture a person.
"""

from __future__ import annotations

import numpy as np

from swaptalk_models.metrics.embedding import unit


def id_retrieve(embeddings: np.ndarray, gallery: np.ndarray, right: int | np.ndarray) -> float:
    """Percent of (N, D) frames whose nearest row of the gallery (G, D) is `right` (one index, or one a frame).

    NaN for no frame.
    """
    if not len(embeddings):
        return float("nan")
    nearest = np.argmax(unit(embeddings) @ unit(gallery).T, axis=1)
    return float(100 * np.mean(nearest == right))
