"""One utterance of espeak-ng with the time of every phoneme.

Run as a script: JSON request on stdin, JSON phonemes and PCM on stdout. A process of its own for every utterance, and
nothing imported but the standard library: espeak-ng carries the phase of its oscillators and the state of its noise
over from one utterance to the next, so only a fresh process says the same text twice with the same samples.
"""

from __future__ import annotations

import ctypes
import json
import sys
from typing import Any

import espeakng_loader

# Values of espeak-ng/speak_lib.h, API revision 12.
_SYNCHRONOUS = 2
_PHONEME_EVENTS, _DONT_EXIT = 0x0001, 0x8000
_RATE, _PITCH, _RANGE = 1, 3, 4
_POSITION_CHARACTER = 1
_CHARS_UTF8 = 1
_LIST_END, _PHONEME = 0, 7


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def synthesise(
    text: str, voice: str, words_a_minute: int, pitch: int, pitch_range: int, seed: int
) -> tuple[int, list[tuple[str, int]], bytes]:
    """-> (sample rate, [(phoneme, first sample), ...], PCM16 mono). RuntimeError: no such voice, or espeak-ng fails."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = library.espeak_Initialize(
        _SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), _PHONEME_EVENTS | _DONT_EXIT
    )
    if rate <= 0:
        raise RuntimeError("espeak-ng does not start: its data files are missing (reinstall espeakng-loader)")
    phonemes: list[tuple[str, int]] = []
    sound: list[bytes] = []

    def collect(samples: Any, count: int, events: Any) -> int:
        if count > 0 and samples:
            sound.append(ctypes.string_at(samples, 2 * count))
        i = 0
        while events[i].type != _LIST_END:
            if events[i].type == _PHONEME:
                phonemes.append((events[i].id.string.decode("ascii", "replace"), events[i].sample))
            i += 1
        return 0

    callback = _Callback(collect)  # held here for as long as espeak-ng calls it
    library.espeak_SetSynthCallback(callback)
    library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise RuntimeError(f"espeak-ng has no voice {voice!r}")
    for parameter, value in ((_RATE, words_a_minute), (_PITCH, pitch), (_RANGE, pitch_range)):
        library.espeak_SetParameter(parameter, value, 0)
    data = text.encode()
    if library.espeak_Synth(data, len(data) + 1, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None) != 0:
        raise RuntimeError("espeak-ng could not say the text")
    library.espeak_Synchronize()
    return rate, phonemes, b"".join(sound)


if __name__ == "__main__":
    rate, phonemes, pcm = synthesise(**json.load(sys.stdin))
    sys.stdout.buffer.write(json.dumps({"rate": rate, "phonemes": phonemes}).encode() + b"\n" + pcm)
