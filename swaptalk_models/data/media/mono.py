"""Mixing channels down to one, as loud as a listener hears them."""

from __future__ import annotations

import av
import numpy as np

from swaptalk_models.data.media.sound_arrays import FrameArrays, sound_frame

_WEIGHTS = {"FC": 1.0, "FL": 0.5**0.5, "FR": 0.5**0.5, "LFE": 0.0, "LFE2": 0.0, "FLC": 0.5**0.5, "FRC": 0.5**0.5}
"""FFmpeg's weights of the channels of a surround sound in one channel: speech comes from the centre."""
_BEHIND = 0.5
"""Weight of all others."""
_CANCELLED = 0.1
"""A mix with less than this share of its channels' mean energy has lost what they say."""


class MonoMix:
    """Makes frames of any layout mono, and notices when their channels cancel each other out."""

    def __init__(self, only: int | None = None) -> None:
        """
        Args:
            only: this channel alone instead of the mix.
        """
        self.only = only
        self._energy: np.ndarray = np.zeros(0)
        self._mixed = 0.0
        self._arrays = FrameArrays()

    def mono(self, frame: av.AudioFrame) -> av.AudioFrame:
        """The frame in one channel; mono ones as they are. Two channels are mixed where they are resampled, with
        weights that add up to 1."""
        channels = frame.layout.nb_channels
        samples = self._arrays.of(frame)
        weights = mix_weights(frame.layout)
        mixed = weights @ samples if self.only is None else samples[min(self.only, channels - 1)]
        if len(self._energy) < channels:
            self._energy = np.concatenate([self._energy, np.zeros(channels - len(self._energy))])
        self._energy[:channels] += (samples.astype(np.float64) ** 2).sum(axis=1)
        self._mixed += float((mixed.astype(np.float64) ** 2).sum())
        if channels == 1 or (frame.layout.name == "stereo" and self.only is None):
            return frame
        return sound_frame(mixed[None], "mono", frame.sample_rate, 0)

    @property
    def cancelled(self) -> bool:
        """Whether the mix so far has lost what its channels say."""
        return self.only is None and bool(self._mixed < _CANCELLED * self._energy.max(initial=0.0) / 2)

    @property
    def loudest(self) -> int:
        """Number of the channel with the most energy."""
        return int(self._energy.argmax())


def mix_weights(layout: av.AudioLayout) -> np.ndarray:
    """float32 (channels,): what each channel counts in the mix."""
    names = [channel.name for channel in layout.channels]
    if len(names) == 2 or "FC" not in names:
        return np.full(len(names), 1 / len(names), np.float32)
    return np.array([_WEIGHTS.get(name, _BEHIND) for name in names], np.float32)
