"""The test videos: every method on every scene, made once for a set of models and kept."""

from __future__ import annotations

import dataclasses
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from swaptalk_models.config import Preset
from swaptalk_models.data.aside import written_aside
from swaptalk_models.data.fingerprint import hash_values
from swaptalk_models.data.home import Home
from swaptalk_models.data.png import encode_png
from swaptalk_models.data.snapshot import Snapshot, load_snapshot
from swaptalk_models.evaluation.methods import LATENT, chosen_methods, needs_wav2lip
from swaptalk_models.evaluation.protocol import GROUND_TRUTH, Chunk, Scene, draw_scenes
from swaptalk_models.training.spec import current
from swaptalk_models.versions import CODE_VERSIONS

RECORDS_FILE = "test_videos.json"
ORIGIN_FILE = "made_from.json"
_PICTURES, _CHUNKS = "sources", "chunks"
_CHUNK_CRF = 10  # a chunk is cut from a clip that was compressed before


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


def origin(home: Home, preset: Preset) -> dict[str, Any]:
    """What a set of test videos is made from: {"models": {name: version}, "snapshot", "methods", "pairs", "chunk_seconds", "seed",
    "code"}.
    """
    config = preset.evaluation
    names = ("vqgan", "face_swapper", "lip_sync") + (("wav2lip",) if needs_wav2lip(config.methods) else ())
    return {
        "models": {name: current(home.root, name).version for name in names},
        "snapshot": load_snapshot(home).version,
        "methods": list(chosen_methods(config.methods)),
        "pairs": config.pairs,
        "chunk_seconds": config.chunk_seconds,
        "seed": config.seed,
        "code": CODE_VERSIONS["test_videos"],
    }


def evaluation_folder(home: Home, preset: Preset) -> Path:
    """HOME/evaluation/VERSION: the version names models, snapshot and protocol."""
    return home.evaluation / hash_values(origin(home, preset))[:16]


def make_test_videos(home: Path, preset: Preset) -> list[dict]:
    """Make what is not there yet and give a record (see ``TestVideo``) a video, ground truth included.

    Raises:
        UserError: no snapshot, no models, or fewer than two held-out people with a usable sound.
    """
    home = Home(Path(home))
    folder = evaluation_folder(home, preset)
    snapshot = load_snapshot(home)
    if not (folder / RECORDS_FILE).is_file():
        records = _make(home, preset, snapshot, folder)
        with written_aside(folder / ORIGIN_FILE) as aside:
            aside.write_text(json.dumps(origin(home, preset), indent=1))
        with written_aside(folder / RECORDS_FILE) as aside:
            aside.write_text(json.dumps([dataclasses.asdict(record) for record in records], indent=1))
    return load_records(folder)


def load_records(folder: Path) -> list[dict]:
    """The records of ``make_test_videos``."""
    return json.loads((folder / RECORDS_FILE).read_text())


def _make(home: Home, preset: Preset, snapshot: Snapshot, folder: Path) -> list[TestVideo]:
    from swaptalk_models.inference.generator import Generator
    from swaptalk_models.inference.release import load_current

    config, methods = preset.evaluation, chosen_methods(preset.evaluation.methods)
    scenes = draw_scenes(snapshot.clips("test"), config.pairs, config.seed, config.chunk_seconds)
    jobs = [(scene, GROUND_TRUTH) for scene in scenes]
    jobs += [(scene, name) for scene in scenes for name, method in methods.items() if scene.setting in method.settings]
    jobs.sort(key=lambda job: scenes.index(job[0]))
    pictures = _source_pictures(home, snapshot, folder / _PICTURES)
    ours = Generator(load_current(home.root, preset))
    wav2lip = current(home.root, "wav2lip").path if needs_wav2lip(config.methods) else None
    records, tracks = [], {}
    for scene, name in tqdm(jobs, desc="test_videos", unit="video", disable=None):
        record = _record(home, scene, name, pictures[scene.source], folder)
        records.append(record)
        if name == GROUND_TRUTH or Path(record.path).is_file():  # videos are written whole, so what is there is done
            continue
        source, target = Path(record.source) if methods[name].swaps else None, Path(record.target)
        if target not in tracks:  # a face is followed once for all methods
            tracks[target] = ours.follow(target, progress=False)
        generator = ours if methods[name].space == LATENT else Generator(_rgb_models(ours.networks, wav2lip, tracks[target]))
        how = {"stages": methods[name].stages, "detail": methods[name].detail, "track": tracks[target], "progress": False}
        generator.generate(source, target, Path(record.audio), Path(record.path), **how)
    return records


