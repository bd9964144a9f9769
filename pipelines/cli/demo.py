"""`swaptalk demo`"""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.cli.options import home_option


@click.command()
@home_option
def command(home: Path) -> None:
    """The whole graph on the phantom corpus, preset tiny, and one customised talking face of people nobody trained on.

    A second time everything is cached. Ends with two lines: where the report is, and where the video.
    """
    from pipelines.cli.run import make_everything

    status = make_everything(home, "tiny", None, None, "", {})
    video = customised_face(home)
    print(f"report: {status['report']}")
    print(f"video: {video}")


def customised_face(home: Path) -> Path:
    """The face of one held-out person on the video of a second, speaking with the voice of a third (or the first);
    made once a release.
    """
    from pipelines.cli.generate import make_video
    from swaptalk_models.data.home import Home
    from swaptalk_models.data.snapshot import load_snapshot
    from swaptalk_models.inference.release import current_release

    place, release = Home(home), current_release(home)
    clip_of = {row["person"]: row["clip"] for row in load_snapshot(place).clips("test")}
    people = sorted(clip_of)
    source, target, voice = (clip_of[people[index % len(people)]] for index in range(3))
    output = home / "demo" / f"{source}__{target}__{voice}__{release.name}.mp4"
    if not output.is_file():
        still = output.with_name(f"{source}.png")
        write_still(place.clip_video(source), still)
        make_video(still, place.clip_video(target), place.clip_audio(voice), output, release, home)
    return output


def write_still(video: Path, output: Path) -> None:
    """The first frame of a video, as PNG."""
    from swaptalk_models.data.aside import written_aside
    from swaptalk_models.data.png import encode_png
    from swaptalk_models.data.video import read_frames

    frame = next(iter(read_frames(video)))[0]
    with written_aside(output) as aside:
        aside.write_bytes(encode_png(frame))
