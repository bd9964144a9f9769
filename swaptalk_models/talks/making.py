"""Talking faces from Python, marked and recorded as those of the command line.

from swaptalk_models.talks.making import Talks

talks = Talks(home="data")
made = talks.make("anna.jpg", "ben.mp4", "carla.wav", "out.mp4", consent="Anna and Carla, for the school film")
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swaptalk_models.data.store.output_file import check_output
from swaptalk_models.data.store.storage_home import open_home
from swaptalk_models.errors import UserError
from swaptalk_models.inference.passing import Tally
from swaptalk_models.inference.progress import LOAD, Watch, unwatched
from swaptalk_models.provenance.choice import MarkChoice
from swaptalk_models.talks.cancelling import Stoppable, asking
from swaptalk_models.talks.places import chosen_release, default_home, marks_folder

if TYPE_CHECKING:
    from swaptalk_models.inference.generator import Generator

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class MadeTalk:
    """A finished video."""

    output: Path
    job: str
    """Name of its record in HOME/jobs."""
    tally: Tally
    """What became of the frames."""
    seconds: dict[str, float]
    """Time spent in each part."""


class Talks:
    """Makes talking faces with one release, which is loaded once, when it is first needed."""

    def __init__(
        self,
        home: PathLike | None = None,
        release: PathLike | None = None,
        device: str = "auto",
        engine: str = "auto",
    ) -> None:
        """
        Args:
            home: where records are kept, and the release in use is looked for; None: $SWAPTALK_HOME, else ./data, and where there
                is none the user's configuration, and the weights that come with the package.
            release: folder of a release; None: the one in use in the home.
            device: cpu, cuda, or auto.
            engine: what runs the networks: torch, openvino, or auto (OpenVINO on a CPU, where the release was exported for it).

        Raises:
            UserError: there is no release.
        """
        self.home = Path(home).expanduser().absolute() if home is not None else default_home()
        if release is None:
            open_home(self.home)
        self.release = Path(release) if release is not None else chosen_release(self.home)
        self._device, self._engine = device, engine

    @cached_property
    def _generator(self) -> Generator[Any]:
        from swaptalk_models.inference.engines.choice import choose_engine
        from swaptalk_models.inference.generator import Generator
        from swaptalk_models.inference.release import load_release

        networks = load_release(self.release, self._device)
        choose_engine(networks, self.release, self._engine)
        return Generator(networks)

    def make(
        self,
        source: PathLike,
        target: PathLike,
        audio: PathLike,
        output: PathLike,
        *,
        detail: bool = True,
        face: int | None = None,
        source_face: int | None = None,
        consent: str | None = None,
        label: bool = False,
        unmarked: str | None = None,
        how: str = "option",
        resume: bool = False,
        progress: bool = False,
        begun: Callable[[str], None] | None = None,
        stop: Callable[[], bool] | None = None,
        watch: Watch = unwatched,
    ) -> MadeTalk:
        """One customised talking face, an mp4 as long as the voice. Warnings say what people should know of it.

        Args:
            source: picture of the face that is wanted.
            target: video or picture that gives head and background.
            audio: sound, or a video whose sound is taken.
            output: the mp4 to write; it appears whole, or not at all.
            detail: whether the source's own fine detail is put on.
            face, source_face: which face of target and source, from 1; None: the largest and most central.
            consent: who agreed, to what; kept in the job's record. how: where these words come from.
            label: whether a label is drawn that people see.
            unmarked: the reason why there is to be neither manifest nor watermark.
            resume: go on where the same call was interrupted.
            begun: told the job's name before the work.
            stop: asked now and then; once it says yes, Cancelled is raised.
            watch: is told how far it is, see ``inference/progress.py``.

        Raises:
            UserError: a file that cannot be read or written, has no face or no sound, nothing can be signed; the message names it.
        """
        from swaptalk_models.inference.knowledge import read_knowledge
        from swaptalk_models.provenance.marks import JobMarks, job_of
        from swaptalk_models.provenance.unfinished import unfinished

        source, target, audio, path = Path(source), Path(target), Path(audio), Path(output)
        refuse((source, target, audio), path, unmarked)
        folder, choice = marks_folder(self.home), MarkChoice(consent, how, label, unmarked)
        faces: dict[str, int | None] = {"face": face, "source_face": source_face}
        inputs = {"source": source, "target": target, "voice": audio}
        options = {"detail": detail, "label": label, "engine": self._engine} | faces
        job = job_of(folder, inputs, self.release, options, choice)
        watch(LOAD, 0, 0)
        generator = self._generator
        with unfinished(path) as left:
            job, said = left.take(job, resume)
            if said:
                warnings.warn(f"{path.name}: {said}")
            if begun is not None:
                begun(job.id)
            marks = JobMarks(folder, job, path, label, unmarked)
            result = generator.generate(
                source,
                target,
                audio,
                path,
                detail=detail,
                face=face,
                source_face=source_face,
                knowledge=read_knowledge(self.release),
                marking=Stoppable(marks, stop) if stop is not None else marks,
                work=left.folder,
                progress=progress,
                watch=watch if stop is None else asking(stop, watch),
            )
        return MadeTalk(path, job.id, result.tally, result.seconds)


def refuse(inputs: Iterable[Path], output: Path, unmarked: str | None = None) -> None:
    """What can be refused at once.

    Raises:
        UserError: the output is no mp4, cannot be written or is an input, an input is not there, or a reason is empty.
    """
    if output.suffix.lower() != ".mp4":
        raise UserError(f"{output}: the output is an mp4 file, so its name must end in .mp4")
    for given in inputs:
        if not given.is_file():
            raise UserError(f"{given}: no such file")
    check_output(output, "output")
    if any(output.exists() and output.samefile(given) for given in inputs):
        raise UserError(f"{output} is one of the inputs, and those are never changed")
    if unmarked is not None and not unmarked.strip():
        raise UserError("unmarked: say why this video goes without marks")
