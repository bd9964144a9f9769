"""One customised talking face: the source's face on the target video, its lips following the audio.

    source ---encode---+
    target ---encode---+--> swap --> lip-sync with the audio --> decode once --> (source's detail) --> paste back
    reference -encode--+--> swap ----^

Two passes over the target: the first follows its face, the second makes the video. Memory does not grow with its length.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any, Generic

import numpy as np
from tqdm import tqdm

from swaptalk_models.classical.light import Light, relight_to
from swaptalk_models.classical.skin import bare_face
from swaptalk_models.data.faces.alignment import apply_affine, crop_affines, crop_face
from swaptalk_models.data.faces.detection import detect_face
from swaptalk_models.data.faces.face_track import FaceTrack
from swaptalk_models.data.faces.reference import reference_frame
from swaptalk_models.data.faces.tracking import track_faces
from swaptalk_models.data.media.audio import read_audio
from swaptalk_models.data.media.timeline import frames_at_25, length_at_25
from swaptalk_models.data.media.video import frames_at_once, probe, read_image
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.media.voice import open_voice
from swaptalk_models.data.sound.mel import centred_windows, log_mel
from swaptalk_models.data.store.output_file import check_output, check_space
from swaptalk_models.errors import UserError
from swaptalk_models.inference.face_models import FaceModels, Faces
from swaptalk_models.inference.finish import Finish
from swaptalk_models.inference.marking import Marking, NoMarks
from swaptalk_models.inference.overlap import Behind, ahead
from swaptalk_models.inference.paste import paste_face
from swaptalk_models.inference.stopwatch import Stopwatch
from swaptalk_models.inference.target import target_frames
from swaptalk_models.settings.data import FacesConfig
from swaptalk_models.settings.methods import Stage

_BATCH = 16
_REFERENCE_WITHIN = 250  # the reference is looked for in the first ten seconds
_RATE = 16000
_SAMPLES = _RATE // 25  # of sound, a frame
_BYTES_PER_PIXEL = 0.01  # of the output, at least: seen are 0.02 to 0.1

SWAP_THEN_SYNC: tuple[Stage, ...] = ("swap", "speak")
LIP_STAGES = ("speak", "copy_lips")


@dataclass(frozen=True)
class GenerationResult:
    """What was made."""

    output: Path
    frames: int
    faceless: int
    """Frames without a face: passed through as they were."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Time spent in each part: track, crop, encode, swap, speak, decode, finish, paste, mark and write. Writing and what belongs to it run
    beside the networks."""


@dataclass(frozen=True)
class Still:
    """One aligned face: crop (S, S, 3) uint8 and landmarks (68, 2) in its pixels."""

    crop: np.ndarray
    landmarks: np.ndarray


class Generator(Generic[Faces]):
    """Makes talking faces with a set of models: ours in latent space, or others that are compared with them."""

    def __init__(self, models: FaceModels[Faces]) -> None:
        self.models = models
        self.clock = Stopwatch()

    def follow(self, target: Path, progress: bool = True) -> FaceTrack:
        """The face of a target video. BadClip: there is none."""
        length = length_at_25(target)
        with tqdm(total=length, desc="following the face", unit="frame", disable=None if progress else True) as bar:
            return track_faces(_counted(frames_at_25(target), bar), self._any_face(), Path(target).name, length)

    def generate(
        self,
        source: Path | None,
        target: Path,
        audio: Path,
        output: Path,
        *,
        stages: tuple[Stage, ...] = SWAP_THEN_SYNC,
        track: FaceTrack | None = None,
        detail: bool = False,
        marking: Marking | None = None,
        progress: bool = True,
    ) -> GenerationResult:
        """Write ``output``, an mp4 as long as the audio, of the target's size, with the audio as its sound, at its own
        rate and with its own channels.

        Args:
            source: picture of the face to put on; None keeps the target's own.
            target: talking-head video, or a still. One shorter than the audio goes back and forth; frames without a face pass through.
            audio: sound file, or a video whose sound is taken.
            stages: what is done to each face, in this order.
            track: what ``follow`` gave for this target before.
            detail: whether swapped faces get the source's own detail at the target's resolution (classical/detail.py); off, they are what the
                networks made and nothing else.
            marking: what marks the video as synthetic on its way into the file (provenance/marks.py); None marks nothing.

        Raises:
            UserError: a file that cannot be read, has no face or no sound; the message names it.
        """
        if Path(output).suffix.lower() != ".mp4":
            raise UserError(f"{output}: the output is an mp4 file, so its name should end in .mp4")
        # All that can be refused is refused before the long work.
        check_output(Path(output), "output")
        sound = read_audio(audio, _RATE, zero="first")
        voice = open_voice(audio)
        count = math.ceil(len(sound) / _SAMPLES)
        if count < 1:
            raise UserError(f"{audio}: no sound in it")
        info = probe(target)
        check_space(Path(output), int(count * info.width * info.height * _BYTES_PER_PIXEL))
        picture = self._source(source) if source is not None else None
        self.clock = Stopwatch()
        with self.clock.part("track"):
            track = track if track is not None else self.follow(target, progress)
        affines = crop_affines(track.landmarks, self.models.crops)
        still = self._reference(target, track, affines)
        reference = self.models.encode(still.crop[None], still.landmarks[None])
        encoded_source = finish = None
        if picture is not None:
            face, light = self._aligned(*picture), Light.measure(still.crop, still.landmarks)
            lit = bare_face(relight_to(face.crop, face.landmarks, light), face.landmarks)
            encoded_source = self.models.encode(lit[None], face.landmarks[None])
            if detail and "swap" in stages:
                finish = Finish(*picture, light, track, affines, self.models.crops, self.models.grid)
        stages = tuple(stage for stage in stages if stage != "swap" or encoded_source is not None)
        for stage in takewhile(lambda stage: stage not in LIP_STAGES, stages):  # like every other frame
            reference = self._apply(stage, reference, encoded_source)
        mel = log_mel(sound)
        faceless = 0
        bar = tqdm(total=count, desc="generating", unit="frame", disable=None if progress else True)
        marking = marking or NoMarks()
        marking.begin(track)
        part = self.clock.part

        def write(batch: list[tuple[int, int, np.ndarray]], faces: np.ndarray) -> None:
            nonlocal faceless
            for crop, (place, number, frame) in zip(faces, batch, strict=True):
                made_here = track.confidence[number] > 0
                if made_here:
                    with part("finish"):
                        landmarks = apply_affine(track.landmarks[number], affines[number])
                        made_face = finish.on(crop, number) if finish else (crop, affines[number], landmarks)
                    with part("paste"):
                        frame = paste_face(frame, *made_face)
                else:
                    faceless += 1
                with part("mark"):
                    frame = marking.on_frame(frame, place, number if made_here else None)
                with part("write"):
                    writer.write(frame)
                bar.update()

        file = VideoWriter(output, info.width, info.height, audio=voice, finish=marking.on_file)
        batches = ahead(_batches(target_frames(target, count), frames_at_once(info, _BATCH)))
        with bar, file as writer, Behind() as behind, closing(batches):
            for batch in batches:
                windows = centred_windows(mel, np.array([number for number, _, _ in batch]))
                faces = self._faces(batch, track, affines, reference, encoded_source, windows, stages)
                behind.do(partial(write, batch, faces))
        spent = {name: round(value, 3) for name, value in self.clock.seconds.items()}
        return GenerationResult(Path(output), count, faceless, spent)

    def _source(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        """A picture (H, W, 3) and the landmarks (68, 2) of its face."""
        image = read_image(path)
        return image, detect_face(image, self._any_face(), Path(path).name).landmarks

    def _any_face(self) -> FacesConfig:
        """How faces are found, without what a training asks for: how many there are, and how large."""
        return replace(self.models.faces, min_found=1e-6, min_face=1)

    def _aligned(self, image: np.ndarray, landmarks: np.ndarray) -> Still:
        affine = crop_affines(landmarks[None], self.models.crops)[0]
        return Still(crop_face(image, affine, self.models.crops.size), apply_affine(landmarks, affine))

    def _reference(self, target: Path, track: FaceTrack, affines: np.ndarray) -> Still:
        """The reference frame of the target."""
        seen = np.flatnonzero(track.confidence[:_REFERENCE_WITHIN] > 0)
        seen = seen if len(seen) else np.flatnonzero(track.confidence > 0)
        landmarks = np.stack([apply_affine(track.landmarks[i], affines[i]) for i in seen])
        best = reference_frame(landmarks)
        wanted = int(seen[best])
        frame = next(frame for number, frame in target_frames(target, wanted + 1) if number == wanted)
        return Still(crop_face(frame, affines[wanted], self.models.crops.size), landmarks[best])

    def _faces(
        self,
        batch: list[tuple[int, int, np.ndarray]],
        track: FaceTrack,
        affines: np.ndarray,
        reference: Faces,
        source: Faces | None,
        windows: np.ndarray,
        stages: tuple[Stage, ...],
    ) -> np.ndarray:
        """One encoding, every stage in its order, one decoding: the crops (n, S, S, 3) of some frames."""
        size = self.models.crops.size
        with self.clock.part("crop"):
            crops = np.stack([crop_face(frame, affines[number], size) for _, number, frame in batch])
            landmarks = np.stack([apply_affine(track.landmarks[number], affines[number]) for _, number, _ in batch])
        with self.clock.part("encode"):
            faces = self.models.encode(crops, landmarks)
        for stage in stages:
            with self.clock.part(stage):
                faces = self._apply(stage, faces, source, reference, windows)
        with self.clock.part("decode"):
            return self.models.decode(faces)

    def _apply(
        self,
        stage: Stage,
        faces: Faces,
        source: Faces | None,
        reference: Faces | None = None,
        windows: np.ndarray | None = None,
    ) -> Faces:
        if stage == "swap":
            assert source is not None
            return self.models.swap(source, faces)
        if stage == "restore":
            return self.models.restore(faces)
        assert reference is not None
        if stage == "copy_lips":
            return self.models.copy_lips(faces, reference)
        assert windows is not None
        return self.models.speak(faces, reference, windows)


def _counted(batches: Iterable[np.ndarray], bar: tqdm[Any]) -> Iterator[np.ndarray]:
    """The batches, counted on the bar as they go by."""
    for batch in batches:
        yield batch
        bar.update(len(batch))


def _batches(frames: Iterable[tuple[int, np.ndarray]], size: int) -> Iterator[list[tuple[int, int, np.ndarray]]]:
    """Lists of (number in the output, number in the target, frame)."""
    pending: list[tuple[int, int, np.ndarray]] = []
    for output, (number, frame) in enumerate(frames):
        pending.append((output, number, frame))
        if len(pending) == size:
            yield pending
            pending = []
    if pending:
        yield pending
