"""Draws the compression study (the paper's Figure 5) from evaluations at several compressions:

    python docs/scripts/compression.py HOME [HOME ...] OUTPUT.png

Each compression is an ordinary run, in one home or in homes of their own (see docs/guide/comparing.md):

    swaptalk run --home HOME --preset nano --ablate f16 --until metrics
"""

import sys
from pathlib import Path

from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.compare.compression import compression_of, draw_compression
from swaptalk_models.evaluation.compare.variants import load_evaluation
from swaptalk_models.evaluation.files import measured


def main(homes: list[Path], output: Path) -> None:
    newest = {}  # compression -> evaluation
    for home in map(Home, homes):
        for evaluation in (load_evaluation(home, folder) for folder in measured(home)):
            newest[compression_of(evaluation)] = evaluation
    draw_compression(list(newest.values()), output)
    print(f"f{', f'.join(map(str, sorted(newest)))}: {output}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        main([Path(home) for home in sys.argv[1:-1]], Path(sys.argv[-1]))
    except UserError as error:
        sys.exit(f"error: {error}")
