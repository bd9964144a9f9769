"""provenance/label.py"""

import numpy as np
import pytest

from swaptalk_models.provenance.label import draw_label


@pytest.mark.parametrize("shape", [(32, 40), (256, 256), (1080, 1920), (1920, 1080)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_it_can_be_read_on_any_ground_and_leaves_the_rest(shape, level):
    frame = np.full((*shape, 3), level, np.uint8)
    labelled = draw_label(frame)
    assert (frame == level).all() and labelled.dtype == np.uint8
    changed = np.argwhere((labelled != frame).any(axis=-1))
    height = np.ptp(changed[:, 0]) / min(shape)
    assert changed[:, 0].max() == shape[0] - 1 or level == 0
    assert 0.03 < height < 0.5 and changed[:, 0].min() > shape[0] / 2
    corner = labelled[changed[:, 0].min() :, : changed[:, 1].max() + 1, 0].astype(int)
    assert corner.max() - np.percentile(corner, 20) > 90, "light on dark"
