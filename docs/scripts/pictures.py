"""Makes the two pictures of the README from a home in which `make demo` has run: python docs/scripts/pictures.py [HOME]

docs/lineage.svg   the assets and what is made from what
docs/demo.png      source picture, target video, and what came out, of drawn people that no training saw
"""

import itertools
import re
import sys
from pathlib import Path

import cv2
import numpy as np

from swaptalk_models.data.media.png import encode_png
from swaptalk_models.data.media.video import probe, read_frames, read_image
from swaptalk_models.graph.lineage import LINEAGE
from swaptalk_models.reporting.lineage import lineage_svg
from swaptalk_models.reporting.report_data import LineageNode

DOCS = Path(__file__).parents[1]
SIDE, COLUMNS = 176, 6


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
    """Target above, result below, with the source picture on the left."""
    output = max((home / "demo").glob("*.mp4"), key=lambda path: path.stat().st_mtime)
    source, target, _ = output.name.split("__")[:3]
    shown = [_frames(home / "clips" / f"{target}.mp4"), _frames(output)]
    rows = [np.concatenate(row, axis=1) for row in shown]
    picture = next((home / "evaluation").glob(f"*/sources/{source}.png"))
    still = cv2.resize(read_image(picture), (2 * SIDE, 2 * SIDE), interpolation=cv2.INTER_AREA)
    gap = np.full((2 * SIDE, 12, 3), 255, np.uint8)
    return np.concatenate([still, gap, np.concatenate(rows)], axis=1)


def _frames(video: Path) -> list[np.ndarray]:
    wanted = set(np.linspace(5, probe(video).frames - 6, COLUMNS).astype(int).tolist())
    frames = enumerate(itertools.chain.from_iterable(read_frames(video)))
    return [
        cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for number, frame in frames if number in wanted
    ]


if __name__ == "__main__":
    (DOCS / "lineage.svg").write_text(lineage())
    (DOCS / "demo.png").write_bytes(encode_png(demo(Path(sys.argv[1] if len(sys.argv) > 1 else "data"))))
