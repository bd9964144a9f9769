"""Evaluates the panels of side-by-side comparison videos, method by method, and holds the result against the SwapTalk paper's table:

    python docs/scripts/compared.py FOLDER [--home HOME] [--syncnet FILE] [--inception FILE] [--output docs/results/compared.md]

FOLDER holds SOURCE__TARGET.mp4 as the paper's authors published them: five panels of one width (source picture, target, Sync-Swap, Swap-Sync,
SwapTalk) under a caption. Each panel is cut into a video of its own, without loss, and measured as anybody's video would be. The page
holds figures only, no picture of anybody.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import cv2
import numpy as np

from swaptalk_models.data.faces.detection import detect_face
from swaptalk_models.data.faces.landmarks import interocular
from swaptalk_models.data.media.audio import read_audio
from swaptalk_models.data.media.png import encode_png
from swaptalk_models.data.media.video import probe, read_frames, read_image
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.errors import BadClip, UserError
from swaptalk_models.evaluation.measure.file_pairs import pair_files
from swaptalk_models.evaluation.measure.folder_table import evaluation_table
from swaptalk_models.evaluation.measure.scoring import score_videos
from swaptalk_models.metrics.confidence import bootstrap_difference
from swaptalk_models.metrics.dlib_judge import identity_embeddings
from swaptalk_models.metrics.table import BY_KEY
from swaptalk_models.modules.model_folder import current
from swaptalk_models.settings.data import FacesConfig
from swaptalk_models.settings.evaluation import EvaluationConfig

RESULTS = Path(__file__).parents[1] / "results"
PANELS = ("source", "target", "Sync-Swap", "Swap-Sync", "SwapTalk")
METHODS = PANELS[2:]
CAPTION = 20  # px
# The paper's main table, cross-driven.
PAPER = {
    "Sync-Swap": {"fid": 12.7, "ssim": 0.899, "cpbd": 0.483, "lse_c": 7.52, "id_retrieve": 84.2, "consistency": 77.83},
    "Swap-Sync": {"fid": 11.6, "ssim": 0.900, "cpbd": 0.484, "lse_c": 8.62, "id_retrieve": 82.6, "consistency": 76.63},
    "SwapTalk": {"fid": 11.0, "ssim": 0.905, "cpbd": 0.524, "lse_c": 8.94, "id_retrieve": 87.6, "consistency": 80.19},
}
LIKE = {"id_similarity": "id_retrieve"}
"""Metrics that the paper does not have, and the one whose order they should show."""
SHOWN = (
    "id_similarity",
    "target_similarity",
    "id_retrieve",
    "consistency",
    "frame_to_frame",
    "ssim",
    "psnr",
    "cpbd",
    "fid",
    "lse_c",
    "lse_d",
)


def cut_panels(folder: Path, work: Path) -> None:
    """work/made/METHOD/NAME.mp4, work/target/NAME.mp4 and work/source/NAME.png of every comparison in `folder`."""
    videos = sorted(folder.glob("*__*.mp4"))
    if not videos:
        raise UserError(f"{folder}: no SOURCE__TARGET.mp4 in there")
    for video in videos:
        sound, name = read_audio(video), video.name
        places = {"target": work / "target"} | {method: work / "made" / method for method in METHODS}
        for place in (*places.values(), work / "source"):
            place.mkdir(parents=True, exist_ok=True)
        still = write_panels(video, {panel: (place / name, sound) for panel, place in places.items()}, crf=0)
        (work / "source" / f"{video.stem}.png").write_bytes(encode_png(still))


def write_panels(video: Path, wanted: dict[str, tuple[Path, np.ndarray]], crf: int) -> np.ndarray:
    """Some panels as videos of their own, {panel: (file, its sound)}. Gives the source picture, (H, W, 3)."""
    info, still = probe(video), None
    width, height = info.width // len(PANELS), info.height - CAPTION
    with ExitStack() as open_files:
        writers = {
            panel: open_files.enter_context(VideoWriter(path, width, height, info.fps, sound, crf=crf))
            for panel, (path, sound) in wanted.items()
        }
        for frame in itertools.chain.from_iterable(read_frames(video)):
            parts = {panel: frame[CAPTION:, i * width : (i + 1) * width] for i, panel in enumerate(PANELS)}
            still = parts["source"] if still is None else still
            for panel, writer in writers.items():
                writer.write(parts[panel])
    return still


def measure(folder: Path, work: Path, judge: Path | None, config: EvaluationConfig) -> dict:
    """The evaluation's table, as `swaptalk evaluate --generated work/made ...` would give it. The panels stay in ``work``."""
    cut_panels(folder, work)
    pairs = pair_files(work / "made", work / "target", work / "source", None, work / "source")
    # The target's lips follow another sound, which is not in the file: said here, as nothing could tell.
    pairs = [(method, dataclasses.replace(files, setting="cross")) for method, files in pairs]
    scores = score_videos([files for _, files in pairs], judge, FacesConfig(), config, work / "features")
    return evaluation_table(pairs, scores, config)


