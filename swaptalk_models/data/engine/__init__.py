"""Running one stage over many clips: only what is new or stale, in worker processes, safe against any kill."""
