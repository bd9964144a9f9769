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

    status = make_everything(home, "tiny")
    video = customised_face(home)
    print(f"report: {status['report']}")
    print(f"video: {video}")


def customised_face(home: Path) -> Path:
    """The first cross-driven scene of the evaluation once more, by the release alone: the face of one held-out person on the video of a second,
    with another's voice. Made once a release.
    """
    from pipelines.cli.generate import make_video
    from swaptalk_models.data.store.home import Home
    from swaptalk_models.data.store.release_log import current_release
    from swaptalk_models.evaluation.measure.scene_videos import evaluation_folder, load_videos
    from swaptalk_models.provenance.choice import MarkChoice
    from swaptalk_models.settings.methods import CROSS, OURS
    from swaptalk_models.settings.preset import load_preset

    release = current_release(Home(home))
    videos = load_videos(evaluation_folder(Home(home), load_preset("tiny")))
    scene = next(video for video in videos if video["setting"] == CROSS and video["method"] == OURS)
    source, target, audio = Path(scene["source"]), Path(scene["target"]), Path(scene["audio"])
    output = home / "demo" / f"{source.stem}__{target.stem}__{audio.stem}__{release.name}.mp4"
    if not output.is_file():
        choice = MarkChoice(consent="drawn people and synthetic voices: nobody's face, nobody's voice")
        make_video(source, target, audio, output, release, home, choice=choice)
    return output
