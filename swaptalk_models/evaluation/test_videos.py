"""The test videos: every method on every scene, made once for a set of models and kept."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from swaptalk_models.config import Preset
from swaptalk_models.data.aside import written_aside
from swaptalk_models.data.fingerprint import hash_values
from swaptalk_models.data.home import Home
from swaptalk_models.data.png import encode_png
from swaptalk_models.data.snapshot import Snapshot, load_snapshot
from swaptalk_models.evaluation.protocol import GROUND_TRUTH, METHODS, METHODS_OF, Scene, draw_scenes
from swaptalk_models.training.spec import current
from swaptalk_models.versions import CODE_VERSIONS

RECORDS_FILE = "test_videos.json"
_PICTURES = "sources"


@dataclass(frozen=True)
class TestVideo:
    """One video to be measured, and what it was made from. Paths are absolute."""

    __test__ = False  # not a test, whatever pytest thinks of the name

    scene: str
    setting: str
    method: str
    path: str
    target: str
    source: str
    """Source picture; also of methods that do not use it, so that all can be compared."""
    audio: str
    gallery: str
    """Folder with one picture of each held-out person."""


def evaluation_folder(home: Home, preset: Preset) -> Path:
    """HOME/evaluation/VERSION: the version names models, snapshot and protocol."""
    content = {
        "models": {name: current(home.root, name).version for name in ("vqgan", "face_swapper", "lip_sync")},
        "snapshot": load_snapshot(home).version,
        "pairs": preset.evaluation.pairs,
        "seed": preset.evaluation.seed,
        "code": CODE_VERSIONS["test_videos"],
    }
    return home.evaluation / hash_values(content)[:16]


def make_test_videos(home: Path, preset: Preset) -> list[dict]:
    """Make what is not there yet and give a record (see ``TestVideo``) a video, ground truth included.

    Raises:
        UserError: no snapshot, no models, or fewer than two held-out people.
    """
    home = Home(Path(home))
    folder = evaluation_folder(home, preset)
    snapshot = load_snapshot(home)
    if not (folder / RECORDS_FILE).is_file():
        records = _make(home, preset, snapshot, folder)
        with written_aside(folder / RECORDS_FILE) as aside:
            aside.write_text(json.dumps([dataclasses.asdict(record) for record in records], indent=1))
    return load_records(folder)


def load_records(folder: Path) -> list[dict]:
    """The records of ``make_test_videos``."""
    return json.loads((folder / RECORDS_FILE).read_text())


def _make(home: Home, preset: Preset, snapshot: Snapshot, folder: Path) -> list[TestVideo]:
    from swaptalk_models.inference.generator import Generator
    from swaptalk_models.inference.release import load_current

    clips = snapshot.clips("test")
    scenes = draw_scenes(clips, preset.evaluation.pairs, preset.evaluation.seed)
    person = {clip["clip"]: clip["person"] for clip in clips}
    pictures = _source_pictures(home, snapshot, folder / _PICTURES)
    generator = Generator(load_current(home.root, preset))
    jobs = [(scene, method) for scene in scenes for method in (GROUND_TRUTH, *METHODS_OF[scene.setting])]
    records = []
    for scene, method in tqdm(jobs, desc="test_videos", unit="video", disable=None):
        record = _record(home, scene, method, pictures[person[scene.source]], folder)
        records.append(record)
        if method == GROUND_TRUTH or Path(record.path).is_file():  # videos are written whole, so what is there is done
            continue
        swap, lips = METHODS[method]
        source = Path(record.source) if swap else None
        generator.generate(source, Path(record.target), Path(record.audio), Path(record.path), lips=lips, progress=False)
    return records


def _record(home: Home, scene: Scene, method: str, picture: Path, folder: Path) -> TestVideo:
    target = home.clip_video(scene.target)
    truth = method == GROUND_TRUTH
    path = target if truth else folder / f"{scene.name}_{method.lower().replace(' ', '_')}.mp4"
    # The real thing speaks with its own voice, also where the others are given a foreign one.
    audio = home.clip_audio(scene.target if truth else scene.audio)
    return TestVideo(
        scene.name, scene.setting, method, str(path), str(target), str(picture), str(audio), str(folder / _PICTURES)
    )


def _source_pictures(home: Home, snapshot: Snapshot, folder: Path) -> dict[str, Path]:
    """One picture of each held-out person: a frame with a typical pose, open eyes and a closed mouth."""
    import lance

    from swaptalk_models.inference.windows import reference_frame
    from swaptalk_models.metrics.timeline import frames_at_25

    pictures = {}
    tracks = lance.dataset(str(home.table("face_crops")), version=snapshot.table_version("face_crops"))
    for clip in snapshot.clips("test"):
        if clip["person"] in pictures:
            continue
        pictures[clip["person"]] = path = folder / f"{clip['person']}.png"
        if path.is_file():
            continue
        rows = tracks.to_table(columns=["frame", "landmarks"], filter=f"clip = '{clip['clip']}'").sort_by("frame")
        landmarks = rows["landmarks"].combine_chunks().flatten().to_numpy().reshape(-1, 68, 2)
        wanted = reference_frame(landmarks)
        for batch in frames_at_25(home.clip_video(clip["clip"])):
            if wanted < len(batch):
                with written_aside(path) as aside:
                    aside.write_bytes(encode_png(batch[wanted]))
                break
            wanted -= len(batch)
    return pictures

