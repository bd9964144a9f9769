"""Configuration of downloads: none of it changes what is made of a video. Light on purpose: read while Dagster's
definitions load."""

from __future__ import annotations

from dataclasses import dataclass

from swaptalk_models.settings.section import require_at_least, require_positive


@dataclass(frozen=True)
class DownloadConfig:
    """What is fetched and how politely."""

    max_height: int = 1080
    """Tallest picture that is fetched (px); the best stream up to this."""
    parallel: int = 2
    """Videos fetched at once."""
    rate_limit_kib: int = 0
    """Upper limit for each download (KiB/s); 0 for none."""
    pause_s: float = 1.0
    """Pause before each download (s)."""
    retries: int = 5
    """Attempts after a broken connection; pauses between them double from 1 s on."""
    back_off_s: float = 60.0
    """Longest pause between two attempts (s)."""
    timeout_s: float = 20.0
    """Silence after which a connection counts as broken (s)."""
    limit_minutes: float = 120.0
    """Longest time for one video (min); what arrived by then is kept, and the next run goes on from there."""
    cookies: str = ""
    """Path of a Netscape cookies file, for videos that want a login; empty for none."""
    dead_days: float = 30.0
    """Days until a video that was found removed, private or no video at all is asked for again."""
    annotations: str = ""
    """Address of a folder with HDTF's annotation files, a mirror for instance; empty: their public repository. Each
    file is checked by its checksum, wherever it comes from."""

    def __post_init__(self) -> None:
        require_at_least(self, 1, "max_height", "parallel")
        require_at_least(self, 0, "rate_limit_kib", "pause_s", "retries", "back_off_s", "dead_days")
        require_positive(self, "timeout_s", "limit_minutes")
