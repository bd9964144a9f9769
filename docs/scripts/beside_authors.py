"""Holds our faces beside the SwapTalk authors' own: the same source, target and sound, scene by scene.

    python docs/scripts/beside_authors.py FOLDER OUTPUT.md [--release RELEASE] [--home HOME] [--about TEXT_OR_FILE]

FOLDER holds SOURCE__TARGET.mp4 as `compared.py` takes them. Each scene is made by RELEASE (else by the weights that come with the package),
with and without the source's own detail. RELEASE must not have been trained on these people, or the page has to say so. HOME has a sync judge
that was trained on real people. The page holds figures only.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import tempfile
from pathlib import Path

from compared import cut_panels
from tqdm import tqdm

from swaptalk_models.data.media.video import probe
from swaptalk_models.evaluation.measure.file_pairs import pair_files
from swaptalk_models.evaluation.measure.folder_table import evaluation_table
from swaptalk_models.evaluation.measure.scoring import score_videos
from swaptalk_models.inference.generator import Generator
from swaptalk_models.inference.knowledge import read_knowledge
from swaptalk_models.inference.release import load_release
from swaptalk_models.metrics.confidence import bootstrap_difference
from swaptalk_models.metrics.table import BY_KEY
from swaptalk_models.modules.model_folder import SHIPPED, current
from swaptalk_models.settings.data import FacesConfig
from swaptalk_models.settings.evaluation import EvaluationConfig

THEIRS = "SwapTalk"
OURS = {"ours": False, "ours + detail": True}
"""{method: with the source's own detail}."""
SHOWN = (
    "id_similarity",
    "target_similarity",
    "id_retrieve",
    "sharpness",
    "sharpness_mouth",
    "tiles",
    "added_noise",
    "clipped",
    "coloured",
    "frame_to_frame",
    "lse_c",
)


def make_ours(work: Path, release: Path) -> None:
    """work/made/METHOD/NAME.mp4 of every scene whose panels lie in ``work``."""
    generator, knowledge = Generator(load_release(release)), read_knowledge(release)
    targets = sorted((work / "target").glob("*.mp4"))
    for target in tqdm(targets, desc="scenes", unit="scene", disable=None):
        for method, detail in OURS.items():
            output = work / "made" / method / target.name
            output.parent.mkdir(exist_ok=True)
            generator.generate(
                work / "source" / f"{target.stem}.png",
                target,
                target,
                output,
                detail=detail,
                knowledge=knowledge,
                progress=False,
            )


def measure(folder: Path, work: Path, release: Path, judge: Path | None, config: EvaluationConfig) -> dict:
    """The evaluation's table of theirs and ours. The videos stay in ``work``."""
    cut_panels(folder, work)
    make_ours(work, release)
    pairs = pair_files(work / "made", work / "target", work / "source", None, work / "source")
    # The target's lips follow another sound, which is not in the file: said here, as nothing could tell.
    pairs = [
        (method, dataclasses.replace(files, setting="cross")) for method, files in pairs if method in (THEIRS, *OURS)
    ]
    scores = score_videos([files for _, files in pairs], judge, FacesConfig(), config, work / "features")
    return evaluation_table(pairs, scores, config)


def page(table: dict, release: str, size: int, about: str) -> str:
    """``size``: width of the panels in pixels."""
    rows = {row["method"]: row for row in table["rows"]}
    methods = (THEIRS, *OURS)
    shown = [key for key in SHOWN if any(rows[method]["cells"][key]["value"] is not None for method in methods)]
    judges = "; ".join(f"{role}: {judge or 'none, not measured'}" for role, judge in table["judges"].items())
    lines = ["# Our faces beside the authors' own", ""]
    scenes = f"{rows[THEIRS]['videos']} cross-driven scenes of the authors' comparison videos ({size} px)"
    lines += [
        f"{scenes}: the same source picture, target and sound. Ours are made by {release}. Judges: {judges}.",
        "",
        *([about.strip(), ""] if about else []),
        "Means over scenes with 95 % intervals; in the last two columns the difference to theirs, paired over scenes.",
        "",
        f"| figure | better | theirs | {' | '.join(OURS)} | {' | '.join(f'{method} - theirs' for method in OURS)} |",
        "|---|---|" + "---|" * (1 + 2 * len(OURS)),
    ]
    for key in shown:
        cells = [_cell(rows[method]["cells"][key], key) for method in methods]
        gaps = [_difference(table["videos"], key, method) for method in OURS]
        lines.append(f"| {BY_KEY[key].label} | {BY_KEY[key].better} | {' | '.join(cells + gaps)} |")
    return "\n".join([*lines, ""])


def _cell(cell: dict, key: str) -> str:
    if cell["value"] is None:
        return "–"
    value, low, high = (BY_KEY[key].write(cell[end]) for end in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _difference(videos: list[dict], key: str, method: str) -> str:
    ours, theirs = (
        {video["video"]: video[key] for video in videos if video["method"] == name and video[key] is not None}
        for name in (method, THEIRS)
    )
    scenes = sorted(ours.keys() & theirs.keys())
    if not scenes:
        return "–"
    gap = bootstrap_difference([ours[scene] for scene in scenes], [theirs[scene] for scene in scenes], paired=True)
    return f"{gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--release", type=Path, default=SHIPPED)
    parser.add_argument("--home", type=Path, help="with a sync_judge that was trained on real people")
    parser.add_argument("--keep", type=Path, help="leave the videos in this folder, to be looked at")
    parser.add_argument("--about", default="", help="a paragraph above the table, or a file that holds it")
    options = parser.parse_args()
    judge = current(options.home, "sync_judge").path if options.home else None
    about = Path(options.about).read_text() if os.path.isfile(options.about) else options.about
    said = "the weights that come with the package" if options.release == SHIPPED else "a release"
    with tempfile.TemporaryDirectory() as aside:
        work = options.keep or Path(aside)
        work.mkdir(parents=True, exist_ok=True)
        table = measure(options.folder, work, options.release, judge, EvaluationConfig())
        width = probe(next((work / "target").glob("*.mp4"))).width
    options.output.write_text(page(table, said, width, about))


if __name__ == "__main__":
    main()
