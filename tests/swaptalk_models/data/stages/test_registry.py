"""What recomputes what. The work itself is replaced by quick stand-ins whose results depend on all that the real ones depend on."""

import ast
import dataclasses
import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from swaptalk_models.data import stages
from swaptalk_models.data.engine.items import Item, Result
from swaptalk_models.data.engine.workers import PRELOAD
from swaptalk_models.data.sources.annotations import FILES
from swaptalk_models.data.sources.catalog import write_catalog
from swaptalk_models.data.sources.folder import folder_catalog
from swaptalk_models.data.stages.orphans import remove_orphans
from swaptalk_models.data.stages.registry import CLIP_TABLES, DATA_STAGES, run_data_stage
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.fingerprint import hash_params, hash_values
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, Entry, Ledger
from swaptalk_models.errors import BadClip, UserError
from swaptalk_models.graph.code_versions import CODE_VERSIONS
from swaptalk_models.graph.lineage import upstream
from swaptalk_models.settings.data import ClipsConfig, CropsConfig, FacesConfig, MelConfig, QualityConfig
from swaptalk_models.settings.download import DownloadConfig
from swaptalk_models.settings.preset import Preset

PRESET = Preset("test")
CLIP_STAGES = [name for name in DATA_STAGES if name != "raw_videos"]
INFO = {
    "width": 64,
    "height": 64,
    "fps": 25.0,
    "frames": 100,
    "duration_s": 4.0,
    "has_audio": True,
    "codec": "h264",
    "rotation": 0,
    "pix_fmt": "yuv420p",
    "interlaced": False,
    "hdr": False,
}


def rows(item: Item, *content) -> Result:
    table = pa.table({"clip": [item.clip] * 2, "video": [item.video] * 2, "frame": pa.array([0, 1], pa.int32())})
    return Result({"rows": hash_values(content), "frames": 2}, table)


@pytest.fixture
def worked(monkeypatch) -> dict[str, list[str]]:
    """{stage: clips that were worked on since}."""
    done: dict[str, list[str]] = {stage: [] for stage in DATA_STAGES}

    def examine(item, home, params):
        done["raw_videos"].append(item.clip)
        if item.payload["reason"]:
            raise BadClip(item.payload["reason"])
        if b"broken" in Path(item.payload["path"]).read_bytes():
            raise BadClip(f"{item.video}: not a video")
        return Result({"info": INFO, "cuts": [], "content": item.payload["content"]})

    def cut(item, home, params):
        done["clips"].append(item.clip)
        content = Path(item.payload["path"]).read_bytes().hex(), item.payload["start_s"], item.payload["end_s"]
        home.clips.mkdir(exist_ok=True)
        for path in (home.clip_video(item.clip), home.clip_audio(item.clip)):
            path.write_text("")
        return Result(
            {"video": hash_values([content, hash_params(params)]), "audio": hash_values(content), "frames": 2}
        )

    def track(item, home, params):
        done["face_tracks"].append(item.clip)
        return rows(item, item.inputs, hash_params(params))

    def crop(item, home, params):
        done["face_crops"].append(item.clip)
        return rows(item, item.inputs, hash_params(params))

    def mel(item, home, params):
        done["mels"].append(item.clip)
        return rows(item, item.inputs, hash_params(params))

    for name, work in zip(DATA_STAGES, (examine, cut, track, crop, mel), strict=True):
        monkeypatch.setitem(DATA_STAGES, name, dataclasses.replace(DATA_STAGES[name], work=work))
    return done


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in "ab":
        (folder / f"{name}.mp4").write_text(f"video {name}")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


def run(
    home: Home, folder: Path, worked: dict, preset: Preset = PRESET, only: list[str] | None = None
) -> dict[str, list[str]]:
    """Run catalog and stages; {stage: clips that were worked on} without the idle stages."""
    for clips in worked.values():
        clips.clear()
    write_catalog(home, preset, videos=str(folder))
    for stage in DATA_STAGES:
        run_data_stage(stage, home, preset, only)
    return {stage: sorted(clips) for stage, clips in worked.items() if clips}


