"""What tells an open mouth, on videos of real people: loudness, the sound's balance, lips made on the face itself or on a drawn one, or both.

    python docs/scripts/lips.py OUTPUT.md VIDEO... [--release RELEASE] [--seconds 8] [--about TEXT_OR_FILE]

Each video is driven by its own sound. What is said of its mouth's opening is correlated with the one that its own lips have, frame by frame. RELEASE (else the
weights that come with the package) must not have been trained on these people. The page holds figures only.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from swaptalk_models.classical import lips
from swaptalk_models.classical.articulation import lips_apart
from swaptalk_models.classical.sound_opening import opening_by_sound
from swaptalk_models.data.faces.alignment import apply_affine, crop_affines, crop_face, smooth_landmarks
from swaptalk_models.data.faces.landmarks import mouth_opening
from swaptalk_models.data.faces.reference import reference_frame
from swaptalk_models.data.faces.tracking import track_faces
from swaptalk_models.data.media.audio import read_audio
from swaptalk_models.data.media.timeline import frames_at_25, length_at_25
from swaptalk_models.data.sound.mel import FRAME_RATE, MEL_RATE, centred_windows, log_mel
from swaptalk_models.data.sound.usual_voice import of_usual_voice
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.inference.networks import Latents, Networks
from swaptalk_models.inference.release import load_release
from swaptalk_models.inference.stand_in import drawn_face
from swaptalk_models.metrics.confidence import bootstrap_mean
from swaptalk_models.metrics.crop_judges import crop_landmarks
from swaptalk_models.modules.model_folder import SHIPPED
from swaptalk_models.settings.data import FacesConfig

ROWS = ("loudness", "sound alone", "lips on the face itself", "lips on a drawn face", "drawn face and sound")
_BATCH = 25


def openings(networks: Networks, video: Path, seconds: float) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The true opening (T,), NaN where no face was found, and what each of ROWS says it is."""
    count = min(length_at_25(video), round(FRAME_RATE * seconds))
    track = track_faces(frames_at_25(video), FacesConfig(), video.name, length_at_25(video))
    truth = np.where(track.confidence[:count] > 0, mouth_opening(track.landmarks[:count]), np.nan)
    mel = log_mel(read_audio(video))
    heard = of_usual_voice(mel)
    windows = centred_windows(heard, np.arange(count))

    size, affines = networks.crops.size, crop_affines(track.landmarks, networks.crops)
    landmarks = apply_affine(track.landmarks, affines)[:count]
    frames = np.concatenate(list(frames_at_25(video)))[:count]
    crops = np.stack([crop_face(frame, affine, size) for frame, affine in zip(frames, affines, strict=False)])
    still = reference_frame(landmarks)
    reference = networks.encode(crops[still][None], landmarks[still][None])
    drawn = drawn_face(networks.crops)
    speaker = networks.encode(drawn.crop[None], drawn.landmarks[None])

    own = _said(networks, lambda some: networks.encode(crops[some], landmarks[some]), reference, windows, landmarks)
    stood_in = _said(
        networks,
        lambda some: networks.repeated(speaker, some.stop - some.start),
        speaker,
        windows,
        drawn.landmarks[None],
    )
    by_sound = opening_by_sound(heard, count)
    middles = np.clip(np.rint((np.arange(count) + 0.5) * MEL_RATE / FRAME_RATE).astype(int), 0, len(mel) - 1)
    both = (np.maximum(stood_in - np.quantile(stood_in, 0.05), 0) + by_sound) / 2
    return truth, dict(zip(ROWS, (mel.mean(axis=1)[middles], by_sound, own, stood_in, both), strict=True))


def _said(
    networks: Networks,
    faces: Callable[[slice], Latents],
    reference: Latents,
    windows: np.ndarray,
    landmarks: np.ndarray,
) -> np.ndarray:
    """How far the lips are apart that lip-sync makes on these faces, (T,)."""
    made = []
    for first in range(0, len(windows), _BATCH):
        some = slice(first, min(first + _BATCH, len(windows)))
        made.append(networks.decode(networks.speak(faces(some), reference, windows[some])))
    found = crop_landmarks(np.concatenate(made), np.median(landmarks, axis=0))
    return lips_apart(smooth_landmarks(found, lips.STEADY))


def correlation(said: np.ndarray, truth: np.ndarray) -> float:
    known = np.isfinite(truth)
    return float(np.corrcoef(said[known], truth[known])[0, 1])


def page(found: dict[str, dict[str, float]], about: str) -> str:
    lines = ["# What tells an open mouth", "", *([about.strip(), ""] if about else [])]
    lines += [f"Correlation of a mouth's opening with the true one, {len(found)} videos driven by their own sound.", ""]
    lines += [f"| video | {' | '.join(ROWS)} |", "|---|" + "--:|" * len(ROWS)]
    for name, row in found.items():
        lines.append(f"| {name} | {' | '.join(f'{row[key]:.2f}' for key in ROWS)} |")
    means = [bootstrap_mean([row[key] for row in found.values()]) for key in ROWS]
    cells = [f"**{mean.value:.2f}** [{mean.low:.2f}, {mean.high:.2f}]" for mean in means]
    return "\n".join([*lines, f"| mean | {' | '.join(cells)} |", ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--release", type=Path, default=SHIPPED)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each video")
    parser.add_argument("--about", default="", help="a paragraph above the table, or a file that holds it")
    options = parser.parse_args()
    networks, found = load_release(options.release), {}
    for video in tqdm(options.videos, unit="video", disable=None):
        truth, said = openings(networks, video, options.seconds)
        found[video.stem] = {name: correlation(values, truth) for name, values in said.items()}
    about = Path(options.about).read_text() if os.path.isfile(options.about) else options.about
    with atomic_write(options.output) as aside:
        Path(aside).write_text(page(found, about))


if __name__ == "__main__":
    main()
