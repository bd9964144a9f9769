"""Makes the two pictures of the README from a home in which `make demo` has run: python docs/scripts/pictures.py [HOME]

docs/lineage.svg   the assets and what is made from what
docs/demo.png      source picture, target video, and what the shipped weights made of them: cross-driven scenes of the demo's held-out people, who are
                   not among those that the shipped weights were trained on
"""

import itertools
import re
import sys
from pathlib import Path

import cv2
import numpy as np

from pipelines.cli.generate import make_video
from swaptalk_models.data.media.png import encode_png
from swaptalk_models.data.media.video import probe, read_frames, read_image
from swaptalk_models.evaluation.measure.scene_videos import load_videos
from swaptalk_models.graph.lineage import LINEAGE
from swaptalk_models.modules.model_folder import SHIPPED
from swaptalk_models.provenance.choice import MarkChoice
from swaptalk_models.reporting.lineage import lineage_svg
from swaptalk_models.reporting.report_data import LineageNode
from swaptalk_models.settings.methods import CROSS

DOCS = Path(__file__).parents[1]
SIDE, COLUMNS, SCENES = 176, 6, 2


def lineage() -> str:
    """The report's drawing, with its colours written in, so that it stands alone."""
    svg = str(lineage_svg([LineageNode(name, group, upstream) for name, (group, upstream) in LINEAGE.items()]))
    css = (Path(sys.modules[lineage_svg.__module__].__file__).parent / "report.css").read_text()
    colours = dict(re.findall(r"--([\w-]+): ([^;]+);", css[: css.index("}")]))
    rules = "\n".join(line for line in css.splitlines() if line.startswith(("svg.lineage", ".g0", ".g4")))
    style = re.sub(r"var\(--([\w-]+)\)", lambda match: colours[match[1]], rules)
    return svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).replace(
        ">", f"><style>{style}</style>", 1
    )


def demo(home: Path) -> np.ndarray:
    """For each scene the target above, the result below, and the source picture on the left."""
    rows = []
    for source, target, audio in _scenes(home):
        output = home / "demo" / f"shipped__{source.stem}__{target.stem}__{audio.stem}.mp4"
        if not output.is_file():
            choice = MarkChoice(consent="drawn people and synthetic voices: nobody's face, nobody's voice")
            make_video(source, target, audio, output, SHIPPED, home, choice=choice)
        still = cv2.resize(read_image(source), (2 * SIDE, 2 * SIDE), interpolation=cv2.INTER_AREA)
        gap = np.full((2 * SIDE, 12, 3), 255, np.uint8)
        shown = [np.concatenate(_frames(video), axis=1) for video in (target, output)]
        rows += [np.concatenate([still, gap, np.concatenate(shown)], axis=1)]
    gap = np.full((12, rows[0].shape[1], 3), 255, np.uint8)
    return np.concatenate([part for row in rows for part in (row, gap)][:-1])


def _scenes(home: Path) -> list[tuple[Path, Path, Path]]:
    """(source, target, audio) of cross-driven scenes of different sources."""
    found = {}
    for path in sorted(home.glob("evaluation/*/test_videos.json"), key=lambda path: path.stat().st_mtime):
        for video in load_videos(path.parent):
            if video["setting"] == CROSS:
                found[video["source"].rsplit("/", 1)[-1]] = tuple(
                    Path(str(video[name])) for name in ("source", "target", "audio")
                )
    return list(found.values())[:SCENES]


def _frames(video: Path) -> list[np.ndarray]:
    wanted = set(np.linspace(5, probe(video).frames - 6, COLUMNS).astype(int).tolist())
    frames = enumerate(itertools.chain.from_iterable(read_frames(video)))
    return [
        cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for number, frame in frames if number in wanted
    ]


if __name__ == "__main__":
    (DOCS / "lineage.svg").write_text(lineage())
    (DOCS / "demo.png").write_bytes(encode_png(demo(Path(sys.argv[1] if len(sys.argv) > 1 else "data"))))