def test_second_run_does_nothing(home, videos, worked):
    first = run(home, videos, worked)
    assert first == {"raw_videos": ["a", "b"]} | {stage: ["a_000", "b_000"] for stage in CLIP_STAGES}
    assert run(home, videos, worked) == {}


# What each parameter makes again. Sound does not depend on the picture; whoever is left out must stay cached.
PICTURE = ["clips", "face_tracks", "face_crops"]
DEPENDENTS = {
    "clips": PICTURE,
    "face_tracks": ["face_tracks", "face_crops"],
    "face_crops": ["face_crops"],
    "mels": ["mels"],
}
CHANGES = [
    *[("clips", ClipsConfig(**{name: value})) for name, value in
      {"chunk_seconds": 8.0, "min_seconds": 0.5, "max_height": 360, "crf": 20}.items()],
    *[("face_tracks", FacesConfig(**{name: value})) for name, value in
      {"backend": "face-alignment", "detect_every": 2, "detect_height": 300, "max_gap": 3, "min_found": 0.5, "min_face": 20}.items()],
    *[("face_crops", CropsConfig(**{name: value})) for name, value in
      {"size": 128, "margin": 0.1, "smooth_frames": 0.0, "label_grid": 16}.items()],
    *[("mels", MelConfig(**changes)) for changes in
      [{"n_fft": 400}, {"bands": 40}, {"fmin": 0.0}, {"fmax": 8000.0}, {"rate": 8000, "hop": 100, "fmax": 4000.0}]],
]  # fmt: skip


@pytest.mark.parametrize(("stage", "config"), CHANGES, ids=lambda value: value if isinstance(value, str) else "")
def test_parameter_recomputes_exactly_what_depends_on_it(home, videos, worked, stage, config):
    run(home, videos, worked)
    preset = dataclasses.replace(PRESET, **{stage: config})
    assert run(home, videos, worked, preset) == {name: ["a_000", "b_000"] for name in DEPENDENTS[stage]}
    assert run(home, videos, worked, preset) == {}


def test_every_parameter_of_every_stage_is_in_the_matrix():
    changed = {
        (stage, field.name)
        for stage, config in CHANGES
        for field in dataclasses.fields(config)
        if getattr(config, field.name) != getattr(type(config)(), field.name)
    }
    there = {(stage, field.name) for stage in DEPENDENTS for field in dataclasses.fields(getattr(PRESET, stage))}
    assert there - changed == {("face_tracks", "device")}
    assert DEPENDENTS.keys() == set(DATA_STAGES) - {"raw_videos"}, "every stage that takes parameters"


def test_limits_of_quality_recompute_nothing(home, videos, worked):
    run(home, videos, worked)
    other = {
        "leave_out": False,
        "max_magnification": 1.0,
        "max_blur": 0.1,
        "max_yaw": 1.0,
        "max_doubt": 0.001,
        "max_lost": 0.0,
    }
    other |= {"min_level": 0.0, "max_clipped": 0.0, "out_of_step": "shift", "max_offset": 0, "max_spread": 0}
    assert set(other) == {field.name for field in dataclasses.fields(QualityConfig)}
    assert run(home, videos, worked, dataclasses.replace(PRESET, quality=QualityConfig(**other))) == {}


def test_where_the_detector_runs_recomputes_nothing(home, videos, worked):
    run(home, videos, worked)
    assert run(home, videos, worked, dataclasses.replace(PRESET, face_tracks=FacesConfig(device="cuda"))) == {}


def test_how_videos_are_fetched_recomputes_nothing(home, videos, worked):
    run(home, videos, worked)
    download = DownloadConfig(max_height=720, parallel=9, pause_s=3.0, cookies="cookies.txt", dead_days=1)
    assert run(home, videos, worked, dataclasses.replace(PRESET, download=download)) == {}


HDTF = {
    "RD_annotion_time.txt": "Radio1.mp4 00:00-00:02 00:02-00:04\n",
    "RD_crop_wh.txt": "Radio1_0.mp4 0 64 0 64\n",
    "RD_crop_ratio.txt": "Radio1_0.mp4 1.2\n",
    "RD_resolution.txt": "Radio1.mp4 720\n",
    "RD_video_url.txt": "Radio1 https://example.org/x\n",
}


