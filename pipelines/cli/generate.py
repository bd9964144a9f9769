"""`swaptalk generate`"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.options import INPUT_FILE, INPUT_FOLDER, OUTPUT, home_option
from pipelines.instance import marks_folder
from swaptalk_models.data.store.output_file import check_output
from swaptalk_models.errors import UserError
from swaptalk_models.provenance.choice import MarkChoice

if TYPE_CHECKING:
    from swaptalk_models.inference.passing import Tally
    from swaptalk_models.talks.making import MadeTalk


@click.command()
@click.option("--source", type=INPUT_FILE, required=True, help="Picture of the face that is wanted; any kind.")
@click.option(
    "--target",
    type=INPUT_FILE,
    required=True,
    help="Video that gives head, pose, hair and background; a still or an animation will do.",
)
@click.option("--audio", type=INPUT_FILE, help="What is to be said: a sound file, or a video's sound.")
@click.option("--output", type=OUTPUT, help="The mp4 to write.")
@click.option(
    "--face", type=click.IntRange(1), metavar="N", help="Which face in TARGET; else the largest, most central."
)
@click.option("--source-face", type=click.IntRange(1), metavar="N", help="Which face in SOURCE; else the same.")
@click.option(
    "--faces", type=OUTPUT, metavar="PICTURE", help="Write a picture with all faces numbered, and make no video."
)
@click.option(
    "--release", type=INPUT_FOLDER, help="A folder that `model_release` made; else the one in use in the home."
)
@click.option(
    "--detail",
    type=click.Choice(["on", "off"]),
    default="on",
    show_default=True,
    help="Skin, hair and lashes as fine as in SOURCE; off: what the networks make and nothing else.",
)
@click.option("--resume", is_flag=True, help="Go on where the same command was interrupted or killed.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "torch", "openvino"]),
    default="auto",
    show_default=True,
    help="What runs the networks; auto: OpenVINO on a CPU, where the release was exported for it, else torch in the device's quickest precision; torch: in float32.",
)
@click.option("--device", default="auto", show_default=True, help="auto (CUDA where there is one), cpu, cuda, cuda:1.")
@click.option("--consent", metavar="TEXT", help="Who agreed, to what; kept in the job's record. Else it is asked for.")
@click.option("--label", is_flag=True, help="Draw a label that people see: AI-generated.")
@click.option("--unmarked", metavar="REASON", help="No manifest and no watermark, for this reason; it is recorded.")
@home_option
def command(
    source: Path,
    target: Path,
    audio: Path | None,
    output: Path | None,
    face: int | None,
    source_face: int | None,
    faces: Path | None,
    release: Path | None,
    detail: str,
    resume: bool,
    engine: str,
    device: str,
    consent: str | None,
    label: bool,
    unmarked: str | None,
    home: Path,
) -> None:
    """One customised talking face: the face of SOURCE on the head in TARGET, its lips moving with AUDIO.

    Swaps first, then moves the lips, both in the latent space; decodes and pastes the face back into the whole
    picture, with the source's own detail and lips. The output is as long as the audio. Runs on the home's release in use (see
    `swaptalk releases`); where no home is named and the default one has none, on the weights that come with the package.

    The video is marked as synthetic: a signed manifest in the file and a watermark in the face, which `swaptalk verify`
    reads. What it was made from, and who agreed, is kept in HOME/jobs.

    What an interrupted or killed command had finished stays in a hidden folder beside OUTPUT until --resume goes on with
    it; OUTPUT is whole, or not there.

    Where SOURCE or TARGET shows several people, --faces shows them numbered, and --face and --source-face choose.

    \b
    swaptalk generate --source anna.jpg --target ben.mp4 --audio carla.wav --output out.mp4
    swaptalk generate --source anna.jpg --target group.mp4 --faces faces.png
    swaptalk generate ... --consent "Anna and Carla, 3 May, for the school film" --label
    """
    if faces is not None:
        _show_faces(source, target, faces)
        return
    if audio is None or output is None:
        missing = "--audio" if audio is None else "--output"
        raise click.UsageError(f"Missing option '{missing}'.", click.get_current_context())
    if output.suffix.lower() != ".mp4":
        raise UserError(f"--output {output}: the name must end in .mp4")
    check_output(output)
    for given in (source, target, audio):
        if output.exists() and output.samefile(given):
            raise UserError(f"--output {output} is one of the inputs, and those are never changed")
    if unmarked is not None and not unmarked.strip():
        raise UserError("--unmarked: say why this video goes without marks")
    choice = MarkChoice(consent, label=label, unmarked=unmarked)
    if not consent:
        choice = _asked(choice, {"source": source, "target": target, "voice": audio}, home)
    try:
        chosen = {
            "detail": detail == "on",
            "choice": choice,
            "face": face,
            "source_face": source_face,
            "engine": engine,
            "device": device,
        }
        result = make_video(source, target, audio, output, release, home, resume=resume, **chosen)
    except KeyboardInterrupt:
        click.echo(f"swaptalk: {_interrupted(output)}", err=True)
        sys.exit(130)
    for line in told(result.tally):
        click.echo(line, err=True)
    click.echo(f"video: {output}")


def make_video(
    source: Path,
    target: Path,
    audio: Path,
    output: Path,
    release: Path | None,
    home: Path,
    detail: bool = True,
    choice: MarkChoice | None = None,
    face: int | None = None,
    source_face: int | None = None,
    resume: bool = False,
    engine: str = "auto",
    device: str = "auto",
) -> MadeTalk:
    """Generate with a release, marked, and keep the job's record in the home."""
    from swaptalk_models.talks.making import Talks

    choice = choice or MarkChoice()
    said = {"consent": choice.consent, "how": choice.how, "label": choice.label, "unmarked": choice.unmarked}
    chosen = {"detail": detail, "face": face, "source_face": source_face, "resume": resume}
    return Talks(home, release, device, engine).make(source, target, audio, output, progress=True, **chosen, **said)


