"""reporting/report.py: what is read from the stages' files"""

import json

import pytest

from swaptalk_models.data.store.home import Home
from swaptalk_models.evaluation.compare.claims import Run
from swaptalk_models.evaluation.files import COMPARISON_FILE, claims_file
from swaptalk_models.reporting import report
from swaptalk_models.settings.preset import load_preset


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home").create()


def test_commands_begin_with_what_made_the_evaluation(home):
    """With the same data and settings, or there would be nothing to pair; without paths of this machine."""
    overrides = {
        "evaluation.pairs": 2,
        "evaluation.methods": "[Swap-Sync]",
        "vqgan.channels": "[8, 8]",
        "ablate": ["no-expert"],
    }
    home.update_state(videos="/home/ann/videos", hdtf="", overrides=overrides)
    run = report._run(home, load_preset("tiny", {"ablate": ["no-expert"]}))
    assert run == Run(run.command, ("no-expert",), extra=False)
    assert (
        run.command
        == "swaptalk run --home HOME --preset tiny --videos VIDEOS --set evaluation.pairs=2 --set 'vqgan.channels=[8, 8]'"
    )


def test_the_comparison_with_the_release_is_what_the_gate_left(tmp_path):
    path = tmp_path / COMPARISON_FILE
    assert report._comparison(path) is None
    gain = {"value": 1.0, "low": 0.5, "high": 1.5, "videos": 8}
    cell = {
        "setting": "self",
        "metric": "lse_c",
        "released": 5.0,
        "new": 6.0,
        "gain": gain,
        "verdict": "better",
        "why": None,
    }
    path.write_text(json.dumps({"released": "r1", "paired": True, "why": None, "cells": [cell]}))
    found = report._comparison(path)
    assert (found.released, found.note, found.rows[0].gain.low, found.rows[0].verdict) == ("r1", "", 0.5, "better")
    path.write_text(json.dumps({"released": "r1", "paired": False, "why": "other people", "cells": []}))
    assert report._comparison(path).note == "other people"


def test_claims_lie_beside_their_report(tmp_path):
    assert claims_file(tmp_path / "report_1234.html") == tmp_path / "claims_1234.json"