def test_detector_matters_to_clips_without_a_window_only(home, worked, tmp_path):
    """Theirs is found by it when they are cut."""
    for name in FILES:
        (tmp_path / name).write_text(HDTF.get(name, ""))
    home.videos.mkdir()
    (home.videos / "RD_Radio1.mp4").write_text("video")

    def cut(preset):
        worked["clips"].clear()
        write_catalog(home, preset, hdtf=str(tmp_path))
        for stage in ("raw_videos", "clips"):
            run_data_stage(stage, home, preset)
        return worked["clips"]

    assert cut(PRESET) == ["RD_Radio1_000", "RD_Radio1_001"]
    for faces, again in ((FacesConfig(), []), (FacesConfig(device="cuda"), []), (FacesConfig(detect_every=2), []),
                         (FacesConfig(detect_height=300), ["RD_Radio1_001"])):  # fmt: skip
        assert cut(dataclasses.replace(PRESET, face_tracks=faces)) == again


def test_what_comes_out_the_same_stops_there(home, videos, worked, monkeypatch):
    run(home, videos, worked)
    monkeypatch.setitem(CODE_VERSIONS, "clips", "next")
    assert run(home, videos, worked) == {"clips": ["a_000", "b_000"]}


def test_touching_moving_adding_changing(home, videos, worked):
    run(home, videos, worked)
    os.utime(videos / "a.mp4", ns=(1, 1))
    assert run(home, videos, worked) == {}
    moved = videos.with_name("moved")
    shutil.move(videos, moved)
    assert run(home, moved, worked) == {}
    (moved / "c.mp4").write_text("video c")
    assert run(home, moved, worked) == {"raw_videos": ["c"]} | {stage: ["c_000"] for stage in CLIP_STAGES}
    (moved / "a.mp4").write_text("another a")
    assert run(home, moved, worked) == {"raw_videos": ["a"]} | {stage: ["a_000"] for stage in CLIP_STAGES}


def test_one_partition_processes_one_video(home, videos, worked):
    assert run(home, videos, worked, only=["b"]) == {"raw_videos": ["b"]} | {stage: ["b_000"] for stage in CLIP_STAGES}


def test_bad_video_is_quarantined_once_and_its_clips_are_nobodys_items(home, videos, worked):
    (videos / "a.mp4").write_text("broken")
    assert run(home, videos, worked) == {"raw_videos": ["a", "b"]} | {stage: ["b_000"] for stage in CLIP_STAGES}
    with Ledger(home.ledger) as ledger:
        assert [(e.stage, e.clip, e.reason) for e in ledger.quarantine()] == [("raw_videos", "a", "a: not a video")]
    assert run(home, videos, worked) == {}
    (videos / "a.mp4").write_text("mended")
    assert run(home, videos, worked) == {"raw_videos": ["a"]} | {stage: ["a_000"] for stage in CLIP_STAGES}


def test_file_that_goes_between_catalog_and_stage_is_quarantined(home, videos, worked):
    write_catalog(home, PRESET, videos=str(videos))
    (videos / "a.mp4").unlink()
    run_data_stage("raw_videos", home, PRESET)
    with Ledger(home.ledger) as ledger:
        assert [(e.clip, e.reason) for e in ledger.quarantine()] == [
            ("a", f"{videos / 'a.mp4'}: No such file or directory")
        ]


def test_removed_video_is_an_orphan_until_it_is_cleaned(home, videos, worked):
    run(home, videos, worked)
    (videos / "a.mp4").rename(videos / "kept.elsewhere")
    assert run(home, videos, worked) == {}
    with Ledger(home.ledger) as ledger:
        assert {(e.stage, e.clip) for e in ledger.orphans()} == {
            (s, "a" if s == "raw_videos" else "a_000") for s in DATA_STAGES
        }
    assert home.clip_video("a_000").is_file()
    (home.clips / ".a_000.mp4.123.part").write_text("left by a killed run")
    home.pages.mkdir()
    for name in ("a@1.jpg", "b@1.jpg"):
        (home.pages / name).write_text("a face")
    assert remove_orphans(home) == dict.fromkeys(DATA_STAGES, 1)
    assert sorted(path.name for path in home.clips.iterdir()) == ["b_000.mp4", "b_000.wav"]
    assert [path.name for path in home.pages.iterdir()] == ["b@1.jpg"]
    with Ledger(home.ledger) as ledger:
        assert not ledger.orphans()
    assert run(home, videos, worked) == {}, "the others are untouched"
    (videos / "kept.elsewhere").rename(videos / "a.mp4")
    assert run(home, videos, worked) == {"raw_videos": ["a"]} | {stage: ["a_000"] for stage in CLIP_STAGES}


