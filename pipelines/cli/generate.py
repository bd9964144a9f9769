"""`swaptalk generate`"""

from __future__ import annotations

import os
from pathlib import Path

import click

from pipelines.cli.options import INPUT_FILE, INPUT_FOLDER, OUTPUT, home_option
from pipelines.instance import default_home
from swaptalk_models.data.store.output_file import check_output
from swaptalk_models.errors import UserError
from swaptalk_models.modules.model_folder import SHIPPED


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
@home_option
def command(
    source: Path, target: Path, audio: Path, output: Path, release: Path | None, detail: str, home: Path
) -> None:
    """One customised talking face: the face of SOURCE on the head in TARGET, its lips moving with AUDIO.

    Swaps first, then moves the lips, both in the latent space; decodes once and pastes the face back into the whole
    picture, with the source's own detail. The output is as long as the audio. Runs on the newest release of the home;
    where no home is named and the default one has none, on the weights that `make weights` put into the package.

    \b
    swaptalk generate --source anna.jpg --target ben.mp4 --audio carla.wav --output out.mp4
    """
    if output.suffix.lower() != ".mp4":
        raise UserError(f"--output {output}: the name must end in .mp4")
    check_output(output)
    for given in (source, target, audio):
        if output.exists() and output.samefile(given):
            raise UserError(f"--output {output} is one of the inputs, and those are never changed")
    result = make_video(source, target, audio, output, release, home, detail=detail == "on")
    if result.faceless:
        click.echo(f"{result.faceless} frames show no face and were passed through as they are", err=True)
    click.echo(f"video: {output}")


def make_video(
    source: Path, target: Path, audio: Path, output: Path, release: Path | None, home: Path, detail: bool = True
):
    """Generate with a release. Returns the generator's GenerationResult."""
    from swaptalk_models.inference.generator import Generator
    from swaptalk_models.inference.release import load_release

    networks = load_release(release or chosen_release(home))
    return Generator(networks).generate(source, target, audio, output, detail=detail)


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
