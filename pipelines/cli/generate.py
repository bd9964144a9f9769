"""`swaptalk generate`"""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.options import INPUT_FILE, INPUT_FOLDER, OUTPUT, home_option
from pipelines.instance import default_home, marks_folder
from swaptalk_models.data.store.output_file import check_output
from swaptalk_models.errors import UserError
from swaptalk_models.modules.model_folder import SHIPPED
from swaptalk_models.provenance.choice import MarkChoice

if TYPE_CHECKING:
    from swaptalk_models.inference.generator import GenerationResult


@click.command()
@click.option("--source", type=INPUT_FILE, required=True, help="Picture of the face that is wanted; any kind.")
@click.option(
    "--target",
    type=INPUT_FILE,
    required=True,
    help="Video that gives head, pose, hair and background; a still or an animation will do.",
)
@click.option("--audio", type=INPUT_FILE, required=True, help="What is to be said: a sound file, or a video's sound.")
@click.option("--output", type=OUTPUT, required=True, help="The mp4 to write.")
@click.option("--release", type=INPUT_FOLDER, help="A folder that `model_release` made; else the newest of the home.")
@click.option(
    "--detail",
    type=click.Choice(["on", "off"]),
    default="on",
    show_default=True,
    help="Skin, hair and lashes as fine as in SOURCE; off: what the networks make and nothing else.",
)
@click.option(
    "--engine",
    type=click.Choice(["auto", "torch", "openvino"]),
    default="auto",
    show_default=True,
    help="What runs the networks; auto: OpenVINO on a CPU, where the release was exported for it.",
)
@click.option("--device", default="auto", show_default=True, help="auto (CUDA where there is one), cpu, cuda, cuda:1.")
@click.option("--consent", metavar="TEXT", help="Who agreed, to what; kept in the job's record. Else it is asked for.")
@click.option("--label", is_flag=True, help="Draw a label that people see: AI-generated.")
@click.option("--unmarked", metavar="REASON", help="No manifest and no watermark, for this reason; it is recorded.")
@home_option
def command(
    source: Path,
    target: Path,
    audio: Path,
    output: Path,
    release: Path | None,
    detail: str,
    engine: str,
    device: str,
    consent: str | None,
    label: bool,
    unmarked: str | None,
    home: Path,
) -> None:
    """One customised talking face: the face of SOURCE on the head in TARGET, its lips moving with AUDIO.

    Swaps first, then moves the lips, both in the latent space; decodes once and pastes the face back into the whole
    picture, with the source's own detail. The output is as long as the audio. Runs on the newest release of the home;
    where no home is named and the default one has none, on the weights that come with the package.

    The video is marked as synthetic: a signed manifest in the file and a watermark in the face, which `swaptalk verify`
    reads. What it was made from, and who agreed, is kept in HOME/jobs.

    \b
    swaptalk generate --source anna.jpg --target ben.mp4 --audio carla.wav --output out.mp4
    swaptalk generate ... --consent "Anna and Carla, 3 May, for the school film" --label
    """
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
    run_on = {"engine": engine, "device": device}
    result = make_video(source, target, audio, output, release, home, detail == "on", choice, **run_on)
    if result.faceless:
        click.echo(f"{result.faceless} frames show no face and were passed through as they are", err=True)
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
    *,
    engine: str = "auto",
    device: str = "auto",
) -> GenerationResult:
    """Generate with a release, marked, and keep the job's record in the home."""
    from swaptalk_models.inference.engines.choice import choose_engine
    from swaptalk_models.inference.generator import Generator
    from swaptalk_models.inference.release import load_release
    from swaptalk_models.provenance.marks import job_marks

    folder, choice = release or chosen_release(home), choice or MarkChoice()
    inputs, options = {"source": source, "target": target, "voice": audio}, {"detail": detail, "label": choice.label}
    marks = job_marks(marks_folder(home), inputs, folder, output, options, choice)
    networks = load_release(folder, device)
    choose_engine(networks, folder, engine)
    return Generator(networks).generate(source, target, audio, output, detail=detail, marking=marks)


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


def chosen_release(home: Path) -> Path:
    """The newest release of the home; the shipped weights where the default home has none and was not asked for by name.

    Raises:
        UserError: there is neither.
    """
    from swaptalk_models.data.store.home import Home
    from swaptalk_models.inference.release import current_release

    try:
        return current_release(Home(home))
    except UserError:
        named = "SWAPTALK_HOME" in os.environ or home != default_home()
        if named or not SHIPPED.is_dir():
            raise
        return SHIPPED
