"""The voice of a phantom: continuous English speech and the time of every phoneme in it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from swaptalk_models.data.phantom.people import Voice
from swaptalk_models.data.phantom.script import SENTENCES

AUDIO_RATE = 44100
"""Sample rate of the corpus (Hz): what a camera records; the pipeline has to come down to 16 kHz itself."""


@dataclass(frozen=True)
class Phoneme:
    """One phoneme in espeak-ng's ASCII notation, stress mark included; `start` and `end` in seconds."""

    name: str
    start: float
    end: float


@dataclass(frozen=True)
class Speech:
    """`audio`: float32 (samples,) in [-1, 1] at AUDIO_RATE. `phonemes`: in order, without gaps, to the end of it."""

    audio: np.ndarray
    phonemes: list[Phoneme]
    text: str


def speak(voice: Voice, seconds: float, rng: np.random.Generator, silent_from: float | None = None) -> Speech:
    """Says random sentences of the script for exactly `seconds` (s); silent from `silent_from` (s) on, if given.

    The same voice and the same state of `rng` give the same samples. RuntimeError if espeak-ng cannot be run.
    """
    order = rng.permutation(len(SENTENCES))
    # No voice says a sentence of the script in under 1.1 s, so this always lasts long enough.
    count = int(np.ceil(seconds / 1.1)) + 1
    text = ", ".join(SENTENCES[order[i % len(order)]] for i in range(count)) + "."
    rate, events, pcm = _synthesise(text, voice, seed=int(rng.integers(1, 2**31 - 1)))
    if silent_from is not None:
        stop = int(silent_from * rate)
        pcm = np.concatenate([pcm[:stop], np.zeros(int(seconds * rate) + 1, np.float32)])
        events = [event for event in events if event[1] < stop] + [("_:", stop)]
    samples = round(seconds * AUDIO_RATE)
    divisor = gcd(AUDIO_RATE, rate)
    audio = resample_poly(pcm, AUDIO_RATE // divisor, rate // divisor)[:samples]
    audio = np.pad(audio, (0, samples - len(audio)))
    audio *= 0.8 / max(float(np.abs(audio).max()), 1e-6)
    fade = min(samples, AUDIO_RATE // 100)
    audio[samples - fade :] *= np.linspace(1, 0, fade)
    starts = [0.0] + [sample / rate for _, sample in events]
    names = ["_:"] + [name for name, _ in events]
    ends = [*starts[1:], seconds]
    phonemes = [
        Phoneme(name, start, min(end, seconds))
        for name, start, end in zip(names, starts, ends, strict=True)
        if start < min(end, seconds)
    ]
    return Speech(audio.astype(np.float32), phonemes, text)


def _synthesise(text: str, voice: Voice, seed: int) -> tuple[int, list[tuple[str, int]], np.ndarray]:
    request = {
        "text": text,
        "voice": voice.name,
        "words_a_minute": voice.words_a_minute,
        "pitch": voice.pitch,
        "pitch_range": voice.pitch_range,
        "seed": seed,
    }
    script = Path(__file__).with_name("espeak.py")
    command = [sys.executable, "-I", str(script)]
    done = subprocess.run(command, input=json.dumps(request).encode(), capture_output=True, check=False)
    if done.returncode != 0:
        cause = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
        raise RuntimeError(f"espeak-ng failed for voice {voice.name}: {cause[-1]}")
    header, _, sound = done.stdout.partition(b"\n")
    reply = json.loads(header)
    phonemes = [(name, sample) for name, sample in reply["phonemes"]]
    return reply["rate"], phonemes, np.frombuffer(sound, np.int16).astype(np.float32) / 32768
