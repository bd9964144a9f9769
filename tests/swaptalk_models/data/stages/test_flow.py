"""Stages that overlap make what they make one after the other, and stop as one would want."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install 'swaptalk[ray]'")

import lance

from swaptalk_models.data.engine.ray_cluster import kept
from swaptalk_models.data.sources.catalog import catalog_rows, write_catalog
from swaptalk_models.data.stages.flow import Flow
from swaptalk_models.data.stages.registry import CLIP_TABLES, DATA_STAGES, run_data_stage
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import QUARANTINED, Ledger
from swaptalk_models.errors import UserError
from swaptalk_models.settings.preset import Preset, load_preset

from .flow_toys import toy_stages

COUNT = 24
NAMES = tuple(DATA_STAGES)


@pytest.fixture(scope="module")
def ray() -> Iterator[None]:
    from swaptalk_models.data.engine.ray_cluster import connected

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        with kept(), connected(preset("ray").ray, 2):
            yield


@pytest.fixture
def said(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "said").write_text("")
    with toy_stages(tmp_path / "said"):
        yield tmp_path / "said"


@pytest.fixture
def home(tmp_path: Path, ray: None, said: Path, state: str) -> Home:
    return new_home(tmp_path, "home")


def new_home(folder: Path, name: str) -> Home:
    videos = folder / "videos"
    videos.mkdir(exist_ok=True)
    for number in range(COUNT):
        (videos / f"v{number:02d}.mp4").write_text(f"video {number}")
    home = Home(folder / name).create()
    write_catalog(home, preset("ray"), videos=str(videos))
    return home


def preset(compute: str) -> Preset:
    return load_preset("tiny", {"compute": compute, "ray.object_store_mib": 200})


def flow(home: Home, names=NAMES, run: str = "run") -> Flow:
    return Flow(names, home, preset("ray"), [row["video"] for row in catalog_rows(home)], 2, run)


def counts(report) -> tuple[int, int, int]:
    return report.computed, report.cached, report.quarantined


def content(home: Home) -> dict[str, list]:
    with Ledger(home.ledger) as ledger:
        found = {
            name: [(e.clip, e.video, e.fingerprint, e.status, e.output, e.rows) for e in ledger.entries(name).values()]
            for name in NAMES
        }
    for name in CLIP_TABLES:
        rows = lance.dataset(str(home.table(name))).to_table().to_pylist()
        found[f"rows of {name}"] = sorted((row["clip"], row["video"], row["frame"]) for row in rows)
    return found


def test_they_overlap_and_make_what_they_make_one_after_the_other(home: Home, said: Path, tmp_path: Path):
    said.write_text("clips * 0.02\n")
    running = flow(home)
    assert [counts(running.report(name)) for name in NAMES] == [(COUNT, 0, 0)] * len(NAMES)
    with Ledger(home.ledger) as ledger:
        last_cut = max(entry.updated_at for entry in ledger.entries("clips").values())
        first_cropped = min(entry.updated_at for entry in ledger.entries("face_crops").values())
        told = ledger.last_run()
    assert first_cropped < last_cut
    assert {name: counts(report) for name, report in told.items()} == dict.fromkeys(NAMES, (COUNT, 0, 0))
    alone = new_home(tmp_path, "alone")
    for name in NAMES:
        run_data_stage(name, alone, preset("local"))
    assert content(home) == content(alone)


def test_a_second_run_has_nothing_to_do_and_one_more_video_is_done_alone(home: Home, said: Path, tmp_path: Path):
    for name in NAMES:
        run_data_stage(name, home, preset("local"))
    said.write_text("clips * refuses\nface_tracks * refuses\n")  # nobody asks them
    running = flow(home)
    assert [counts(running.report(name)) for name in NAMES] == [(0, COUNT, 0)] * len(NAMES)
    said.write_text("")
    (tmp_path / "videos" / "later.mp4").write_text("one more")
    write_catalog(home, preset("ray"), videos=str(tmp_path / "videos"))
    running = flow(home)
    assert [counts(running.report(name)) for name in NAMES] == [(1, COUNT, 0)] * len(NAMES)


def test_who_fails_stops_those_who_read_it_alone_and_the_home_is_free(home: Home, said: Path):
    said.write_text("face_tracks v07 refuses\n")
    running = flow(home)
    assert counts(running.report("raw_videos")) == counts(running.report("clips")) == (COUNT, 0, 0)
    with pytest.raises(UserError, match="face_tracks is not set up"):
        running.report("face_tracks")
    assert counts(running.report("mels")) == (COUNT, 0, 0)
    with pytest.raises(Exception, match="face_tracks: failed"):
        running.report("face_crops")
    said.write_text("")
    again = flow(home)
    tracked = again.report("face_tracks")
    assert tracked.computed + tracked.cached == COUNT and tracked.cached >= 2
    assert counts(again.report("face_crops"))[2] == 0 and len(content(home)["rows of face_crops"]) == COUNT


def test_closed_in_the_middle_it_keeps_what_is_done(home: Home, said: Path):
    said.write_text("face_tracks * 0.3\n")
    running = flow(home)
    running.report("clips")
    started = time.monotonic()
    running.close()
    assert time.monotonic() - started < 10
    with Ledger(home.ledger) as ledger:
        assert len(ledger.entries("face_tracks")) < COUNT
    said.write_text("")
    again = flow(home)
    assert sum(counts(again.report("face_tracks"))) == sum(counts(again.report("face_crops"))) == COUNT
    assert len(content(home)["rows of face_tracks"]) == COUNT


def test_nothing_begins_while_another_run_is_at_work(home: Home):
    with home.writing("face_tracks"):
        running = flow(home)
        with pytest.raises(UserError, match="another run .* is at work on face_tracks"):
            running.report("raw_videos")
    assert counts(flow(home).report("raw_videos")) == (COUNT, 0, 0)


def test_a_surprise_is_tried_once_in_a_run_and_again_in_the_next(home: Home, said: Path):
    said.write_text("".join(f"mels v{number:02d} surprises\n" for number in (3, 9, 15)))
    running = flow(home)
    assert [counts(running.report(name)) for name in NAMES][-1] == (COUNT - 3, 0, 3)
    with Ledger(home.ledger) as ledger:
        assert len(ledger.entries("mels", status=QUARANTINED)) == 3
    said.write_text("")
    assert counts(flow(home, ("clips", "mels")).report("mels")) == (3, COUNT - 3, 0)
