"""Shared fixtures."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_clips() -> Path:
    """Folder of real HDTF clips (annotations/, clips/, swapped/, compared/); tests that use it are marked `real`."""
    folder = Path(os.environ.get("SWAPTALK_REAL_CLIPS", Path(__file__).parents[2] / "shared" / "hdtf"))
    if not (folder / "clips").is_dir():
        pytest.skip(f"no real clips at {folder} (set SWAPTALK_REAL_CLIPS)")
    return folder