def test_cleaning_reaches_every_stage_that_the_ledger_knows(home, videos, worked):
    """Codes and marks are made by others, beside the stages of the table."""
    run(home, videos, worked)
    for stage in ("vq_latents", "quality"):
        with Ledger(home.ledger) as ledger:
            ledger.commit([Entry(stage, f"{v}_000", v, "f", "i", "1", "p", OK, rows=2) for v in "ab"])
    for clip in ("a_000", "b_000"):
        tables.append_rows(home, "vq_latents", pa.table({"clip": [clip] * 2, "video": [clip[0]] * 2}))
    (videos / "a.mp4").unlink()
    run(home, videos, worked)
    with home.writing("vq_latents"), pytest.raises(UserError, match="is at work on vq_latents"):
        remove_orphans(home)
    assert remove_orphans(home) == dict.fromkeys([*DATA_STAGES, "quality", "vq_latents"], 1)
    for table in (*CLIP_TABLES, "vq_latents"):
        assert tables.row_counts(home, table)[0] == {"b_000": 2}
    assert run(home, videos, worked) == {}


def test_deleted_clip_is_cut_again_and_nothing_else(home, videos, worked):
    run(home, videos, worked)
    home.clip_audio("a_000").unlink()
    assert run(home, videos, worked) == {"clips": ["a_000"]}


def test_catalog_of_the_folder_is_what_is_stored(home, videos, worked):
    catalog = write_catalog(home, PRESET, videos=str(videos), run="r")
    assert catalog.videos == ["a", "b"] and pq.read_table(home.catalog).equals(folder_catalog(videos))
    assert write_catalog(home, PRESET, videos=str(videos)).version == catalog.version
    with Ledger(home.ledger) as ledger:
        assert ledger.last_run()["hdtf_catalog"].computed == 0


def test_stages_read_what_the_graph_says():
    for name, stage in DATA_STAGES.items():
        assert name == stage.name and set(stage.reads) == set(upstream(name)) - {"hdtf_catalog"}
        assert (stage.schema is None) == (name in ("raw_videos", "clips"))
        if stage.schema is not None:
            assert stage.schema.names[:2] == ["clip", "video"]


NOTHING_TO_DO = """
import sys
from pathlib import Path
from swaptalk_models.data.sources.catalog import write_catalog
from swaptalk_models.data.stages.registry import DATA_STAGES, run_data_stage
from swaptalk_models.data.store.home import Home
from swaptalk_models.settings.preset import Preset
home, preset = Home(Path(sys.argv[1])), Preset("test")
write_catalog(home, preset, videos=sys.argv[2])
reports = [run_data_stage(stage, home, preset, workers=2) for stage in DATA_STAGES]
assert all((report.computed, report.cached) == (0, 2) for report in reports), reports
print(*sorted({"av", "cv2", "decord", "dlib", "lance", "librosa", "scipy", "skimage", "torch"} & set(sys.modules)))
"""


def test_finding_everything_done_imports_nothing_heavy(home, videos, worked):
    run(home, videos, worked)
    command = [sys.executable, "-c", NOTHING_TO_DO, home.root, videos]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_workers_have_loaded_what_the_work_imports():
    """A name that does not exist would be passed over in silence, and every worker would load all by itself."""
    imported = set()
    for path in Path(stages.__file__).parent.glob("*.py"):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                imported |= {node.module for node in ast.walk(function) if isinstance(node, ast.ImportFrom)}
    assert imported and imported <= set(PRELOAD)
    for name in PRELOAD:
        importlib.import_module(name)
