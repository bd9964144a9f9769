"""settings/methods.py"""

import pytest

from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.compare.paper import PAPER_ROWS
from swaptalk_models.inference.generator import SWAP_THEN_SYNC
from swaptalk_models.settings.methods import (
    ALL,
    CASCADES,
    METHODS,
    OURS,
    OURS_WITH_DETAIL,
    RGB,
    chosen_methods,
    models_needed,
)
from swaptalk_models.settings.preset import load_preset

PAPERS = {method for _, method, _ in PAPER_ROWS} - {"Ground truth", "SwapTalk (extra data)"}


def test_every_row_of_the_papers_table_has_a_method():
    assert set(METHODS) >= PAPERS and set(CASCADES) < PAPERS


def test_names_say_the_order_of_stages():
    words = {"Sync": "speak", "Swap": "swap", "Restore": "restore", "Wav2Lip": "speak"}
    for name in PAPERS - {OURS, "WavSyncSwap"}:
        assert METHODS[name].stages == tuple(words[word] for word in name.split("-")) and METHODS[name].space == RGB
    assert METHODS[OURS].stages == SWAP_THEN_SYNC
    assert METHODS["WavSyncSwap"].stages == ("swap_and_speak",), "one network does both at once"
    assert METHODS["WavSyncSwap"].swaps and not METHODS["Wav2Lip"].swaps


def test_two_protocols_of_wav2lip_are_two_rows():
    """Only the row that says so sees the lips that it is to make."""
    assert [name for name, method in METHODS.items() if method.frame_as_reference] == ["Wav2Lip, frame as reference"]
    assert METHODS["Wav2Lip, frame as reference"].stages == METHODS["Wav2Lip"].stages


def test_no_row_of_the_papers_table_has_detail():
    assert [name for name, method in METHODS.items() if method.detail] == [OURS_WITH_DETAIL]
    assert OURS_WITH_DETAIL not in PAPERS and METHODS[OURS_WITH_DETAIL].stages == METHODS[OURS].stages
    assert {OURS, OURS_WITH_DETAIL} <= set(load_preset("tiny").evaluation.methods)


def test_ours_is_always_there_and_first():
    assert list(chosen_methods(())) == [OURS]
    assert list(chosen_methods(("Swap-Sync",))) == [OURS, "Swap-Sync"]
    assert chosen_methods((ALL,)) == METHODS


def test_wav2lip_only_where_a_method_runs_it():
    assert models_needed(load_preset("tiny").evaluation.methods) == frozenset(), "the demo trains no baseline"
    assert models_needed(("RGB swap alone", "Sync-then-swap, latent")) == frozenset()
    assert models_needed(("Swap-Sync",)) == {"wav2lip"} and models_needed(("WavSyncSwap",)) == {"wav_sync_swap"}
    assert models_needed(("Wav2Lip-Restore",)) == {"wav2lip", "restorer"}
    assert models_needed((ALL,)) == {"wav2lip", "wav_sync_swap", "restorer"}


def test_an_unknown_method_is_the_presets_fault():
    with pytest.raises(UserError, match="no method 'Swapsync': there are SwapTalk"):
        load_preset("tiny", {"evaluation.methods": "[Swapsync]"})