def _rgb_models(networks, wav2lip: Path | None, track):
    from swaptalk_models.baselines.cascade import RGBModels
    from swaptalk_models.baselines.warp_swap import neutral_landmarks

    return RGBModels(networks, wav2lip, neutral_landmarks(track.landmarks))


def _record(home: Home, scene: Scene, name: str, picture: Path, folder: Path) -> TestVideo:
    target, own = _chunk_files(home, scene.target, folder)
    truth = name == GROUND_TRUTH
    path = target if truth else folder / f"{scene.name}_{name.lower().replace(',', '').replace(' + ', '_').replace(' ', '_')}.mp4"
    # The real thing speaks with its own voice, also where the others are given a foreign one.
    audio = own if truth else _chunk_files(home, scene.audio, folder)[1]
    return TestVideo(scene.name, scene.setting, name, str(path), str(target), str(picture), str(audio), str(folder / _PICTURES))


def _chunk_files(home: Home, chunk: Chunk, folder: Path) -> tuple[Path, Path]:
    """Video and sound of a chunk; of a whole clip, the clip's own files, unless its sound has to be moved into step."""
    video, audio = home.clip_video(chunk.clip), home.clip_audio(chunk.clip)
    if chunk.frames is not None:
        video = folder / _CHUNKS / f"{chunk.name}.mp4"
        if not video.is_file():
            _cut_video(home, chunk, video)
    if chunk.frames is not None or chunk.sound_offset:
        # Another name, so that no comparison takes it for the sound as it was.
        audio = folder / _CHUNKS / (f"{chunk.name}_moved{chunk.sound_offset:+d}.wav" if chunk.sound_offset else f"{chunk.name}.wav")
        if not audio.is_file():
            _cut_sound(home, chunk, audio)
    return video, audio


def _cut_video(home: Home, chunk: Chunk, path: Path) -> None:
    from swaptalk_models.data.video import probe, read_frames
    from swaptalk_models.data.video_writer import VideoWriter

    path.parent.mkdir(parents=True, exist_ok=True)
    clip = home.clip_video(chunk.clip)
    info = probe(clip)
    with VideoWriter(path, info.width, info.height, crf=_CHUNK_CRF) as writer:
        frames = itertools.chain.from_iterable(read_frames(clip))
        for frame in itertools.islice(frames, chunk.first, chunk.first + chunk.frames):
            writer.write(frame)


def _cut_sound(home: Home, chunk: Chunk, path: Path) -> None:
    from swaptalk_models.data.audio import read_audio, write_wav
    from swaptalk_models.data.clips import SAMPLE_RATE, SAMPLES_PER_FRAME

    path.parent.mkdir(parents=True, exist_ok=True)
    sound = read_audio(home.clip_audio(chunk.clip), SAMPLE_RATE)
    length = len(sound) if chunk.frames is None else chunk.frames * SAMPLES_PER_FRAME
    first = (chunk.first - chunk.sound_offset) * SAMPLES_PER_FRAME
    # Moved, a sound may begin before its first sample or end behind its last one: there is silence.
    sound = np.pad(sound, (max(0, -first), max(0, first + length - len(sound))))[max(0, first) :]
    write_wav(path, sound[:length])


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

