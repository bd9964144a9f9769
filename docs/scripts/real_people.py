"""Gathers the real talking heads that `nano` was trained on into one folder that `swaptalk run --videos` takes:

    python docs/scripts/real_people.py HDTF_FOLDER OUTPUT [--also FOLDER]
    swaptalk run --preset nano --videos OUTPUT --home HOME

HDTF_FOLDER holds `clips/` (NAME.mp4, a person's own video), `swapped/` (SOURCE__TARGET.mp4: the authors' results, SOURCE's face) and `compared/`
(SOURCE__TARGET.mp4: five panels under a caption). Of a comparison two panels are taken: SwapTalk's, which wears SOURCE's face and speaks the
sound, and the target's, whose lips speak another: it is written with silence, so that it serves the trainings that look at faces only.
FOLDER holds more talking heads, each a person of its own. Files are copied, never changed; names begin with the person, as in HDTF.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np
from compared import write_panels
from tqdm import tqdm

from swaptalk_models.data.media.audio import read_audio


def gather(hdtf: Path, output: Path, also: Path | None = None) -> list[Path]:
    """Write the folder; what is there already stays. Returns its videos."""
    output.mkdir(parents=True, exist_ok=True)
    whole = sorted((hdtf / "clips").glob("*.mp4")) + sorted((hdtf / "swapped").glob("*.mp4"))
    whole += sorted(also.glob("*.mp4")) if also else []
    for video in whole:
        if not (output / video.name).is_file():
            shutil.copyfile(video, output / video.name)
    for video in tqdm(sorted((hdtf / "compared").glob("*__*.mp4")), desc="panels", unit="video", disable=None):
        source, _, target = video.stem.partition("__")
        swapped, covered = output / f"{source}__on_{target}.mp4", output / f"{target}__under_{source}.mp4"
        if not (swapped.is_file() and covered.is_file()):
            sound = read_audio(video)
            write_panels(video, {"SwapTalk": (swapped, sound), "target": (covered, np.zeros_like(sound))}, crf=8)
    return sorted(output.glob("*.mp4"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hdtf", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--also", type=Path, metavar="FOLDER", help="more talking heads, a person each")
    options = parser.parse_args()
    print(f"{len(gather(options.hdtf, options.output, options.also))} videos in {options.output}")


if __name__ == "__main__":
    main()
