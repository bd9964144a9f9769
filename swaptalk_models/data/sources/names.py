"""Names that are safe as partition keys, file names and table keys on every system, and the person a name tells."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from pathlib import PurePath

MAX_LENGTH = 120
# Letters that Unicode does not take apart into a base letter and an accent.
_FOLDED = str.maketrans(
    {
        "ß": "ss",
        "ø": "o",
        "Ø": "O",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
        "æ": "ae",
        "Æ": "AE",
        "œ": "oe",
        "Œ": "OE",
        "ı": "i",
    }
)
# What is safe as it is, as nearly all names are.
_SAFE = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9_](?:[A-Za-z0-9_-]|\.(?!\.|\Z))*\Z")
_HDTF_NAME = re.compile(r"(RD|WDA|WRA)_([A-Za-z][A-Za-z-]*)\d*_\d{3}(?![A-Za-z0-9])")
_PROGRAMME = re.compile(r"(RD_Radio)\d+")


def safe_name(text: str) -> str:
    """Folds ``text`` into [A-Za-z0-9_.-]: accents off, anything else becomes one `_`; at most 120 characters, never
    empty.

    Text of which nothing is left (another script) becomes `name_` and a hash; so different texts can still share a
    name: see ``short_hash``.
    """
    if len(text) <= MAX_LENGTH and _SAFE.match(text):
        return text
    plain = unicodedata.normalize("NFKD", text.translate(_FOLDED))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    safe = re.sub(r"[^A-Za-z0-9_.-]+", "_", plain)
    safe = re.sub(r"\.{2,}", ".", safe)  # `a..b` and `a...b` are ranges of partitions to Dagster
    if safe != plain:
        safe = safe.strip("_")
    safe = safe.lstrip(".-").rstrip(".")
    if not re.search(r"[A-Za-z0-9]", safe):
        return f"name_{short_hash(text)}"
    return safe if len(safe) <= MAX_LENGTH else f"{safe[: MAX_LENGTH - 9]}_{short_hash(text)}"


def short_hash(text: str) -> str:
    """Eight hexadecimal digits that depend on ``text`` alone; tells names apart that ``safe_name`` makes equal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def hdtf_group(stem: str) -> str:
    """`WDA` for `WDA_KatieHill_000`; empty for names that are not HDTF's."""
    match = _HDTF_NAME.match(stem)
    return match[1] if match else ""


def person_of(relative: PurePath) -> str:
    """Who is to be seen in a file, told from its path relative to the folder of videos.

    HDTF's names come first (`WDA_KatieHill0_000...` -> `WDA_KatieHill`): they are exact, whatever folder holds them.
    Else the first folder, else the file's own name.
    """
    match = _HDTF_NAME.match(relative.name)
    if match:
        return f"{match[1]}_{match[2]}"
    return safe_name(relative.parts[0] if len(relative.parts) > 1 else relative.stem)


def speaker_of(video: str, person: str) -> str:
    """Who is to be seen in a video of ``person``: mostly that person.

    Not in HDTF's group RD, whose names are a programme's: Radio11, Radio21 and Radio41 show three speakers. There the
    video's own number tells them apart. The person `RD_Radio` stays what is held out together, for a speaker may come
    back in another of its videos, and nobody has noted who is who.
    """
    match = _PROGRAMME.match(video)
    return match[0] if match and person == match[1] else person
