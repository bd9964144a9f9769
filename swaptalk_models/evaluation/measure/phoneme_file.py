"""What is said in a sound, from a file: `swaptalk evaluate --phonemes FILE`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from swaptalk_models.errors import UserError
from swaptalk_models.metrics.further_inputs import Spoken

_EXAMPLE = '[["m", 0.0, 0.08], ["aI", 0.08, 0.21]]'


def read_phonemes(path: Path) -> Spoken:
    """A list of [phoneme, start, end], in the notation of espeak-ng and seconds, or an object that has it as "phonemes", as the
    truth of a drawn person has.

    Raises:
        UserError: the file holds something else.
    """
    try:
        said: Any = json.loads(path.read_text(encoding="utf-8"))
        listed = said["phonemes"] if isinstance(said, dict) else said
        spoken = tuple((str(name), float(start), float(end)) for name, start, end in listed)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{path}: no list of phonemes like {_EXAMPLE} ({reason})") from None
    wrong = [name for name, start, end in spoken if not (math.isfinite(start) and math.isfinite(end) and start <= end)]
    if wrong or not spoken:
        raise UserError(f"{path}: {f'{wrong[0]!r} ends before it starts' if wrong else 'no phoneme in it'}")
    return spoken
