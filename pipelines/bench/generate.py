"""The whole chain of a preset beside the lip-sync network that everybody knows, on this machine, in one run.

Networks of the preset's true shapes, with the home's weights where it has a release and random ones else, make a film of a drawn person. Between its parts
Wav2Lip's published generator makes batches, on as many threads: what slows one slows the other, and the ratio of the two is what counts.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.run_settings import last_settings
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.settings.preset import Preset, load_preset

if TYPE_CHECKING:
    import numpy as np

    from swaptalk_models.inference.generator import GenerationResult
    from swaptalk_models.inference.networks import Networks
    from swaptalk_models.settings.data import CropsConfig

PRESET = "base"
"""Where the home has no release."""
SECONDS, SIZE = 4.0, 480
"""Of the film; its face fills a crop of about 256 px."""
REPEATS, BATCH = 3, 16
STARTED = 24
"""Frames of the film whose cells random codebooks are drawn from, as a training's start on what it sees."""
_NETWORKS = ("encode", "swap", "speak", "decode")


def measure(workdir: Path, home: Path) -> dict[str, float | str]:
    """Frames a second of the chain from files to file, of its networks alone, and of Wav2Lip's generator; each part's milliseconds a frame."""
    import torch

    from pipelines.bench.wav2lip_published import Stopwatch
    from swaptalk_models.data.phantom.corpus import write_corpus

    films = write_corpus(workdir / "drawn", 2, SECONDS, 0, SIZE)
    networks, found = _networks(workdir, home, films[0])
    found |= {"film": f"{SECONDS:g} s of a drawn person at {SIZE} px", "threads": float(torch.get_num_threads())}
    picture = _picture(films[1], workdir / "source.png")
    wav2lip, theirs, runs = Stopwatch(BATCH), [], []
    for repeat in range(REPEATS + 1):
        before = [wav2lip.seconds_a_frame() for _ in range(2)]
        run = _run(networks, picture, films[0], workdir / "out.mp4")
        if repeat:  # the first sets things up
            runs.append(run)
            theirs += [*before, wav2lip.seconds_a_frame()]
    return found | _figures(runs, statistics.median(theirs))


def _figures(runs: list[tuple[float, GenerationResult, float]], theirs: float) -> dict[str, float | str]:
    """Medians over the runs. ``theirs``: Wav2Lip's seconds a frame."""
    whole = statistics.median(seconds / result.frames for seconds, result, _ in runs)
    parts = {
        part: statistics.median(result.seconds.get(part, 0.0) / result.frames for _, result, _ in runs)
        for part in runs[0][1].seconds
    }
    alone = sum(parts.get(part, 0.0) for part in _NETWORKS)
    found: dict[str, float | str] = {
        "frames_per_second": 1 / whole,
        "networks_frames_per_second": 1 / alone,
        "wav2lip_frames_per_second": 1 / theirs,
        "wav2lip": f"its published layers, 96 px, batch {BATCH}, torch float32, its network alone",
        "times_wav2lip": theirs / whole,
        "networks_times_wav2lip": theirs / alone,
        "tokens_known_share": statistics.median(known for *_, known in runs),
    }
    return found | {f"{part}_ms_a_frame": 1000 * seconds for part, seconds in parts.items()}


def _run(networks: Networks, picture: Path, film: Path, output: Path) -> tuple[float, GenerationResult, float]:
    """(seconds, result, share of the tokens that had been there before) of one generation."""
    from swaptalk_models.inference.generator import Generator

    started = time.perf_counter()
    result = Generator(networks).generate(picture, film, film, output, detail=True, progress=False)
    seconds, memo = time.perf_counter() - started, networks.memo
    return seconds, result, 1 - memo.made / memo.asked if memo and memo.asked else 0.0


def _networks(workdir: Path, home: Path, film: Path) -> tuple[Networks, dict[str, float | str]]:
    """On the engine that `generate` takes by itself, and what they are."""
    from swaptalk_models.data.store.release_log import current_release
    from swaptalk_models.inference.engines.choice import choose_engine
    from swaptalk_models.inference.engines.export import export_release
    from swaptalk_models.inference.engines.openvino_engine import is_installed
    from swaptalk_models.inference.release import load_release

    try:
        folder, preset = current_release(Home(home)), last_settings(Home(home)).preset
        weights = "the home's"
    except UserError:
        preset, weights = PRESET, "random"
        folder = untrained_release(load_preset(preset), workdir / "release", film)
        if is_installed():
            export_release(folder)
    networks = load_release(folder, "cpu")
    choose_engine(networks, folder)
    about: dict[str, float | str] = {"preset": preset, "weights": weights, "engine": networks.engine.name}
    about["crop"] = f"{networks.crops.size} px, {networks.grid} x {networks.grid} cells"
    return networks, about


def untrained_release(preset: Preset, folder: Path, film: Path) -> Path:
    """A release of networks that nobody trained, of the preset's shapes. Its codebooks start on the film, so that it has as many codes as it would have."""
    import json
    from dataclasses import asdict

    import torch

    from swaptalk_models.graph.models import RELEASED
    from swaptalk_models.inference.release import file_hashes
    from swaptalk_models.modules.images import to_unit
    from swaptalk_models.modules.model_folder import RELEASE_FILE
    from swaptalk_models.modules.weights import save_model
    from swaptalk_models.rehearsal.random_data import untrained

    crops = preset.face_crops
    shape = {"crop_size": crops.size, "grid": preset.grid, "dim": preset.vqgan.dim}
    for name in RELEASED:
        network: Any = untrained(name, preset)
        if name == "vqgan":
            with torch.no_grad():
                upper, lower = network.encode_halves(torch.from_numpy(to_unit(_crops(film, crops))))
                network.upper.train()(upper)
                network.lower.train()(lower)
        save_model(name, network.eval(), shape, folder / name)
    settings = {"preset": preset.name, "face_crops": asdict(crops), "face_tracks": asdict(preset.face_tracks)}
    (folder / RELEASE_FILE).write_text(json.dumps(settings | {"models": {}, "files": file_hashes(folder)}))
    return folder


def _crops(film: Path, crops: CropsConfig) -> np.ndarray:
    """(STARTED, S, S, 3) uint8, the first frames' faces."""
    import numpy as np

    from swaptalk_models.data.faces.alignment import crop_affines, crop_face
    from swaptalk_models.data.faces.tracking import track_faces
    from swaptalk_models.data.media.video import read_frames
    from swaptalk_models.settings.data import FacesConfig

    frames = next(read_frames(film, STARTED))
    affines = crop_affines(track_faces([frames], FacesConfig()).landmarks, crops)
    return np.stack([crop_face(frame, affine, crops.size) for frame, affine in zip(frames, affines, strict=True)])


def _picture(film: Path, path: Path) -> Path:
    """The first frame of a film, as a picture file."""
    import cv2

    from swaptalk_models.data.media.video import read_frames

    cv2.imwrite(str(path), next(read_frames(film, 1))[0, ..., ::-1])
    return path
