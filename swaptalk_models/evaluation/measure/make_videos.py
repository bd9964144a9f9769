"""Makes the test videos: once for a set of models, and kept."""

from __future__ import annotations

import datetime
import json
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import groupby
from multiprocessing import get_context
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from swaptalk_models.data.snapshot import Snapshot, load_snapshot
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.memoised import Memoised
from swaptalk_models.data.store.stored_files import fetch_tree
from swaptalk_models.evaluation.files import MADE_FROM_FILE, SOURCES_FOLDER, VIDEOS_FILE
from swaptalk_models.evaluation.measure.protocol import Scene, draw_scenes
from swaptalk_models.evaluation.measure.scene_inputs import chunk_files, source_pictures
from swaptalk_models.evaluation.measure.scene_videos import (
    SceneVideo,
    evaluation_folder,
    kept_videos,
    load_videos,
    origin,
)
from swaptalk_models.evaluation.measure.silent_videos import silent_scenes
from swaptalk_models.graph.models import MODELS
from swaptalk_models.modules.model_folder import current
from swaptalk_models.settings.methods import GROUND_TRUTH, LATENT, METHODS, Method, chosen_methods
from swaptalk_models.settings.preset import Preset

if TYPE_CHECKING:
    from swaptalk_models.data.faces.face_track import FaceTrack
    from swaptalk_models.evaluation.measure.cascade import RGBModels
    from swaptalk_models.inference.marking import Marking
    from swaptalk_models.inference.networks import Networks


def make_test_videos(home: Home, preset: Preset) -> Memoised[list[SceneVideo]]:
    """Make what is not there yet of every method on every scene, ground truth included, and the videos of the leak test.

    Raises:
        UserError: no snapshot, no models, or fewer than two held-out people with a usable sound.
    """
    folder = evaluation_folder(home, preset)
    fetch_tree(home.root, folder)
    cached = (folder / VIDEOS_FILE).is_file()
    if not cached:
        videos = _make(home, preset, load_snapshot(home), folder)
        with atomic_write(folder / MADE_FROM_FILE) as aside:
            aside.write_text(json.dumps(origin(home, preset), indent=1))
        with atomic_write(folder / VIDEOS_FILE) as aside:  # last: its presence says that all is there
            aside.write_text(json.dumps(kept_videos(videos, home), indent=1))
    videos = load_videos(folder)
    silent = _missing(silent_scenes(videos, preset.evaluation.silent_seconds))
    if silent:
        _generate(silent, home, preset)
    return Memoised(videos, cached and not silent)


def _missing(videos: Sequence[SceneVideo]) -> list[SceneVideo]:
    """Videos are written whole, so what is there is done; ground truth is the target itself."""
    return [video for video in videos if video["method"] != GROUND_TRUTH and not Path(video["path"]).is_file()]


def _make(home: Home, preset: Preset, snapshot: Snapshot, folder: Path) -> list[SceneVideo]:
    config, methods = preset.evaluation, chosen_methods(preset.evaluation.methods)
    scenes = draw_scenes(snapshot.clips("test"), config.pairs, config.seed, config.chunk_seconds)
    pictures = source_pictures(home, snapshot, folder / SOURCES_FOLDER)
    videos = [
        _scene_video(home, scene, name, pictures[scene.source], folder)
        for scene in scenes
        for name in (GROUND_TRUTH, *methods)
        if name == GROUND_TRUTH or scene.setting in methods[name].settings
    ]
    missing = _missing(videos)
    if missing:
        _generate(missing, home, preset)
    return videos


def _scene_video(home: Home, scene: Scene, name: str, picture: Path, folder: Path) -> SceneVideo:
    target, own = chunk_files(home, scene.target, folder)
    truth = name == GROUND_TRUTH
    path = (
        target
        if truth
        else folder / f"{scene.name}_{name.lower().replace(',', '').replace(' + ', '_').replace(' ', '_')}.mp4"
    )
    # The real thing speaks with its own voice, also where the others are given a foreign one.
    audio = own if truth else chunk_files(home, scene.audio, folder)[1]
    return SceneVideo(
        scene=scene.name,
        setting=scene.setting,
        method=name,
        path=str(path),
        target=str(target),
        source=str(picture),
        audio=str(audio),
        gallery=str(folder / SOURCES_FOLDER),
    )


