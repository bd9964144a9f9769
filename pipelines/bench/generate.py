"""Generation with the home's release, on people nobody trained on."""

from __future__ import annotations

import time
from pathlib import Path

from swaptalk_models.data.store.home import Home


def measure(workdir: Path, home: Path) -> dict[str, float | str]:
    """Frames a second from files to file, without loading the networks, and each part's share of the time."""
    from swaptalk_models.data.snapshot import load_snapshot
    from swaptalk_models.inference.generator import Generator
    from swaptalk_models.inference.release import current_release, load_release

    place = Home(home)
    generator = Generator(load_release(current_release(place)))
    voice, target = [row["clip"] for row in load_snapshot(place).clips("test") if row["sound"]][:2]
    source = next(place.evaluation.glob("*/sources/*.png"))
    started = time.perf_counter()
    result = generator.generate(
        source, place.clip_video(target), place.clip_audio(voice), workdir / "out.mp4", detail=True, progress=False
    )
    total = time.perf_counter() - started
    found: dict[str, float | str] = {"frames": float(result.frames), "frames_per_second": result.frames / total}
    return found | {f"{part}_share": seconds / total for part, seconds in result.seconds.items()}
