"""`swaptalk studio`"""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.cli.options import INPUT_FOLDER, home_option


@click.command()
@home_option
@click.option(
    "--release", type=INPUT_FOLDER, help="A folder that `model_release` made; else the one in use in the home."
)
@click.option("--port", type=click.IntRange(0, 65535), default=3002, show_default=True, help="0: a free one.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen at; beyond this machine only with a token.",
)
@click.option("--token", is_flag=True, help="Ask for a token on this machine, too: where others have accounts on it.")
@click.option(
    "--most-mb", type=click.IntRange(1), default=500, show_default=True, help="Largest file that is taken (MB)."
)
@click.option("--most-minutes", type=click.FloatRange(0.1), default=10, show_default=True, help="Longest voice (min).")
@click.option(
    "--memory-mb",
    type=click.IntRange(512),
    default=3072,
    show_default=True,
    help="Memory for looking at one file (MB).",
)
def command(
    home: Path,
    release: Path | None,
    port: int,
    host: str,
    token: bool,
    most_mb: int,
    most_minutes: float,
    memory_mb: int,
) -> None:
    """Talking faces in the browser: drop a picture, a video and a voice, look at a preview, make the video.

    Runs on the home's release in use; where no home is named and the default one has none, on the weights that come with the package.
    Each video is a Dagster run with lineage, marked as those of `swaptalk generate`. Ctrl-C ends the studio; a video that is
    being made goes on, and is there when the studio comes back.

    Only this machine can reach it. With --host it can be reached from elsewhere by whoever has the token, which lies in HOME/studio/token
    (or is $SWAPTALK_STUDIO_TOKEN). The traffic is not encrypted: put a proxy with TLS in front of it, or use `ssh -L`.

    \b
    swaptalk studio
    swaptalk studio --home ~/talks-home --port 8080
    swaptalk studio --host 0.0.0.0
    """
    from pipelines.studio.limits import Limits
    from pipelines.studio.places import StudioPlace
    from pipelines.studio.security import ENTER, is_loopback, load_secret
    from pipelines.studio.serve import listen, serve
    from pipelines.studio.studio import StudioSettings
    from pipelines.studio.uploads import UploadLimits

    place = StudioPlace(home).create()
    secret = load_secret(place.token) if token or not is_loopback(host) else None
    look = Limits(memory=memory_mb << 20)
    limits = UploadLimits(most_bytes=most_mb * 1_000_000, most_s=most_minutes * 60, look=look)
    listening = listen(host, port)
    called = f"[{host}]" if ":" in host else host
    address = f"http://{called}:{listening.getsockname()[1]}"
    click.echo(f"home: {home}   studio: {address}")
    if secret is not None:
        click.echo(f"opens once: {address}{ENTER}?key={secret.key}")
        click.echo(f"token: {place.token}")
    serve(StudioSettings(home, release, limits, secret), listening)
