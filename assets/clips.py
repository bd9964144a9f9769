"""`raw_videos` and `clips`: from whatever people have to 25 fps mp4 and 16 kHz wav."""

from collections import Counter
from typing import Any

from assets.support.resources import SwapTalk
from assets.support.stage_asset import stage_asset
from swaptalk_models.data.store.ledger import OK, Ledger


def _sources(swaptalk: SwapTalk) -> dict[str, Any]:
    with Ledger(swaptalk.home_folder().ledger) as ledger:
        found = [entry.output for entry in ledger.entries("raw_videos", status=OK).values()]
        asked = Counter(status for status, _, _ in ledger.downloads().values())
    return {
        "hours": sum(video["info"]["duration_s"] for video in found) / 3600,
        "frames": float(sum(video["info"]["frames"] for video in found)),
        "videos with damage": float(sum("damaged" in video for video in found)),
        **{f"downloads {status}": float(count) for status, count in sorted(asked.items())},
    }


def _cut(swaptalk: SwapTalk) -> dict[str, Any]:
    home = swaptalk.home_folder()
    with Ledger(home.ledger) as ledger:
        frames = sum(entry.output["frames"] for entry in ledger.entries("clips", status=OK).values())
    return {"frames": float(frames), "dagster/uri": str(home.clips)}


raw_videos = stage_asset(
    "raw_videos",
    "The source video: the user's own file where it lies, never copied or changed, or a download. Opened and examined.",
    metadata=_sources,
)

clips = stage_asset(
    "clips",
    "One 25 fps constant-rate mp4 and one 16 kHz mono wav a clip, of the same length.",
    metadata=_cut,
)
