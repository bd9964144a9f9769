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


@pytest.fixture(scope="session")
def toy_videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five good phantoms, and one of each kind of trouble. To be read only."""
    from .toy_home import write_videos

    return write_videos(tmp_path_factory.mktemp("videos"))


@pytest.fixture(scope="session")
def toy_home(toy_videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the whole graph has run over them, a minute or two. Whoever changes it takes a copy."""
    from .toy_home import make_home

    return make_home(tmp_path_factory.mktemp("home"), toy_videos)
