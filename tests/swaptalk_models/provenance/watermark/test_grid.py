"""provenance/watermark/grid.py"""

import hashlib

import numpy as np

from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.inference.paste import face_mask
from swaptalk_models.provenance.watermark.grid import CELLS, LEFT, PERIOD, SIDE, TOP, carrier, codebook, pattern
from swaptalk_models.provenance.watermark.grid import used_cells as cells
from swaptalk_models.provenance.watermark.payload import SYMBOLS, VALUES, encode


def test_the_layout_never_changes():
    """Whoever changes it makes every mark that is out there unreadable."""
    digest = hashlib.sha256(cells().astype("<i4").tobytes())
    for own, signs in codebook():
        digest.update(own.astype("<i4").tobytes() + signs.tobytes())
    assert digest.hexdigest() == "b9c5c92d14be235d5799f7edd1d5906c42e45be22999c04f585aa89e66512a2e"


def test_cells_lie_on_the_face():
    mask = face_mask(256, template_landmarks(256))
    middles = (SIDE * (np.arange(CELLS) + 0.5) / CELLS)[None] + np.array([[LEFT], [TOP]])
    x, y = np.round(middles * 256 - 0.5).astype(int)
    on = mask[y[:, None], x[None]].ravel()[cells()]
    assert on.min() > 0.3 and (on > 0.6).mean() > 0.95


def test_each_cell_belongs_to_one_symbol():
    owned = np.concatenate([own for own, _ in codebook()])
    assert sorted(owned) == list(range(len(cells()))) and len(codebook()) == SYMBOLS


def test_signs_are_fair_coins():
    """The bound on false alarms rests on this."""
    for own, signs in codebook():
        assert signs.shape == (VALUES, len(own)) and set(np.unique(signs)) == {-1, 1}
        assert np.abs(signs.mean(axis=0)).max() < 5 / np.sqrt(VALUES)
        likeness = np.abs(signs.astype(int) @ signs.T.astype(int))[np.triu_indices(VALUES, 1)] / len(own)
        assert likeness.max() < 0.65 and abs(likeness.mean() - np.sqrt(2 / np.pi / len(own))) < 0.003


def test_a_pattern_is_the_words_signs_on_the_face_and_nothing_beside_it():
    grid = pattern(encode("deadbeef")).ravel()
    assert set(np.unique(grid[cells()])) == {-1, 1} and np.count_nonzero(grid) == len(cells())
    assert not np.array_equal(grid, pattern(encode("deadbeee")).ravel())


def test_the_carrier_turns_every_second_frame_and_is_nought_on_average():
    assert [carrier(number) for number in range(PERIOD + 2)] == [1, 1, -1, -1, 1, 1]
