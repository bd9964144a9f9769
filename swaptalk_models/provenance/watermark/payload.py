"""What the watermark says: 32 bits of the job and 8 that tell whether they were read rightly, as four symbols of 10 bits."""

from __future__ import annotations

import hashlib

JOB_BITS, CHECK_BITS, SYMBOLS = 32, 8, 4
VALUES = 1 << (JOB_BITS + CHECK_BITS) // SYMBOLS
"""Of one symbol: 1024."""


def job_bits(job: str) -> str:
    """The 32 bits of a job that its videos carry: eight hexadecimal digits."""
    return hashlib.sha256(job.encode()).hexdigest()[: JOB_BITS // 4]


def encode(bits: str) -> list[int]:
    """Eight hexadecimal digits as four symbols (0 to 1023): the bits, then their checksum."""
    content = bytes.fromhex(bits)
    assert len(content) * 8 == JOB_BITS, bits
    whole = int.from_bytes(content + bytes([_checksum(content)]), "big")
    return [whole // VALUES**place % VALUES for place in reversed(range(SYMBOLS))]


def decode(symbols: list[int]) -> str | None:
    """The bits, or None where the checksum is another's."""
    whole = 0
    for symbol in symbols:
        whole = whole * VALUES + symbol
    content = whole.to_bytes((JOB_BITS + CHECK_BITS) // 8, "big")
    return content[:-1].hex() if _checksum(content[:-1]) == content[-1] else None


def _checksum(content: bytes) -> int:
    return hashlib.sha256(b"swaptalk" + content).digest()[0]
