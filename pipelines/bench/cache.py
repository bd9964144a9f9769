"""What the training loader can give, on the home's own snapshot: random 5-frame windows of codes and their mel
windows.
"""

from __future__ import annotations

import time
from pathlib import Path

from swaptalk_models.data.store.home import Home

WINDOW, BATCH, SECONDS = 5, 64, 3.0


def measure(workdir: Path, home: Path) -> dict[str, float | str]:
    """Frames a second of codes alone, and with the sound; seconds to load all of it."""
    import numpy as np

    from swaptalk_models.data.snapshot import load_snapshot
    from swaptalk_models.modules.model_folder import current
    from swaptalk_models.training.data import TrainingData

    snapshot, vqgan = load_snapshot(Home(home)), current(home, "vqgan")
    data = TrainingData(home, snapshot.path)
    started = time.perf_counter()
    upper, lower = data.codes(vqgan.version, vqgan.config()["shape"]["grid"])
    loading = time.perf_counter() - started
    clips = [clip for clip in data.clips if clip.frames >= WINDOW]
    rng = np.random.default_rng(0)

    def windows_a_second(with_sound: bool) -> float:
        count, started = 0, time.perf_counter()
        while (passed := time.perf_counter() - started) < SECONDS:
            drawn = [clips[i] for i in rng.integers(len(clips), size=BATCH)]
            starts = np.array([rng.integers(clip.frames - WINDOW + 1) for clip in drawn])
            rows = (np.array([clip.first for clip in drawn]) + starts)[:, None] + np.arange(WINDOW)
            batch = upper[rows], lower[rows]
            assert len(batch[0]) == BATCH
            if with_sound:
                np.concatenate(
                    [data.windows(clip, np.array([start])) for clip, start in zip(drawn, starts, strict=True)]
                )
            count += BATCH
        return count / passed

    return {
        "frames": float(data.frames),
        "load_seconds": loading,
        "codes_frames_per_second": WINDOW * windows_a_second(False),
        "codes_and_sound_frames_per_second": WINDOW * windows_a_second(True),
    }
