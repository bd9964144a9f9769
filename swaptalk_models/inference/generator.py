"""One customised talking face: the source's face on the target video, its lips following the audio.

    source ---encode---+
    target ---encode---+--> swap --> lip-sync with the audio --> decode --> (source's detail and lips) --> paste back
    reference -encode--+--> swap ----^

What is given is looked at (given.py); what is made are the faces (face_maker.py); what is written is the video (here).
Two passes over the target: the first follows its face, the second makes the video. Memory does not grow with its length.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Generic

import numpy as np
from tqdm import tqdm

from swaptalk_models.classical.occlusion import TypicalFace
from swaptalk_models.data.faces.alignment import crop_affines
from swaptalk_models.data.faces.face_track import FaceTrack
from swaptalk_models.data.faces.looks import STEADY_LOOK, Looks
from swaptalk_models.data.faces.tracking import Whose, track_faces
from swaptalk_models.data.media.timeline import frames_at_25, length_at_25
from swaptalk_models.data.media.video import frames_at_once
from swaptalk_models.inference.face_maker import FaceMaker, Made, Shown
from swaptalk_models.inference.face_models import FaceModels, Faces
from swaptalk_models.inference.given import Given, read_given
from swaptalk_models.inference.knowledge import Knowledge, unlike_source, unlike_target
from swaptalk_models.inference.marking import Marking, NoMarks
from swaptalk_models.inference.overlap import Behind, ahead
from swaptalk_models.inference.passing import COVERED, MOST_COVERED, NO_FACE, Tally, left_alone
from swaptalk_models.inference.paste import paste_face
from swaptalk_models.inference.progress import FINISH, FOLLOW, GENERATE, Watch, unwatched
from swaptalk_models.inference.resumable_writer import PIECE, ResumableWriter, keep_track, kept_track
from swaptalk_models.inference.source_picture import closed_eyes
from swaptalk_models.inference.stand_in import is_needed
from swaptalk_models.inference.stopwatch import Stopwatch
from swaptalk_models.inference.target import target_frames
from swaptalk_models.inference.whose_face import chosen, people_of, tells
from swaptalk_models.settings.data import FacesConfig
from swaptalk_models.settings.methods import Stage

_BATCH = 16

SWAP_THEN_SYNC: tuple[Stage, ...] = ("swap", "speak")


@dataclass(frozen=True)
class GenerationResult:
    """What was made."""

    output: Path
    frames: int
    tally: Tally
    """What became of them."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Time spent in each part: track, crop, encode, swap, speak, decode, finish, paste, mark and write. Writing and what belongs to it run
    beside the networks."""

    @property
    def faceless(self) -> int:
        """Frames without a face: passed through as they were."""
        return self.tally.passed_through.get(NO_FACE, 0)


class Generator(Generic[Faces]):
    """Makes talking faces with a set of models: ours in latent space, or others that are compared with them."""

    def __init__(self, models: FaceModels[Faces]) -> None:
        self.models = models
        self.clock = Stopwatch()

    def follow(
        self, target: Path, progress: bool = True, face: int | None = None, watch: Watch = unwatched
    ) -> FaceTrack:
        """The face of a target video; a warning says whose, where there are several people.

        Args:
            face: which one, from 1; None: the largest and most central.
            watch: is told how far it is.

        Raises:
            UserError: there is none, or no such one.
        """
        target, config = Path(target), self.any_face()
        whose = _whose(target, config, face)
        length = length_at_25(target)
        watch(FOLLOW, 0, length)
        with tqdm(total=length, desc="following the face", unit="frame", disable=None if progress else True) as bar:
            frames = _counted(frames_at_25(target), bar, length, watch)
            return track_faces(frames, config, target.name, length, whose, Looks())

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
        face: int | None = None,
        source_face: int | None = None,
        knowledge: Knowledge | None = None,
        marking: Marking | None = None,
        work: Path | None = None,
        progress: bool = True,
        watch: Watch = unwatched,
    ) -> GenerationResult:
        """Write ``output``, an mp4 as long as the audio, of the target's size, with the audio as its sound, at its own
        rate and with its own channels.

        Args:
            source: picture of the face to put on; None keeps the target's own.
            target: talking-head video, or a still. One shorter than the audio goes back and forth; frames without a face pass through.
            audio: sound file, or a video whose sound is taken.
            stages: what is done to each face, in this order.
            track: what ``follow`` gave for this target before.
            detail: whether swapped faces get the source's own detail (classical/detail.py) and lips (classical/lips.py) at the target's
                resolution; off, they are what the networks made and nothing else.
            face, source_face: which face of target and source, from 1; None: the largest and most central.
            knowledge: whom the models were trained on; a warning says before the work where a face is unlike theirs. Where they were drawn people
                and the source is none, a drawn face speaks in its stead (stand_in.py).
            marking: what marks the video as synthetic on its way into the file (provenance/marks.py); None marks nothing.
            work: folder in which finished parts are kept until the video is whole. What an interrupted call with the same arguments left
                there is gone on with. None: an interrupted call leaves nothing.
            progress: whether bars are shown on a terminal. watch: is told how far it is; what it raises ends the generation.

        Raises:
            UserError: a file that cannot be read, has no face or no sound; the message names it.
        """
        given = read_given(source, Path(target), Path(audio), Path(output), self.any_face(), source_face)
        stand_in = False
        if given.source is not None:
            name = Path(source or "").name
            _warn(closed_eyes(given.source.landmarks, name))
            if knowledge is not None:
                strange = unlike_source(knowledge, given.source.image, given.source.landmarks, name)
                _warn(strange)
                stand_in = is_needed(knowledge, strange)
        self.clock = Stopwatch()
        with self.clock.part("track"):
            track = (
                track or (kept_track(work) if work is not None else None) or self.follow(target, progress, face, watch)
            )
        if work is not None:
            keep_track(work, track)
        if knowledge is not None:
            _warn(unlike_target(knowledge, track, given.target.name))
        maker = FaceMaker(self.models, given, track, stages, detail, self.clock, stand_in)
        marking = marking or NoMarks()
        writer = ResumableWriter(Path(output), given.info, given.voice, marking, work)
        return _write(given, track, maker, writer, marking, self.clock, progress, watch)

    def any_face(self) -> FacesConfig:
        """How faces are found, without what a training asks for: how many there are, and how large."""
        return replace(self.models.faces, min_found=1e-6, min_face=1)


def _whose(target: Path, config: FacesConfig, face: int | None) -> Whose | None:
    """What tells who is followed from others; None where there are none."""
    people = people_of(target, config)
    if not people:  # in the first seconds: whoever comes
        return None
    place, said = chosen(len(people), face, target.name, "--face")
    _warn(said)
    return tells(people, place) if len(people) > 1 else None


def _warn(said: str | None) -> None:
    if said:
        warnings.warn(said)


def _write(
    given: Given,
    track: FaceTrack,
    maker: FaceMaker[Any],
    writer: ResumableWriter,
    marking: Marking,
    clock: Stopwatch,
    progress: bool,
    watch: Watch,
) -> GenerationResult:
    """Put the faces into the target's frames, and those into the file. Reading goes on before the networks, writing behind them."""
    tally = Tally(**writer.noted)
    reasons, typical = left_alone(track), TypicalFace.of(track)
    aligned = crop_affines(track.landmarks, STEADY_LOOK)
    shown = None if progress else True
    bar = tqdm(total=given.count, initial=writer.done, desc="generating", unit="frame", disable=shown)

    def write(batch: list[Shown], made: Made) -> None:
        for crop, mouth, (place, number, frame) in zip(made.crops, maker.mouths(made), batch, strict=True):
            reason, before = reasons[number], None
            if reason is None and typical is not None:
                with clock.part("occlusion"):
                    before = typical.before(frame, track.landmarks[number], aligned[number])
                reason = COVERED if before is not None and before.share > MOST_COVERED else None
            if reason is None:
                face = maker.finished(crop, number, mouth)
                kept = [one for one in (before, maker.glasses_before(frame, number)) if one is not None]
                with clock.part("paste"):
                    frame = paste_face(frame, *face, before=kept)
                frame = maker.settled(frame, number, mouth)
            tally.count(reason, covered=before is not None)
            with clock.part("mark"):
                frame = marking.on_frame(frame, place, number if reason is None else None)
            with clock.part("write"):
                writer.write(frame, tally.to_json())
            bar.update()
            watch(GENERATE, tally.frames, given.count)

    watch(GENERATE, tally.frames, given.count)
    marking.begin(track)
    frames = target_frames(given.target, given.count)
    batches = ahead(_batches(frames, frames_at_once(given.info, _BATCH), writer.done))
    with bar, writer:
        with Behind() as behind, closing(batches):
            for batch in batches:
                behind.do(partial(write, batch, maker.make(batch)))
        watch(FINISH, given.count, given.count)
        writer.finish(tally.to_json())
        marking.end(tally.to_json())
    spent = {name: round(value, 3) for name, value in clock.seconds.items()}
    return GenerationResult(writer.path, tally.frames, tally, spent)


def _counted(batches: Iterable[np.ndarray], bar: tqdm[Any], length: int, watch: Watch) -> Iterator[np.ndarray]:
    """The batches, counted as they go by; ``length``: about how many frames there are."""
    done = 0
    for batch in batches:
        yield batch
        done += len(batch)
        bar.update(len(batch))
        watch(FOLLOW, done, max(done, length))


def _batches(frames: Iterable[tuple[int, np.ndarray]], size: int, first: int = 0) -> Iterator[list[Shown]]:
    """The frames of the output from ``first`` on, some at a time; none reach over the end of a piece."""
    pending: list[Shown] = []
    for place, (number, frame) in enumerate(frames):
        if place < first:
            continue
        pending.append(Shown(place, number, frame))
        if len(pending) == size or (place + 1) % PIECE == 0:
            yield pending
            pending = []
    if pending:
        yield pending
