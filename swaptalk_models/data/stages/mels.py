"""mels: the sound as the lips see it, a row a clip."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa

from swaptalk_models.data.engine.items import Item, Needs, Result
from swaptalk_models.data.stages.data_stage import DataStage, finished, rows_result
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.schemas import table_schema
from swaptalk_models.settings.data import MelConfig
from swaptalk_models.settings.preset import Preset

SCHEMA = table_schema("mels")


def mel_items(home: Home, preset: Preset, videos: list[str]) -> list[Item]:
    """An item a clip; it depends on the clip's sound and on its number of frames."""
    return [
        Item(e.clip, e.video, [e.output["audio"], e.output["frames"]], {"frames": e.output["frames"]})
        for e in finished(home, "clips", videos).values()
    ]


def mel(item: Item, home: Home, params: MelConfig) -> Result:
    """The row of one clip. Its steps cover the clip's frames exactly: ceil(3.2 * frames)."""
    from swaptalk_models.data.media.audio import read_audio
    from swaptalk_models.data.media.cutting import SAMPLES_PER_FRAME
    from swaptalk_models.data.quality.measures import sound_measures
    from swaptalk_models.data.sound.mel import FRAME_RATE, MEL_RATE, log_mel

    frames = item.payload["frames"]
    audio = read_audio(home.clip_audio(item.clip), params.rate)
    audio = np.pad(audio, (0, max(0, frames * SAMPLES_PER_FRAME - len(audio))))
    steps = math.ceil(frames * MEL_RATE / FRAME_RATE)
    features = np.ascontiguousarray(log_mel(audio, params)[:steps], "<f4")
    assert len(features) == steps, (len(features), steps)
    columns = [pa.array([steps], pa.int32()), pa.array([features.tobytes()], pa.large_binary())]
    return rows_result(item, SCHEMA, columns, frames=frames, quality=sound_measures(audio))


MELS = DataStage(
    "mels",
    mel_items,
    mel,
    ("clips",),
    lambda preset: preset.mels,
    SCHEMA,
    needs=Needs(lambda home, item: (home.clip_audio(item.clip),)),
)