def _blurred(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), 0.04 * float(interocular(landmarks[None])[0]))


def _grey(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def _above_the_mouth(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Grey from the nose down."""
    image = image.copy()
    image[max(0, round(float(landmarks[33, 1]))) :] = 128
    return image


VIEWS = {
    "as it is": lambda image, landmarks: image,
    "blurred, so that all are alike sharp": _blurred,
    "without colour": _grey,
    "down to the nose": _above_the_mouth,
}
"""Ways to look at a frame (H, W, 3), whose landmarks are known: what would explain an order of identities?"""
_LOOKS = 8  # frames of a video
_ANY_SIZE = dataclasses.replace(FacesConfig(), min_face=1)


def views(work: Path) -> dict[str, dict[str, list[float]]]:
    """{view: {method: mean cosine to the source of each scene}}, source and frames seen alike, by the identity judge. Frames in which
    a method has no face are left out for all.
    """
    found: dict[str, dict[str, list[float]]] = {view: {method: [] for method in METHODS} for view in VIEWS}
    for path in sorted((work / "source").glob("*.png")):
        videos = {method: work / "made" / method / f"{path.stem}.mp4" for method in METHODS}
        faces = {method: _faces(video) for method, video in videos.items()}
        shared = sorted(set.intersection(*(set(of_frame) for of_frame in faces.values())))
        source = read_image(path)
        real = (source, detect_face(source, _ANY_SIZE, path.name).landmarks)
        for view, see in VIEWS.items():
            embedded = _embedded(see, [real])[0]
            for method in METHODS:
                made = _embedded(see, [faces[method][number] for number in shared])
                found[view][method].append(float((made @ embedded).mean()))
    return found


def _faces(video: Path) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """{frame number: (frame, landmarks)} of some frames, evenly spread, where there is a face."""
    wanted = set(np.linspace(0, probe(video).frames - 1, _LOOKS).astype(int).tolist())
    found = {}
    for number, frame in enumerate(itertools.chain.from_iterable(read_frames(video))):
        if number in wanted:
            with suppress(BadClip):
                found[number] = (frame, detect_face(frame, _ANY_SIZE, video.name).landmarks)
    return found


def _embedded(see: Callable, faces: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    images = [np.ascontiguousarray(see(*face)) for face in faces]
    return identity_embeddings(images, [landmarks for _, landmarks in faces])


def views_page(found: dict[str, dict[str, list[float]]]) -> list[str]:
    """Identity similarity in each view: means and paired differences."""
    pairs = list(itertools.combinations(reversed(METHODS), 2))
    head = ["seen", *METHODS, *(f"{first} - {second}" for first, second in pairs)]
    lines = ["## Identity, seen in other ways", ""]
    lines += [
        f"Mean cosine of {_LOOKS} frames a scene to the source; source and frames are changed alike before the judge sees them.",
        "",
    ]
    lines += [f"| {' | '.join(head)} |", "|---|" + "--:|" * (len(head) - 1)]
    for view, sides in found.items():
        gaps = [bootstrap_difference(sides[first], sides[second], paired=True) for first, second in pairs]
        cells = [f"{np.mean(sides[method]):.3f}" for method in METHODS]
        cells += [f"{gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]" for gap in gaps]
        lines.append(f"| {' | '.join([view, *cells])} |")
    return [*lines, ""]


def page(table: dict, command: str, about: str = "", further: list[str] | None = None) -> str:
    rows = {row["method"]: row for row in table["rows"]}
    shown = [name for name in SHOWN if any(rows[method]["cells"][name]["value"] is not None for method in METHODS)]
    differences = [
        _difference(table["videos"], name, first, second)
        for name in shown
        for first, second in (("SwapTalk", "Sync-Swap"), ("SwapTalk", "Swap-Sync"), ("Sync-Swap", "Swap-Sync"))
    ]
    lines = ["# The authors' own comparison videos, measured by our tool", ""]
    judges = "; ".join(f"{role}: {judge or 'none given, not measured'}" for role, judge in table["judges"].items())
    lines += [
        f"{rows['SwapTalk']['videos']} cross-driven scenes, {len(METHODS)} methods; made by `{command}`. Judges: {judges}."
    ]
    lines += ["", *_verdicts(differences), "", *([about.strip(), ""] if about else []), "## Means", ""]
    lines += ["Over videos, with 95 % bootstrap intervals; in brackets the paper's figure, on its own data and judges."]
    lines += [
        "CPBD counts edges by their width in pixels: these panels are 320 px wide, and no value of another resolution compares.",
        "",
    ]
    lines += [f"| metric | better | {' | '.join(METHODS)} |", "|---|---|" + "---|" * len(METHODS)]
    for name in shown:
        cells = [_cell(rows[method]["cells"][name], PAPER[method].get(name)) for method in METHODS]
        lines.append(f"| {name} | {BY_KEY[name].better} | {' | '.join(cells)} |")
    lines += ["", "## Differences, scene by scene", ""]
    lines += [
        "Paired over scenes, 95 % intervals. Agree or disagree where the interval leaves zero out, else undecided.",
        "",
    ]
    lines += ["| metric | difference | ours | interval | paper | verdict |", "|---|---|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in differences]
    left_out = [
        f"{count} {reason} ({method})"
        for method in METHODS
        for reason, count in rows[method]["excluded"].items()
        if count
    ]
    frames = [f"{method} {rows[method]['frames']}" for method in METHODS]
    lines += ["", f"Frames measured: {', '.join(frames)}. Left out: {'; '.join(left_out) or 'none'}.", ""]
    return "\n".join(lines + (further or []))


def _verdicts(differences: list[list[str]]) -> list[str]:
    counts = {
        verdict: sum(row[-1] == verdict for row in differences) for verdict in ("agree", "**disagree**", "undecided")
    }
    said = ", ".join(f"{count} {verdict.strip('*')}" for verdict, count in counts.items())
    lines = [f"Of the paper's differences between these methods: {said}. Disagreements:", ""]
    found = [
        f"- {name}, {pair}: ours {ours} {interval}, paper {paper}"
        for name, pair, ours, interval, paper, v in differences
        if "dis" in v
    ]
    return lines + (found or ["- none"])


def _cell(cell: dict, paper: float | None) -> str:
    if cell["value"] is None:
        return "-"
    theirs = f" ({paper:g})" if paper is not None else ""
    return f"{cell['value']:.3f} [{cell['low']:.3f}, {cell['high']:.3f}]{theirs}"


def _difference(videos: list[dict], name: str, first: str, second: str) -> list[str]:
    """Metric, methods, our difference, its interval, the paper's, verdict."""
    sides = [
        {video["video"]: video[name] for video in videos if video["method"] == method} for method in (first, second)
    ]
    scenes = sorted(sides[0].keys() & sides[1].keys())
    gap = bootstrap_difference(*([side[scene] for scene in scenes] for side in sides), paired=True)
    row = [name, f"{first} - {second}", f"{gap.value:+.3f}", f"[{gap.low:+.3f}, {gap.high:+.3f}]"]
    theirs = [PAPER[method].get(LIKE.get(name, name)) for method in (first, second)]
    if None in theirs:
        return [*row, "", ""]
    expected = theirs[0] - theirs[1]
    decided = gap.low > 0 or gap.high < 0
    verdict = "undecided" if not decided else "agree" if np.sign(gap.value) == np.sign(expected) else "**disagree**"
    return [*row, f"{expected:+.3g}" + (f" ({LIKE[name]})" if name in LIKE else ""), verdict]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--home", type=Path, help="with a sync_judge that was trained on real people")
    parser.add_argument("--syncnet", default="")
    parser.add_argument("--inception", default="")
    parser.add_argument("--about", default="", help="a paragraph above the tables, or a file that holds it")
    parser.add_argument("--output", type=Path, default=RESULTS / "compared.md")
    options = parser.parse_args()
    judge = current(options.home, "sync_judge").path if options.home else None
    config = EvaluationConfig(syncnet=options.syncnet, inception=options.inception)
    with tempfile.TemporaryDirectory() as work:
        table = measure(options.folder, Path(work), judge, config)
        further = views_page(views(Path(work)))
    about = Path(options.about).read_text() if os.path.isfile(options.about) else options.about
    options.output.write_text(page(table, "python docs/scripts/compared.py shared/hdtf/compared", about, further))


if __name__ == "__main__":
    main()