_PASSED = {
    "no face": "{} frames show no face and were passed through as they are",
    "turned away": "{} frames show the face turned away and were passed through as they are",
    "covered": "{} frames show the face covered and were passed through as they are",
}


def told(tally: Tally) -> list[str]:
    """What became of the frames in which not all was made, a line a reason."""
    lines = [_PASSED[reason].format(count) for reason, count in tally.passed_through.items()]
    if tally.partly_covered:
        lines.append(f"{tally.partly_covered} frames show something before the face, which was left there")
    return lines


def _interrupted(output: Path) -> str:
    from swaptalk_models.provenance.unfinished import Unfinished, clock

    frames = Unfinished(output).frames
    if not frames:
        return "interrupted: nothing of it was finished yet"
    return f"interrupted: {clock(frames)} of it are finished; the same command with --resume goes on from there"


def _show_faces(source: Path, target: Path, picture: Path) -> None:
    """Write a picture of the source and of frames of the target, with a number at each face."""
    from swaptalk_models.data.media.png import encode_png
    from swaptalk_models.data.store.atomic_write import atomic_write
    from swaptalk_models.inference.whose_face import all_numbered

    if picture.suffix.lower() != ".png":
        raise UserError(f"--faces {picture}: the name must end in .png")
    check_output(picture, "--faces")
    image, sources, targets = all_numbered(source, target)
    with atomic_write(picture) as aside:
        aside.write_bytes(encode_png(image))
    click.echo(f"{source.name}: {sources} face{'s' * (sources > 1)} (--source-face), on the left")
    click.echo(f"{target.name}: {targets} face{'s' * (targets > 1)} (--face)")
    click.echo(f"faces: {picture}")


def _asked(choice: MarkChoice, inputs: dict[str, Path], home: Path) -> MarkChoice:
    """Ask for the consent, once for the same files, where somebody can answer; else say that none is noted."""
    from swaptalk_models.provenance.jobs import Input, JobStore

    if JobStore(marks_folder(home)).consent_for({role: Input.of(path) for role, path in inputs.items()}):
        return choice
    if sys.stdin.isatty() and sys.stderr.isatty():
        question = "Whose face and voice are these, and to what did they agree? (Enter: not noted)"
        said = click.prompt(question, default="", show_default=False, err=True).strip()
        if said:
            return dataclasses.replace(choice, consent=said, how="terminal")
    click.echo("no consent is noted in the job's record: say who agreed, to what, with --consent", err=True)
    return choice
