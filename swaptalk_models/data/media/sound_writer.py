"""Writing a voice into a container beside its picture, a second at a time."""

from __future__ import annotations

import av
import numpy as np

from swaptalk_models.data.media.sound_arrays import sound_frame
from swaptalk_models.data.media.voice import Voice

AAC_BITS = {1: 96_000, 2: 160_000}
"""Bits/s of the sound, by its number of channels; more of them get ``_MORE`` each."""
_MORE = 64_000


class SoundWriter:
    """Encodes a voice as AAC. No more than a piece of it is held."""

    def __init__(self, container: av.container.OutputContainer, voice: Voice) -> None:
        self._container, self._voice = container, voice
        self._stream = container.add_stream("aac", rate=voice.rate, layout=voice.layout)
        self._stream.bit_rate = AAC_BITS.get(voice.channels, voice.channels * _MORE)
        self._pieces = iter(voice.pieces)
        self._pending: np.ndarray = np.zeros((voice.channels, 0), np.float32)
        self._sample = 0

    def write(self, until: int | None, padded: bool = False) -> None:
        """The voice up to a sample; None: all of it. Padded: with silence, should it end before."""
        voice = self._voice
        while until is None or self._sample < until:
            if not self._pending.shape[1]:
                piece = next(self._pieces, None)
                if piece is None:
                    if until is None or not padded:
                        return
                    piece = np.zeros((voice.channels, until - self._sample), np.float32)
                self._pending = piece
                continue
            count = self._pending.shape[1] if until is None else min(self._pending.shape[1], until - self._sample)
            samples, self._pending = self._pending[:, :count], self._pending[:, count:]
            self._container.mux(self._stream.encode(sound_frame(samples, voice.layout, voice.rate, self._sample)))
            self._sample += count

    def end(self, until: int | None) -> None:
        """The rest, as ``write``, with silence up to ``until``; and what the encoder still holds."""
        self.write(until, padded=True)
        self._container.mux(self._stream.encode(None))