def _generate(videos: Sequence[SceneVideo], home: Home, preset: Preset) -> None:
    """Make the files of these videos with the home's current models.

    Those of one target are made after each other: its face is followed once, and the track of one target is held at a time. On the CPU several
    targets are worked on at once, one a process: faces of this size keep no second core busy.
    """
    from swaptalk_models.provenance.identity import load_identity
    from swaptalk_models.provenance.manifest import can_sign

    if can_sign():
        load_identity(home.root)  # made here, once, not by each process
    by_target = [
        list(group) for _, group in groupby(sorted(videos, key=itemgetter("target")), key=itemgetter("target"))
    ]
    processes = _processes(len(by_target))
    with tqdm(total=len(videos), desc="test_videos", unit="video", disable=None) as bar:
        if processes == 1:
            for _ in _make_some(by_target, home, preset):
                bar.update()
            return
        threads = max(1, _cores() // processes)
        with ProcessPoolExecutor(
            processes, mp_context=get_context("spawn"), initializer=_start_worker, initargs=(threads,)
        ) as pool:
            made = [pool.submit(_make_one, group, home, preset) for group in by_target]
            try:
                for done in as_completed(made):
                    bar.update(done.result())
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processes(targets: int) -> int:
    """How many work on so many targets; one where there is a GPU, which serves a single process best."""
    import torch

    return 1 if torch.cuda.is_available() else max(1, min(targets, _cores()))


def _start_worker(threads: int) -> None:
    import cv2
    import torch

    cv2.setNumThreads(1)
    torch.set_num_threads(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle


def _make_one(group: list[SceneVideo], home: Home, preset: Preset) -> int:
    """Worker: how many were made."""
    return sum(1 for _ in _make_some([group], home, preset))


def _make_some(by_target: Sequence[Sequence[SceneVideo]], home: Home, preset: Preset) -> Iterator[Path]:
    """In this process: the files, each when it is made."""
    from swaptalk_models.inference.generator import Generator
    from swaptalk_models.inference.release import load_current
    from swaptalk_models.provenance.manifest import can_sign

    networks = load_current(home, preset)
    ours, signed = Generator(networks), can_sign()
    for group in by_target:
        target = Path(group[0]["target"])
        track = ours.follow(target, progress=False)
        for video in group:
            method = METHODS[video["method"]]
            generator = ours if method.space == LATENT else Generator(_rgb_models(home, networks, method, track))
            generator.generate(
                Path(video["source"]) if method.swaps else None,
                target,
                Path(video["audio"]),
                Path(video["path"]),
                stages=method.stages,
                detail=method.detail,
                marking=_manifest(video, home) if signed else None,
                track=track,
                progress=False,
            )
            yield Path(video["path"])


def _manifest(video: SceneVideo, home: Home) -> Marking:
    """A manifest says what the file is; no watermark, since its pixels are what is measured."""
    from swaptalk_models.provenance.identity import load_identity
    from swaptalk_models.provenance.jobs import sha256_of
    from swaptalk_models.provenance.manifest import Claim
    from swaptalk_models.provenance.marks import ManifestOnly

    path = Path(video["path"])
    files = {"source": Path(video["source"]), "target": Path(video["target"]), "voice": Path(video["audio"])}
    claim = Claim(
        job=f"test_videos/{path.parent.name}/{path.stem}",
        release="not released",
        time=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        inputs={role: sha256_of(file) for role, file in files.items()},
        names={role: file.name for role, file in files.items()},
        watermark=None,
    )
    return ManifestOnly(load_identity(home.root), claim)


def _rgb_models(home: Home, networks: Networks, method: Method, track: FaceTrack) -> RGBModels:
    from swaptalk_models.classical.warp_swap import neutral_landmarks
    from swaptalk_models.evaluation.measure.cascade import RGBModels

    # A network that is shown an identity is given it by the encoder that it was trained with.
    needed = {above for name in method.compared_models for above in (name, *MODELS[name].inputs)}
    names = needed & {*method.compared_models, "identity_encoder"}
    folders = {name: current(home.root, name).path for name in sorted(names)}
    return RGBModels(networks, folders, neutral_landmarks(track.landmarks), method.frame_as_reference)
